"""What could not be read or has to be said about a source, and the error of a set with nothing left in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from training.errors import BadDataError

if TYPE_CHECKING:
    from training.corpus.report import Report


@dataclass(frozen=True)
class Problem:
    """A file, or one line of it (`line` from 1), that was left out, and why; what to do is in the reason."""

    source: str
    reason: str
    line: int | None = None

    def __str__(self) -> str:
        return f"{self.source}{'' if self.line is None else f', line {self.line}'}: {self.reason}"


@dataclass(frozen=True)
class Note:
    """Something that was done to a source and that its owner should know; nothing was left out."""

    source: str
    remark: str

    def __str__(self) -> str:
        return f"{self.source}: {self.remark}"


class BadRowError(BadDataError):
    """One line or row can't be used; the rest of the file can."""


class EmptySetError(BadDataError):
    """Nothing is left after cleaning; `report` says where it went."""

    def __init__(self, message: str, report: Report) -> None:
        super().__init__(message)
        self.report = report
