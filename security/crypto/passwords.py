"""Password hashing: bcrypt over a keyed pre-hash, so that no password is ever cut at 72 bytes.

    stored = "hmac-sha384+bcrypt:" + bcrypt(cost, base64(HMAC-SHA-384(pepper, NFKC(password) as UTF-8)))

The pre-hash is 64 ASCII characters whatever the password, below bcrypt's limit and free of NUL bytes.
Being keyed, it also makes a stolen database useless without the key file, and stops "hash shucking"
(trying bare digests leaked elsewhere). Does not: judge whether a password is good (accounts/policy.py).
"""

from __future__ import annotations

import base64
import hmac
import re
import secrets
import unicodedata
from typing import Protocol

import bcrypt

from security.crypto.errors import CryptoError, StoredHashError

DEFAULT_ROUNDS = 12
MAX_TYPED = 1024  # characters as typed; far above the policy's 128, bounds the work of normalising
_SCHEME = "hmac-sha384+bcrypt:"
# Costs 04 to 31; a salt of 16 bytes leaves four spare bits, so its last character is one of four.
_STORED = re.compile(
    r"hmac-sha384\+bcrypt:(\$2b\$(0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{31})"
)


class Hasher(Protocol):
    """What accounts need of a password hasher; tests hand in a counting one."""

    def hash(self, password: str) -> str: ...

    def verify(self, password: str, stored: str) -> bool: ...

    def needs_rehash(self, stored: str) -> bool: ...

    def decoy(self) -> str: ...


class PasswordHasher:
    """bcrypt over HMAC-SHA-384. `pepper` is a derived key, `rounds` bcrypt's cost (4 to 31)."""

    def __init__(self, pepper: bytes, rounds: int = DEFAULT_ROUNDS) -> None:
        if len(pepper) < 32:
            raise CryptoError("The password pepper needs at least 32 bytes.", length=len(pepper))
        if not 4 <= rounds <= 31:
            raise CryptoError(f"bcrypt's cost must be 4 to 31, not {rounds}.", rounds=rounds)
        self._pepper = pepper
        self._rounds = rounds

    def __repr__(self) -> str:
        return f"PasswordHasher(rounds={self._rounds}, pepper hidden)"

    def hash(self, password: str) -> str:
        """The string to store. Takes about a quarter of a second at cost 12: never on an event loop."""
        return _SCHEME + bcrypt.hashpw(self._prehash(password), bcrypt.gensalt(self._rounds)).decode("ascii")

    def verify(self, password: str, stored: str) -> bool:
        """Whether `password` is the one behind `stored`; bcrypt compares in constant time.

        Raises:
            StoredHashError: `stored` is not of a form made by `hash`.
        """
        return bcrypt.checkpw(self._prehash(password), _parsed(stored)[0].encode("ascii"))

    def decoy(self) -> str:
        """A well-formed hash at today's cost that no password fits; it takes a real one's time to verify."""
        return f"{_SCHEME}$2b${self._rounds:02d}$" + "." * 53

    def needs_rehash(self, stored: str) -> bool:
        """Whether `stored` was made at a lower cost than today's."""
        return _parsed(stored)[1] < self._rounds

    def _prehash(self, password: str) -> bytes:
        digest = hmac.digest(self._pepper, _to_bytes(password), "sha384")
        return base64.b64encode(digest)


def normalise(password: str) -> str:
    """NFKC, so that the same password typed on another keyboard or system is the same password."""
    return unicodedata.normalize("NFKC", password)


def _parsed(stored: str) -> tuple[str, int]:
    match = _STORED.fullmatch(stored)
    if match is None:
        raise StoredHashError("The stored password hash has a form that this version can't read.")
    return match.group(1), int(match.group(2))


def _to_bytes(password: str) -> bytes:
    if len(password) > MAX_TYPED:
        # Can't be anybody's password; a random stand-in keeps the work the same and never matches.
        return secrets.token_bytes(64)
    return normalise(password).encode("utf-8", "surrogatepass")
