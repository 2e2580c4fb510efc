"""One-time links: made, found by their token, used up once.

Only the SHA-256 of a token is stored; a token has 256 random bits, so there is nothing to guess (OWASP ASVS
5.0, 6.4.1). Does not: send them to anybody; who made a link hands it on.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, delete, or_, select, update
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from security.accounts.database import store_errors
from security.accounts.enrolment import digest, random_text
from security.accounts.identity import Role
from security.accounts.tables import LinkRow
from security.crypto.sealing import RandomBytes

LIFE_S = 7 * 24 * 3600
MAX_TRIES = 5
_TOKEN = 43


@dataclass(frozen=True)
class Made:
    """A link that was just made; its token can be read here and nowhere else."""

    id: str
    name: str | None
    role: Role
    token: str = field(repr=False)


class Links:
    """The links in the database."""

    def __init__(self, engine: Engine, random: RandomBytes = secrets.token_bytes) -> None:
        self._engine = engine
        self._random = random

    def make(
        self,
        session: Session,
        role: Role,
        now: float,
        name: str | None = None,
        user: str | None = None,
        link: str = "",
    ) -> Made:
        """Add a link to a transaction that the caller commits: an invitation, or with `user` a reset.

        `link` is its id, if it was told already.
        """
        token, link = random_text(self._random), link or self.new_id()
        self.sweep(session, now)
        session.add(
            LinkRow(
                id=link,
                digest=digest(token),
                role=role.value,
                name=name,
                user_id=user,
                expires_at=int(now) + LIFE_S,
            )
        )
        return Made(link, name, role, token)

    def new_id(self) -> str:
        """An id for a link that is yet to be made."""
        return self._random(16).hex()

    def sweep(self, session: Session, now: float) -> None:
        """Forget, in a transaction of the caller's, what is used or too old."""
        session.execute(
            delete(LinkRow).where(or_(LinkRow.expires_at <= int(now), LinkRow.used_at.is_not(None)))
        )

    def find(self, token: str, now: float, *, reset: bool) -> LinkRow | None:
        """The link with this token, of the kind that is asked for, if it can still be used."""
        if len(token) != _TOKEN:
            return None
        with store_errors("Please try again in a moment."), Session(self._engine) as session:
            found = session.scalar(select(LinkRow).where(LinkRow.digest == digest(token), *_good(now)))
        return found if found is not None and (found.user_id is not None) == reset else None

    def invitations(self, now: float) -> list[LinkRow]:
        """The invitations that are still open, the latest last."""
        with store_errors("Please try again in a moment."), Session(self._engine) as session:
            return list(
                session.scalars(
                    select(LinkRow)
                    .where(LinkRow.user_id.is_(None), *_good(now))
                    .order_by(LinkRow.expires_at, LinkRow.name)
                )
            )

    def claim(self, session: Session, link: str, now: float) -> bool:
        """Use a link up, in a transaction of the caller's: one UPDATE, which can't be won twice."""
        won = session.execute(
            update(LinkRow)
            .where(LinkRow.id == link, *_good(now))
            .values(used_at=int(now))
            .returning(LinkRow.id)
        )
        return won.scalar_one_or_none() is not None

    def count_try(self, link: str, now: float) -> bool:
        """Note an attempt at a code before it is looked at; False when there were too many.

        Raises:
            StoreError: it can't be counted, so it must not be made.
        """
        with store_errors("Nothing was changed."), Session(self._engine) as session, session.begin():
            counted = session.execute(
                update(LinkRow)
                .where(LinkRow.id == link, LinkRow.tries < MAX_TRIES, *_good(now))
                .values(tries=LinkRow.tries + 1)
                .returning(LinkRow.id)
            )
            return counted.scalar_one_or_none() is not None

    def withdraw(self, link: str) -> None:
        """Make an invitation void; not an error if it is already."""
        with store_errors("The invitation still stands."), Session(self._engine) as session, session.begin():
            session.execute(delete(LinkRow).where(LinkRow.id == link, LinkRow.user_id.is_(None)))

    def void_resets(self, session: Session, user: str) -> None:
        """Make every link to a new password of `user` void, in a transaction of the caller's."""
        session.execute(delete(LinkRow).where(LinkRow.user_id == user))


def _good(now: float) -> tuple[ColumnElement[bool], ...]:
    return LinkRow.used_at.is_(None), LinkRow.expires_at > int(now)
