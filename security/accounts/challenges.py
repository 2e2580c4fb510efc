"""Challenges of passkeys (W3C Web Authentication Level 3, 13.4.3): a few minutes, one use, one purpose.

A challenge carries its own end and a MAC over that, its purpose and whom it was made for. So nothing is kept
for one that is only asked for: whoever floods the sign-in page fills no memory and pushes nobody out. Kept
are the used ones, until they would have ended. The key is new in every process: after a restart what was
handed out is void, and of several processes only the one that made a challenge takes it, so that it can't be
used at two. Does not: outlast a restart.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from collections import OrderedDict
from enum import StrEnum

from security.accounts.errors import BusyError
from security.crypto.sealing import RandomBytes

LIFE_S = 5 * 60
# Only what a passkey has signed is used up, so this is far above what can be used honestly. At the bound none
# is taken, rather than one forgotten that could then be used again.
USED_MAX = 65_536
_RANDOM = 32
_END = 8
_MAC = 32


class Purpose(StrEnum):
    """What a challenge is signed for."""

    ENROL = "enrol"
    SECOND_FACTOR = "second factor"
    ALONE = "alone"
    CONFIRM = "confirm"
    PASSWORD = "password"  # noqa: S105  # the page that changes it
    RESET = "reset"


class Challenges:
    """Makes challenges and uses them up. Thread-safe, and never waits for anything."""

    def __init__(self, random: RandomBytes = secrets.token_bytes, used_max: int = USED_MAX) -> None:
        self._random = random
        self._key = random(32)
        self._used_max = used_max
        self._lock = threading.Lock()
        self._used: OrderedDict[bytes, float] = OrderedDict()

    def make(self, purpose: Purpose, bound: str, now: float) -> bytes:
        """A challenge; `bound` is the token of the session or link that it is for, or empty."""
        head = self._random(_RANDOM) + (int(now) + LIFE_S).to_bytes(_END, "big")
        return head + self._mac(head, purpose, bound)

    def fits(self, challenge: bytes, purpose: Purpose, bound: str, now: float) -> bool:
        """Whether this one is ours, for this purpose, and not over; it stays good, and may be used already.

        For before the signature is checked: junk must not fill the memory of what was used.
        """
        if len(challenge) != _RANDOM + _END + _MAC:
            return False
        head, mac = challenge[:-_MAC], challenge[-_MAC:]
        # In constant time: how much of a made-up MAC is right must not be told.
        ours = hmac.compare_digest(mac, self._mac(head, purpose, bound))
        return ours and 0 < int.from_bytes(head[_RANDOM:], "big") - now <= LIFE_S

    def use(self, challenge: bytes, purpose: Purpose, bound: str, now: float) -> bool:
        """Whether this one is good; from then on it is not any more. For after the signature was checked.

        Raises:
            BusyError: too many were used in these minutes.
        """
        if not self.fits(challenge, purpose, bound, now):
            return False
        mac = challenge[-_MAC:]
        with self._lock:
            self._drop_ended(now)
            if mac in self._used:
                return False
            if len(self._used) >= self._used_max:
                raise BusyError(
                    "Too many passkeys are being used just now. Please try again in a few minutes."
                )
            self._used[mac] = now
            return True

    def _drop_ended(self, now: float) -> None:
        # Twice as long as needed: a clock that is set back a little brings none to life.
        while self._used and now - next(iter(self._used.values())) >= 2 * LIFE_S:
            self._used.popitem(last=False)

    def _mac(self, head: bytes, purpose: Purpose, bound: str) -> bytes:
        whom = hashlib.sha256(bound.encode("utf-8", "surrogatepass")).digest()
        return hmac.digest(self._key, head + whom + purpose.encode("ascii"), hashlib.sha256)
