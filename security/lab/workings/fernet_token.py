"""A Fernet token by the specification, with a given time and IV; spelled out here to be seen, never use it:
`cryptography.fernet.Fernet` draws both itself.

Format (base64url): 80 | seconds since 1970 (8 bytes) | IV (16) | AES-128-CBC ciphertext | HMAC-SHA-256 (32)
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass

from security.lab.workings.blocks import cbc

KEY_BYTES = 32


@dataclass(frozen=True)
class Token:
    """A token's parts; `text` is the whole of it."""

    version: bytes
    time: bytes
    iv: bytes
    ciphertext: bytes
    tag: bytes

    @property
    def text(self) -> bytes:
        """As it is sent, base64url."""
        return base64.urlsafe_b64encode(self.version + self.time + self.iv + self.ciphertext + self.tag)


def token(key: bytes, message: bytes, seconds: int, iv: bytes) -> Token:
    """`message` under a 32-byte key, whose first half signs and whose second half encrypts.

    Raises:
        ValueError: key or IV has another length.
    """
    if len(key) != KEY_BYTES or len(iv) != 16:
        raise ValueError("Fernet takes a key of 32 bytes and an IV of 16")
    version, time = b"\x80", seconds.to_bytes(8, "big")
    ciphertext = cbc(key[16:], iv, message)
    tag = hmac.digest(key[:16], version + time + iv + ciphertext, hashlib.sha256)
    return Token(version, time, iv, ciphertext, tag)


def key_text(key: bytes) -> bytes:
    """The key as Fernet reads it, base64url."""
    return base64.urlsafe_b64encode(key)
