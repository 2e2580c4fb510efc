"""A user's data sets: made of uploads by a job, looked into, and deleted with the files they came from."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias

from training.corpus.dataset import DESCRIPTION, SPLITS, DataSet
from training.corpus.report import Report
from training.corpus.settings import PrepareSettings
from training.errors import BadConfigError, BadDataError, RunError
from training.jobs import ACTIVE
from training.places import Places, check_name
from training.safe import NoKeyError

if TYPE_CHECKING:
    from training.jobs import Job, Jobs
    from training.safe import Safe

Opened: TypeAlias = Callable[[str, Path], AbstractContextManager[BinaryIO]]
"""Opens an upload for the user it is of."""


@dataclass(frozen=True)
class SetSummary:
    """A prepared set as a list shows it: documents in each split, and bytes on disk."""

    name: str
    kind: str
    train: int
    held_out: int
    size: int
    created: str


class Sets:
    """The data sets of every user, each user's apart."""

    def __init__(
        self,
        places: Callable[[str], Places],
        jobs: Jobs,
        quota: int,
        safes: Callable[[str], Safe],
        opened: Opened | None = None,
    ) -> None:
        """`quota`: bytes that a user may have on disk in all; `safes` and `opened` as in `Studio.open`."""
        self._places, self._jobs, self._quota, self._safes = places, jobs, quota, safes
        self._opened = opened or (lambda _, path: path.open("rb"))

    def check_quota(self, user: str, more: int = 0) -> None:
        """Return if `more` bytes fit into what the user may have.

        Raises:
            RunError: they don't.
        """
        used = self._places(user).used() + more
        if used > self._quota:
            raise RunError(
                f"Your files would take {used / 1e9:.2f} GB; an account may have "
                f"{self._quota / 1e9:.2f} GB. Delete a data set, a run or a version that you no longer need."
            )

    def prepare(
        self,
        user: str,
        name: str,
        files: Sequence[Path],
        settings: PrepareSettings,
        deidentify: str = "off",
    ) -> Job:
        """Begin to make the set `name` of uploaded files, which are moved away from where they are, sealed.

        `deidentify` is "off", a mode of `Deidentifier.apply`, or one with "-by-rules" behind it.

        Raises:
            BadConfigError, BadDataError, RunError: name, files or quota don't allow it, and the files stay;
                or one can't be read.
        """
        places = self._places(user)
        self._check_new(places, name)
        if not files:
            raise BadDataError("There are no files yet. Add some, then prepare them.")
        safe, sources = self._safes(user), _sources(places, name)
        try:
            self.check_quota(user, 2 * sum(path.stat().st_size for path in files))
            _take_in(files, sources, safe, lambda path: self._opened(user, path))
            for path in files:
                path.unlink(missing_ok=True)
        except FileNotFoundError as error:
            shutil.rmtree(sources, ignore_errors=True)
            raise RunError("A file is not there any more: uploads stay for an hour. Add it again.") from error
        except OSError as error:
            shutil.rmtree(sources, ignore_errors=True)
            raise RunError(
                f"The files can't be read or kept: {error.strerror or error}. Is the disk full?"
            ) from error
        return self._submit(user, name, sources, settings, deidentify)

    def again(self, user: str, name: str, new_name: str, keep: Sequence[str]) -> Job:
        """Prepare the files of `name` once more as `new_name`, keeping the documents with the ids `keep`.

        Raises:
            BadConfigError, BadDataError, RunError: as `prepare`.
        """
        places = self._places(user)
        self._check_new(places, new_name)
        old = _sources(places, check_name("data set", name))
        if not old.is_dir():
            raise BadDataError(f"The files that {name} came from are no longer here. Upload them again.")
        self.check_quota(user, 2 * sum(path.stat().st_size for path in old.rglob("*") if path.is_file()))
        held = self.settings(user, name)
        settings = replace(held[0], keep=held[0].keep | frozenset(keep))
        sources = _sources(places, new_name)
        if sources.exists():
            shutil.rmtree(sources)
        shutil.copytree(old, sources)
        return self._submit(user, new_name, sources, settings, held[1])

    def settings(self, user: str, name: str) -> tuple[PrepareSettings, str]:
        """How a set was made, and how it was de-identified.

        Raises:
            BadDataError: that isn't known.
        """
        from training.commands.prepare import settings_from

        path = self._places(user).root / "settings" / f"{check_name('data set', name)}.json"
        try:
            held = json.loads(path.read_text(encoding="utf-8"))
            return settings_from(held["settings"]), str(held["deidentify"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BadDataError(f"How {name} was made is no longer known. Upload its files again.") from error

    def _submit(self, user: str, name: str, sources: Path, settings: PrepareSettings, deidentify: str) -> Job:
        places = self._places(user)
        try:
            self._safes(user)  # copying takes long: the account may be gone, and nothing of it comes back
        except NoKeyError:
            shutil.rmtree(sources.parent, ignore_errors=True)
            raise
        folder = places.root / "settings"
        folder.mkdir(parents=True, exist_ok=True)
        held = {"settings": settings.to_json(), "deidentify": deidentify}
        (folder / f"{name}.json").write_text(json.dumps(held), encoding="utf-8")
        only = folder / f"{name}.prepare.json"
        only.write_text(json.dumps(settings.to_json()), encoding="utf-8")
        arguments = [str(sources), "--out", str(places.sets / name), "--settings", str(only)]
        if deidentify != "off":
            # What was taken out of the text must not stay beside it.
            mode, _, by_rules = deidentify.partition("-by-")
            arguments += ["--deidentify", mode, "--consume"] + (["--rules-only"] if by_rules else [])
        return self._jobs.submit(user, "prepare", name, arguments)

    def _check_new(self, places: Places, name: str) -> None:
        check_name("data set", name)
        if (places.sets / name).exists():
            raise BadConfigError(f"There is a data set named {name} already. Choose another name.")

    def every(self, user: str) -> tuple[SetSummary, ...]:
        """The user's sets, the newest first."""
        folder = self._places(user).sets
        if not folder.is_dir():
            return ()
        safe = self._safes(user)
        found = [
            summary
            for path in folder.iterdir()
            if not path.name.startswith(".") and (summary := _summary(path, safe))
        ]
        return tuple(sorted(found, key=lambda one: one.created, reverse=True))

    def folder(self, user: str, name: str) -> Path:
        """Where a set lies.

        Raises:
            BadDataError: the user has none of this name.
        """
        folder = self._places(user).sets / check_name("data set", name)
        if not (folder / DESCRIPTION).is_file():
            raise BadDataError(f"There is no data set named {name}. Prepare one.")
        return folder

    def report(self, user: str, name: str) -> Report:
        """What its preparation did.

        Raises:
            BadDataError: there is no such set, or no report.
        """
        return Report.open(self.folder(user, name), self._safes(user))

    def rows(self, user: str, name: str, split: str, count: int) -> list[dict[str, Any]]:
        """The first rows of a split."""
        return list(itertools.islice(self.open(user, name).rows(split), count))

    def open(self, user: str, name: str) -> DataSet:
        """A set, to be read.

        Raises:
            BadDataError: the user has none of this name, or it was changed.
        """
        return DataSet.open(self.folder(user, name), self._safes(user))

    def every_row(self, user: str, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """All rows of a set, one at a time, each with its split.

        Raises:
            BadDataError: the user has no such set, or it is damaged.
        """
        found = self.open(user, name)
        return ((split, row) for split in SPLITS for row in found.rows(split))

    def check_unread(self, user: str, folder: Path) -> None:
        """Return if no job of the user's that waits or goes on reads a folder.

        Raises:
            RunError: one does; the message names it.
        """
        safe = self._safes(user)
        for job in self._jobs.jobs(user):
            config = self._places(user).root / "configs" / f"{job.name}.yaml"
            reads = config.is_file() and str(folder) in safe.read_text(config)
            if job.state in ACTIVE and (reads or str(folder) in job.arguments):
                raise RunError(f"{job.name} still reads {folder.name}. Stop it first.")

    def delete(self, user: str, name: str) -> None:
        """Remove a set, its sources and its settings.

        Raises:
            BadDataError: there is none.
            RunError: a run that is queued or under way reads it.
        """
        folder = self.folder(user, name)
        places = self._places(user)
        self.check_unread(user, folder)
        shutil.rmtree(folder)
        shutil.rmtree(places.root / "sources" / name, ignore_errors=True)
        for ending in (".json", ".prepare.json"):
            (places.root / "settings" / f"{name}{ending}").unlink(missing_ok=True)


def _sources(places: Places, name: str) -> Path:
    """Where a set's files are; its last name is the same for all, since ids of documents are made from it."""
    return places.root / "sources" / name / "files"


def _take_in(
    files: Sequence[Path],
    sources: Path,
    safe: Safe,
    opened: Callable[[Path], AbstractContextManager[BinaryIO]],
) -> None:
    if sources.exists():
        shutil.rmtree(sources)  # of a preparation that failed
    sources.mkdir(parents=True, mode=0o700)
    for number, path in enumerate(files):
        place = sources / path.name
        target = place if not place.exists() else sources / f"{number}-{path.name}"
        with opened(path) as reading, safe.create(target) as writing:
            shutil.copyfileobj(reading, writing, 1 << 20)


def _summary(folder: Path, safe: Safe) -> SetSummary | None:
    """None while it is being made, or where it is none."""
    try:
        held = json.loads(safe.read_text(folder / DESCRIPTION))
        counts = held["counts"]
        size = sum(path.stat().st_size for path in folder.iterdir())
        return SetSummary(
            folder.name, held["kind"], int(counts["train"]), int(counts["held_out"]), size, held["created"]
        )
    except (OSError, ValueError, KeyError, TypeError, BadDataError):
        return None
