"""What people answered in the quizzes: each attempt a row, for themselves and for their teacher.

No answers are kept, only how many were right. Who may read whose is the caller's decision.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import BigInteger, String, select
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from security.lab.errors import LabError

MOST_ROWS = 20_000
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Base(DeclarativeBase):
    """Tables of the lab."""


class ResultRow(Base):
    """One attempt; `at` is in Unix seconds."""

    __tablename__ = "lab_results"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    user: Mapped[str] = mapped_column(String(64), index=True)
    name: Mapped[str] = mapped_column(String(64))
    lesson: Mapped[str] = mapped_column(String(64))
    right: Mapped[int]
    total: Mapped[int]
    at: Mapped[int] = mapped_column(BigInteger)


@dataclass(frozen=True)
class Attempt:
    """One attempt at a lesson's quiz."""

    user: str
    name: str
    lesson: str
    right: int
    total: int
    at: int


@dataclass(frozen=True)
class Standing:
    """All attempts of one person at one quiz: the first tells what was known, the best what was learned."""

    name: str
    lesson: str
    attempts: int
    first: int
    best: int
    total: int


class Results:
    """The attempts in the database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        Base.metadata.create_all(engine)

    def record(self, attempt: Attempt) -> None:
        """Keep one attempt.

        Raises:
            LabError: the database can't be written to.
        """
        row = ResultRow(**vars(attempt))
        try:
            with Session(self._engine) as session, session.begin():
                session.add(row)
        except SQLAlchemyError as error:
            raise LabError("Your result could not be saved. Check your answers again in a moment.") from error

    def of(self, user: str | None = None) -> list[Attempt]:
        """The attempts of a user, or of everybody, in the order in which they were made.

        Raises:
            LabError: the database can't be read.
        """
        query = select(ResultRow).order_by(ResultRow.id.desc()).limit(MOST_ROWS)
        if user is not None:
            query = query.where(ResultRow.user == user)
        try:
            with Session(self._engine) as session:
                rows = list(session.scalars(query))
        except SQLAlchemyError as error:
            raise LabError("The results could not be read. Try again in a moment.") from error
        return [Attempt(r.user, r.name, r.lesson, r.right, r.total, r.at) for r in reversed(rows)]


def standings(attempts: Sequence[Attempt]) -> list[Standing]:
    """One line for each person and lesson, in the order of names."""
    grouped: dict[tuple[str, str], list[Attempt]] = {}
    for attempt in attempts:
        grouped.setdefault((attempt.user, attempt.lesson), []).append(attempt)
    found = [
        Standing(
            tries[-1].name,
            tries[0].lesson,
            len(tries),
            tries[0].right,
            max(a.right for a in tries),
            tries[-1].total,
        )
        for tries in grouped.values()
    ]
    return sorted(found, key=lambda one: (one.name.casefold(), one.lesson))


def as_csv(found: Sequence[Standing]) -> str:
    """For a spreadsheet. A name that it would take for a formula is made text (CWE-1236)."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["name", "lesson", "attempts", "right at first", "right at best", "questions"])
    for one in found:
        name = f"'{one.name}" if one.name.startswith(_FORMULA) else one.name
        writer.writerow([name, one.lesson, one.attempts, one.first, one.best, one.total])
    return out.getvalue()
