"""Password hashing over a keyed pre-hash: bcrypt, or Argon2id, whichever is chosen; both are verified.

    pre-hash = base64(HMAC-SHA-384(pepper, NFKC(password) as UTF-8))
    stored   = "hmac-sha384+bcrypt:" + bcrypt(cost, pre-hash)
    stored   = "hmac-sha384+argon2id:" + Argon2id(m, t, p, pre-hash) in its PHC form

The pre-hash is 64 ASCII characters whatever the password, below bcrypt's limit of 72 bytes and free of NUL
bytes. Being keyed, it also makes a stolen database useless without the key file, and stops "hash shucking"
(trying bare digests leaked elsewhere). Does not: judge whether a password is good (accounts/policy.py).
"""

from __future__ import annotations

import base64
import hmac
import re
import secrets
import unicodedata
from dataclasses import dataclass
from typing import Protocol

import bcrypt
from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from security.crypto.errors import CryptoError, StoredHashError

DEFAULT_ROUNDS = 12
MAX_TYPED = 1024  # characters as typed; far above the policy's 128, bounds the work of normalising
BCRYPT = "hmac-sha384+bcrypt"
ARGON2ID = "hmac-sha384+argon2id"
SCHEMES = (BCRYPT, ARGON2ID)
_SALT_BYTES = 16
_HASH_BYTES = 32
# Costs 04 to 31; a salt of 16 bytes leaves four spare bits, so its last character is one of four.
_BCRYPT = re.compile(
    r"hmac-sha384\+bcrypt:(\$2b\$(0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{31})"
)
# Base64 of 16 and 32 bytes without padding: their last characters have four and two spare bits.
_ARGON2ID = re.compile(
    r"hmac-sha384\+argon2id:"
    r"(\$argon2id\$v=19\$m=([1-9][0-9]{0,6}),t=([1-9][0-9]?),p=([1-9][0-9]?)"
    r"\$[A-Za-z0-9+/]{21}[AQgw]\$[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048])"
)


class Hasher(Protocol):
    """What accounts need of a password hasher; tests hand in a counting one."""

    def hash(self, password: str) -> str: ...

    def verify(self, password: str, stored: str) -> bool: ...

    def needs_rehash(self, stored: str) -> bool: ...

    def decoy(self, scheme: str | None = None) -> str: ...


@dataclass(frozen=True)
class Argon2Cost:
    """What a hash by Argon2id costs: memory in KiB, passes over it, lanes.

    The default has memory and passes of RFC 9106's second recommendation (section 4), for where 2 GiB a hash
    is too much, and one lane: with several, OpenSSL starts threads, and two hashes at once have been
    seen to wait for each other for ever. The bounds hold for what is stored as well: a row that somebody
    forged must neither take all memory nor hold up a worker.

    Raises:
        CryptoError: a number is out of its bounds.
    """

    memory: int = 65_536
    passes: int = 3
    lanes: int = 1

    def __post_init__(self) -> None:
        for option, value, low, high in (
            ("lanes", self.lanes, 1, 1),
            ("memory", self.memory, 8 * self.lanes, 1_048_576),
            ("passes", self.passes, 1, 16),
        ):
            if not low <= value <= high:
                raise CryptoError(f"Argon2id's {option} must be {low} to {high}, not {value}.", option=option)


class PasswordHasher:
    """Makes hashes by `scheme`, and verifies those of either.

    `pepper` is a derived key, `rounds` bcrypt's cost (4 to 31), `argon2` that of Argon2id.
    """

    def __init__(
        self,
        pepper: bytes,
        rounds: int = DEFAULT_ROUNDS,
        scheme: str = BCRYPT,
        argon2: Argon2Cost | None = None,
    ) -> None:
        if len(pepper) < 32:
            raise CryptoError("The password pepper needs at least 32 bytes.", length=len(pepper))
        if not 4 <= rounds <= 31:
            raise CryptoError(f"bcrypt's cost must be 4 to 31, not {rounds}.", rounds=rounds)
        if scheme not in SCHEMES:
            raise CryptoError(f"The password scheme must be one of {', '.join(SCHEMES)}.", scheme=scheme)
        self._pepper = pepper
        self._rounds = rounds
        self._scheme = scheme
        self._argon2 = argon2 or Argon2Cost()

    def __repr__(self) -> str:
        return f"PasswordHasher(scheme={self._scheme}, rounds={self._rounds}, {self._argon2}, pepper hidden)"

    def hash(self, password: str) -> str:
        """The string to store. Takes some quarter of a second of a core, and with Argon2id 64 MiB, at the
        default costs: never on an event loop."""
        typed = self._prehash(password)
        if self._scheme == BCRYPT:
            return f"{BCRYPT}:{bcrypt.hashpw(typed, bcrypt.gensalt(self._rounds)).decode('ascii')}"
        cost = self._argon2
        kdf = Argon2id(
            salt=secrets.token_bytes(_SALT_BYTES),
            length=_HASH_BYTES,
            iterations=cost.passes,
            lanes=cost.lanes,
            memory_cost=cost.memory,
        )
        return f"{ARGON2ID}:{kdf.derive_phc_encoded(typed)}"

    def verify(self, password: str, stored: str) -> bool:
        """Whether `password` is the one behind `stored`; both libraries compare in constant time.

        Raises:
            StoredHashError: `stored` is not of a form made by `hash`.
        """
        found, cost = _parsed(stored)
        if isinstance(cost, int):
            return bcrypt.checkpw(self._prehash(password), found.encode("ascii"))
        try:
            Argon2id.verify_phc_encoded(self._prehash(password), found)
        except InvalidKey:
            return False
        return True

    def decoy(self, scheme: str | None = None) -> str:
        """A well-formed hash at today's cost that no password fits; it takes a real one's time to verify."""
        if (scheme or self._scheme) == BCRYPT:
            return f"{BCRYPT}:$2b${self._rounds:02d}$" + "." * 53
        cost = self._argon2
        parameters = f"m={cost.memory},t={cost.passes},p={cost.lanes}"
        return f"{ARGON2ID}:$argon2id$v=19${parameters}${'A' * 22}${'A' * 43}"

    def needs_rehash(self, stored: str) -> bool:
        """Whether `stored` was made by the other scheme, or cost less than today's hashes do."""
        _, cost = _parsed(stored)
        if isinstance(cost, int):
            return self._scheme != BCRYPT or cost < self._rounds
        today = self._argon2
        return self._scheme != ARGON2ID or cost.memory < today.memory or cost.passes < today.passes

    def _prehash(self, password: str) -> bytes:
        digest = hmac.digest(self._pepper, _to_bytes(password), "sha384")
        return base64.b64encode(digest)


def scheme_of(stored: str) -> str:
    """How a stored hash was made: one of `SCHEMES`.

    Raises:
        StoredHashError: it has another form.
    """
    return BCRYPT if isinstance(_parsed(stored)[1], int) else ARGON2ID


def normalise(password: str) -> str:
    """NFKC, so that the same password typed on another keyboard or system is the same password."""
    return unicodedata.normalize("NFKC", password)


def _parsed(stored: str) -> tuple[str, int | Argon2Cost]:
    """What the library takes, and bcrypt's or Argon2id's cost."""
    if (match := _BCRYPT.fullmatch(stored)) is not None:
        return match.group(1), int(match.group(2))
    if (match := _ARGON2ID.fullmatch(stored)) is not None:
        try:
            return match.group(1), Argon2Cost(*(int(part) for part in match.group(2, 3, 4)))
        except CryptoError as error:
            raise StoredHashError(f"A stored password hash asks for too much. {error}") from error
    raise StoredHashError("The stored password hash has a form that this version can't read.")


def _to_bytes(password: str) -> bytes:
    if len(password) > MAX_TYPED:
        # Can't be anybody's password; a random stand-in keeps the work the same and never matches.
        return secrets.token_bytes(64)
    return normalise(password).encode("utf-8", "surrogatepass")
