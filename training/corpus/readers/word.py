"""Word documents (.docx): paragraphs and tables in their order. Headers, notes and pictures are left out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from training.corpus.archives import DOCUMENT_LIMITS, opened
from training.corpus.problems import Note, Problem
from training.corpus.readers.options import ReadOptions, texts_of
from training.corpus.records import Record
from training.corpus.sources import Source
from training.errors import BadDataError

if TYPE_CHECKING:
    from docx.table import Table


def read_docx(source: Source, options: ReadOptions) -> Iterator[Record | Problem | Note]:
    """A .docx file as one text, the cells of a table's row apart by tabs.

    Raises:
        BadDataError: it is damaged, no Word document, or a zip bomb.
    """
    with opened(source.path, source.name, DOCUMENT_LIMITS, source.safe) as archive:
        if "word/document.xml" not in archive.namelist():
            raise BadDataError(f"{source.name} is not a Word document by its content. Save it as .docx anew.")
    yield from texts_of(_blocks(source), source.name, options.longest)


def _blocks(source: Source) -> Iterator[str]:
    import docx
    import docx.opc.exceptions
    from docx.text.paragraph import Paragraph

    try:
        with source.open() as stream:
            document = docx.Document(stream)
        for block in document.iter_inner_content():
            if isinstance(block, Paragraph):
                yield block.text + "\n"
            else:
                yield from _rows(block)
    # What python-docx raises on a file that only looks like a document; broken XML is a SyntaxError.
    except (
        docx.opc.exceptions.OpcError,
        SyntaxError,
        KeyError,
        ValueError,
        TypeError,
        AttributeError,
        IndexError,
        RecursionError,
    ) as error:
        raise BadDataError(
            f"{source.name} is a damaged Word document. Open it in Word or LibreOffice and save it anew."
        ) from error


def _rows(table: Table) -> Iterator[str]:
    for row in table.rows:
        cells: list[str] = []
        previous = None
        for cell in row.cells:
            if cell._tc is not previous:  # a merged cell is handed out once for each column that it spans
                cells.append(" ".join(cell.text.split()))
            previous = cell._tc
        yield "\t".join(cells) + "\n"
