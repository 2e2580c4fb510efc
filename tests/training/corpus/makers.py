"""Files and texts for the tests: made here, small, and the same in every run."""

from __future__ import annotations

import io
import json
import random
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import docx
import pypdf
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

from training.corpus.problems import Note, Problem
from training.corpus.readers import ReadOptions, read
from training.corpus.records import Record
from training.corpus.sources import Source

NOTE = "The patient is a 54-year-old man who was seen in clinic for chest pain and shortness of breath."
_SYLLABLES = [first + vowel for first in "bdfgklmnprstvz" for vowel in "aeiou"]
_LITTLE = ["the", "of", "and", "to", "in", "was", "for", "with"]


def words(rng: random.Random, count: int) -> list[str]:
    """Made-up words among the little ones of English."""
    return [
        rng.choice(_LITTLE) if rng.random() < 0.3 else "".join(rng.choices(_SYLLABLES, k=rng.randint(2, 4)))
        for _ in range(count)
    ]


def texts(seed: int, count: int, length: int = 60) -> list[str]:
    """Texts that have hardly a pair of words in common."""
    rng = random.Random(seed)
    return [" ".join(words(rng, length)) + "." for _ in range(count)]


def jsonl(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def text_set(path: Path, documents: Sequence[str]) -> Path:
    return jsonl(path, [{"text": text} for text in documents])


def a_pdf(text: str, password: str | None = None) -> bytes:
    writer = pypdf.PdfWriter()
    page = writer.add_blank_page(300, 300)
    font = {"/Type": "/Font", "/Subtype": "/Type1", "/BaseFont": "/Helvetica"}
    named = DictionaryObject({NameObject(key): NameObject(value) for key, value in font.items()})
    fonts = DictionaryObject({NameObject("/F1"): named})
    page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
    stream = DecodedStreamObject()
    stream.set_data(f"BT /F1 12 Tf 20 200 Td ({text}) Tj ET".encode())
    page[NameObject("/Contents")] = writer._add_object(stream)
    if password is not None:
        writer.encrypt(password)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def a_docx(paragraphs: Sequence[str], table: Sequence[Sequence[str]] = ()) -> bytes:
    document = docx.Document()
    for paragraph in paragraphs:
        document.add_paragraph(paragraph)
    if table:
        grid = document.add_table(len(table), len(table[0]))
        for row, cells in zip(grid.rows, table, strict=True):
            for cell, text in zip(row.cells, cells, strict=True):
                cell.text = text
    document.add_paragraph("End of the note.")
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def a_zip(members: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def read_file(
    path: Path, content: bytes | None = None, options: ReadOptions | None = None
) -> tuple[list[Record], list[Problem], list[Note]]:
    """What reading the file gives: documents, problems, notes."""
    if content is not None:
        path.write_bytes(content)
    annotations = path.with_suffix(".ann")
    source = Source(path.name, str(path), str(annotations) if annotations.exists() else "")
    out = list(read(source, options or ReadOptions()))
    return (
        [one for one in out if isinstance(one, Record)],
        [one for one in out if isinstance(one, Problem)],
        [one for one in out if isinstance(one, Note)],
    )
