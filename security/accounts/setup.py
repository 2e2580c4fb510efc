"""Set-up: from the link in the terminal to the first administrator, once.

Nothing is stored before the first code is right; then everything is, in one transaction. Until then
name, password hash and secret are in memory only, few of them and not for long, known by a random
ticket in a hidden field. A restart forgets them and prints a new link. Does not: create further users.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import threading
from dataclasses import dataclass, field

from security.accounts.audit import NOBODY, Trail
from security.accounts.errors import AccountSettingsError, SetupClosedError, SetupCodeError, SetupExpiredError
from security.accounts.policy import check_password, checked_name
from security.accounts.users import NewAdministrator, Users
from security.crypto import onetime, recovery
from security.crypto.passwords import Hasher
from security.crypto.sealing import RandomBytes

PENDING_S = 15 * 60
PENDING_MAX = 8
SHOWN_AGAIN_S = 10 * 60
SETUP_TOKEN_VARIABLE = "ASKLEPION_SETUP_TOKEN"  # noqa: S105  # the name, not the token
_TOKEN_BYTES = 32
_GIVEN = re.compile(r"[A-Za-z0-9_-]{32,256}")
# 32 random characters out of 64 have fewer than this once in billions of tries; "aaaa..." always has.
_GIVEN_KINDS = 10
_CLOSED = "This set-up link does not work, or does not work any more."


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
    codes: tuple[str, ...] = field(repr=False)
    until: float


class Setup:
    """The one set-up of this app. Thread-safe; `enrol` and `finish` block on bcrypt and the database."""

    def __init__(
        self, users: Users, hasher: Hasher, trail: Trail, random: RandomBytes = secrets.token_bytes
    ) -> None:
        self._users = users
        self._trail = trail
        self._hasher = hasher
        self._random = random
        self._lock = threading.RLock()
        self._closed = False
        self._token: bytes | None = None
        self._given = False
        self._secret = ""
        self._pending: dict[bytes, _Pending] = {}
        self._finished: _Finished | None = None

    def is_open(self) -> bool:
        """Whether there is no administrator yet. Closed once, it is closed for ever."""
        if not self._closed:
            self._closed = self._users.administrator_exists()
        return not self._closed

    @property
    def given(self) -> bool:
        """Whether the token is one that the operator chose, and not one that is printed."""
        return self._given

    def new_token(self) -> str:
        """A token for the link. Only its hash is kept; an earlier token and what hangs on it are void."""
        token = self._random_text()
        self._expect(token)
        return token

    def take_token(self, token: str) -> None:
        """Use the operator's own token. Only its hash is kept, and it works until there is an administrator.

        Raises:
            AccountSettingsError: it can be guessed, or can't be in a link. The message does not hold it.
        """
        if not _GIVEN.fullmatch(token) or len(set(token)) < _GIVEN_KINDS:
            raise AccountSettingsError(
                f"{SETUP_TOKEN_VARIABLE} must be 32 to 256 random characters out of A-Z, a-z, 0-9, - and _. "
                "Make one: python -c 'import secrets; print(secrets.token_urlsafe(32))'",
                option=SETUP_TOKEN_VARIABLE,
            )
        self._given = True
        self._expect(token)

    def _expect(self, token: str) -> None:
        with self._lock:
            self._token = _digest(token)
            # One secret a token: a page that is loaded again shows the QR that was scanned already.
            self._secret = onetime.new_secret(self._random)
            self._pending.clear()

    def admits(self, token: str) -> bool:
        """Whether `token` is the one on the link and there is still something to set up."""
        expected = self._token
        # Hashes are compared, and in constant time, so that the answer's time tells nothing of the token.
        known = expected is not None and hmac.compare_digest(expected, _digest(token))
        return known and self.is_open()

    def enrol(self, token: str, name: str, password: str, now: float) -> Enrolment:
        """Take name and password, and hand out the secret for the authenticator app.

        Raises:
            SetupClosedError: the token is wrong or used up.
            NameRefusedError, PasswordRefusedError: the message says what to change.
        """
        if not self.admits(token):
            raise SetupClosedError(_CLOSED)
        shown = checked_name(name)
        check_password(password, shown)
        password_hash = self._hasher.hash(password)
        ticket = self._random_text()
        with self._lock:
            if not self.admits(token):
                raise SetupClosedError(_CLOSED)
            self._drop_expired(now)
            while len(self._pending) >= PENDING_MAX:
                del self._pending[next(iter(self._pending))]
            self._pending[_digest(ticket)] = _Pending(shown, password_hash, now + PENDING_S)
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
            pending = self._pending.get(_digest(ticket))
            if pending is None:
                raise SetupExpiredError("That took too long. Please choose name and password again.")
            return Enrolment(ticket, pending.name, self._secret)

    def finish(self, token: str, ticket: str, code: str, now: float) -> tuple[str, ...]:
        """Create the administrator; returns the recovery codes.

        The same ticket gets the same codes again for a few minutes, until somebody signs in: a double
        click or a reload must not lose them.

        Raises:
            SetupClosedError: the token is wrong or used up.
            SetupExpiredError: the ticket is unknown or too old.
            SetupCodeError: the code does not match; nothing was stored.
            StoreError: the database refuses; nothing was stored.
        """
        with self._lock:
            shown = self._shown_before(ticket, now)
            if shown is not None:
                return shown
            enrolment = self.enrolment(token, ticket, now)
            step = onetime.matching_step(enrolment.secret, code.replace(" ", ""), now=now, last_step=-1)
            if step is None:
                raise SetupCodeError(
                    "This code does not match. Wait for the next one and type it as the app shows it; if it "
                    "still does not match, see that the clock of your device is right."
                )
            codes = recovery.new_codes(self._random)
            password_hash = self._pending[_digest(ticket)].password_hash
            # Before it is done: written after it, a full disk would lose the recovery codes of an account
            # that is there.
            self._trail.note("set-up", NOBODY, now)
            self._users.found(
                NewAdministrator(enrolment.name, password_hash, enrolment.secret, step, codes), now
            )
            self._close(_Finished(_digest(ticket), codes, now + SHOWN_AGAIN_S))
            return codes

    def forget(self) -> None:
        """Somebody has signed in: the recovery codes are not shown again."""
        with self._lock:
            self._finished = None

    def _shown_before(self, ticket: str, now: float) -> tuple[str, ...] | None:
        done = self._finished
        if done is None:
            return None
        if now >= done.until:
            self._finished = None
            return None
        return done.codes if hmac.compare_digest(done.ticket, _digest(ticket)) else None

    def _close(self, finished: _Finished) -> None:
        self._closed = True
        self._token = None
        self._secret = ""
        self._pending.clear()
        self._finished = finished

    def _drop_expired(self, now: float) -> None:
        for ticket in [key for key, pending in self._pending.items() if now >= pending.expires]:
            del self._pending[ticket]

    def _random_text(self) -> str:
        return base64.urlsafe_b64encode(self._random(_TOKEN_BYTES)).rstrip(b"=").decode("ascii")


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
