"""HTTP for the strength of a password that is being typed: for who may choose one at that moment, alone.

The right to ask is a token of set-up, an invitation or a reset, or a session. A holder may ask some sixty
times a minute, and fewer times the more work the answers are: a text made for it keeps zxcvbn busy for
seconds. What was typed is written nowhere. Does not: tell anything that sending the form would not.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field

from fastapi import Request
from fastapi.responses import JSONResponse, Response

from security.accounts.enrolment import Enrolling, digest
from security.accounts.errors import BusyError
from security.accounts.forms import read_form
from security.accounts.identity import SCOPE_KEY, Identity
from security.accounts.policy import MAX_NAME
from security.accounts.setup import Setup
from security.accounts.strength import Strength, appraise
from security.accounts.work import Workers

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
class StrengthPages:
    """The handler of /door/strength. `find` gives what hangs on an invitation, `owner` whose reset it is."""

    setup: Setup
    find: Callable[[str, float], Enrolling | None]
    owner: Callable[[str, float], str | None]
    meter: Workers
    quick: Workers
    now: Callable[[], float]
    allowances: Allowances = field(default_factory=Allowances)

    async def tell(self, request: Request) -> Response:
        """POST /door/strength."""
        fields, now = await read_form(request), self.now()
        name, token = fields.get("name", "")[: 4 * MAX_NAME], fields.get("token", "")
        user = request.scope.get(SCOPE_KEY)
        purpose = fields.get("purpose", "")
        if purpose == "account":
            known = user.name if isinstance(user, Identity) else None
            holder = digest(user.id) if isinstance(user, Identity) else b""
        else:
            known = await self.quick.run(self._known, purpose, token, name, now)
            holder = digest(token)
        if known is None:
            return JSONResponse({"detail": "Nobody chooses a password with this just now."}, 403)
        if not self.allowances.take(holder, now):
            return _later(429, "That was asked very often. Please wait a moment.")
        try:
            told, seconds = await self.meter.run(_timed, fields.get("password", ""), known)
        except BusyError as error:
            return _later(503, str(error))
        self.allowances.pay(holder, now, seconds * POINTS_A_SECOND_OF_WORK)
        return JSONResponse(asdict(told))

    def _known(self, purpose: str, token: str, name: str, now: float) -> str | None:
        """The name of the account that the password is for; None without the right to choose one."""
        if purpose == "reset":
            return self.owner(token, now)
        if purpose == "setup":
            one: Enrolling | None = self.setup
        else:
            one = self.find(token, now) if purpose == "invite" else None
        return (one.fixed_name or name) if one is not None and one.admits(token) else None


def _timed(password: str, name: str) -> tuple[Strength, float]:
    begun = time.thread_time()
    told = appraise(password, name)
    return told, time.thread_time() - begun


def _later(status: int, detail: str) -> Response:
    return JSONResponse({"detail": detail}, status, headers={"retry-after": "2"})
