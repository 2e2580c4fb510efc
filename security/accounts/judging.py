"""New passwords judged in a pool of their own, and no more of them than a holder may have judged.

A text made for it keeps zxcvbn busy for seconds, and one estimate runs at a time: whoever may choose a
password must not keep those waiting who sign in. The allowance is one for all that asks, meter and forms.
Does not: decide who may ask, or what is good enough; policy.py says that.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from security.accounts.errors import TooOftenError
from security.accounts.policy import Accepted, check_password
from security.accounts.strength import Strength, appraise
from security.accounts.work import Workers
from security.crypto.errors import PasswordRefusedError

T = TypeVar("T")
ALLOWED = 60.0
"""Points that a holder has at most; one comes back each second."""
POINTS_A_SECOND_OF_WORK = 10.0
_MOST_HOLDERS = 1000


class Allowances:
    """Points by holder: an answer costs one, and more by the time that it took. In memory; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left: dict[bytes, tuple[float, float]] = {}

    def take(self, holder: bytes, now: float) -> bool:
        """Take a point; False if there is none left."""
        with self._lock:
            left, at = self._now(holder, now)
            self._put(holder, left - 1 if left >= 1 else left, at)
            return left >= 1

    def pay(self, holder: bytes, now: float, points: float) -> None:
        """Take points for what an answer has cost; they may run into debt."""
        with self._lock:
            left, at = self._now(holder, now)
            self._put(holder, left - points, at)

    def _now(self, holder: bytes, now: float) -> tuple[float, float]:
        left, since = self._left.pop(holder, (ALLOWED, now))
        return min(ALLOWED, left + max(0.0, now - since)), max(now, since)

    def _put(self, holder: bytes, left: float, at: float) -> None:
        # Put in anew, so that the first is who asked the longest ago; it is full by then, or nearly so.
        self._left[holder] = left, at
        while len(self._left) > _MOST_HOLDERS:
            del self._left[next(iter(self._left))]


@dataclass(frozen=True)
class Judging:
    """`holder` is a digest of the token of a link, or of the id of who is signed in."""

    meter: Workers
    allowances: Allowances = field(default_factory=Allowances)

    async def appraised(self, holder: bytes, password: str, name: str, now: float) -> Strength:
        """How good it is.

        Raises:
            TooOftenError: the holder has to wait.
            BusyError: too many passwords are being judged.
        """
        return await self._paid(holder, now, appraise, password, name)

    async def accepted(self, holder: bytes, password: str, name: str, now: float) -> Accepted:
        """That it may be chosen.

        Raises:
            PasswordRefusedError: it may not; the message says why.
            TooOftenError, BusyError: as above.
        """
        refused = await self._paid(holder, now, _refusal, password, name)
        if refused is not None:
            raise refused
        return Accepted(password, name)

    async def _paid(
        self, holder: bytes, now: float, judge: Callable[[str, str], T], password: str, name: str
    ) -> T:
        if not self.allowances.take(holder, now):
            raise TooOftenError("That was asked very often. Please wait a moment.")

        def timed() -> T:
            begun = time.thread_time()
            try:
                return judge(password, name)
            finally:
                # Here, for a visitor who has gone meanwhile pays as well.
                spent = time.thread_time() - begun
                self.allowances.pay(holder, now, spent * POINTS_A_SECOND_OF_WORK)

        return await self.meter.run(timed)


def _refusal(password: str, name: str) -> PasswordRefusedError | None:
    try:
        check_password(password, name)
    except PasswordRefusedError as error:
        return error
    return None
