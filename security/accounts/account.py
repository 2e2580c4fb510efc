"""A person's own account: proving again who one is, and changing password, app and recovery codes.

OWASP ASVS 5.0, 6.2.2 and 6.2.3 (a change of password needs the old one), 7.2.4 (proof renews the token),
7.4.3 (other sessions end), 7.5.1 to 7.5.3 (proof before a sensitive change). What is done is written in the
trail first: an entry may tell of a change that the disk then refused, never the other way round. Every method
blocks. Does not: look at who may do it beyond password and second factor; the pages do.
"""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass, field

from sqlalchemy import delete, update
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from security.accounts.activity import Activity, recent
from security.accounts.audit import Trail
from security.accounts.database import store_errors
from security.accounts.enrolment import PENDING_S, digest, first_step, random_text
from security.accounts.errors import RefusedError, SetupExpiredError
from security.accounts.factors import Factors, factors_of
from security.accounts.links import Links
from security.accounts.policy import Check, check_password
from security.accounts.proof import Proof, Second
from security.accounts.sessions import Sessions
from security.accounts.signin import CodeGate
from security.accounts.tables import RecoveryCode, User
from security.accounts.users import Users
from security.crypto import onetime, recovery
from security.crypto.passwords import Hasher
from security.crypto.sealing import RandomBytes

NO_MATCH = (
    "That did not match. Check password and code, or passkey. A code works only once: if you have just used "
    "this one, wait for the next. After ten wrong codes none is accepted for an hour."
)
_GONE = "This account is not here any more."


@dataclass(frozen=True)
class Renewal:
    """A new secret that is shown and not stored yet."""

    ticket: str = field(repr=False)
    secret: str = field(repr=False)


@dataclass(frozen=True)
class _Shown:
    ticket: bytes
    secret: str = field(repr=False)
    expires: float


@dataclass(frozen=True)
class Tools:
    """What the services of accounts share."""

    engine: Engine
    users: Users
    hasher: Hasher
    proof: Proof
    sessions: Sessions
    links: Links
    trail: Trail
    random: RandomBytes = secrets.token_bytes


class Account:
    """Changes that people make to their own account. `user` is an id, `token` that of their session."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._lock = threading.Lock()
        # One for each person: a page that is loaded again voids what was shown before.
        self._shown: dict[str, _Shown] = {}

    def factors(self, user: str) -> Factors:
        """What `user` can prove with."""
        return factors_of(self._tools.engine, user)

    def step_up(
        self, user: str, token: str, password: str, second: Second, now: float, gate: CodeGate = bool
    ) -> str:
        """Begin a session in the place of this one, whose holder has just given password and second factor.

        `gate` is asked as at sign-in.

        Raises:
            RefusedError: one of them does not match.
            StoreError: the database refuses.
        """
        row = self._row(user)
        self._prove(row, password, second, now, gate)
        self._tools.trail.note("confirmed-again", user, now)
        with store_errors("Nothing was changed."), Session(self._tools.engine) as session, session.begin():
            # As at sign-in: the password may have been changed since it was looked at.
            if not self._tools.users.has_still(session, row):
                raise RefusedError(NO_MATCH)
            renewed = self._tools.sessions.begin(session, user, now, replaces=token)
            session.flush()
            self._tools.sessions.step_up(session, renewed, now)
            return renewed

    def change_password(
        self,
        user: str,
        old: str,
        second: Second,
        new: str,
        now: float,
        gate: CodeGate = bool,
        check: Check = check_password,
    ) -> str:
        """Set a new password; all sessions end, and the token of a new one for this browser is returned.

        `check` is what the new one has to pass; it may know that it has.

        Raises:
            PasswordRefusedError: the new one breaks the rules.
            RefusedError: the old password or the second factor does not match.
            StoreError: the database refuses; nothing was changed.
        """
        tools = self._tools
        row = self._row(user)
        # Before a code is spent on it: who must choose another password need not wait for the next code.
        check(new, row.name)
        self._prove(row, old, second, now, gate)
        renewed = tools.hasher.hash(new)
        tools.trail.note("password-changed", user, now)
        with store_errors("Nothing was changed."), Session(tools.engine) as session, session.begin():
            # The old hash is part of the condition: of two changes at once only one counts.
            changed = session.execute(
                update(User)
                .where(User.id == user, User.password_hash == row.password_hash)
                .values(password_hash=renewed)
                .returning(User.id)
            )
            if changed.scalar_one_or_none() is None:
                raise RefusedError(NO_MATCH)
            tools.sessions.end_all(session, user)
            tools.links.void_resets(session, user)
            return tools.sessions.begin(session, user, now)

    def new_app(self, user: str, now: float) -> Renewal:
        """A secret for a new authenticator app; the old one counts until `renew_app`."""
        shown = Renewal(random_text(self._tools.random), onetime.new_secret(self._tools.random))
        with self._lock:
            for key in [key for key, one in self._shown.items() if now >= one.expires]:
                del self._shown[key]
            self._shown[user] = _Shown(digest(shown.ticket), shown.secret, now + PENDING_S)
        return shown

    def shown_app(self, user: str, ticket: str, now: float) -> Renewal:
        """What `new_app` returned for this ticket.

        Raises:
            SetupExpiredError: it is unknown, of somebody else, or too old.
        """
        with self._lock:
            one = self._shown.get(user)
        if one is None or one.ticket != digest(ticket) or now >= one.expires:
            raise SetupExpiredError("That took too long. Please scan the new picture.")
        return Renewal(ticket, one.secret)

    def renew_app(self, user: str, token: str, ticket: str, code: str, now: float) -> None:
        """Put the new app in the place of the old one; other sessions end.

        Raises:
            SetupExpiredError: the ticket is unknown, of somebody else, or too old.
            SetupCodeError: the code does not match.
            StoreError: the database refuses; nothing was changed.
        """
        tools = self._tools
        secret = self.shown_app(user, ticket, now).secret
        step = first_step(secret, code, now)
        row = self._row(user)
        sealed = tools.users.sealed_secret(row.wrapped_key, user, secret)
        tools.trail.note("factor-renewed", user, now)
        with store_errors("Nothing was changed."), Session(tools.engine) as session, session.begin():
            session.execute(
                update(User).where(User.id == user).values(totp_secret=sealed, totp_last_step=step)
            )
            tools.sessions.end_all(session, user, but=token)
        with self._lock:
            self._shown.pop(user, None)

    def renew_codes(self, user: str, now: float) -> tuple[str, ...]:
        """New recovery codes; the earlier ones are void.

        Raises:
            StoreError: the database refuses; nothing was changed.
        """
        tools = self._tools
        codes = recovery.new_codes(tools.random)
        tools.trail.note("recovery-codes-renewed", user, now)
        with store_errors("Nothing was changed."), Session(tools.engine) as session, session.begin():
            session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user))
            tools.users.store_codes(session, user, codes)
        return codes

    def end_session(self, user: str, handle: str, now: float) -> bool:
        """End one of one's own sessions; False if there is none of this handle."""
        ended = self._tools.sessions.end_one(user, handle)
        if ended:
            self._tools.trail.note("sessions-ended", user, now, {"which": "one"})
        return ended

    def end_others(self, user: str, token: str, now: float) -> None:
        """End all of one's own sessions but this."""
        with store_errors("No session was ended."), Session(self._tools.engine) as session, session.begin():
            self._tools.sessions.end_all(session, user, but=token)
        self._tools.trail.note("sessions-ended", user, now, {"which": "others"})

    def activity(self, user: str) -> Activity:
        """What happened to the account lately.

        Raises:
            StoreError: the trail can't be read.
        """
        return recent(self._tools.trail, user)

    def _row(self, user: str) -> User:
        row = self._tools.users.by_id(user)
        if row is None:
            raise RefusedError(_GONE)
        return row

    def _prove(self, row: User, password: str, second: Second, now: float, gate: CodeGate) -> None:
        """Spend `second`, if the password is right. As at sign-in, one answer for whatever is wrong."""
        fits = self._tools.hasher.verify(password, row.password_hash)
        may_try = gate(fits)
        match = self._tools.proof.match(row, second, now)
        with store_errors("Nothing was changed."), Session(self._tools.engine) as session, session.begin():
            proved = fits and may_try and self._tools.proof.spend(session, row.id, match, now)
        if not proved:
            self._tools.trail.refused(row.id, now)
            raise RefusedError(NO_MATCH)
