"""Conversations at rest: one sealed record per user. What is in a record only its owner's key can open.

It doesn't decide who a user is, and it knows nothing of pages or models.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Protocol

from sqlalchemy import LargeBinary, String
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from assistant.errors import AssistantError
from assistant.page.turns import Turn
from assistant.types import Done, Extracted, Finding, Passage, SentenceCheck, Timings, Triage
from security.crypto.errors import CryptoError

CONTEXT = "assistant.conversation"
KEPT_TURNS = 60


class StoreError(AssistantError):
    """A conversation could not be kept or read again."""


class Sealer(Protocol):
    """Seals for one user; the context binds a record to its purpose."""

    def seal(self, user: str, plaintext: bytes, context: str) -> bytes:
        """Sealed under the user's data key."""

    def unseal(self, user: str, sealed: bytes, context: str) -> bytes:
        """The plaintext, if it was sealed for this user and context and nobody touched it."""


class Base(DeclarativeBase):
    """Tables of the assistant."""


class Record(Base):
    """A user's conversation, sealed."""

    __tablename__ = "assistant_conversations"
    user: Mapped[str] = mapped_column(String(64), primary_key=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)


class Conversations:
    """Keeps the last turns of each user."""

    def __init__(self, engine: Engine, sealer: Sealer) -> None:
        self._engine = engine
        self._sealer = sealer
        Base.metadata.create_all(engine)

    def save(self, user: str, turns: Sequence[Turn]) -> None:
        """Replace what is kept.

        Raises:
            StoreError: the disk or the database refuses, or the text can't be sealed.
        """
        content = json.dumps([_to_json(turn) for turn in turns[-KEPT_TURNS:]], ensure_ascii=False)
        try:
            # surrogatepass: half a character, as a browser may send it, must not keep the rest unsaved.
            sealed = self._sealer.seal(user, content.encode("utf-8", "surrogatepass"), CONTEXT)
            with Session(self._engine) as session, session.begin():
                session.merge(Record(user=user, sealed=sealed))
        except (SQLAlchemyError, CryptoError) as error:
            raise StoreError(
                "The conversation could not be saved; is the disk full? "
                "What is on this page is lost when you leave it."
            ) from error

    def load(self, user: str) -> tuple[Turn, ...]:
        """What is kept, oldest first.

        Raises:
            StoreError: the database can't be read, or the record doesn't open or has another version's form.
        """
        try:
            with Session(self._engine) as session:
                record = session.get(Record, user)
            if record is None:
                return ()
            content = self._sealer.unseal(user, record.sealed, CONTEXT)
            return tuple(_from_json(item) for item in json.loads(content))
        except (SQLAlchemyError, CryptoError, ValueError, KeyError, TypeError) as error:
            raise StoreError(
                "The conversation that was kept can't be read: the database was damaged or changed, or "
                "another key or version wrote it. Restore the database and the key from one backup."
            ) from error

    def delete(self, user: str) -> None:
        """Forget everything of a user.

        Raises:
            StoreError: the database refuses.
        """
        try:
            with Session(self._engine) as session, session.begin():
                record = session.get(Record, user)
                if record is not None:
                    session.delete(record)
        except SQLAlchemyError as error:
            raise StoreError(
                "The conversation could not be deleted; is the disk full, or the database read-only? "
                "What was kept is still there."
            ) from error


def _to_json(turn: Turn) -> dict[str, Any]:
    return asdict(turn)


def _from_json(item: dict[str, Any]) -> Turn:
    done = item["done"]
    return Turn(
        id=item["id"],
        question=item["question"],
        note=item["note"],
        note_name=item["note_name"],
        triage=Triage(item["triage"]["level"], tuple(item["triage"]["reasons"]), item["triage"]["advice"]),
        extracted=tuple(
            Extracted(event["text"], tuple(Finding(**finding) for finding in event["findings"]))
            for event in item["extracted"]
        ),
        passages=None
        if item["passages"] is None
        else tuple(Passage(**passage) for passage in item["passages"]),
        answer=item["answer"],
        checks=tuple(
            SentenceCheck(check["text"], check["kind"], tuple(check["citations"]), check["score"])
            for check in item["checks"]
        ),
        done=None
        if done is None
        else Done(
            done["answer"], done["model"], Timings(**done["timings"]), done["stopped"], tuple(done["notices"])
        ),
        status=item["status"],
        error=item["error"],
    )
