"""Plain text and Markdown: a file is a document; one that is too long is cut at its paragraphs."""

from __future__ import annotations

import re
from collections.abc import Iterator

from training.corpus.lines import chunks, encoding_of
from training.corpus.problems import Note, Problem
from training.corpus.readers.options import ReadOptions, is_legacy, texts_of
from training.corpus.records import Record
from training.corpus.sources import Source
from training.errors import BadDataError

_HTML = re.compile(r"\s*(<\?xml[^>]*>\s*)?<(!doctype\s+html|html)[\s>]", re.IGNORECASE)
_FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)


def read_text(source: Source, options: ReadOptions) -> Iterator[Record | Problem | Note]:
    """A .txt or .md file.

    Raises:
        BadDataError: it is not text, or is an HTML page under another name.
    """
    encoding = encoding_of(source)
    yield from is_legacy(source, encoding)
    yield from texts_of(_opened(source, encoding), source.name, options.longest)


def _opened(source: Source, encoding: str) -> Iterator[str]:
    for number, chunk in enumerate(chunks(source, encoding)):
        if number == 0 and _HTML.match(chunk):
            raise BadDataError(f"{source.name} is an HTML page by its content. Rename it to .html.")
        front = number == 0 and source.suffix == ".md"
        yield _FRONT_MATTER.sub("", chunk) if front else chunk
