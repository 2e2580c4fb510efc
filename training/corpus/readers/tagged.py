"""Text with tags: two columns as in CoNLL, and brat pairs. A sentence is a document, grouped by its text."""

from __future__ import annotations

import re
from collections.abc import Iterator

from assistant.errors import CorpusError
from assistant.extraction.corpora import as_iob, brat_document
from training.corpus.lines import bounded_lines, encoding_of
from training.corpus.problems import BadRowError, Note, Problem
from training.corpus.readers.options import ReadOptions, is_legacy
from training.corpus.readers.tags import TAG, as_iob2
from training.corpus.records import Record
from training.corpus.sources import Source
from training.errors import BadDataError

LONGEST_SENTENCE = 5_000
MAX_BRAT_BYTES = 16 * 1024 * 1024
_SPAN = re.compile(r"T\S+\t\S+ (?P<start>\d+) (?P<end>\d+)\t(?P<covered>.*)")
_DOCUMENT = "-DOCSTART-"
_LOOK = 40


def looks_tagged(source: Source) -> bool:
    """Whether a file's first lines are tokens with tags, whatever it is called."""
    encoding = encoding_of(source)
    seen = 0
    for number, line in bounded_lines(source, encoding):
        if line is None or number > 2 * _LOOK:
            break
        if not line.strip() or line.startswith(_DOCUMENT):
            continue
        columns = line.split()
        if len(columns) < 2 or not TAG.fullmatch(columns[-1]):
            return False
        seen += 1
        if seen == _LOOK:
            break
    return seen > 0


def read_conll(source: Source, options: ReadOptions) -> Iterator[Record | Problem | Note]:
    """Token and tag on a line, sentences apart by a blank line; of more columns the first and last count.

    Where -DOCSTART- marks documents, their sentences stay together in the split.

    Raises:
        BadDataError: a line is not a token with its tag; nothing of the file is used then.
    """
    del options  # a sentence is never cut
    encoding = encoding_of(source)
    yield from is_legacy(source, encoding)
    tokens: list[str] = []
    tags: list[str] = []
    document = 0
    for number, line in bounded_lines(source, encoding):
        columns = [] if line is None else line.split("\t") if "\t" in line else line.split()
        columns = [column.strip() for column in columns]
        ends = line is not None and (not line.strip() or columns[0] == _DOCUMENT)
        if ends:
            document += columns[:1] == [_DOCUMENT]
            yield from _sentence(tokens, tags, source, document)
            tokens, tags = [], []
            continue
        if len(columns) < 2 or not columns[0] or not TAG.fullmatch(columns[-1]):
            raise BadDataError(
                f"{source.name}, line {number}: expected a token, a tab and a tag such as O, B-Disease or "
                "I-Disease. Labels that don't align would teach nonsense, so nothing of the file was used."
            )
        tokens.append(columns[0])
        tags.append(columns[-1])
        if len(tokens) > LONGEST_SENTENCE:
            raise BadDataError(
                f"{source.name}, line {number}: a sentence has more than {LONGEST_SENTENCE:,} tokens. Put a "
                "blank line after each sentence."
            )
    yield from _sentence(tokens, tags, source, document)


def _sentence(tokens: list[str], tags: list[str], source: Source, document: int) -> Iterator[Record]:
    if tokens:
        group = f"{source.name}, document {document}" if document else ""
        yield Record("tagged", tokens=tuple(tokens), tags=as_iob2(tags), group=group)


def read_brat_pair(source: Source, options: ReadOptions) -> Iterator[Record | Problem | Note]:
    """A brat pair: each line of the text is a sentence; a text's sentences stay together in the split.

    Raises:
        BadDataError: one of the two can't be read, or a span doesn't cover the words it names.
    """
    del options  # a sentence is never cut
    if source.annotations is None:
        raise BadDataError(f"{source.name} has no .ann beside it. Give both.")
    if max(source.size, source.safe.size(source.annotations)) > MAX_BRAT_BYTES:
        raise BadDataError(
            f"{source.name} is larger than {MAX_BRAT_BYTES // 1024**2} MB. Break it into texts."
        )
    try:
        with source.open() as stream:
            text = stream.read().decode("utf-8")
        annotations = source.safe.read_text(source.annotations)
        document = brat_document(source.path.stem, text, annotations)
    except (CorpusError, UnicodeDecodeError) as error:
        raise BadDataError(
            f"{source.name} and its .ann don't fit: one is not UTF-8, or a span ends past the text."
        ) from error
    _check_covered(document.text, annotations, source)
    columns = as_iob([document], {span.label for span in document.spans})
    for sentence in columns.split("\n\n"):
        pairs = [line.split("\t") for line in sentence.split("\n") if line]
        if pairs:
            tokens, tags = zip(*pairs, strict=True)
            try:
                yield Record("tagged", tokens=tokens, tags=as_iob2(tags), group=source.name)
            except BadRowError as error:
                raise BadDataError(f"{source.name}: {error}") from error


def _check_covered(text: str, annotations: str, source: Source) -> None:
    for number, line in enumerate(annotations.split("\n"), start=1):
        match = _SPAN.fullmatch(line.rstrip("\r"))
        if match is None:
            continue
        covered = text[int(match["start"]) : int(match["end"])]
        if covered.split() != match["covered"].split():
            raise BadDataError(
                f"{source.name}: line {number} of its .ann names {match['covered'][:40]!r} where the text "
                f"has {covered[:40]!r}. The labels don't align; export the pair anew."
            )
