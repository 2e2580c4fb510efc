"""HTTP for taking one's own data along: asked for password and second factor lately, streamed, kept nowhere.

A person has one archive under way, and begins one a minute: each is read from all that there is. A few are
under way in all, so a visitor who takes nothing of it loses the place.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil

from fastapi import Request
from fastapi.responses import Response, StreamingResponse
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope, Send

from security.accounts.errors import BusyError, RefusedError
from security.accounts.export import Exports
from security.accounts.forms import read_form
from security.accounts.headers import DOOR_CSP
from security.accounts.inside import Inside, to_confirm
from security.accounts.pages import Handler

PATH = "/account/export"
MOST_AT_ONCE = 4
EVERY_S = 60
# A piece is some tens of kilobytes: who takes none in this time takes nothing.
PATIENCE_S = 60.0
_log = logging.getLogger("asklepion.accounts")


class Places:
    """Whose archives are being sent: one for each person, and a few in all. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken: set[str] = set()
        self._begun: dict[str, float] = {}

    def take(self, user: str, now: float) -> float:
        """Take a place: 0. Else the seconds to wait, until this person may begin another.

        Raises:
            BusyError: one is under way already, or too many are.
        """
        with self._lock:
            if user in self._taken or len(self._taken) >= MOST_AT_ONCE:
                raise BusyError("An archive is being made already. Please wait until it has come.")
            for one in [one for one, at in self._begun.items() if not 0 <= now - at < EVERY_S]:
                del self._begun[one]
            if user in self._begun:
                return self._begun[user] + EVERY_S - now
            self._taken.add(user)
            self._begun[user] = now
            return 0.0

    def free(self, user: str, *, unused: bool = False) -> None:
        """Give the place back; `unused`, if nothing was begun, gives the minute back too."""
        with self._lock:
            self._taken.discard(user)
            if unused:
                self._begun.pop(user, None)


@dataclass(frozen=True)
class ExportPages:
    """The handlers of /account/export."""

    inside: Inside
    exports: Exports
    places: Places
    patience_s: float = PATIENCE_S

    def handlers(self) -> dict[str, Handler]:
        """Path and handler."""
        return {PATH: self.inside.route({"GET": self.show, "POST": self.send})}

    async def show(self, request: Request) -> Response:
        """GET /account/export."""
        visitor = self.inside.visitor(request)
        if not await self.inside.proved(visitor):
            return to_confirm(PATH)
        return self.inside.pages.show("export.html", problem=None)

    async def send(self, request: Request) -> Response:
        """POST /account/export: the archive."""
        await read_form(request)
        visitor, now = self.inside.visitor(request), self.inside.now()
        if not await self.inside.proved(visitor):
            return to_confirm(PATH)
        user = visitor.identity.id
        # Before anything is waited for, or several at once would all find one free.
        wait = self.places.take(user, now)
        if wait > 0:
            return self._too_soon(ceil(wait))
        try:
            pieces = await self.inside.slow.run(self.exports.begin, user, now)
        except RefusedError as error:
            self.places.free(user, unused=True)
            return self.inside.pages.show("export.html", 503, problem=str(error))
        except BaseException:  # also when the visitor has gone
            self.places.free(user, unused=True)
            raise
        day = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d")
        headers = {
            "content-disposition": f'attachment; filename="asklepion-{day}.zip"',
            "cache-control": "no-store",
            "content-security-policy": DOOR_CSP,
        }
        return Sent(pieces, user, self.places, self.patience_s, headers)

    def _too_soon(self, wait: int) -> Response:
        unit = "second" if wait == 1 else "seconds"
        problem = f"You have downloaded your data a moment ago. Please wait {wait} {unit}."
        page = self.inside.pages.show("export.html", 429, problem=problem)
        page.headers["retry-after"] = str(wait)
        return page


class Sent(StreamingResponse):
    """The pieces, each made in a thread when the one before is sent; the place is free when it ends."""

    def __init__(
        self,
        pieces: Iterator[bytes],
        user: str,
        places: Places,
        patience_s: float,
        headers: dict[str, str],
    ) -> None:
        super().__init__(pieces, media_type="application/zip", headers=headers)
        self._user, self._places, self._patience_s = user, places, patience_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""

        async def taken(message: Message) -> None:
            async with asyncio.timeout(self._patience_s):
                await send(message)

        try:
            await super().__call__(scope, receive, taken)
        except (TimeoutError, ClientDisconnect):
            # Without its end the archive is broken, and the server hangs up.
            _log.info("an archive was not taken, so it was broken off")
        finally:
            self._places.free(self._user)
