"""Known devices: a signed cookie that says "this browser has signed in to this account before".

After OWASP's "Slow down online guessing attacks with device cookies". It is good for an allowance of
attempts and for nothing else: password and code are asked for as always. Does not: hold a name, or
know several accounts at once; the last one to sign in from a browser is the one it is known for.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

from security.crypto.sealing import RandomBytes

COOKIE = "asklepion_device"
SECURE_COOKIE = "__Host-asklepion_device"
MAX_AGE_S = 180 * 24 * 3600
_ID_BYTES = 16
_TIME_BYTES = 8
_TAG_BYTES = 32
_LENGTH = 75
_CLOCK_ERROR_S = 300


class Devices:
    """Makes and reads the cookies. Stores nothing."""

    def __init__(self, key: bytes, random: RandomBytes) -> None:
        self._key = key
        self._random = random

    def known(self, account: str, cookie: str | None, now: float) -> str | None:
        """The id of the device, if `cookie` was made here for this account and isn't too old."""
        read = self._read(account, cookie)
        if read is None:
            return None
        device, made_at = read
        return device.hex() if -_CLOCK_ERROR_S <= now - made_at < MAX_AGE_S else None

    def cookie(self, account: str, earlier: str | None, now: float) -> str:
        """A fresh cookie; the device keeps the id that it had for this account."""
        known = self.known(account, earlier, now)
        device = self._random(_ID_BYTES) if known is None else bytes.fromhex(known)
        body = device + int(now).to_bytes(_TIME_BYTES, "big")
        value = base64.urlsafe_b64encode(body + self._tag(account, body))
        return value.rstrip(b"=").decode("ascii")

    def _read(self, account: str, cookie: str | None) -> tuple[bytes, int] | None:
        if cookie is None or len(cookie) != _LENGTH or not cookie.isascii():
            return None
        try:
            raw = base64.b64decode(cookie + "=", altchars=b"-_", validate=True)
        except binascii.Error:
            return None
        body, tag = raw[:-_TAG_BYTES], raw[-_TAG_BYTES:]
        if not hmac.compare_digest(tag, self._tag(account, body)):
            return None
        return body[:_ID_BYTES], int.from_bytes(body[_ID_BYTES:], "big")

    def _tag(self, account: str, body: bytes) -> bytes:
        # `body` has a fixed length, so the two can't run together.
        return hmac.digest(self._key, body + account.encode("utf-8", "surrogatepass"), hashlib.sha256)
