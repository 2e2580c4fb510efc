"""Recovery codes: ten of 120 bits each, for the day the second factor is lost.

Does: makes them, reads them back as people type them, hashes them with a key. Does not: store them or
decide whether one was used. A fast keyed hash is enough: 120 random bits can't be guessed from it (OWASP ASVS
5.0, 6.5.2, asks for 112). Codes of before had 80 bits; they are read until new ones are made.
"""

from __future__ import annotations

import hmac
import secrets

from security.crypto.sealing import RandomBytes

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base32: no I, L, O, U
CODE_CHARACTERS = 24
OLD_CODE_CHARACTERS = 16
CODES = 10
_GROUP = 4
_LOOKALIKES = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, " ": None})


def new_codes(random: RandomBytes = secrets.token_bytes, count: int = CODES) -> tuple[str, ...]:
    """`count` codes, each six groups of four characters joined by hyphens."""
    return tuple(_grouped(random(CODE_CHARACTERS * 5 // 8)) for _ in range(count))


def normalised(entry: str) -> str | None:
    """The 24 characters of a typed code (16 of an old one), or None if it can't be one.

    Case, hyphens and spaces do not matter, and the look-alikes O, I and L are read as 0, 1 and 1.
    """
    if len(entry) > 64 or not entry.isascii():
        return None
    code = entry.upper().translate(_LOOKALIKES)
    known = len(code) in (CODE_CHARACTERS, OLD_CODE_CHARACTERS)
    return code if known and set(code) <= set(ALPHABET) else None


def hashed(code: str, key: bytes, owner: str) -> bytes:
    """HMAC-SHA-256 (32 bytes) of a normalised code, bound to its owner.

    Raises:
        ValueError: `code` is not in the form that `normalised` returns.
    """
    if normalised(code) != code:
        raise ValueError("only a normalised recovery code can be hashed")
    return hmac.digest(key, owner.encode("utf-8") + b"\x00" + code.encode("ascii"), "sha256")


def _grouped(raw: bytes) -> str:
    number = int.from_bytes(raw, "big")
    characters = [ALPHABET[(number >> (5 * place)) & 31] for place in reversed(range(CODE_CHARACTERS))]
    code = "".join(characters)
    return "-".join(code[i : i + _GROUP] for i in range(0, CODE_CHARACTERS, _GROUP))
