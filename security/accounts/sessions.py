"""Sessions: a random token in a cookie, its SHA-256 in the database, two limits of time.

OWASP ASVS 5.0, chapter 7. A token has 256 random bits, so a plain hash is enough: there is nothing to
guess. Does not: bind a session to an address or a browser, which would break for travellers and stop
nobody who has stolen a cookie.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import logging
import re
import secrets
from contextlib import AbstractContextManager
from dataclasses import dataclass

from sqlalchemy import bindparam, delete, or_, select, update
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from security.accounts.database import store_errors
from security.accounts.duties import first_duty, owes_consent, owes_passkey
from security.accounts.endings import Endings
from security.accounts.errors import StoreError
from security.accounts.identity import Identity, Role
from security.accounts.settings import AccountSettings
from security.accounts.tables import Disabled, SessionRow, StepUp, User
from security.crypto.sealing import RandomBytes

TOKEN_BYTES = 32
SEEN_EVERY_S = 60
_log = logging.getLogger("asklepion.accounts")
STEP_UP_S = 10 * 60
_HANDLE = re.compile(r"[0-9a-f]{64}", re.ASCII)
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)

# Asked with every request, so put together once.
_HOLDER = (
    select(
        SessionRow.created_at,
        SessionRow.seen_at,
        User.id,
        User.name,
        User.role,
        owes_consent().label("consent"),
        owes_passkey().label("passkey"),
    )
    .join(User, User.id == SessionRow.user_id)
    .outerjoin(Disabled, Disabled.user_id == SessionRow.user_id)
    .where(SessionRow.digest == bindparam("digest"), Disabled.user_id.is_(None))
)


@dataclass(frozen=True)
class OpenSession:
    """A session as its owner sees it. The handle is the stored hash: nobody can sign in with it."""

    handle: str
    started: int
    seen: int
    this_one: bool


class Sessions:
    """The open sessions. Every method blocks on the database."""

    def __init__(
        self, engine: Engine, settings: AccountSettings, random: RandomBytes = secrets.token_bytes
    ) -> None:
        self._engine = engine
        self._idle = settings.idle_s
        self._absolute = settings.absolute_s
        self._random = random
        self.endings = Endings()

    def begin(self, session: Session, user: str, now: float, replaces: str | None = None) -> str:
        """Add a session for `user` to a transaction that the caller commits; returns its token.

        `replaces` is the token of this browser's earlier session, which ends in the same transaction;
        what is over anyway is swept out with it.
        """
        session.execute(
            delete(SessionRow).where(
                or_(SessionRow.seen_at <= now - self._idle, SessionRow.created_at <= now - self._absolute)
            )
        )
        if replaces is not None and _TOKEN.fullmatch(replaces):
            session.execute(delete(SessionRow).where(SessionRow.digest == _digest(replaces)))
        token = base64.urlsafe_b64encode(self._random(TOKEN_BYTES)).rstrip(b"=").decode("ascii")
        session.add(SessionRow(digest=_digest(token), user_id=user, created_at=int(now), seen_at=int(now)))
        return token

    def identify(self, token: str, now: float, *, prolong: bool = True) -> Identity | None:
        """Who holds `token`, if the session is still good; notes at most once a minute that it was seen.

        Without `prolong` it only looks: a page that is left open must not keep its own session alive.

        Raises:
            StoreError: the database can't be read.
        """
        if _TOKEN.fullmatch(token) is None:
            return None
        with store_errors("Please try again in a moment."), Session(self._engine) as session:
            found = session.execute(_HOLDER, {"digest": _digest(token)}).one_or_none()
            if found is None or not self._is_good(found.created_at, found.seen_at, now):
                return None
        if prolong and now - found.seen_at >= SEEN_EVERY_S:
            self._note(token, now)
        return Identity(found.id, found.name, Role(found.role), first_duty(found.consent, found.passkey))

    def end(self, token: str) -> None:
        """Forget the session of `token`; not an error if there is none.

        Raises:
            StoreError: the database can't be written, so the session still stands.
        """
        if _TOKEN.fullmatch(token) is None:
            return
        with (
            store_errors("You are still signed in; please try again."),
            Session(self._engine) as session,
            session.begin(),
        ):
            session.execute(delete(SessionRow).where(SessionRow.digest == _digest(token)))
        self.endings.tell(_digest(token))

    def listening(self, token: str) -> AbstractContextManager[asyncio.Event]:
        """An event that is set when the session of `token` is ended here; for use inside an event loop."""
        return self.endings.listening(_digest(token))

    def open_to(self, user: str, token: str, now: float) -> list[OpenSession]:
        """The sessions of `user` that are still good, the latest first; `token` tells which is this one."""
        with store_errors("Please try again in a moment."), Session(self._engine) as session:
            rows = session.scalars(
                select(SessionRow).where(SessionRow.user_id == user).order_by(SessionRow.seen_at.desc())
            ).all()
        return [
            OpenSession(row.digest.hex(), row.created_at, row.seen_at, row.digest == _digest(token))
            for row in rows
            if self._is_good(row.created_at, row.seen_at, now)
        ]

    def end_one(self, user: str, handle: str) -> bool:
        """End the session with this handle if it is one of `user`; False if it is not.

        Raises:
            StoreError: the database can't be written, so the session still stands.
        """
        if _HANDLE.fullmatch(handle) is None:
            return False
        with store_errors("The session was not ended."), Session(self._engine) as session, session.begin():
            ended = session.execute(
                delete(SessionRow)
                .where(SessionRow.digest == bytes.fromhex(handle), SessionRow.user_id == user)
                .returning(SessionRow.user_id)
            )
            done = ended.scalar_one_or_none() is not None
        if done:
            self.endings.tell(bytes.fromhex(handle))
        return done

    def end_all(self, session: Session, user: str, but: str | None = None) -> None:
        """End the sessions of `user`, save that of the token `but`, in a transaction of the caller's."""
        statement = delete(SessionRow).where(SessionRow.user_id == user)
        if but is not None:
            statement = statement.where(SessionRow.digest != _digest(but))
        session.execute(statement)

    def step_up(self, session: Session, token: str, now: float) -> None:
        """Note in a transaction of the caller's that this session's holder gave password and code again."""
        session.merge(StepUp(digest=_digest(token), at=int(now)))

    def is_stepped_up(self, token: str, now: float) -> bool:
        """Whether that was within the last ten minutes (OWASP ASVS 5.0, 7.5.3).

        Raises:
            StoreError: the database can't be read.
        """
        with store_errors("Please try again in a moment."), Session(self._engine) as session:
            at = session.scalar(select(StepUp.at).where(StepUp.digest == _digest(token)))
        return at is not None and 0 <= now - at < STEP_UP_S

    def _note(self, token: str, now: float) -> None:
        # On a full disk nobody is thrown out: the session is good, it only can't be prolonged.
        try:
            with store_errors("A session was not prolonged."), Session(self._engine) as session:
                session.execute(
                    update(SessionRow).where(SessionRow.digest == _digest(token)).values(seen_at=int(now))
                )
                session.commit()
        except StoreError as error:
            _log.warning("%s", error)

    def _is_good(self, created_at: int, seen_at: int, now: float) -> bool:
        return now - seen_at < self._idle and now - created_at < self._absolute


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("ascii")).digest()
