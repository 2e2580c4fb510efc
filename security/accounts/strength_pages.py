"""HTTP for the strength of a password that is being typed: for who may choose one at that moment, alone.

The right to ask is a token of set-up, an invitation or a reset, or a session. A holder may ask some sixty
times a minute, and fewer times the more work the answers are (judging.py). What was typed is written nowhere.
Does not: tell anything that sending the form would not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

from fastapi import Request
from fastapi.responses import JSONResponse, Response

from security.accounts.enrolment import Enrolling, digest
from security.accounts.errors import BusyError, TooOftenError
from security.accounts.forms import read_form
from security.accounts.identity import SCOPE_KEY, Identity
from security.accounts.judging import Judging
from security.accounts.policy import MAX_NAME
from security.accounts.setup import Setup
from security.accounts.work import Workers


@dataclass(frozen=True)
class StrengthPages:
    """The handler of /door/strength. `find` gives what hangs on an invitation, `owner` whose reset it is."""

    setup: Setup
    find: Callable[[str, float], Enrolling | None]
    owner: Callable[[str, float], str | None]
    judging: Judging
    quick: Workers
    now: Callable[[], float]

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
        try:
            told = await self.judging.appraised(holder, fields.get("password", ""), known, now)
        except TooOftenError as error:
            return _later(429, str(error))
        except BusyError as error:
            return _later(503, str(error))
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


def _later(status: int, detail: str) -> Response:
    return JSONResponse({"detail": detail}, status, headers={"retry-after": "2"})
