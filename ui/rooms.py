"""What stands behind the door: the Gradio page once it is built, and until then a page that says so.

Pure ASGI. Gradio takes seconds to import, and nobody needs it to sign in, so the door is served first.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
ASGI = Callable[[Scope, Receive, Send], Awaitable[None]]

RETRY_S = 1
_HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Asklepion</title><link rel="stylesheet" href="/door/door.css">"""
WARMING = (
    _HEAD
    + """<meta http-equiv="refresh" content="{retry}"></head>
<body><main class="card"><h1>Asklepion</h1>
<p role="status">The rooms are being opened. This page follows by itself.</p></main></body></html>
"""
)
FAILED = (
    _HEAD
    + """</head>
<body><main class="card"><h1>Asklepion could not open its rooms</h1>
<p role="alert">{reason}</p></main></body></html>
"""
)


class Rooms:
    """Passes requests to the page once there is one."""

    def __init__(self) -> None:
        self._page: ASGI | None = None
        self._failure = ""

    def open(self, page: ASGI) -> None:
        """From now on requests go to `page`."""
        self._page = page

    def fail(self, reason: str) -> None:
        """The page could not be built; `reason` (HTML-safe) is shown in its place."""
        self._failure = reason

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if self._page is not None:
            await self._page(scope, receive, send)
        elif scope["type"] == "http":
            await self._wait(scope, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1013})

    async def _wait(self, scope: Scope, send: Send) -> None:
        accepts = next((value for name, value in scope["headers"] if name == b"accept"), b"")
        if b"text/html" in accepts:
            text = FAILED.format(reason=self._failure) if self._failure else WARMING.format(retry=RETRY_S)
            body, kind = text.encode(), b"text/html; charset=utf-8"
        else:
            reason = self._failure or "The rooms are being opened; try again in a second."
            body, kind = json.dumps({"detail": reason}).encode(), b"application/json"
        headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
        if not self._failure:
            headers.append((b"retry-after", str(RETRY_S).encode()))
        await send({"type": "http.response.start", "status": 503, "headers": headers})
        await send({"type": "http.response.body", "body": body})
