"""What every reader is told, and the two small things that several of them say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from training.corpus.lines import LEGACY, parts
from training.corpus.problems import Note
from training.corpus.records import Record
from training.corpus.sources import Source


@dataclass(frozen=True)
class ReadOptions:
    """The longest document in characters, and which column or key plays which role."""

    longest: int = 100_000
    columns: Mapping[str, str] = field(default_factory=dict)


def is_legacy(source: Source, encoding: str) -> Iterator[Note]:
    """A note, if the encoding was a guess."""
    if encoding == LEGACY:
        yield Note(source.name, "is not UTF-8; it was read as Windows-1252. Look at its accents.")


def texts_of(pieces: Iterable[str], cut_from: str, longest: int) -> Iterator[Record]:
    """The text that `pieces` make as one document, or as several that know they belong together."""
    for part in parts(pieces, longest):
        if part.strip():
            yield Record("text", part, cut_from=cut_from)
