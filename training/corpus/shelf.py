"""What a preparation works on: rows in files, and for each document a few numbers in memory."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from training.corpus.boilerplate import Boilerplate
from training.corpus.duplicates import Signatures
from training.corpus.records import Kind
from training.corpus.report import ReportBuilder
from training.corpus.settings import PrepareSettings
from training.corpus.staging import RowFile
from training.safe import PLAIN, Safe

_EVERY = 256


@dataclass(frozen=True)
class Progress:
    """How far a step is: `done` of `total`, in bytes while reading and in documents after that."""

    step: str
    done: int
    total: int


def _numbers() -> array[int]:
    return array("Q")


@dataclass
class Marks:
    """What the choice of duplicates and of the split looks at, one number a document.

    Digests of what it says (`high`, `low` without case and layout, `key` to the letter), of its group and
    of the text that it was cut from (0 for none), its characters and length, and whether it must stay.
    """

    high: array[int] = field(default_factory=_numbers)
    low: array[int] = field(default_factory=_numbers)
    key: array[int] = field(default_factory=_numbers)
    group: array[int] = field(default_factory=_numbers)
    cut: array[int] = field(default_factory=_numbers)
    characters: array[int] = field(default_factory=_numbers)
    length: array[int] = field(default_factory=_numbers)
    stays: array[int] = field(default_factory=lambda: array("B"))


class Shelf:
    """The rows as read (`staged`), the rows that passed the rules (`clean`), and what is known of them."""

    def __init__(
        self,
        work: Path,
        settings: PrepareSettings,
        builder: ReportBuilder,
        on_progress: Callable[[Progress], None],
        safe: Safe = PLAIN,
    ) -> None:
        self.settings = settings
        self.safe = safe
        self.builder = builder
        self.boilerplate = Boilerplate(settings.boilerplate_share)
        self.marks = Marks()
        self.kind: Kind | None = None
        self.staged_groups = _numbers()
        self.staged_cuts = _numbers()
        self._on_progress = on_progress
        with ExitStack() as stack:
            self.staged = stack.enter_context(RowFile(work / "staged.jsonl", safe))
            self.clean = stack.enter_context(RowFile(work / "clean.jsonl", safe))
            self.signatures = stack.enter_context(Signatures(work / "signatures", safe))
            self._stack = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def set_kind(self) -> Kind:
        """The kind of the documents; known once a source has been read."""
        assert self.kind is not None
        return self.kind

    def tell(self, step: str, done: int, total: int, count: int) -> None:
        """Report progress, once in a while as `count` rises."""
        if count % _EVERY == 0:
            self._on_progress(Progress(step, done, total))
