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

from sqlalchemy import delete, or_, select, update
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from security.accounts.database import store_errors
from security.accounts.endings import Endings
from security.accounts.errors import StoreError
from security.accounts.identity import Identity, Role
from security.accounts.settings import AccountSettings
from security.accounts.tables import SessionRow, User
from security.crypto.sealing import RandomBytes

TOKEN_BYTES = 32
SEEN_EVERY_S = 60
_log = logging.getLogger("asklepion.accounts")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


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
            found = session.execute(
                select(SessionRow.created_at, SessionRow.seen_at, User.id, User.name, User.role)
                .join(User, User.id == SessionRow.user_id)
                .where(SessionRow.digest == _digest(token))
            ).one_or_none()
            if found is None or not self._is_good(found.created_at, found.seen_at, now):
                return None
        if prolong and now - found.seen_at >= SEEN_EVERY_S:
            self._note(token, now)
        return Identity(found.id, found.name, Role(found.role))

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
