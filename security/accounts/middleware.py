"""The one place that decides who gets in: around the whole app, denying by default.

Pure ASGI. What is behind it is reached with a good session and not otherwise; a few exact paths of the
door itself are open. Who owes something first (duties.py) reaches the account pages alone. An answer that is
still running when its session ends is broken off (endings.py).
Does not: decide what a signed-in user may do (indoors.py does, for Gradio's own routes).
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from types import MappingProxyType
from urllib.parse import quote

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from security.accounts.arrivals import SAFE_METHODS, Arrival, read_arrival
from security.accounts.duties import ASKS, PLACES
from security.accounts.endings import Pause, watched
from security.accounts.errors import BusyError, StoreError
from security.accounts.headers import DOOR_CSP, dressed
from security.accounts.identity import SCOPE_KEY, SCOPE_PREFIX, Duty, Identity
from security.accounts.redirects import local_path
from security.accounts.sessions import Sessions
from security.accounts.settings import AccountSettings
from security.accounts.work import Workers

STATIC_FILES: Mapping[str, str] = MappingProxyType(
    {
        "door.css": "text/css; charset=utf-8",
        "mark.svg": "image/svg+xml",
        "passkeys.js": "text/javascript; charset=utf-8",
        "meter.js": "text/javascript; charset=utf-8",
    }
)
_READ = frozenset({"GET", "HEAD"})
# Open to everybody: exactly these paths with exactly these methods. Every other method on them is
# answered here: passed on, it could reach a route of the same name behind the door.
OPEN: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "/login": _READ | {"POST"},
        "/logout": frozenset({"POST"}),
        "/setup": _READ | {"POST"},
        "/invite": _READ | {"POST"},
        "/reset": _READ | {"POST"},
        "/healthz": _READ,
        "/door/strength": frozenset({"POST"}),
        **{f"/door/{name}": _READ for name in STATIC_FILES},
    }
)
_POLICY_VIOLATION = 1008
_TRY_AGAIN_LATER = 1013
_log = logging.getLogger("asklepion.accounts")


class Guard:
    """The middleware."""

    def __init__(
        self,
        app: ASGIApp,
        settings: AccountSettings,
        sessions: Sessions,
        workers: Workers,
        now: Callable[[], float],
        pause: Pause = asyncio.sleep,
        *,
        own: frozenset[str] = frozenset(),
    ) -> None:
        # `own`: the paths of the account pages, which are there for who owes something, too.
        self._app = app
        self._own = own
        self._settings = settings
        self._sessions = sessions
        self._workers = workers
        self._now = now
        self._pause = pause

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI.

        Raises:
            ValueError: a kind of scope that is not known, and so can't be guarded.
        """
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        # A copy without anything of ours: identity comes from the session below and from nowhere else.
        scope = {key: value for key, value in scope.items() if not key.startswith(SCOPE_PREFIX)}
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            raise ValueError(f"The door does not know connections of the kind {scope['type']!r}.")

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        arrival = read_arrival(scope, self._settings)
        send = self._dressed(send, arrival)
        if arrival.own_origin is None:
            await refuse(
                send,
                421,
                "This app does not answer to the name in the address. Open it under its own address; behind "
                "a proxy, set ASKLEPION_PUBLIC_URL to the address that visitors type.",
            )
            return
        if scope["method"] not in SAFE_METHODS and arrival.foreign:
            await refuse(send, 403, "This request was made by another site's page and is refused.")
            return
        open_methods = open_to_all(scope)
        if open_methods is not None and scope["method"] not in open_methods:
            allow = ", ".join(sorted(open_methods)).encode()
            await refuse(send, 405, "This address does not take this kind of request.", (b"allow", allow))
            return
        try:
            user = await self._identify(arrival)
        except (BusyError, StoreError) as error:
            _log.warning("a request was turned away: %s", error)
            await refuse(send, 503, str(error), (b"retry-after", b"2"))
            return
        if user is not None:
            scope[SCOPE_KEY] = user
        elif open_methods is None:
            await self._ask_to_sign_in(scope, arrival, send)
            return
        if open_methods is None and arrival.token is not None and user is not None:
            if user.owes is not None and exact_path(scope) not in self._own:
                await _ask_for(user.owes, scope, arrival, send)
                return
            await self._while_signed_in(arrival.token, user, scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _while_signed_in(
        self, token: str, user: Identity, scope: Scope, receive: Receive, send: Send
    ) -> None:
        # Looked at now: routers write into the scope.
        own = exact_path(scope) in self._own
        status, detail = 401, "Please sign in."

        async def good() -> bool:
            nonlocal status, detail
            found = await self._workers.run(self._sessions.identify, token, self._now(), prolong=False)
            if found is None or found.id != user.id:
                return False
            if found.owes is not None and not own:
                status, detail = 403, ASKS[found.owes]
                return False
            return True

        with self._sessions.listening(token) as woken:
            unsaid = await watched(
                lambda its_send: self._app(scope, receive, its_send), send, good, woken, self._pause
            )
        if unsaid:
            await refuse(send, status, detail)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        arrival = read_arrival(scope, self._settings)
        code, user = _POLICY_VIOLATION, None
        # A WebSocket is not covered by the same-origin policy: any page could open one with our cookie.
        if arrival.own_origin is not None and not arrival.foreign:
            try:
                user = await self._identify(arrival)
            except (BusyError, StoreError) as error:
                _log.warning("a connection was turned away: %s", error)
                code = _TRY_AGAIN_LATER
        if user is None or user.owes is not None:
            await receive()
            await send({"type": "websocket.close", "code": code, "reason": ""})
            return
        scope[SCOPE_KEY] = user
        await self._app(scope, receive, self._dressed(send, arrival))

    def _dressed(self, send: Send, arrival: Arrival) -> Send:
        return dressed(send, secure=arrival.secure, frame_ancestors=self._settings.frame_ancestors)

    async def _identify(self, arrival: Arrival) -> Identity | None:
        if arrival.token is None:
            return None
        return await self._workers.run(self._sessions.identify, arrival.token, self._now())

    async def _ask_to_sign_in(self, scope: Scope, arrival: Arrival, send: Send) -> None:
        if scope["method"] not in _READ or not arrival.accepts_html:
            await refuse(send, 401, "Please sign in.")
            return
        back = local_path(_target(scope))
        await _lead(send, "/login" if back == "/" else f"/login?next={quote(back, safe='/')}")


def exact_path(scope: Scope) -> str | None:
    """The path of this request if it was sent as it is, else None.

    The router behind takes the decoded path relative to `root_path`, so neither an encoded spelling nor a
    prefix may make the two of us see different paths.
    """
    path: str = scope["path"]
    raw = scope.get("raw_path")
    if scope.get("root_path") or (raw is not None and raw != path.encode("utf-8", "surrogatepass")):
        return None
    return path


def open_to_all(scope: Scope) -> frozenset[str] | None:
    """The methods that need no session on the path of this request, or None if it needs one."""
    path = exact_path(scope)
    return None if path is None else OPEN.get(path)


async def _ask_for(duty: Duty, scope: Scope, arrival: Arrival, send: Send) -> None:
    """Have a person do first what is owed: a page leads there, data is refused."""
    if scope["method"] in _READ and arrival.accepts_html:
        await _lead(send, PLACES[duty])
    else:
        await refuse(send, 403, ASKS[duty])


async def _lead(send: Send, where: str) -> None:
    headers = [
        (b"location", where.encode("ascii")),
        (b"content-length", b"0"),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": 303, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


def _target(scope: Scope) -> str:
    query = scope.get("query_string", b"").decode("latin-1")
    path = (scope.get("raw_path") or quote(scope["path"]).encode()).decode("latin-1")
    return f"{path}?{query}" if query else path


async def refuse(send: Send, status: int, detail: str, *extra: tuple[bytes, bytes]) -> None:
    """Answer with one sentence as JSON."""
    body = json.dumps({"detail": detail}).encode()
    start: Message = {
        "type": "http.response.start",
        "status": status,
        "headers": [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"content-security-policy", DOOR_CSP.encode()),
            *extra,
        ],
    }
    await send(start)
    await send({"type": "http.response.body", "body": body})
