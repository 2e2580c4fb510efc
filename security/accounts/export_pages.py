"""HTTP for taking one's own data along: asked for password and code lately, then streamed, kept nowhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from fastapi import Request
from fastapi.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from security.accounts.errors import BusyError, RefusedError
from security.accounts.export import Exports
from security.accounts.forms import read_form
from security.accounts.headers import DOOR_CSP
from security.accounts.inside import Inside, to_confirm
from security.accounts.pages import Handler

PATH = "/account/export"
MOST_AT_ONCE = 4


@dataclass(frozen=True)
class ExportPages:
    """The handlers of /account/export."""

    inside: Inside
    exports: Exports
    under_way: set[str]
    """Whose archives are being sent: one for each person, and a few in all."""

    def handlers(self) -> dict[str, Handler]:
        """Path and handler."""
        return {PATH: self.inside.route({"GET": self.show, "POST": self.send})}

    async def show(self, request: Request) -> Response:
        """GET /account/export."""
        visitor = self.inside.visitor(request)
        assert visitor is not None  # `route` has looked
        if not await self.inside.proved(visitor):
            return to_confirm(PATH)
        return self.inside.pages.show("export.html", problem=None)

    async def send(self, request: Request) -> Response:
        """POST /account/export: the archive."""
        await read_form(request)
        visitor, now = self.inside.visitor(request), self.inside.now()
        assert visitor is not None
        if not await self.inside.proved(visitor):
            return to_confirm(PATH)
        user = visitor.identity.id
        if user in self.under_way or len(self.under_way) >= MOST_AT_ONCE:
            raise BusyError("An archive is being made already. Please wait until it has come.")
        try:
            pieces = await self.inside.slow.run(self.exports.begin, user, now)
        except RefusedError as error:
            return self.inside.pages.show("export.html", 503, problem=str(error))
        day = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d")
        headers = {
            "content-disposition": f'attachment; filename="asklepion-{day}.zip"',
            "cache-control": "no-store",
            "content-security-policy": DOOR_CSP,
        }
        return _Sent(pieces, user, self.under_way, headers)


class _Sent(StreamingResponse):
    """The pieces, each made in a thread when the one before is sent; the place is free when it ends."""

    def __init__(
        self, pieces: Iterator[bytes], user: str, under_way: set[str], headers: dict[str, str]
    ) -> None:
        super().__init__(pieces, media_type="application/zip", headers=headers)
        self._user, self._under_way = user, under_way

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        self._under_way.add(self._user)
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._under_way.discard(self._user)
