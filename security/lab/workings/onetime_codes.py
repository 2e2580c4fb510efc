"""A one-time code step by step (RFC 4226, RFC 6238), spelled out to be seen.

The app's own module is `security.crypto.onetime`; the two agree, and a test holds them to it.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from dataclasses import dataclass

STEP_SECONDS = 30
LEAST_SECRET, MOST_SECRET = 16, 64  # RFC 4226, R6: 128 bits at least


@dataclass(frozen=True)
class Working:
    """All that lies between a key and a counter, and the code: the counter's 8 bytes, HMAC-SHA-1's 20, where
    the 4 bytes are read, those as a number of 31 bits, and its last digits."""

    counter: bytes
    mac: bytes
    offset: int
    number: int
    code: str

    @property
    def read(self) -> bytes:
        """The 4 bytes at the offset, as they stand."""
        return self.mac[self.offset : self.offset + 4]


def from_base32(secret: str) -> bytes:
    """The key's bytes; blanks, small letters and missing padding are as people type them.

    Raises:
        ValueError: other letters than A to Z and 2 to 7, a length that base32 never has, or a key
            that isn't 16 to 64 bytes long.
    """
    typed = secret.replace(" ", "").upper().rstrip("=")
    if not typed.isascii():
        raise ValueError("base32 has the letters A to Z and the digits 2 to 7")
    try:
        key = base64.b32decode(typed + "=" * (-len(typed) % 8))
    except binascii.Error as error:
        raise ValueError("base32 has the letters A to Z and the digits 2 to 7") from error
    if not LEAST_SECRET <= len(key) <= MOST_SECRET:
        raise ValueError(f"a secret has {LEAST_SECRET} to {MOST_SECRET} bytes, not {len(key)}")
    return key


def worked(key: bytes, counter: int, digits: int = 6) -> Working:
    """The code of one counter, 0 to 2**64 - 1, with everything on the way (RFC 4226, section 5.3)."""
    moving = counter.to_bytes(8, "big")
    mac = hmac.digest(key, moving, "sha1")
    offset = mac[-1] & 15
    number = int.from_bytes(mac[offset : offset + 4], "big") & 0x7FFFFFFF
    return Working(moving, mac, offset, number, str(number % 10**digits).zfill(digits))


def accepted(key: bytes, code: str, now: int, window: int = 1) -> bool:
    """What a server without a memory says: the step of `now`, or one of `window` before and after."""
    here = now // STEP_SECONDS
    steps = range(max(0, here - window), here + window + 1)
    fits = [hmac.compare_digest(worked(key, step, len(code)).code.encode(), code.encode()) for step in steps]
    return any(fits)
