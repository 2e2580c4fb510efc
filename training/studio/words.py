"""A user's tokenizers: trained by a job, compared on a sentence at once, deleted."""

from __future__ import annotations

import functools
import itertools
import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.errors import BadConfigError
from training.places import Places, check_name

if TYPE_CHECKING:
    from training.jobs import Job, Jobs
    from training.studio.sets import Sets
    from training.tokenizers import Compared, TokenizerSettings

EMBEDDED = (("the embedded GPT's", "gpt"), ("the embedded BERT's", "bert"))
OWN = "own:"
_SAMPLE = 200


@functools.lru_cache(maxsize=8)
def _loaded(base: str, changed: float) -> Any:
    """Kept for as long as the folder is as old as `changed`."""
    from training.tokenizers import load

    del changed
    return load(base)


class Words:
    """The tokenizers of every user, each user's apart."""

    def __init__(self, places: Callable[[str], Places], jobs: Jobs, sets: Sets) -> None:
        self._places, self._jobs, self._sets = places, jobs, sets

    def train(self, user: str, name: str, dataset: str, settings: TokenizerSettings) -> Job:
        """Begin to train a tokenizer on a set's text.

        Raises:
            BadConfigError, BadDataError, RunError: name, set or quota don't allow it.
        """
        told = settings.to_json()
        arguments = ["--kind", told["kind"], "--size", str(told["size"]), "--special", told["special"]]
        return self._submit(user, name, dataset, arguments + (["--lowercase"] if told["lowercase"] else []))

    def extend(self, user: str, name: str, dataset: str, base: str, count: int) -> Job:
        """Begin to add words of a set's text to the tokenizer `base`.

        Raises:
            BadConfigError, BadDataError, RunError: as `train`.
        """
        return self._submit(user, name, dataset, ["--extend", self.base(user, base), "--count", str(count)])

    def _submit(self, user: str, name: str, dataset: str, arguments: Sequence[str]) -> Job:
        check_name("tokenizer", name)
        place = self._places(user).tokenizers / name
        if place.exists():
            raise BadConfigError(f"There is a tokenizer named {name} already. Choose another name.")
        self._sets.check_quota(user)
        data = str(self._sets.folder(user, dataset))
        return self._jobs.submit(user, "tokenize", name, ["--data", data, "--out", str(place), *arguments])

    def names(self, user: str) -> tuple[str, ...]:
        """The user's tokenizers by name."""
        folder = self._places(user).tokenizers
        if not folder.is_dir():
            return ()
        made = [path.name for path in folder.iterdir() if (path / "tokenizer.json").is_file()]
        return tuple(sorted(name for name in made if not name.startswith(".")))

    def choices(self, user: str) -> list[tuple[str, str]]:
        """(for people, value) of every tokenizer that the user can look at."""
        return [*EMBEDDED, *((name, OWN + name) for name in self.names(user))]

    def extended(self, user: str) -> list[tuple[str, str]]:
        """(for people, value) of those of the user's that are a base's with words added."""
        made = [(name, self.lineage(user, name).get("base")) for name in self.names(user)]
        return [(f"{name} ({base}'s)", OWN + name) for name, base in made if base]

    def base(self, user: str, value: str) -> str:
        """What a config or a command is given for a choice.

        Raises:
            BadConfigError: there is no such tokenizer.
        """
        if not value.startswith(OWN):
            return value
        folder = self._places(user).tokenizers / check_name("tokenizer", value.removeprefix(OWN))
        if not folder.is_dir():
            raise BadConfigError(f"There is no tokenizer named {folder.name}.")
        return str(folder)

    def lineage(self, user: str, name: str) -> dict[str, Any]:
        """What a tokenizer was made from."""
        path = Path(self.base(user, OWN + name)) / "lineage.json"
        held: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        return held

    def compare(self, user: str, values: Sequence[str], sentence: str, dataset: str | None) -> list[Compared]:
        """Tokenizers side by side on a sentence, measured on some held-out text of a set if there is one.

        Raises:
            BadConfigError, BadDataError, RunError: one can't be loaded, or there is no text.
        """
        from training.tokenizers import TrainTexts, compare

        known = {value: shown for shown, value in self.choices(user)}
        chosen = {known.get(value, value): self._load(user, value) for value in values}
        texts: list[str] = []
        if dataset:
            every = TrainTexts((self._sets.open(user, dataset),), ())
            texts = list(itertools.islice(every.held_out, _SAMPLE)) or list(itertools.islice(every, _SAMPLE))
        return compare(chosen, [*texts, sentence], sentence)

    def view(self, user: str, value: str, sentence: str) -> str:
        """A sentence in coloured pieces, as HTML."""
        from training.tokenizers import html_view

        return html_view(self._load(user, value), sentence)

    def _load(self, user: str, value: str) -> Any:
        base = self.base(user, value)
        path = Path(base)
        return _loaded(base, path.stat().st_mtime if path.is_absolute() else 0.0)

    def delete(self, user: str, name: str) -> None:
        """Remove a tokenizer.

        Raises:
            RunError: a run reads it.
        """
        folder = Path(self.base(user, OWN + name))
        self._sets.check_unread(user, folder)
        shutil.rmtree(folder)
