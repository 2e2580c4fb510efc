"""Ways to store a password, and bcrypt's own base64. Repeatable: the salt is the caller's.

The app's own way is `security.crypto.passwords`; this module is for showing the ways side by side, at
costs that a classroom can wait for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import bcrypt
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

_LETTERS = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
SALT_BYTES = 16
BCRYPT_BYTES = 72
METHODS = ("plain", "SHA-256", "salted SHA-256", "bcrypt", "scrypt", "Argon2id")
ARGON2_KIB = 1024
_EXPANSION_BLOCKS = 521  # 18 subkeys and 4 boxes of 256 words, two words to an encryption
_FINAL_BLOCKS = 3 * 64


def bcrypt64(data: bytes) -> str:
    """bcrypt's base64: another alphabet than RFC 4648's, no padding (Provos and Mazieres, 1999)."""
    bits = int.from_bytes(data, "big") << -len(data) * 8 % 6
    count = -(-len(data) * 8 // 6)
    return "".join(_LETTERS[bits >> 6 * (count - 1 - at) & 63] for at in range(count))


def bcrypt_salt(salt: bytes, cost: int) -> bytes:
    """`$2b$COST$` and 22 letters, as bcrypt reads it.

    Raises:
        ValueError: the salt isn't 16 bytes, or the cost not 4 to 31.
    """
    if len(salt) != SALT_BYTES:
        raise ValueError("bcrypt's salt has 16 bytes")
    if not 4 <= cost <= 31:
        raise ValueError("bcrypt's cost is 4 to 31")
    return f"$2b${cost:02d}${bcrypt64(salt)}".encode()


def by_bcrypt(password: bytes, salt: bytes, cost: int) -> bytes:
    """The 60 letters that bcrypt stores.

    Raises:
        ValueError: the password is longer than 72 bytes; salt or cost don't fit.
    """
    return bcrypt.hashpw(password, bcrypt_salt(salt, cost))


def by_scrypt(password: bytes, salt: bytes) -> bytes:
    """32 bytes of scrypt with N = 1024, r = 8, p = 1: 1 MiB of memory."""
    return Scrypt(salt=salt, length=32, n=1024, r=8, p=1).derive(password)


def by_argon2id(password: bytes, salt: bytes) -> str:
    """Argon2id's own form, with 1 MiB of memory, two passes, one lane."""
    return Argon2id(salt=salt, length=32, iterations=2, lanes=1, memory_cost=ARGON2_KIB).derive_phc_encoded(
        password
    )


def stored(method: str, password: bytes, salt: bytes, cost: int) -> bytes:
    """What the table holds, by one of `METHODS`, without the salt where the form doesn't carry it."""
    match method:
        case "plain":
            return password
        case "SHA-256":
            return hashlib.sha256(password).digest()
        case "salted SHA-256":
            return hashlib.sha256(salt + password).digest()
        case "bcrypt":
            return by_bcrypt(password, salt, cost)
        case "scrypt":
            return by_scrypt(password, salt)
        case "Argon2id":
            return by_argon2id(password, salt).encode()
    raise ValueError("no such way")


def blocks_of(cost: int) -> int:
    """How many Blowfish encryptions one bcrypt at `cost` takes: 1 + 2 * 2**cost key expansions, then the
    text."""
    return _EXPANSION_BLOCKS * (1 + (2 << cost)) + _FINAL_BLOCKS


def cut_at_72(password: bytes) -> bytes:
    """What old versions of bcrypt did without a word. Spelled out to be seen; never use it."""
    return password[:BCRYPT_BYTES]


def cut_at_nul(password: bytes) -> bytes:
    """What a library in C reads of a text: all before the first zero byte. Never use it."""
    return password.split(b"\0", 1)[0]


@dataclass(frozen=True)
class Account:
    """A row of a stolen table, and for the lesson the password behind it and how it was chosen."""

    name: str
    password: str
    manner: str


def told_apart(rows: Mapping[str, tuple[bytes, bytes]]) -> dict[str, bool]:
    """For each way, whether the stored forms of two users differ."""
    return {method: one != other for method, (one, other) in rows.items()}
