"""From a one-time link to an account: name and password, the authenticator app, the recovery codes.

Nothing is stored before the first code is right; then everything is, in one transaction. Until then
name, password hash and secret are in memory only, few of them and not for long, known by a random
ticket in a hidden field. A restart forgets them. What is behind the link, and what is stored, is for those
who build on `Enrolling`: set-up (setup.py) and invitations (invitations.py).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import threading
from dataclasses import dataclass, field

from security.accounts.errors import SetupClosedError, SetupCodeError, SetupExpiredError
from security.accounts.policy import Check, check_password, checked_name, name_key
from security.accounts.users import NewAccount, Users
from security.crypto import onetime, recovery
from security.crypto.passwords import Hasher
from security.crypto.sealing import RandomBytes

PENDING_S = 15 * 60
PENDING_MAX = 8
SHOWN_AGAIN_S = 10 * 60
_TOKEN_BYTES = 32
_CLOSED = "This link does not work, or does not work any more."


@dataclass(frozen=True)
class Enrolment:
    """What the second page shows."""

    ticket: str = field(repr=False)
    name: str
    secret: str = field(repr=False)


@dataclass(frozen=True)
class _Pending:
    name: str
    password_hash: str = field(repr=False)
    expires: float


@dataclass(frozen=True)
class _Finished:
    ticket: bytes
    account: str
    codes: tuple[str, ...] = field(repr=False)
    until: float


class Enrolling:
    """What hangs on one link. Thread-safe; `enrol` and `finish` block on bcrypt and the database.

    `fixed_name` is the name that the link was made for, if it was.
    """

    fixed_name: str | None = None

    def __init__(self, users: Users, hasher: Hasher, random: RandomBytes = secrets.token_bytes) -> None:
        self._users = users
        self._hasher = hasher
        self._random = random
        self._lock = threading.RLock()
        self._closed = False
        self._token: bytes | None = None
        self._secret = ""
        self._pending: dict[bytes, _Pending] = {}
        self._finished: _Finished | None = None

    def is_open(self) -> bool:
        """Whether there is still an account to make."""
        return not self._closed

    def create(self, new: NewAccount, now: float) -> None:
        """Store the account and write it in the trail; for those who build on this.

        Raises:
            SetupClosedError: somebody was faster.
            NameRefusedError: the name is taken.
            StoreError: the database refuses; nothing was stored.
        """
        raise NotImplementedError

    def check_free(self, name: str) -> None:
        """See that no account has this name; for those who build on this, where there can be one.

        Raises:
            NameRefusedError: one has.
        """

    def usable_name(self, name: str) -> str:
        """The name that the account will have if `name` is what was typed.

        Raises:
            NameRefusedError: it breaks the rules, or is taken.
        """
        shown = checked_name(self.fixed_name or name)
        self.check_free(shown)
        return shown

    def admits(self, token: str) -> bool:
        """Whether `token` is the one on the link and there is still something to set up."""
        expected = self._token
        # Hashes are compared, and in constant time, so that the answer's time tells nothing of the token.
        known = expected is not None and hmac.compare_digest(expected, digest(token))
        return known and self.is_open()

    def enrol(
        self, token: str, name: str, password: str, now: float, check: Check = check_password
    ) -> Enrolment:
        """Take name and password, and hand out the secret for the authenticator app.

        `check` is what the password has to pass; it may know that it has.

        Raises:
            SetupClosedError: the token is wrong or used up.
            NameRefusedError, PasswordRefusedError: the message says what to change.
        """
        if not self.admits(token):
            raise SetupClosedError(_CLOSED)
        shown = self.usable_name(name)
        check(password, shown)
        password_hash = self._hasher.hash(password)
        ticket = random_text(self._random)
        with self._lock:
            if not self.admits(token):
                raise SetupClosedError(_CLOSED)
            self._drop_expired(now)
            while len(self._pending) >= PENDING_MAX:
                del self._pending[next(iter(self._pending))]
            self._pending[digest(ticket)] = _Pending(shown, password_hash, now + PENDING_S)
            return Enrolment(ticket, shown, self._secret)

    def enrolment(self, token: str, ticket: str, now: float) -> Enrolment:
        """What `enrol` returned for this ticket.

        Raises:
            SetupClosedError: the token is wrong or used up.
            SetupExpiredError: the ticket is unknown or too old.
        """
        with self._lock:
            if not self.admits(token):
                raise SetupClosedError(_CLOSED)
            self._drop_expired(now)
            pending = self._pending.get(digest(ticket))
            if pending is None:
                raise SetupExpiredError("That took too long. Please choose name and password again.")
            return Enrolment(ticket, pending.name, self._secret)

    def finish(self, token: str, ticket: str, code: str, now: float) -> tuple[str, ...]:
        """Create the account; returns the recovery codes.

        The same ticket gets the same codes again for a few minutes, until the new account signs in: a
        double click or a reload must not lose them.

        Raises:
            SetupClosedError: the token is wrong or used up.
            SetupExpiredError: the ticket is unknown or too old.
            SetupCodeError: the code does not match; nothing was stored.
            NameRefusedError: the name was taken meanwhile; nothing was stored.
            StoreError: the database refuses; nothing was stored.
        """
        with self._lock:
            shown = self._shown_before(ticket, now)
            if shown is not None:
                return shown
            enrolment = self.enrolment(token, ticket, now)
            step = first_step(enrolment.secret, code, now)
            codes = recovery.new_codes(self._random)
            password_hash = self._pending[digest(ticket)].password_hash
            self.create(NewAccount(enrolment.name, password_hash, enrolment.secret, step, codes), now)
            self._close(_Finished(digest(ticket), name_key(enrolment.name), codes, now + SHOWN_AGAIN_S))
            return codes

    def forget(self, account: str | None = None) -> None:
        """`account` (a compared name; None for all) has signed in: the codes are not shown again."""
        with self._lock:
            if self._finished is not None and account in (None, self._finished.account):
                self._finished = None

    def is_over(self, now: float) -> bool:
        """Whether the account is made and its codes need not be shown again."""
        with self._lock:
            return self._closed and (self._finished is None or now >= self._finished.until)

    def start_with(self, token: bytes) -> None:
        """Let in who has the token with this digest; what hung on an earlier one is void."""
        with self._lock:
            self._token = token
            # One secret a token: a page that is loaded again shows the QR that was scanned already.
            self._secret = onetime.new_secret(self._random)
            self._pending.clear()

    def _shown_before(self, ticket: str, now: float) -> tuple[str, ...] | None:
        done = self._finished
        if done is None:
            return None
        if now >= done.until:
            self._finished = None
            return None
        return done.codes if hmac.compare_digest(done.ticket, digest(ticket)) else None

    def _close(self, finished: _Finished) -> None:
        self._closed = True
        self._token = None
        self._secret = ""
        self._pending.clear()
        self._finished = finished

    def _drop_expired(self, now: float) -> None:
        for ticket in [key for key, pending in self._pending.items() if now >= pending.expires]:
            del self._pending[ticket]


def first_step(secret: str, code: str, now: float) -> int:
    """The time-step of the first code that an authenticator app shows for a new secret.

    Raises:
        SetupCodeError: it does not match.
    """
    step = onetime.matching_step(secret, code.replace(" ", ""), now=now, last_step=-1)
    if step is None:
        raise SetupCodeError(
            "This code does not match. Wait for the next one and type it as the app shows it; if it "
            "still does not match, see that the clock of your device is right."
        )
    return step


def random_text(random: RandomBytes) -> str:
    """256 random bits for a link or a hidden field."""
    return base64.urlsafe_b64encode(random(_TOKEN_BYTES)).rstrip(b"=").decode("ascii")


def digest(text: str) -> bytes:
    """What is kept of such a text: it can't be guessed, so a plain hash is enough."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
