"""Where a tokenizer's text comes from: prepared sets and plain text files, read again as often as asked.

Nothing is held in memory but the part that is being read. Of a set, only the split that is named is read.
"""

from __future__ import annotations

import functools
import json
import re
import sys
import tempfile
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.corpus.dataset import DataSet
from training.corpus.records import from_row
from training.errors import BadDataError
from training.safe import PLAIN, Safe

LONGEST = 10_000
"""Characters of a text that are worked on at once."""

_HALVES = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class TrainTexts:
    """The texts of prepared sets and of plain text files in UTF-8.

    Attributes:
        sets, files: where they lie.
        split: of the sets; a plain file is of the train split.
    """

    sets: tuple[DataSet, ...]
    files: tuple[Path, ...]
    split: str = "train"

    @classmethod
    def open(cls, paths: Sequence[Path], safe: Safe = PLAIN) -> TrainTexts:
        """Each path is the folder of a prepared set, which `safe` opens, or a plain text file.

        Raises:
            BadDataError: one is neither; or a set was changed after it was made.
        """
        missing = [path for path in paths if not path.exists()]
        if missing:
            raise BadDataError(
                f"{missing[0]} isn't there. Give the folder of a prepared set, or a text file."
            )
        sets = tuple(DataSet.open(path, safe) for path in paths if path.is_dir())
        return cls(sets, tuple(path for path in paths if not path.is_dir()))

    @property
    def held_out(self) -> TrainTexts:
        """What the sets hold out; what nothing was learned from."""
        return TrainTexts(self.sets, (), "held_out")

    @property
    def size(self) -> int:
        """Bytes on disk, for a bar."""
        splits = [data.folder / f"{self.split}.jsonl" for data in self.sets]
        return sum(path.stat().st_size for path in [*splits, *self.files])

    def lineage(self) -> list[dict[str, str]]:
        """Which sets by name and hash, and which files by name."""
        named = [{"set": data.name, "hash": data.hash} for data in self.sets]
        return named + [{"file": path.name} for path in self.files]

    def __iter__(self) -> Iterator[str]:
        for data in self.sets:
            for row in data.rows(self.split):
                record = from_row({"source": "", **row}, data.kind)
                yield from (record.content,) if data.kind == "tagged" else record.texts
        for path in self.files:
            yield from _read(path)


def _read(path: Path) -> Iterator[str]:
    """A file in parts that end at a space where there is one."""
    kept = ""
    try:
        with path.open(encoding="utf-8-sig") as stream:
            while part := stream.read(LONGEST):
                *parts, kept = cut([kept + part])
                yield from parts
    except UnicodeDecodeError as error:
        raise BadDataError(
            f"{path} is no text in UTF-8. Prepare a set from it, or give a text file."
        ) from error
    except OSError as error:
        raise BadDataError(f"{path} can't be read: {error.strerror}.") from error
    if kept:
        yield kept


def cut(texts: Iterable[str], longest: int = LONGEST) -> Iterator[str]:
    """The texts, each in parts of at most `longest` characters that together are the text.

    A part ends behind a space where there is one. Halves of surrogate pairs, which are no characters,
    become replacement characters.
    """
    for text in texts:
        whole = whole_characters(text)
        start = 0
        while len(whole) - start > longest:
            end = 1 + max(whole.rfind(space, start, start + longest) for space in " \n")
            end = end if end > start else start + longest
            yield whole[start:end]
            start = end
        yield whole[start:]


def whole_characters(text: str) -> str:
    """The text, as long as it was, without halves of surrogate pairs."""
    return _HALVES.sub("\ufffd", text)


@contextmanager
def repeatable(texts: Iterable[str]) -> Iterator[Iterable[str]]:
    """Texts that can be read again: as they are, or from a file if they come but once."""
    if not isinstance(texts, Iterator):
        yield texts
        return
    with tempfile.TemporaryFile("w+", encoding="utf-8") as stream:
        for text in texts:
            stream.write(json.dumps(text) + "\n")
        yield _Spooled(stream)


class _Spooled:
    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[str]:
        self._stream.seek(0)
        return (json.loads(line) for line in self._stream)


@functools.cache
def word_pattern() -> re.Pattern[str]:
    """A word: letters, digits and their marks, with apostrophes between; a run of Chinese counts as one."""
    marks = [chr(code) for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code))[0] == "M"]
    character = f"[\\w{''.join(marks)}]+"
    return re.compile(f"{character}(?:['’]{character})*")
