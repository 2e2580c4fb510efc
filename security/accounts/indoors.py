"""What a signed-in user may do in Gradio's rooms: only what the page needs, only with what is theirs.

Gradio takes whoever names a page's session, an event or a file to be its owner. This stands between the
guard and Gradio and binds each of them to the user who first named it or was handed it (OWASP ASVS 5.0,
8.2.2, 8.3.1). Who names another's gets the answer of something that does not exist. Does not: look at what
a call does; that is for the handlers, which ask whose request it is. What is uploaded reaches Gradio sealed.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from security.accounts.arrivals import is_secure
from security.accounts.belongings import Belongings
from security.accounts.bodies import (
    MAX_BODY,
    MAX_UPLOAD,
    TOO_LARGE,
    Counted,
    check_length,
    played_again,
    read_body,
)
from security.accounts.errors import AccountsError, FormError
from security.accounts.headers import NO_PAGE_CSP
from security.accounts.identity import SCOPE_KEY, Identity
from security.accounts.indoor_routes import NAME, NAMES, Kind, Route, route_of
from security.accounts.middleware import refuse
from security.accounts.scripts import page_policy, without_base
from security.accounts.sealed_forms import NO_FORM, SealedForm
from security.accounts.sealed_uploads import SealedUploads
from security.accounts.settings import AccountSettings
from security.accounts.uploads import EventReader, Uploads, paths_in
from security.crypto.errors import CryptoError

NOT_HERE = "There is nothing here."
_PIECE = 1 << 16
_MOST_HELD = 16_000_000
_log = logging.getLogger("asklepion.accounts")
# Gradio would build its addresses from these, and anybody can send them. The guard knows the host.
_FORWARDED = (b"x-forwarded-", b"forwarded", b"x-gradio-", b"x-direct-url", b"x-real-ip", b"x-original-")
# Asked for a part of a file, Gradio answers with the request's own headers: also the cookie, which no script
# may read.
_PARTS = (b"range", b"if-range")


class Indoors:
    """The middleware around Gradio, inside the guard."""

    def __init__(
        self,
        app: ASGIApp,
        sealed: SealedUploads,
        settings: AccountSettings,
        now: Callable[[], float],
        *,
        most_uploaded: int = MAX_UPLOAD,
    ) -> None:
        self._app = app
        self._sealed = sealed
        self._uploads = Uploads(sealed.folder)
        self._settings = settings
        self._owned = Belongings(now)
        self._most_uploaded = most_uploaded

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI. Gradio's page has no WebSockets, so there are none."""
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": ""})
        elif scope["type"] == "http":
            try:
                await self._http(scope, receive, send)
            except FormError as error:
                await refuse(send, error.status, str(error))

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        user, route = scope.get(SCOPE_KEY), route_of(scope)
        if not isinstance(user, Identity) or route is None:
            await refuse(send, 404, NOT_HERE)
            return
        check_length(scope, self._most_uploaded if route.kind is Kind.UPLOAD else MAX_BODY)
        if not await self._may(user.id, route):
            await refuse(send, 404, NOT_HERE)
            return
        scope = _plain(scope, compressed=route.kind in (Kind.ASSET, Kind.FILE))
        # Gradio writes whole addresses; behind a proxy with TLS only `public_url` tells of it.
        scope["scheme"] = "https" if is_secure(scope, self._settings) else "http"
        send = _private(send, route.kind)
        match route.kind:
            case Kind.UPLOAD:
                await self._upload(user.id, scope, receive, send)
            case Kind.CALL:
                await self._call(user.id, scope, receive, send)
            case Kind.EVENTS:
                await self._app(scope, receive, self._handing_over(user.id, send))
            case Kind.PAGE:
                await self._page(scope, receive, send)
            case Kind.FILE if await asyncio.to_thread(self._sealed.holds, Path(route.path)):
                await self._file(user.id, Path(route.path), str(scope["method"]), send)
            case _:
                await self._app(scope, receive, send)

    async def _may(self, user: str, route: Route) -> bool:
        if route.kind is Kind.FILE:
            name = await asyncio.to_thread(self._uploads.name, route.path)
            return name is not None and self._owned.has(user, name)
        return self._claim(user, route.names)

    def _claim(self, user: str, names: Iterable[tuple[str, str]]) -> bool:
        """Events have their owner from the answer that named them; the others from who names them first."""
        return all(
            self._owned.holds(user, f"{key}:{name}")
            if key == "event_id"
            else self._owned.claim(user, f"{key}:{name}")
            for key, name in names
        )

    async def _call(self, user: str, scope: Scope, receive: Receive, send: Send) -> None:
        kinds = [value for name, value in scope["headers"] if name.lower() == b"content-type"]
        if len(kinds) != 1 or kinds[0].partition(b";")[0].strip().lower() != b"application/json":
            raise FormError("Only JSON is taken here.", status=415)
        body = await read_body(receive)
        try:
            said = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise FormError("This is not JSON.") from error
        if not isinstance(said, dict):
            raise FormError("A JSON object is expected here.")
        names = [(key, said[key]) for key in NAMES if said.get(key) is not None]
        well_formed = all(isinstance(name, str) and NAME.fullmatch(name) for _, name in names)
        if not well_formed or not self._claim(user, names) or not await self._may_read(user, said):
            await refuse(send, 404, NOT_HERE)
            return
        start, answer = await self._whole(scope, played_again(body, receive))
        event = _parsed(answer)
        if isinstance(event, dict) and isinstance(event.get("event_id"), str):
            self._owned.claim(user, f"event_id:{event['event_id']}")
        await _answer(send, start, answer)

    async def _may_read(self, user: str, said: Any) -> bool:
        """Whether every file that a call names is the user's own: Gradio would also fetch addresses."""
        paths = list(dict.fromkeys(paths_in(said, marked=False)))
        names = await asyncio.to_thread(lambda: [self._uploads.name(path) for path in paths])
        return all(name is not None and self._owned.has(user, name) for name in names)

    async def _upload(self, user: str, scope: Scope, receive: Receive, send: Send) -> None:
        kinds = [value for name, value in scope["headers"] if name.lower() == b"content-type"]
        if len(kinds) != 1:
            raise FormError(NO_FORM, status=415)
        try:
            writer = await asyncio.to_thread(self._sealed.writer, user)
        except (AccountsError, CryptoError) as error:
            raise FormError("Your key can't be had just now, so nothing was uploaded.", 503) from error
        counted = Counted(receive, self._most_uploaded)
        form = SealedForm(counted, kinds[0].decode("latin-1"), writer)
        try:
            start, answer = await self._whole(form.scope(scope), form)
        except ClientDisconnect as error:
            if form.problem is None and not counted.over:
                raise
            raise form.problem or FormError(TOO_LARGE, status=413) from error
        if counted.over:
            raise FormError(TOO_LARGE, status=413)
        paths = _parsed(answer) if start["status"] == 200 else []
        if isinstance(paths, list):
            await self._give(user, [path for path in paths if isinstance(path, str)])
        await _answer(send, start, answer)

    async def _file(self, user: str, path: Path, method: str, send: Send) -> None:
        """What the user uploaded, opened for them; to be saved, never shown as a page."""
        try:
            plain = await asyncio.to_thread(self._sealed.open, user, path)
        except OSError:
            await refuse(send, 404, NOT_HERE)
            return
        with plain:
            await send({"type": "http.response.start", "status": 200, "headers": _saved_as(path.name)})
            try:
                while method != "HEAD" and (piece := await asyncio.to_thread(plain.read, _PIECE)):
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
            except OSError as error:
                # Left without an end, so that the server breaks off and no part is taken for the whole.
                _log.warning("An upload was not sent to its end: %s", error.strerror)
                return
            await send({"type": "http.response.body", "body": b""})

    def forget(self, user: str, *, for_good: bool = False) -> None:
        """Remove what the user uploaded and nothing has read. It blocks, and may be called from any thread.

        `for_good`: the user is deleted, so that nothing need be remembered as theirs.

        Raises:
            ClearingError: a file can't be removed.
        """
        self._sealed.clear(self._owned.given(user))
        self._owned.take_back(user)
        if for_good:
            self._owned.forget(user)

    async def _give(self, user: str, paths: list[str]) -> None:
        """Bind the files to the user before the user hears of them."""
        for name in await asyncio.to_thread(lambda: [self._uploads.name(path) for path in paths]):
            if name:
                self._owned.give(user, name)

    def _handing_over(self, user: str, send: Send) -> Send:
        reader = EventReader()

        async def handing_over(message: Message) -> None:
            if message["type"] == "http.response.body":
                paths = reader.paths(message.get("body", b""))
                if paths:
                    await self._give(user, paths)
            await send(message)

        return handing_over

    async def _page(self, scope: Scope, receive: Receive, send: Send) -> None:
        start, answer = await self._whole(scope, receive)
        page = without_base(answer.decode("utf-8", "replace"))
        # For HEAD there is no body, and the length is that of the page as it would be: it is left out.
        headers = [pair for pair in start["headers"] if pair[0].lower() != b"content-length"]
        headers.append((b"content-security-policy", page_policy(page).encode()))
        await _answer(send, {**start, "headers": headers}, page.encode())

    async def _whole(self, scope: Scope, receive: Receive) -> tuple[Message, bytes]:
        """The app's whole answer, held back: nobody hears of what is not bound to them yet."""
        start: Message = {"type": "http.response.start", "status": 500, "headers": []}
        body = bytearray()

        async def hold(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            elif message["type"] == "http.response.body":
                body.extend(message.get("body", b""))
                if len(body) > _MOST_HELD:
                    raise FormError("The answer is too large.", status=500)

        await self._app(scope, receive, hold)
        return start, bytes(body)


def _saved_as(name: str) -> list[tuple[bytes, bytes]]:
    """The headers of a file to be saved; whatever is in the name, it stays a name (RFC 6266, RFC 8187)."""
    encoded = quote(name, safe="", errors="replace")
    return [
        (b"content-type", b"application/octet-stream"),
        (b"content-disposition", f"attachment; filename*=UTF-8''{encoded}".encode("ascii")),
    ]


def _plain(scope: Scope, *, compressed: bool) -> Scope:
    """The request without what would mislead Gradio, and with answers that can be read on their way."""
    dropped = (*_FORWARDED, *_PARTS) if compressed else (*_FORWARDED, *_PARTS, b"accept-encoding")
    headers = [pair for pair in scope["headers"] if not pair[0].lower().startswith(dropped)]
    return {**scope, "headers": headers}


def _private(send: Send, kind: Kind) -> Send:
    """`send` without CORS, with the policy for what is no page, and without copies of what is private."""

    async def private(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [
                pair
                for pair in message.get("headers", ())
                if not pair[0].lower().startswith(b"access-control-")
            ]
            if not any(name.lower() == b"content-security-policy" for name, _ in headers):
                headers.append((b"content-security-policy", NO_PAGE_CSP.encode()))
            if kind is not Kind.ASSET:
                headers = [pair for pair in headers if pair[0].lower() != b"cache-control"]
                headers.append((b"cache-control", b"no-store"))
            message = {**message, "headers": headers}
        await send(message)

    return private


async def _answer(send: Send, start: Message, body: bytes) -> None:
    await send(start)
    await send({"type": "http.response.body", "body": body})


def _parsed(answer: bytes) -> Any:
    try:
        return json.loads(answer)
    except (ValueError, RecursionError):
        return None
