"""A user's versions: kept from runs, used in the assistant and taken back, exported, deleted.

What the assistant loads is written by a job into a place of its own, hashed and signed here, and checked
before every load; a version is chosen only once that is done.
"""

from __future__ import annotations

import base64
import json
import secrets
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import EllipsisType
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from security.crypto.errors import CryptoError
from training.errors import BadConfigError, RunError
from training.jobs import ACTIVE
from training.model_files import hash_of
from training.places import Places, check_name

if TYPE_CHECKING:
    from security.crypto.signatures import SigningKey
    from training.jobs import Job, Jobs
    from training.registry import Difference, Registry
    from training.safe import Safe
    from training.studio.sets import Sets
    from training.version import Version

CONTEXT = "assistant-model"
FORMS = ("adapter", "merged", "gguf")
_USED = ("causal", "tagging")
_WANTED = "wanted.json"


class Uses(Protocol):
    """The assistant's memory of who has chosen what."""

    def current(self, user: str) -> Any:
        """The choice that holds: `generator_name`, `tagger_name`, `names`."""

    def choose(
        self,
        user: str,
        *,
        generator: Path | EllipsisType | None = ...,
        tagger: Path | EllipsisType | None = ...,
        generator_name: str = "",
        tagger_name: str = "",
    ) -> Any:
        """Choose a generator, a tagger or both; None is the house's own, and what isn't given stays."""

    def roll_back(self, user: str) -> Any:
        """Go back to the choice before."""

    def in_use(self, user: str, name: str) -> bool:
        """Whether a version answers the user."""


Note: TypeAlias = Callable[[str, str], None]
"""Writes down what (such as "model-exported") a user (by id) did; raises what keeps it from being done."""


def unnoted(kind: str, user: str) -> None:
    """Where nobody keeps a trail, such as in a shell."""
    del kind, user


@dataclass(frozen=True)
class Standing:
    """Names of the versions in use, "" for the house's own; `wanted` is on its way."""

    generator: str
    tagger: str
    wanted: str


class Versions:
    """The versions of every user, each user's apart."""

    def __init__(
        self,
        places: Callable[[str], Places],
        jobs: Jobs,
        sets: Sets,
        uses: Uses,
        signer: SigningKey,
        note: Note = unnoted,
        *,
        safes: Callable[[str], Safe],
    ) -> None:
        self._safes = safes
        self._places, self._jobs, self._sets, self._uses, self._signer = places, jobs, sets, uses, signer
        self._note = note

    def registry(self, user: str) -> Registry:
        """The user's versions on disk."""
        from training.registry import Registry

        return Registry(self._places(user).versions, self._signer, safe=self._safes(user))

    def keep(self, user: str, run: str, name: str, note: str = "") -> Version:
        """Keep a run's best model as a version.

        Raises:
            RunError, BadConfigError: there is no such run or model, or the name is taken.
        """
        self._sets.check_quota(user)
        return self.registry(user).register(self._places(user).runs / check_name("run", run), name, note)

    def every(self, user: str) -> list[Version]:
        """The newest first."""
        return self.registry(user).versions()

    def compare(self, user: str, one: str, other: str) -> tuple[Difference, ...]:
        """What differs between two."""
        return self.registry(user).compare(one, other)

    def use(self, user: str, name: str) -> None:
        """Let a version answer the user (a GPT), or mark facts for them (a tagger), as soon as it is ready.

        Raises:
            RunError: it is refused.
            BadConfigError: a model of its task has no place in the assistant.
        """
        version = self.registry(user).verify(name)
        if version.task not in _USED:
            raise BadConfigError(
                f"{name} was trained for task {version.task}, which the assistant has no place for. Choose a "
                "model that writes text (causal) or tags words (tagging)."
            )
        self._note("model-asked-for", user)
        if self._ready(user, name) is not None:
            self._choose(user, version)
            return
        form, place = self._form(user, version)
        self._sets.check_quota(user)
        place.parent.mkdir(parents=True, exist_ok=True)
        _remove(place)
        (place.parent / _WANTED).write_text(json.dumps({"name": name}), "utf-8")
        self._note("model-exported", user)
        arguments = [str(version.folder), "--form", form, "--out", str(place)]
        if form == "gguf":
            # Of what the CPU engine reads it is the fastest that still says what the adapter says.
            arguments += ["--quantize", "q8_0"]
        self._jobs.submit(user, "export", name, arguments, priority=1)

    def settle(self, user: str) -> str:
        """Choose what was wanted, if it has become ready; what there is to say of it.

        Raises:
            RunError: it is refused.
        """
        wanted = self._wanted(user)
        if not wanted:
            return ""
        job = next(
            (one for one in self._jobs.jobs(user) if one.kind == "export" and one.name == wanted), None
        )
        if job is None or job.state in ACTIVE:
            return ""
        (self._assistant(user) / _WANTED).unlink(missing_ok=True)
        if job.state != "done":
            return f"{wanted} was not put into the assistant. {job.message}"
        version = self.registry(user).verify(wanted)
        self._sign(user, version)
        self._choose(user, version)
        return f"{wanted} is in use in the assistant from now on."

    def standing(self, user: str) -> Standing:
        """What the assistant uses now."""
        choice = self._uses.current(user)
        generator = choice.generator_name if choice.generator is not None else ""
        tagger = choice.tagger_name if choice.tagger is not None else ""
        return Standing(generator, tagger, self._wanted(user))

    def roll_back(self, user: str) -> None:
        """Go back to what was in use before."""
        self._note("model-taken-back", user)
        self._uses.roll_back(user)

    def house(self, user: str) -> None:
        """Go back to the house's own models."""
        self._note("model-of-the-house", user)
        self._uses.choose(user, generator=None, tagger=None)

    def delete(self, user: str, name: str) -> None:
        """Remove a version and what was made of it.

        Raises:
            RunError: it is in use, or another version needs it.
        """
        self._note("model-deleted", user)
        self.registry(user).delete(name, lambda one: self._uses.in_use(user, one))
        for path in (self._assistant(user), self._places(user).root / "exports"):
            for made in path.glob(f"{name}.*") if path.is_dir() else ():
                _remove(made)

    def export(self, user: str, name: str, form: str) -> Job:
        """Begin to write a version as files for other programs.

        Raises:
            RunError, BadConfigError: it is refused, or has no such form.
        """
        version = self.registry(user).verify(name)
        if form not in FORMS:
            raise BadConfigError(f"The form must be one of {', '.join(FORMS)}; it is {form!r}.")
        self._sets.check_quota(user)
        place = self._export_place(user, name, form)
        place.parent.mkdir(parents=True, exist_ok=True)
        _remove(place)
        arguments = [str(version.folder), "--form", form, "--out", str(place)]
        return self._jobs.submit(user, "export", f"{name[:50]}-as-{form}", arguments)

    def packed(self, user: str, name: str, form: str, folder: Path) -> Path:
        """An export as one file, in a new folder under `folder` whose name can't be guessed.

        Raises:
            RunError: it isn't there.
        """
        place = self._export_place(user, name, form)
        if not place.exists():
            raise RunError(f"{name} has not been exported as {form} yet.")
        target = folder / secrets.token_hex(16)
        target.mkdir(parents=True, mode=0o700)
        if place.is_file():
            return Path(shutil.copyfile(place, target / place.name))
        return Path(shutil.make_archive(str(target / place.name), "zip", place))

    def exports(self, user: str) -> list[tuple[str, str]]:
        """(version, form) of what has been exported."""
        folder = self._places(user).root / "exports"
        found = [path for path in folder.iterdir() if path.name[0] != "."] if folder.is_dir() else []
        pairs = [(path.name.rpartition(".")[0], path.suffix[1:]) for path in found]
        return sorted((name, form) for name, form in pairs if form in FORMS)

    def check(self, path: Path) -> None:
        """Return if what lies at `path` is what was signed for the assistant; called before each load.

        Raises:
            RunError: it was changed, or is not of here.
        """
        try:
            signature = base64.b64decode((path.parent / f"{path.name}.signature").read_bytes())
            self._signer.verify_key.verify(_hashes(path), signature, CONTEXT)
        except (OSError, ValueError, CryptoError) as error:
            raise RunError(
                f"{path.name} is not what was put into the assistant: a file of it was changed. Delete the "
                "version, or use it anew."
            ) from error

    def _export_place(self, user: str, name: str, form: str) -> Path:
        return self._places(user).root / "exports" / f"{check_name('version', name)}.{form}"

    def _assistant(self, user: str) -> Path:
        return self._places(user).root / "assistant"

    def _wanted(self, user: str) -> str:
        path = self._assistant(user) / _WANTED
        return str(json.loads(path.read_text("utf-8"))["name"]) if path.is_file() else ""

    def _form(self, user: str, version: Version) -> tuple[str, Path]:
        """A GGUF for the CPU engine where the model can be one, else a folder."""
        gguf = version.task == "causal" and self._root_base(user, version) == "gpt"
        form = "gguf" if gguf else "merged"
        return form, self._assistant(user) / f"{version.name}.{form}"

    def _root_base(self, user: str, version: Version) -> str:
        return self.registry(user).lineage(version.name)[-1].name

    def _ready(self, user: str, name: str) -> Path | None:
        for form in ("gguf", "merged"):
            place = self._assistant(user) / f"{name}.{form}"
            if place.exists() and place.with_name(f"{place.name}.signature").exists():
                self.check(place)
                return place
        return None

    def _sign(self, user: str, version: Version) -> None:
        _, place = self._form(user, version)
        signature = base64.b64encode(self._signer.sign(_hashes(place), CONTEXT))
        place.with_name(f"{place.name}.signature").write_bytes(signature)

    def _choose(self, user: str, version: Version) -> None:
        place = self._ready(user, version.name)
        if version.task == "tagging":
            self._uses.choose(user, tagger=place, tagger_name=version.name)
        else:
            self._uses.choose(user, generator=place, generator_name=version.name)


def _hashes(place: Path) -> bytes:
    """The SHA-256 of each file, with its name, in one form."""
    files = sorted(place.iterdir()) if place.is_dir() else [place]
    return json.dumps({path.name: hash_of(path) for path in files}, sort_keys=True).encode()


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    if path.suffix != ".signature":
        path.with_name(f"{path.name}.signature").unlink(missing_ok=True)
