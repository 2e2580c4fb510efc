"""PDF with a text layer. No text recognition, and no attempt to rebuild columns or tables."""

from __future__ import annotations

from collections.abc import Iterator

from training.corpus.problems import Note, Problem
from training.corpus.readers.options import ReadOptions, texts_of
from training.corpus.records import Record
from training.corpus.sources import Source
from training.errors import BadDataError

MAX_BYTES = 256 * 1024 * 1024
MAX_PAGES = 5_000


def read_pdf(source: Source, options: ReadOptions) -> Iterator[Record | Problem | Note]:
    """A .pdf file as one text, its pages apart by a blank line.

    Raises:
        BadDataError: it is damaged, locked, too large, or too long.
    """
    if source.size > MAX_BYTES:
        raise BadDataError(
            f"{source.name} is larger than {MAX_BYTES // 1024**2} MB. Split it and give the parts."
        )
    yield from texts_of(_pages(source), source.name, options.longest)


def _pages(source: Source) -> Iterator[str]:
    import pypdf
    import pypdf.errors

    try:
        with source.open() as handle:
            reader = pypdf.PdfReader(handle, strict=False)
            if reader.is_encrypted and not reader.decrypt(""):
                raise BadDataError(f"{source.name} is locked by a password. Save a copy without one.")
            if len(reader.pages) > MAX_PAGES:
                raise BadDataError(
                    f"{source.name} has {len(reader.pages):,} pages; up to {MAX_PAGES:,} can be read. "
                    "Split it."
                )
            for page in reader.pages:
                yield page.extract_text() + "\n\n"
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
        raise BadDataError(
            f"{source.name} is a damaged PDF and can't be read. Open it, save it anew and try again."
        ) from error
