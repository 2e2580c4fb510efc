"""One request to the app over ASGI, as it is: no server or client between us and the app tidies it up."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.app.spellings import Spelling

PATIENCE_S = 120
Headers = list[tuple[bytes, bytes]]


async def asked(
    app: Any,
    method: str,
    spelling: Spelling,
    headers: Headers,
    *,
    query: bytes = b"",
    body: bytes = b"",
    patience_s: float = PATIENCE_S,
) -> tuple[int, bytes, Headers]:
    """(status, body, headers); the visitor stays until it is answered.

    Raises:
        TimeoutError: it is still being answered after `patience_s`.
    """
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": spelling.path,
        "raw_path": spelling.raw,
        "root_path": spelling.root,
        "query_string": query,
        "headers": headers,
        "client": ("127.0.0.1", 5),
        "server": ("127.0.0.1", 7860),
    }
    waiting = [{"type": "http.request", "body": body, "more_body": False}]
    sent: list[Any] = []
    gone = asyncio.Event()

    async def receive() -> Any:
        if waiting:
            return waiting.pop()
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    await asyncio.wait_for(app(scope, receive, send), patience_s)
    body = b"".join(message.get("body", b"") for message in sent[1:])
    return int(sent[0]["status"]), body, list(sent[0]["headers"])
