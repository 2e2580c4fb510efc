"""JSON Lines, and JSON as one array of objects: an object is a document. Read a bounded piece at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from training.corpus.lines import LONGEST_LINE, bounded_lines, chunks, encoding_of
from training.corpus.problems import BadRowError, Note, Problem
from training.corpus.readers.options import ReadOptions, is_legacy, texts_of
from training.corpus.readers.shapes import document_of
from training.corpus.records import Record
from training.corpus.sources import Source
from training.errors import BadDataError

_TOO_LONG = f"is longer than {LONGEST_LINE // 1024**2} MB and was left out. Break it into documents."


def read_jsonl(source: Source, options: ReadOptions) -> Iterator[Record | Problem | Note]:
    """A .jsonl file. A line that can't be used is reported and left out.

    Raises:
        BadDataError: already the first line is no JSON object.
    """
    encoding = encoding_of(source)
    yield from is_legacy(source, encoding)
    yield from _documents(_lines(source, encoding), source, options)


def read_json(source: Source, options: ReadOptions) -> Iterator[Record | Problem | Note]:
    """A .json file that is one array of objects.

    Raises:
        BadDataError: it is no array, or is broken.
    """
    encoding = encoding_of(source)
    yield from is_legacy(source, encoding)
    yield from _documents(_items(source, encoding), source, options)


def shaped(
    fields: dict[str, Any], line: int, source: Source, options: ReadOptions
) -> Iterator[Record | Problem]:
    """The document in a row, in parts where it is a text that is too long, or what is wrong with the row."""
    try:
        record = document_of(fields, options.columns)
    except BadRowError as error:
        yield Problem(source.name, str(error), line)
        return
    if len(record.content) <= options.longest:
        yield record
    elif record.kind == "text":
        for part in texts_of([record.text], f"{source.name}, {line}", options.longest):
            yield Record("text", part.text, group=record.group, cut_from=part.cut_from)
    else:
        yield Problem(
            source.name, f"holds more than {options.longest:,} characters, too long for one example.", line
        )


def _documents(
    items: Iterator[tuple[int, Any]], source: Source, options: ReadOptions
) -> Iterator[Record | Problem]:
    kind = None
    for number, value in items:
        if isinstance(value, Problem):
            yield value
            continue
        if not isinstance(value, dict):
            yield Problem(source.name, "is not a JSON object.", number)
            continue
        for one in shaped(value, number, source, options):
            if isinstance(one, Record):
                kind = kind or one.kind
                if one.kind != kind:
                    yield Problem(
                        source.name, f"is of the kind {one.kind}, unlike the {kind} before it.", number
                    )
                    continue
            yield one


def _lines(source: Source, encoding: str) -> Iterator[tuple[int, Any]]:
    first = True
    for number, line in bounded_lines(source, encoding):
        if line is not None and not line.strip():
            continue
        try:
            value = Problem(source.name, _TOO_LONG, number) if line is None else json.loads(line)
        except (ValueError, RecursionError):
            value = Problem(source.name, "is not JSON.", number)
        if first and not isinstance(value, dict):
            raise BadDataError(
                f"{source.name}, line {number} is not a JSON object of at most {LONGEST_LINE // 1024**2} MB. "
                "Write one object a line; an array belongs into a .json file."
            )
        first = False
        yield number, value


def _items(source: Source, encoding: str) -> Iterator[tuple[int, Any]]:
    """The objects of an array, parsed as the file is read."""
    pieces = chunks(source, encoding)
    held = next(pieces, "").lstrip()
    if not held.startswith("["):
        raise BadDataError(
            f"{source.name} is not an array of objects. Write [{{...}}, {{...}}] or use .jsonl."
        )
    decoder = json.JSONDecoder()
    number, held = 0, held[1:]
    while True:
        held = held.lstrip(" \t\r\n,")
        if held.startswith("]"):
            return
        try:
            value, end = decoder.raw_decode(held) if held else (None, 0)
        except (ValueError, RecursionError):
            end = 0
        if end:
            number += 1
            yield number, value
            held = held[end:]
            continue
        # Read as much again as is held, so that a long object is not parsed anew for each small piece.
        room = LONGEST_LINE - len(held)
        more = _at_least(pieces, min(len(held), room)) if room > 0 else ""
        if not more:
            raise BadDataError(
                f"{source.name} is not JSON after object {number}, or the next one is longer than "
                f"{LONGEST_LINE // 1024**2} MB. Mend it there and give it again."
            )
        held += more


def _at_least(pieces: Iterator[str], size: int) -> str:
    out: list[str] = []
    while sum(map(len, out)) <= size:
        piece = next(pieces, "")
        if not piece:
            break
        out.append(piece)
    return "".join(out)
