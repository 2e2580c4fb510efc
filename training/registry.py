"""The versions of one user: trained models by name, with where each came from, signed and checked at load.

A version is written beside its place and renamed, so that a name is whole or isn't there; a name is never
given twice, whatever its case. Processes of one machine take turns. Who may call is decided elsewhere.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from security.crypto.signatures import SigningKey
from training import origin, runs
from training.errors import BadConfigError, RunError
from training.model_files import copy_file, model_files
from training.places import check_name
from training.safe import PLAIN, Safe
from training.version import MODEL, Version, is_version, read_record, verify_files, write_record

VERIFY_KEY = "signer.pub"
"""Beside the versions: the installation's verifying key, for the shell. It proves nothing against whoever
may write there; `--key` with a copy from elsewhere does."""
_LOCK = ".lock"
_PART = ".part-"
_TAG = re.compile(r"[a-z0-9][a-z0-9._-]{0,31}")
_MOST_NOTE = 2000


@dataclass(frozen=True)
class Ancestor:
    """One step of a lineage: a version, or at its end the base. `hash` is of the weights, "" if unknown."""

    name: str
    kind: str
    hash: str
    dataset: str = ""


@dataclass(frozen=True)
class Difference:
    """One row of a comparison; None where a side has no such value."""

    what: str
    left: object
    right: object


def _utc() -> datetime:
    return datetime.now(UTC)


def _nobody(_: str) -> bool:
    return False


class Registry:
    """The versions in one folder."""

    def __init__(
        self, folder: Path, signer: SigningKey, now: Callable[[], datetime] = _utc, safe: Safe = PLAIN
    ) -> None:
        """Nothing is made before the first version is registered. `safe` opens the runs they come from."""
        self.folder = folder
        self._signer = signer
        self._now = now
        self._safe = safe

    def register(self, run_folder: Path, name: str, note: str = "") -> Version:
        """Keep a copy of the run's best model under `name`.

        Raises:
            RunError: the run has no model, the name is taken, a file may not be part of a model, or there
                is no room.
            BadConfigError: it can't be a name, or the note is too long.
        """
        check_name("version", name)
        if len(note) > _MOST_NOTE:
            raise BadConfigError(f"The note must have at most {_MOST_NOTE} characters; it has {len(note)}.")
        source = best_of(run_folder, self._safe)
        files = model_files(source)
        with self._writing():
            if name.casefold() in {path.name.casefold() for path in self.folder.iterdir()}:
                raise RunError(f"There is a version named {name} already. Choose another name.")
            part = self.folder / f"{_PART}{name}"
            (part / MODEL).mkdir(parents=True)
            hashes = {path.name: copy_file(path, part / MODEL / path.name) for path in files}
            model_files(part / MODEL)  # what was copied, not what was there when it was looked at
            about = origin.of_run(run_folder, self.folder, self._safe)
            version = Version(
                name=name,
                note=note,
                created=self._now().astimezone(UTC).isoformat(timespec="seconds"),
                files=hashes,
                folder=part,
                **about,
            )
            write_record(version, self._signer)
            part.rename(self.folder / name)
            _sync(self.folder)
        return self.get(name)

    def versions(self) -> list[Version]:
        """All whose record is right, the newest first. `refused` names the others."""
        found = [version for version, _ in self._all() if version is not None]
        return sorted(found, key=lambda version: (version.created, version.name), reverse=True)

    def refused(self) -> list[tuple[str, str]]:
        """Name and reason of each version whose record was changed, or that another installation signed."""
        return [reason for version, reason in self._all() if version is None]

    def get(self, name: str) -> Version:
        """One version, once its record is right; its files are checked by `verify` and `open_model`.

        Raises:
            RunError: there is none, or its record was changed.
        """
        if not is_version(self._place(name)):
            raise RunError(f"There is no version named {name}. There are: {self._names() or 'none'}.")
        return read_record(self._place(name), self._signer.verify_key)

    def verify(self, name: str) -> Version:
        """The version, once record, signature and every file of the model are right.

        Raises:
            RunError: they aren't; the message names the file.
        """
        version = self.get(name)
        verify_files(version)
        return version

    def open_model(self, name: str) -> Path:
        """The model's folder, verified; the one way to a model that is to be loaded.

        Raises:
            RunError: as `verify`.
        """
        return self.verify(name).model

    def tag(self, name: str, tag: str) -> Version:
        """Add a tag (small letters, digits, dots, dashes).

        Raises:
            BadConfigError: it can't be a tag.
            RunError: as `get`.
        """
        if not _TAG.fullmatch(tag):
            raise BadConfigError(
                f"A tag must be 1 to 32 small letters, digits, dots, dashes or underscores; it is {tag!r}."
            )
        return self._change(name, lambda version: {"tags": tuple(dict.fromkeys((*version.tags, tag)))})

    def record(self, name: str, evaluation: Mapping[str, Any]) -> Version:
        """Append an evaluation: plain values, with a "name" of what was measured.

        Raises:
            BadConfigError: it holds something else than plain values.
            RunError: as `get`.
        """
        return self._change(name, lambda version: {"evaluations": (*version.evaluations, dict(evaluation))})

    def delete(self, name: str, in_use: Callable[[str], bool] = _nobody) -> None:
        """Remove a version for good; one whose record was changed can be removed too.

        Raises:
            RunError: there is none, it is in use, or an adapter was trained on it and needs it.
        """
        with self._writing():
            place = self._place(name)
            if not place.is_dir() or place.is_symlink():
                raise RunError(f"There is no version named {name}. There are: {self._names() or 'none'}.")
            if in_use(name):
                raise RunError(
                    f"The version {name} is in use in the assistant. Select another one there first."
                )
            children = [
                child.name for child in self.versions() if child.parent == name and child.method == "lora"
            ]
            if children:
                raise RunError(
                    f"The version {children[0]} is an adapter on {name} and needs it. Delete that one first."
                )
            gone = self.folder / f"{_PART}{name}"
            place.rename(gone)
            shutil.rmtree(gone)

    def lineage(self, name: str) -> tuple[Ancestor, ...]:
        """The version, the one it began from, and so on down to the base.

        Raises:
            RunError: as `get`.
        """
        version = self.get(name)
        chain = []
        seen: set[str] = set()
        while True:
            seen.add(version.name)
            data = f"{version.dataset.get('name', '')} {str(version.dataset.get('hash', ''))[:12]}".strip()
            chain.append(Ancestor(version.name, "version", _weights_of(version), data))
            parent = version.parent
            if not parent or parent in seen:
                break
            if not is_version(self._place(parent)):
                return (*chain, Ancestor(parent, "deleted version", version.base_hash))
            version = self.get(parent)
        return (*chain, Ancestor(version.base or "nothing (from scratch)", "base", version.base_hash))

    def compare(self, one: str, other: str) -> tuple[Difference, ...]:
        """What differs: config options, data, losses and what evaluations measured; a row each.

        Raises:
            RunError: as `get`.
        """
        left, right = _facts(self.get(one)), _facts(self.get(other))
        return tuple(
            Difference(what, left.get(what), right.get(what))
            for what in dict.fromkeys((*left, *right))
            if left.get(what) != right.get(what)
        )

    def _change(self, name: str, change: Callable[[Version], dict[str, Any]]) -> Version:
        with self._writing():
            version = self.get(name)  # what was tampered with is never signed anew
            write_record(replace(version, **change(version)), self._signer)
            return self.get(name)

    def _place(self, name: str) -> Path:
        return self.folder / check_name("version", name)

    def _names(self) -> str:
        return ", ".join(sorted(path.name for path in self._folders()))

    def _folders(self) -> list[Path]:
        if not self.folder.is_dir():
            return []
        return [path for path in self.folder.iterdir() if not path.name.startswith(".") and is_version(path)]

    def _all(self) -> Iterator[tuple[Version | None, tuple[str, str]]]:
        for folder in self._folders():
            try:
                yield read_record(folder, self._signer.verify_key), ("", "")
            except RunError as error:
                yield None, (folder.name, str(error))

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Alone in the folder; what a crash left half-done is removed first."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with (self.folder / _LOCK).open("a") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                self._tidy()
                try:
                    yield
                finally:
                    self._tidy()
        except OSError as error:
            reason = "there is no room left" if error.errno == errno.ENOSPC else error.strerror or str(error)
            raise RunError(
                f"The version can't be kept in {self.folder}: {reason}. Nothing was changed."
            ) from error

    def _tidy(self) -> None:
        for left in self.folder.glob(f"{_PART}*"):
            shutil.rmtree(left)
        key = self.folder / VERIFY_KEY
        text = self._signer.verify_key.to_text() + "\n"
        if not key.is_file() or key.read_text("utf-8") != text:
            key.write_text(text, "utf-8")


def best_of(run_folder: Path, safe: Safe = PLAIN) -> Path:
    """The run's best model.

    Raises:
        RunError: there is no run, or it stopped before there was a model.
    """
    runs.config_of(run_folder, safe)
    runs.recover_best(run_folder)
    best = run_folder / runs.BEST
    if not best.is_dir():
        raise RunError(
            f"The run {run_folder.name} stopped before there was a model: nothing was evaluated yet. "
            "Resume it."
        )
    return best


def _weights_of(version: Version) -> str:
    hashes = [value for name, value in version.files.items() if name.endswith(".safetensors")]
    return hashes[0] if len(hashes) == 1 else ""


def _facts(version: Version) -> dict[str, object]:
    facts: dict[str, object] = {"base": version.base, "parent": version.parent}
    facts |= {f"data.{name}": value for name, value in _flat(version.dataset)}
    facts |= {f"config.{name}": value for name, value in _flat(version.config) if name != "name"}
    facts |= {
        "loss.first": version.first_loss,
        "loss.best": version.best_loss,
        "loss.step": version.best_step,
    }
    for number, evaluation in enumerate(version.evaluations, start=1):
        name = str(evaluation.get("name", number))
        facts |= {f"evaluation.{name}.{what}": value for what, value in _flat(evaluation) if what != "name"}
    return facts


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, object]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
