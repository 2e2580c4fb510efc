"""A source -> its documents, one at a time. What can't be used is said, not skipped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from training.corpus.problems import Note, Problem
from training.corpus.readers.html import read_html
from training.corpus.readers.options import ReadOptions
from training.corpus.readers.pdf import read_pdf
from training.corpus.readers.rows import read_json, read_jsonl
from training.corpus.readers.tables import read_table
from training.corpus.readers.tagged import looks_tagged, read_brat_pair, read_conll
from training.corpus.readers.text import read_text
from training.corpus.readers.word import read_docx
from training.corpus.records import Record
from training.corpus.sources import CONLL, Source
from training.errors import BadDataError

__all__ = ["ReadOptions", "read"]

Reader = Callable[[Source, ReadOptions], Iterator[Record | Problem | Note]]
_READERS: dict[str, Reader] = {
    ".txt": read_text,
    ".md": read_text,
    ".html": read_html,
    ".htm": read_html,
    ".pdf": read_pdf,
    ".docx": read_docx,
    ".csv": read_table,
    ".tsv": read_table,
    ".jsonl": read_jsonl,
    ".json": read_json,
    **dict.fromkeys(CONLL, read_conll),
}


def read(source: Source, options: ReadOptions) -> Iterator[Record | Problem | Note]:
    """The documents of a source, each with its source and place.

    Raises:
        BadDataError: the source can't be used; what it yielded before must not be used either.
    """
    place = parts = 0
    for one in _opened(source, options):
        if not isinstance(one, Record):
            yield one
            continue
        place += 1
        parts += one.cut_from == source.name
        yield replace(one.rewritten(_encodable), source=source.name, place=place)
    if parts > 1:
        yield Note(
            source.name, f"is longer than {options.longest:,} characters; it was cut into {parts} parts."
        )
    if place == 0:
        raise BadDataError(
            f"{source.name} has no document in it that can be used. If it is a scan, run text recognition on "
            "it first."
        )


def _opened(source: Source, options: ReadOptions) -> Iterator[Record | Problem | Note]:
    try:
        yield from _reader_of(source)(source, options)
    except OSError as error:
        raise BadDataError(f"{source.name} can't be read: {error.strerror or error}.") from error


def _reader_of(source: Source) -> Reader:
    if source.annotations is not None:
        return read_brat_pair
    if source.suffix in (".txt", ".tsv") and looks_tagged(source):
        return read_conll
    return _READERS[source.suffix]


def _encodable(text: str) -> str:
    """Half a surrogate pair, as JSON can hold it, is no character: it becomes the replacement character."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text
