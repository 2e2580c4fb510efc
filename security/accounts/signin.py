"""Signing in: name, password and a second factor, and one answer for everything that is wrong.

The work is the same whoever asks: an unknown name is checked against an account that exists only in
memory and that no password fits, and where passwords are hashed in two ways, every attempt pays for both.
A code is spent only together with the right password, so a stranger
can't burn somebody's codes, and in one UPDATE that a second request can't win as well (RFC 6238, 5.2:
a code is accepted once). A passkey may take the place of the code, or of all three: then the authenticator
must have looked at face, finger or PIN, and the role must allow it. A sign-in is in the audit trail before
anybody is let in. Does not: lock accounts or count attempts (limits.py does that).
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import update
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from security.accounts.assertions import Assertion, Assertions
from security.accounts.audit import NOBODY, Trail
from security.accounts.ceremonies import named_credential
from security.accounts.database import store_errors
from security.accounts.errors import StoreError
from security.accounts.identity import Role
from security.accounts.proof import Match, Proof, Second
from security.accounts.role_policy import requirement_of
from security.accounts.sessions import Sessions
from security.accounts.tables import User
from security.accounts.users import NO_USER, Users
from security.accounts.vault import TOTP_PURPOSE
from security.crypto import onetime
from security.crypto.passwords import Hasher, scheme_of
from security.crypto.sealing import KeyEncryptionKey, RandomBytes, SealContext

MAX_NAME_TYPED = 256
_log = logging.getLogger("asklepion.accounts")
# Told whether the password fits; says whether the code may be looked at.
CodeGate = Callable[[bool], bool]


@dataclass(frozen=True)
class Attempt:
    """What was typed. Nothing of it is in `repr`."""

    name: str
    password: str
    second: Second

    def __repr__(self) -> str:
        return "Attempt(hidden)"


@dataclass(frozen=True)
class Entered:
    """A new session, and the compared name of whose it is."""

    token: str = field(repr=False)
    account: str = field(repr=False)


class SignIn:
    """Checks attempts. `attempt` blocks for as long as bcrypt takes: never call it on an event loop."""

    def __init__(
        self,
        engine: Engine,
        kek: KeyEncryptionKey,
        users: Users,
        hasher: Hasher,
        sessions: Sessions,
        trail: Trail,
        random: RandomBytes = secrets.token_bytes,
        passkeys: Assertions | None = None,
    ) -> None:
        self._engine = engine
        self._trail = trail
        self._proof = Proof(kek, users, passkeys)
        self._users = users
        self._hasher = hasher
        self._sessions = sessions
        self._nobody = _nobody(kek, hasher, random)

    def attempt(
        self, typed: Attempt, now: float, replaces: str | None = None, gate: CodeGate = bool
    ) -> str | None:
        """The token of a new session, or None if anything was wrong.

        On success the session of the token `replaces`, if there is one, ends. `gate` is asked once, whatever
        the password is; where it says no, no code is right and none is spent.

        Raises:
            StoreError: the database refuses; nobody is signed in.
        """
        known = self._users.by_name(typed.name) if len(typed.name) <= MAX_NAME_TYPED else None
        user = known or self._nobody
        password_fits = self._verify(typed.password, user) and known is not None
        may_try = gate(password_fits)
        # The statement that spends a code runs either way, so that its time doesn't tell about the
        # password; with a wrong one it is aimed at nobody.
        # A disabled account is looked for whoever asks, and answers as a wrong password does.
        disabled = self._users.is_disabled(user.id)
        spender = user.id if password_fits and may_try and not disabled else NO_USER
        match = self._proof.match(user, typed.second, now)
        token = self._enter(user, spender, match, match.factor, now, replaces)
        if token is not None:
            self._renew_hash(user, typed.password)
        return token

    def alone(
        self, given: Assertion, now: float, replaces: str | None = None, gate: CodeGate = bool
    ) -> Entered | None:
        """A new session for whoever's passkey has signed `given`, or None if anything was wrong.

        The authenticator must have said whose it is and have verified that person, and the role must allow
        it. Otherwise as `attempt`.

        Raises:
            BusyError: too many passkeys at once.
            StoreError: the database refuses; nobody is signed in.
        """
        match = self._proof.match(self._nobody, given, now)
        seen = match.seen
        # A signature can't be guessed: a bad one must not use up the tries that its owner has for codes.
        may_try = gate(seen is not None)
        user = (self._users.by_id(NO_USER if seen is None else seen.user)) or self._nobody
        disabled = self._users.is_disabled(user.id)
        allowed = requirement_of(self._engine, Role(user.role)).passkey_alone
        good = seen is not None and seen.user_verified and seen.by_handle
        spender = user.id if good and may_try and allowed and not disabled else NO_USER
        token = self._enter(user, spender, match, "passkey-alone", now, replaces)
        return None if token is None else Entered(token, user.name_key)

    def account_of(self, given: Assertion) -> str:
        """What attempts with this passkey are counted by: its owner's compared name, else the passkey itself.

        No account's name begins with a zero byte.

        Raises:
            StoreError: the database can't be read.
        """
        owner = self._users.by_id(self._proof.owner(given) or NO_USER)
        return f"\0passkey {named_credential(given.response)}" if owner is None else owner.name_key

    def note_refusal_of(self, given: Assertion, now: float) -> None:
        """As `note_refusal`, for whoever's passkey was named."""
        self._trail.refused(self._proof.owner(given) or NOBODY, now)

    def note_refusal(self, name: str, now: float) -> None:
        """Write a refused attempt into the audit trail.

        For after the answer: the trail writes once a minute for each account, so the time that it takes
        tells whether the name is known.

        Raises:
            StoreError: it can't be written.
        """
        known = self._users.by_name(name) if len(name) <= MAX_NAME_TYPED else None
        self._trail.refused(NOBODY if known is None else known.id, now)

    def _enter(
        self, user: User, spender: str, match: Match, factor: str, now: float, replaces: str | None
    ) -> str | None:
        """Spend the second factor as `spender`'s and begin a session; None if it is not theirs."""
        with (
            store_errors("You are not signed in; please try again."),
            Session(self._engine) as session,
            session.begin(),
        ):
            # The password may have been changed, and all sessions ended, since it was looked at.
            good = self._proof.spend(session, spender, match, now) and self._users.has_still(session, user)
            token = self._sessions.begin(session, user.id, now, replaces) if good else None
        known = "?" if user is self._nobody else user.id
        _log.info("sign-in %s: user %s", "refused" if token is None else "done", known)
        if token is None:
            return None
        try:
            self._trail.note("sign-in", user.id, now, {"factor": factor})
        except StoreError:
            self._sessions.end(token)
            raise
        return token

    def _verify(self, password: str, user: User) -> bool:
        """Whether the password is that of `user`, in the time that it takes for everybody."""
        fits = self._hasher.verify(password, user.password_hash)
        used = {scheme_of(self._nobody.password_hash), *self._users.schemes()}
        for scheme in sorted(used - {scheme_of(user.password_hash)}):
            self._hasher.verify(password, self._hasher.decoy(scheme))
        return fits

    def _renew_hash(self, user: User, password: str) -> None:
        if not self._hasher.needs_rehash(user.password_hash):
            return
        renewed = self._hasher.hash(password)
        try:
            with (
                store_errors("A password hash was not renewed."),
                Session(self._engine) as session,
                session.begin(),
            ):
                session.execute(
                    update(User)
                    .where(User.id == user.id, User.password_hash == user.password_hash)
                    .values(password_hash=renewed)
                )
        except StoreError as error:
            # The sign-in is done; the next one tries again.
            _log.warning("%s", error)


def _nobody(kek: KeyEncryptionKey, hasher: Hasher, random: RandomBytes) -> User:
    """An account that is never stored and that nobody can sign in to."""
    data_key, wrapped = kek.new_data_key(NO_USER)
    secret = onetime.new_secret(random).encode("ascii")
    return User(
        id=NO_USER,
        name="",
        name_key="",
        role=Role.ADMINISTRATOR.value,
        password_hash=hasher.decoy(),
        wrapped_key=wrapped,
        totp_secret=data_key.seal(secret, SealContext(NO_USER, TOTP_PURPOSE)),
        totp_last_step=0,
        created_at=0,
    )
