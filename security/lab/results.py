"""What people answered in the quizzes: one row for each person and lesson, for them and for their teacher.

No answers are kept, only how many were right at first and at best, and in how many attempts: the first tells
what was known, the best what was learned. Who may read whose is the caller's decision.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import BigInteger, ColumnElement, String, case, insert, literal, select, true, update
from sqlalchemy.engine import Engine
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from security.lab.errors import LabError
from security.spreadsheets import harmless


class Base(DeclarativeBase):
    """Tables of the lab."""


class StandingRow(Base):
    """All attempts of one person at one quiz; `at` is when the last was, in Unix seconds."""

    __tablename__ = "lab_standings"

    user: Mapped[str] = mapped_column(String(64), primary_key=True)
    lesson: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    attempts: Mapped[int]
    first: Mapped[int]
    best: Mapped[int]
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
    """All attempts of one person at one quiz."""

    name: str
    lesson: str
    attempts: int
    first: int
    best: int
    total: int


class Results:
    """The standings in the database."""

    def __init__(
        self, engine: Engine, is_here: Callable[[str], ColumnElement[bool]] = lambda _: true()
    ) -> None:
        """`is_here`: in the database's words, whether there still is a user; nothing is begun for others."""
        self._engine = engine
        self._is_here = is_here
        Base.metadata.create_all(engine)

    def record(self, attempt: Attempt) -> None:
        """Count one attempt.

        Raises:
            LabError: the database can't be written to.
        """
        try:
            if not self._counted(attempt):
                try:
                    self._begun(attempt)
                except IntegrityError:
                    self._counted(attempt)  # a second window was quicker
        except SQLAlchemyError as error:
            raise LabError("Your result could not be saved. Check your answers again in a moment.") from error

    def _counted(self, attempt: Attempt) -> bool:
        row = StandingRow
        change = (
            update(row)
            .where(row.user == attempt.user, row.lesson == attempt.lesson)
            .values(
                name=attempt.name,
                attempts=row.attempts + 1,
                best=case((row.best < attempt.right, attempt.right), else_=row.best),
                total=attempt.total,
                at=attempt.at,
            )
            .returning(row.user)
        )
        with Session(self._engine) as session, session.begin():
            return session.scalar(change) is not None

    def _begun(self, attempt: Attempt) -> None:
        values = {
            "user": attempt.user,
            "lesson": attempt.lesson,
            "name": attempt.name,
            "attempts": 1,
            "first": attempt.right,
            "best": attempt.right,
            "total": attempt.total,
            "at": attempt.at,
        }
        # In one statement: who is deleted meanwhile must not come back.
        row = select(*map(literal, values.values())).where(self._is_here(attempt.user))
        with Session(self._engine) as session, session.begin():
            session.execute(insert(StandingRow).from_select(list(values), row))

    def of(self, user: str | None = None) -> list[Standing]:
        """The standings of a user, or of everybody, in the order of names.

        Raises:
            LabError: the database can't be read.
        """
        query = select(StandingRow)
        if user is not None:
            query = query.where(StandingRow.user == user)
        try:
            with Session(self._engine) as session:
                rows = list(session.scalars(query))
        except SQLAlchemyError as error:
            raise LabError("The results could not be read. Try again in a moment.") from error
        found = [Standing(r.name, r.lesson, r.attempts, r.first, r.best, r.total) for r in rows]
        return sorted(found, key=lambda one: (one.name.casefold(), one.lesson))


def as_csv(found: Sequence[Standing]) -> str:
    """For a spreadsheet. A name that it would take for a formula is made text (CWE-1236)."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)  # some spreadsheets split at ; or tabs
    writer.writerow(["name", "lesson", "attempts", "right at first", "right at best", "questions"])
    for one in found:
        writer.writerow([harmless(one.name), one.lesson, one.attempts, one.first, one.best, one.total])
    return out.getvalue()
