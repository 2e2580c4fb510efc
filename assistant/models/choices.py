"""What each user has chosen to answer and to mark facts, and what they had chosen before.

It keeps names and places. It doesn't look whether a model is there, and it loads none.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from pathlib import Path
from types import EllipsisType

from sqlalchemy import String, Text, select
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Mapped, Session, mapped_column

from assistant.conversations import Base, StoreError
from assistant.errors import BadInputError

KEPT_CHOICES = 20


@dataclass(frozen=True)
class Choice:
    """A generator (a GGUF file, or a folder with safetensors) and a tagger (a folder).

    None is the house's own, and its name is empty.
    """

    generator: Path | None = None
    tagger: Path | None = None
    generator_name: str = ""
    tagger_name: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """The versions in use that are not the house's own."""
        return tuple(
            name
            for path, name in ((self.generator, self.generator_name), (self.tagger, self.tagger_name))
            if path is not None
        )


class ChoiceRow(Base):
    """One choice of a user; the last one holds."""

    __tablename__ = "assistant_choices"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    user: Mapped[str] = mapped_column(String(64), index=True)
    generator: Mapped[str | None] = mapped_column(Text)
    tagger: Mapped[str | None] = mapped_column(Text)
    generator_name: Mapped[str] = mapped_column(Text)
    tagger_name: Mapped[str] = mapped_column(Text)


class Choices:
    """Keeps each user's last choices in order, so that each can be taken back."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        Base.metadata.create_all(engine)

    def current(self, user: str) -> Choice:
        """What holds now; the house's own for who has chosen nothing.

        Raises:
            StoreError: the database can't be read.
        """
        try:
            with Session(self._engine) as session:
                rows = _rows(session, user)
                return _choice(rows[-1]) if rows else Choice()
        except SQLAlchemyError as error:
            raise StoreError(
                "Your choice of model can't be read; is the database damaged? Nothing was answered."
            ) from error

    def choose(
        self,
        user: str,
        *,
        generator: Path | EllipsisType | None = ...,
        tagger: Path | EllipsisType | None = ...,
        generator_name: str = "",
        tagger_name: str = "",
    ) -> Choice:
        """Choose one or both; what isn't given stays as it is, and None is the house's own.

        A name that isn't given is the file's or folder's. Choosing what holds already changes nothing.

        Raises:
            StoreError: the choice can't be kept.
        """
        with self._lock:
            before = self.current(user)
            after = before
            if not isinstance(generator, EllipsisType):
                after = replace(
                    after,
                    generator=_absolute(generator),
                    generator_name=_named(generator, generator_name),
                )
            if not isinstance(tagger, EllipsisType):
                after = replace(after, tagger=_absolute(tagger), tagger_name=_named(tagger, tagger_name))
            if after != before:
                self._add(user, after)
            return after

    def roll_back(self, user: str) -> Choice:
        """Go back to the choice before the last one; at last to the house's own.

        Raises:
            BadInputError: nothing was chosen.
            StoreError: the database refuses.
        """
        with self._lock:
            try:
                with Session(self._engine) as session, session.begin():
                    rows = _rows(session, user)
                    if not rows:
                        raise BadInputError("There is no choice to take back: the house's models answer you.")
                    session.delete(rows[-1])
                    return _choice(rows[-2]) if len(rows) > 1 else Choice()
            except SQLAlchemyError as error:
                raise StoreError(
                    "The choice could not be taken back; is the disk full, or the database read-only? "
                    "It still holds."
                ) from error

    def in_use(self, user: str, name: str) -> bool:
        """Whether a version answers the user, or marks their facts, by their choice.

        Raises:
            StoreError: the database can't be read.
        """
        return name in self.current(user).names

    def _add(self, user: str, choice: Choice) -> None:
        try:
            with Session(self._engine) as session, session.begin():
                for old in _rows(session, user)[: -(KEPT_CHOICES - 1)]:
                    session.delete(old)
                session.add(
                    ChoiceRow(
                        user=user,
                        generator=_text(choice.generator),
                        tagger=_text(choice.tagger),
                        generator_name=choice.generator_name,
                        tagger_name=choice.tagger_name,
                    )
                )
        except SQLAlchemyError as error:
            raise StoreError(
                "The choice could not be kept; is the disk full, or the database read-only? "
                "The one before it still holds."
            ) from error


def _rows(session: Session, user: str) -> list[ChoiceRow]:
    return list(session.scalars(select(ChoiceRow).where(ChoiceRow.user == user).order_by(ChoiceRow.id)))


def _choice(row: ChoiceRow) -> Choice:
    generator, tagger = (None if text is None else Path(text) for text in (row.generator, row.tagger))
    return Choice(generator, tagger, row.generator_name, row.tagger_name)


def _absolute(path: Path | None) -> Path | None:
    return None if path is None else path.absolute()


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _named(path: Path | None, name: str) -> str:
    return "" if path is None else name or path.name.removesuffix(".gguf")
