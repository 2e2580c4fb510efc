"""CSV and TSV with a header: a row is a document. Which column is which is known by its name."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager

from training.corpus.lines import LONGEST_LINE, bounded_lines, encoding_of
from training.corpus.problems import Note, Problem
from training.corpus.readers.options import ReadOptions, is_legacy
from training.corpus.readers.rows import shaped
from training.corpus.readers.shapes import has_shape
from training.corpus.records import Record
from training.corpus.sources import Source
from training.errors import BadDataError

_DELIMITERS = (",", ";", "\t", "|")


def read_table(source: Source, options: ReadOptions) -> Iterator[Record | Problem | Note]:
    """A .csv or .tsv file, apart by comma, semicolon, tab or bar. A bad row is reported and left out.

    Raises:
        BadDataError: no column has a known name, or a quote is never closed.
    """
    encoding = encoding_of(source)
    yield from is_legacy(source, encoding)
    lines = _lines(source, encoding)
    delimiter, header = _header(next(lines, ""), source, options)
    with _long_fields():
        rows = csv.reader(lines, delimiter=delimiter, strict=True)
        try:
            for row in rows:
                line = rows.line_num + 1
                if not any(row):
                    continue
                if len(row) != len(header):
                    yield Problem(source.name, f"has {len(row)} columns, the header has {len(header)}.", line)
                    continue
                yield from shaped(dict(zip(header, row, strict=True)), line, source, options)
        except csv.Error as error:
            raise BadDataError(
                f"{source.name}, before line {rows.line_num + 2}: {error}. A quote is not closed or stands "
                "inside a field; double it, or save the table anew."
            ) from error


def _lines(source: Source, encoding: str) -> Iterator[str]:
    for number, line in bounded_lines(source, encoding, newline=""):
        if line is None:
            raise BadDataError(
                f"{source.name}, line {number} is longer than {LONGEST_LINE // 1024**2} MB. "
                "Break it into rows."
            )
        yield line


def _header(line: str, source: Source, options: ReadOptions) -> tuple[str, list[str]]:
    """The delimiter that gives columns of known names, and these names."""
    candidates = []
    for delimiter in _DELIMITERS:
        try:
            raw = next(csv.reader([line], delimiter=delimiter, strict=True), [])
        except csv.Error:
            continue
        names = [name.strip() for name in raw]
        roles = {role for role, column in options.columns.items() if column in names}
        lower = [name.lower() if name.lower() not in options.columns.values() else name for name in names]
        if has_shape({*lower, *roles}):
            return delimiter, [name if name in options.columns.values() else name.lower() for name in names]
        candidates.append(names)
    names = max(candidates, key=len, default=[])
    shown = ", ".join(name[:30] for name in names[:8]) or "none"
    raise BadDataError(
        f"{source.name} has the columns {shown}. Name one column text, or two prompt and completion "
        "(question and answer, instruction and output), with label beside text for classes; or say which "
        "column is which."
    )


@contextmanager
def _long_fields() -> Iterator[None]:
    """The csv module's limit on a field is one for the whole process: raised while a table is read."""
    before = csv.field_size_limit(LONGEST_LINE)
    try:
        yield
    finally:
        csv.field_size_limit(before)
