"""A prepared data set: a folder with its documents in two splits, a description and a hash over both.

The hash is checked when the set is opened, so that a model's lineage names the text it was trained on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from training.corpus.records import Kind, kind_named
from training.errors import BadDataError
from training.safe import PLAIN, Safe

SetName = Literal["train", "held_out"]
SPLITS: tuple[SetName, ...] = get_args(SetName)
DESCRIPTION = "dataset.json"
REMOVED = "removed.jsonl"
_CHUNK = 1024 * 1024


@dataclass(frozen=True)
class DataSet:
    """A prepared data set. `counts` are the documents in each split, `hash` is over the text of the splits.

    The hash is the same whether the set lies sealed or plain.
    """

    folder: Path
    name: str
    kind: Kind
    hash: str
    counts: Mapping[str, int]
    safe: Safe = field(default=PLAIN, repr=False, compare=False)

    @classmethod
    def open(cls, folder: Path, safe: Safe = PLAIN) -> DataSet:
        """The set in `folder`, which `safe` opens.

        Raises:
            BadDataError: there is none, it is another's, or its splits were changed after it was made.
        """
        try:
            held = json.loads(safe.read_text(folder / DESCRIPTION))
            found = cls(
                folder,
                str(held["name"]),
                kind_named(held["kind"]),
                str(held["hash"]),
                {split: int(held["counts"][split]) for split in SPLITS},
                safe,
            )
            actual = hash_of(folder, safe)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BadDataError(
                f"{folder} is no prepared data set, or a part of it is missing. Prepare it anew."
            ) from error
        if actual != found.hash:
            raise BadDataError(
                f"The data set {found.name} was changed after it was prepared: its hash is not the one on "
                "record. Prepare it anew, so that its report fits."
            )
        return found

    def rows(self, split: str) -> Iterator[dict[str, Any]]:
        """The documents of a split, one at a time.

        Raises:
            BadDataError: there is no such split, or a line of it is damaged.
        """
        if split not in SPLITS:
            raise BadDataError(f"A data set has the splits {' and '.join(SPLITS)}, not {split!r}.")
        return _rows(self.folder / f"{split}.jsonl", self.safe)

    def removed(self) -> Iterator[dict[str, Any]]:
        """What was removed: rows as in a split, with the step and the reason beside."""
        return _rows(self.folder / REMOVED, self.safe)


def hash_of(folder: Path, safe: Safe = PLAIN) -> str:
    """SHA-256 over the text of the split files, train before held out."""
    digest = hashlib.sha256()
    for split in SPLITS:
        with safe.open(folder / f"{split}.jsonl") as handle:
            while chunk := handle.read(_CHUNK):
                digest.update(chunk)
    return digest.hexdigest()


def _rows(path: Path, safe: Safe) -> Iterator[dict[str, Any]]:
    with safe.open(path) as handle:
        for number, line in enumerate(handle, start=1):
            try:
                row: dict[str, Any] = json.loads(line)
            except ValueError as error:
                raise BadDataError(f"{path}, line {number} is damaged. Prepare the set anew.") from error
            yield row
