"""A file that somebody gives -> the text of a note, or one sentence on why not.

Plain text (UTF-8, or UTF-16 with its mark) and PDF with a text layer. No pictures, no OCR, no Word.
"""

from __future__ import annotations

import codecs
import io
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO

from assistant.errors import BadInputError, UnreadableError

MAX_BYTES = 20 * 1024 * 1024
MAX_PAGES = 300
MAX_TEXT = 100_000
KINDS = (".txt", ".md", ".csv", ".pdf")
_PDF = b"%PDF-"
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def plain(path: Path) -> BinaryIO:
    """A file as it lies there."""
    return path.open("rb")


def read_note(
    path: Path,
    name: str | None = None,
    opened: Callable[[Path], AbstractContextManager[BinaryIO]] = plain,
    *,
    exact: bool = False,
) -> str:
    """The text of a file.

    Args:
        path: where it lies.
        name: what the person calls it, for messages; the file's own name by default.
        opened: opens it; where files are sealed, that is for its owner.
        exact: refuse it unless its name and its content agree, as for an upload.

    Raises:
        UnreadableError: it is missing or can't be opened.
        BadInputError: it is too large, not text, a broken or locked PDF, without text, or not what its name
            says.
    """
    shown = name or path.name
    try:
        with opened(path) as stream:
            content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise UnreadableError(
            f"{shown} can't be read: {(error.strerror or str(error)).rstrip('.')}."
        ) from error
    if len(content) > MAX_BYTES:
        raise BadInputError(
            f"{shown} is larger than {MAX_BYTES // 1024 // 1024} MB. Give the part that matters."
        )
    if exact:
        check_kind(content, shown)
    text = _from_pdf(content, shown) if content.startswith(_PDF) else _from_text(content, shown)
    if not text.strip():
        raise BadInputError(f"{shown} has no text in it. If it is a scan, run text recognition on it first.")
    return within_limit(text, shown)


def check_kind(content: bytes, name: str) -> None:
    """See that an upload is what its name says, of a kind that is asked for.

    Raises:
        BadInputError: another kind, a PDF under the name of a text, or the other way round.
    """
    suffix = Path(name).suffix.lower()
    if suffix not in KINDS:
        raise BadInputError(f"{name} is of a kind that can't be read here. Give one of {', '.join(KINDS)}.")
    is_pdf = content.startswith(_PDF)
    if is_pdf != (suffix == ".pdf"):
        says = "a PDF" if is_pdf else "no PDF"
        raise BadInputError(f"{name} is {says} by its content. Give it under its own name.")


def within_limit(text: str, name: str) -> str:
    """`text`, if it is not too long.

    Raises:
        BadInputError: it has more than MAX_TEXT characters.
    """
    if len(text) > MAX_TEXT:
        raise BadInputError(
            f"{name} has {len(text):,} characters; up to {MAX_TEXT:,} can be read at once. "
            "Give the part that matters."
        )
    return text


def _from_text(content: bytes, name: str) -> str:
    encoding = next((encoding for mark, encoding in _BOMS if content.startswith(mark)), "utf-8")
    refusal = f"{name} is not a text file that can be read here. Save it as plain text (UTF-8) or as PDF."
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise BadInputError(refusal) from error
    # Control characters that no text holds: a binary file that happens to decode.
    if any(ord(char) < 32 and char not in "\t\n\r\f" for char in text):
        raise BadInputError(refusal)
    return text


def _from_pdf(content: bytes, name: str) -> str:
    import pypdf
    import pypdf.errors

    # It logs what it then raises; the message below is enough.
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)

    try:
        reader = pypdf.PdfReader(io.BytesIO(content), strict=False)
        if reader.is_encrypted and not reader.decrypt(""):
            raise BadInputError(f"{name} is locked by a password. Save a copy without one and give that.")
        if len(reader.pages) > MAX_PAGES:
            raise BadInputError(
                f"{name} has {len(reader.pages)} pages; up to {MAX_PAGES} can be read at once."
            )
        pieces: list[str] = []
        for page in reader.pages:
            pieces.append(page.extract_text())
            if sum(map(len, pieces)) > MAX_TEXT:
                break  # `within_limit` says so; there is no need to read the rest
        return "\n\n".join(pieces)
    # pypdf answers broken files with its own family, and some with what the damage led to.
    except (
        pypdf.errors.PyPdfError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        IndexError,
        RecursionError,
    ) as error:
        raise BadInputError(
            f"{name} is a damaged PDF and can't be read. Open it, save it anew and try again."
        ) from error
