"""The first pass: every source's documents, repaired and without identifiers, onto the shelf."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from training.corpus.cleaning import repaired
from training.corpus.problems import Note, Problem
from training.corpus.readers import ReadOptions, read
from training.corpus.records import Kind, Record, from_row
from training.corpus.report import Step
from training.corpus.settings import AUTO
from training.corpus.shelf import Shelf
from training.corpus.sources import Source, reason_of
from training.errors import BadDataError

Deidentify = Callable[[str], tuple[str, Mapping[str, int]]]


class _KindsError(BadDataError):
    """The sources hold documents of several kinds; unlike a bad file, this ends the preparation."""


@dataclass
class _Tally:
    """What one source gave; counted for the report only once it is known to be good."""

    kind: Kind | None = None
    documents: int = 0
    read: int = 0
    repaired: int = 0
    without: int = 0
    phi: Counter[str] = field(default_factory=Counter)
    notes: list[Note] = field(default_factory=list)


def read_all(shelf: Shelf, sources: Sequence[Source], deidentify: Deidentify | None) -> None:
    """Read every source. One that turns out bad is taken back whole and reported.

    Raises:
        BadDataError: the sources hold documents of several kinds.
    """
    reading = _Reading(shelf, sources, deidentify)
    for source in sources:
        reading.source(source)
    total = reading.total
    funnel = shelf.builder.funnel
    funnel.append(Step("reading", total.documents, total.read))
    if shelf.settings.repair:
        funnel.append(Step("repair", total.documents, total.repaired))
    if deidentify is not None:
        funnel.append(Step("de-identification", total.documents, total.without))


class _Reading:
    def __init__(self, shelf: Shelf, sources: Sequence[Source], deidentify: Deidentify | None) -> None:
        self._shelf = shelf
        self._deidentify = deidentify
        self._options = ReadOptions(shelf.settings.longest, shelf.settings.columns)
        self._bytes = sum(source.size for source in sources)
        self.total = _Tally()

    def source(self, source: Source) -> None:
        shelf, tally = self._shelf, _Tally()
        before = len(shelf.staged)
        try:
            for one in read(source, self._options):
                self._take(one, source, tally)
        except _KindsError:
            raise
        except BadDataError as error:
            shelf.builder.problem(Problem(source.name, reason_of(error, source.name)))
            self._take_back(before)
            return
        shelf.kind = shelf.kind or tally.kind
        shelf.builder.bytes_read += source.size
        shelf.builder.phi.update(tally.phi)
        for note in tally.notes:
            shelf.builder.note(note)
        total = self.total
        total.documents += tally.documents
        total.read += tally.read
        total.repaired += tally.repaired
        total.without += tally.without
        shelf.tell("reading", shelf.builder.bytes_read, self._bytes, 0)

    def _take(self, one: Record | Problem | Note, source: Source, tally: _Tally) -> None:
        shelf = self._shelf
        if isinstance(one, Problem):
            shelf.builder.problem(one)
            return
        if isinstance(one, Note):
            tally.notes.append(one)
            return
        record = self._of_kind(one, source, tally)
        tally.documents += 1
        tally.read += len(record.content)
        if shelf.settings.repair:
            record = record.rewritten(repaired)
        tally.repaired += len(record.content)
        if self._deidentify is not None and record.kind != "tagged":
            record = self._without_identifiers(record, self._deidentify, tally)
        tally.without += len(record.content)
        if record.kind in ("text", "labelled"):
            shelf.boilerplate.count(record.text)
        shelf.staged.append(record.row())
        shelf.staged_groups.append(_digest(record.group))
        shelf.staged_cuts.append(_digest(record.cut_from))
        shelf.tell("reading", shelf.builder.bytes_read, self._bytes, len(shelf.staged))

    def _of_kind(self, record: Record, source: Source, tally: _Tally) -> Record:
        asked = self._shelf.settings.kind
        if asked == "text":
            record = record.as_text()
        elif asked == "tagged" and record.kind != "tagged":
            raise BadDataError(f"{source.name} has no tags. Give CoNLL columns or a brat pair.")
        elif asked not in (AUTO, record.kind):
            raise BadDataError(f"{source.name} holds {record.kind}, and the set is to hold {asked}.")
        tally.kind = tally.kind or record.kind
        expected = self._shelf.kind or tally.kind
        if record.kind != expected:
            raise _KindsError(
                f"{source.name} holds {record.kind}, and the files before it hold {expected}. Prepare them "
                "as two sets, or set kind to text to use the words of both."
            )
        return record

    def _without_identifiers(self, record: Record, deidentify: Deidentify, tally: _Tally) -> Record:
        def rewrite(text: str) -> str:
            out, counts = deidentify(text)
            tally.phi.update(counts)
            return out

        return record.rewritten(rewrite)

    def _take_back(self, before: int) -> None:
        shelf = self._shelf
        kind = None
        for row in shelf.staged.rows(before):
            kind = kind or _text_kind(row)
            if kind is not None:
                shelf.boilerplate.count(from_row(row, kind).text, by=-1)
        shelf.staged.truncate(before)
        del shelf.staged_groups[before:], shelf.staged_cuts[before:]


def _text_kind(row: Mapping[str, object]) -> Kind | None:
    if "text" not in row:
        return None
    return "labelled" if "label" in row else "text"


def _digest(name: str) -> int:
    """A number for a group; 0 for none."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest()) | 1 if name else 0
