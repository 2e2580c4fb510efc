"""Text files read a bounded piece at a time, whatever their size or the length of their lines."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterable, Iterator

from training.corpus.sources import Source
from training.errors import BadDataError

LONGEST_LINE = 8 * 1024 * 1024
_CHUNK = 256 * 1024
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\r\f\x0b\x1b"))
LEGACY = "cp1252"


def encoding_of(source: Source) -> str:
    """The encoding of a text file: UTF-8, UTF-16 with its mark, or else Windows-1252.

    Raises:
        BadDataError: it is not text.
    """
    with source.open() as handle:
        start = handle.read(4)
        encoding = next((encoding for mark, encoding in _BOMS if start.startswith(mark)), "utf-8")
        handle.seek(0)
        decoder = codecs.getincrementaldecoder(encoding)()
        length = controls = 0
        try:
            while chunk := handle.read(_CHUNK):
                decoder.decode(chunk)
                length += len(chunk)
                if encoding != "utf-16":
                    controls += _controls_in(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:
            if encoding != "utf-8" or not _is_legacy_text(source):
                raise BadDataError(
                    f"{source.name} is not text that can be read here. Save it as UTF-8 and give it again."
                ) from error
            return LEGACY
    if controls > length // 100:
        raise BadDataError(
            f"{source.name} is not a text file by its content. Save it as plain text (UTF-8) and give it "
            "again."
        )
    return encoding


def chunks(source: Source, encoding: str) -> Iterator[str]:
    """The file's text in pieces of some hundred thousand characters, newlines as LF."""
    with io.TextIOWrapper(source.open(), encoding=encoding) as handle:
        while chunk := handle.read(_CHUNK):
            yield chunk


def bounded_lines(
    source: Source, encoding: str, newline: str | None = None
) -> Iterator[tuple[int, str | None]]:
    """Each line with its number from 1; None instead of a line that is longer than LONGEST_LINE."""
    with io.TextIOWrapper(source.open(), encoding=encoding, newline=newline) as handle:
        number = 0
        while line := handle.readline(LONGEST_LINE):
            number += 1
            whole = line.endswith(("\n", "\r")) or len(line) < LONGEST_LINE
            yield number, line if whole else None
            while not whole:
                rest = handle.readline(LONGEST_LINE)
                whole = rest.endswith(("\n", "\r")) or len(rest) < LONGEST_LINE


def parts(pieces: Iterable[str], longest: int) -> Iterator[str]:
    """The text that `pieces` make, cut at a blank line, a line's end or a space once it is too long."""
    held = ""
    for piece in pieces:
        held += piece
        while len(held) > longest:
            at = _cut(held, longest)
            yield held[:at]
            held = held[at:]
    yield held


def _cut(text: str, longest: int) -> int:
    for mark in ("\n\n", "\n", " "):
        at = text.rfind(mark, longest // 2, longest - len(mark))
        if at >= 0:
            return at + len(mark)
    return longest


def _controls_in(chunk: bytes) -> int:
    # A NUL is in no text: one of them weighs as much as a whole chunk of others.
    return len(chunk) - len(chunk.translate(None, _CONTROLS)) + chunk.count(0) * _CHUNK


def _is_legacy_text(source: Source) -> bool:
    """Whether every byte is a character of Windows-1252 and almost all of them are letters and the like."""
    unused = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
    controls = length = high = 0
    with source.open() as handle:
        while chunk := handle.read(_CHUNK):
            if unused.search(chunk):
                return False
            controls += _controls_in(chunk)
            length += len(chunk)
            high += len(chunk) - len(chunk.translate(None, bytes(range(128, 256))))
    return controls <= length // 100 and high <= length * 0.4
