"""Readers of annotated text: IOB columns and brat stand-off, both as text with character spans.

Nothing here tokenizes for a model; a document is its text and its spans, in code points.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from assistant.errors import CorpusError

_BRAT_SPAN = re.compile(r"^T\S+\t(?P<label>\S+) (?P<offsets>[\d ;]+)\t")


@dataclass(frozen=True)
class Span:
    """A labelled stretch of text, offsets in code points, end exclusive."""

    start: int
    end: int
    label: str


@dataclass(frozen=True)
class Document:
    """A text and what is marked in it. `sentences` are the (start, end) of its sentences, if known."""

    name: str
    text: str
    spans: tuple[Span, ...]
    sentences: tuple[tuple[int, int], ...] = ()


def _sentences_of(path: Path) -> Iterator[list[tuple[str, str]]]:
    try:
        content = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CorpusError(f"{path} can't be read as UTF-8 text: {error}") from error
    sentence: list[tuple[str, str]] = []
    # Split on line feeds alone: splitlines() would also cut at U+2028, U+0085 and the like inside a token.
    for number, line in enumerate(content.replace("\r\n", "\n").split("\n"), start=1):
        if not line.strip():
            if sentence:
                yield sentence
            sentence = []
            continue
        columns = line.split("\t")
        if len(columns) != 2 or not columns[0] or not re.fullmatch(r"O|[BI]-\S+", columns[1]):
            raise CorpusError(
                f"{path}, line {number}: expected 'token TAB tag' with a tag such as O, B-Disease "
                "or I-Disease."
            )
        sentence.append((columns[0], columns[1]))
    if sentence:
        yield sentence


def read_iob(path: Path) -> Document:
    """A two-column IOB file as one document: tokens joined by spaces, sentences by newlines.

    An `I-` that continues nothing opens a span, as in the original IOB scheme.

    Raises:
        CorpusError: the file can't be read or a line is not `token TAB tag`.
    """
    pieces: list[str] = []
    spans: list[Span] = []
    sentences: list[tuple[int, int]] = []
    at = 0
    for sentence in _sentences_of(path):
        begin = at
        open_span: tuple[int, int, str] | None = None
        for token, tag in sentence:
            start, end = at, at + len(token)
            kind, _, label = tag.partition("-")
            if kind == "I" and open_span is not None and open_span[2] == label:
                open_span = (open_span[0], end, label)
            else:
                if open_span is not None:
                    spans.append(Span(*open_span))
                open_span = (start, end, label) if kind != "O" else None
            pieces.append(token)
            pieces.append(" ")
            at = end + 1
        if open_span is not None:
            spans.append(Span(*open_span))
        pieces[-1] = "\n"
        sentences.append((begin, at - 1))
    if not sentences:
        raise CorpusError(f"{path} has no tokens in it.")
    return Document(path.stem, "".join(pieces), tuple(spans), tuple(sentences))


def read_brat(text_path: Path) -> Document:
    """A brat pair `name.txt` and `name.ann`; a span in parts counts from its first character to its last.

    Raises:
        CorpusError: one of the two can't be read, or a span lies outside the text.
    """
    try:
        text = text_path.read_bytes().decode("utf-8")
        annotations = text_path.with_suffix(".ann").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CorpusError(f"{text_path} and its .ann can't be read: {error}") from error
    return brat_document(text_path.stem, text, annotations)


def brat_document(name: str, text: str, annotations: str) -> Document:
    """What `read_brat` makes of the two texts.

    Raises:
        CorpusError: a span lies outside the text.
    """
    spans = []
    for line in annotations.split("\n"):
        match = _BRAT_SPAN.match(line)
        if match is None:
            continue
        numbers = [int(number) for number in re.findall(r"\d+", match["offsets"])]
        start, end = min(numbers), max(numbers)
        if end > len(text):
            raise CorpusError(f"{name}.ann: a span ends at {end}, past the text's end.")
        spans.append(Span(start, end, match["label"]))
    return Document(name, text, tuple(sorted(spans, key=lambda span: (span.start, span.end))))


def read_brat_folder(folder: Path) -> list[Document]:
    """Every brat pair of a folder, by name.

    Raises:
        CorpusError: the folder holds none.
    """
    paths = sorted(path for path in folder.glob("*.txt") if path.with_suffix(".ann").is_file())
    if not paths:
        raise CorpusError(f"{folder} holds no pairs of .txt and .ann files.")
    return [read_brat(path) for path in paths]


def as_iob(documents: Sequence[Document], labels: Collection[str]) -> str:
    """Documents as IOB columns: tokens are words and single punctuation marks, a line of text is a sentence.

    Of overlapping spans the longer is written; a span that starts inside a token is left out.
    """
    out: list[str] = []
    for document in documents:
        covered: dict[int, Span] = {}
        spans = [span for span in document.spans if span.label in labels]
        for span in sorted(spans, key=lambda span: span.start - span.end):
            if not any(at in covered for at in range(span.start, span.end)):
                covered.update(dict.fromkeys(range(span.start, span.end), span))
        for line in re.finditer(r"[^\n]+", document.text):
            rows = []
            for token in re.finditer(r"\w+|[^\w\s]", line[0]):
                at = line.start() + token.start()
                around = covered.get(at)
                if around is None:
                    rows.append(f"{token[0]}\tO")
                else:
                    rows.append(f"{token[0]}\t{'B' if around.start == at else 'I'}-{around.label}")
            if rows:
                out.append("\n".join(rows) + "\n")
    return "\n".join(out)
