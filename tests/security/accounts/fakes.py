"""A clock, a browser, rooms to be guarded, and a house with all of them: no network, no real time."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI
from sqlalchemy import select
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from security.accounts.door import Door, build_door
from security.accounts.duties import EDITION
from security.accounts.limits import Unlimited, Visitor
from security.accounts.settings import AccountSettings
from security.accounts.tables import Consent, Passkey, User
from security.crypto import onetime
from security.crypto.sealing import KeyEncryptionKey

NAME = "Eva Brandt"
PASSWORD = "violet anchor tundra spoon"
START = 1_800_000_000.0
BASE = "http://127.0.0.1:7860"
KEY = KeyEncryptionKey(bytes(32))
NO_LIMIT = Unlimited()


@dataclass
class Clock:
    """Time that passes when the test says so."""

    at: float = START

    def __call__(self) -> float:
        return self.at

    def pass_by(self, seconds: float) -> None:
        self.at += seconds


@dataclass
class Rooms:
    """What stands behind the door: answers everything and remembers who got through."""

    reached: list[tuple[str, str, object]] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] not in ("http", "websocket"):
            return
        user = scope.get("asklepion.user")
        self.reached.append((scope["type"], scope["path"], user))
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.close", "code": 1000})
            return
        headers = [(b"content-type", b"text/html"), (b"cache-control", b"public, max-age=9")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": f"room for {getattr(user, 'name', '?')}".encode()})


class House:
    """The app as app.py puts it together, over a data folder."""

    def __init__(
        self,
        data: Path,
        clock: Clock,
        *,
        limiter: Any = NO_LIMIT,
        environ: Mapping[str, str] | None = None,
        **settings: Any,
    ) -> None:
        # `limiter=None` is what the app has.
        self.clock = clock
        self.data = data
        self.found: Any = None  # the state it was copied from (furnished.py)
        self.rooms = Rooms()
        self.settings = AccountSettings(data=data, **settings)
        self.door: Door = build_door(self.settings, environ or {}, now=clock, rounds=4, limiter=limiter)
        app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
        app.include_router(self.door.router)
        app.mount("/", self.rooms)
        self.asgi = self.door.wrap(app)

    @property
    def database(self) -> Engine:
        return self.door.database

    def browser(self, base: str = BASE, address: str = "127.0.0.1") -> Browser:
        return Browser(self.asgi, base, address)

    def link(self) -> str:
        link = self.door.setup_link(BASE)
        assert link is not None
        return link

    def close(self) -> None:
        self.door.close()


class Browser:
    """Follows nothing by itself, keeps cookies, sends what a browser sends."""

    def __init__(self, asgi: Any, base: str = BASE, address: str = "127.0.0.1") -> None:
        self.base = base
        self._client = httpx.AsyncClient(
            transport=httpx.ASGITransport(asgi, client=(address, 50000)),
            base_url=base,
            headers={"accept": "text/html,*/*;q=0.8"},
        )

    @property
    def cookies(self) -> httpx.Cookies:
        return self._client.cookies

    def get(self, url: str, **options: Any) -> httpx.Response:
        return self.request("GET", url, **options)

    def post(self, url: str, fields: dict[str, str] | None = None, **options: Any) -> httpx.Response:
        headers = {"origin": self.base, "sec-fetch-site": "same-origin", **options.pop("headers", {})}
        # An empty form still is a form.
        options.setdefault("data", fields if fields else {"_": ""})
        return self.request("POST", url, headers=headers, **options)

    def request(self, method: str, url: str, **options: Any) -> httpx.Response:
        return asyncio.run(self._client.request(method, url, **options))


@dataclass
class Admin:
    """Everything the first administrator knows after set-up."""

    secret: str
    codes: list[str]
    page: str

    def code(self, clock: Clock) -> str:
        return onetime.code_at(self.secret, onetime.step_at(clock.at))


def hidden(page: str, name: str) -> str:
    match = re.search(rf'<input type="hidden" name="{name}" value="([^"]*)">', page)
    assert match is not None, f"no hidden field {name}"
    return unescape(match[1])


def shown_secret(page: str) -> str:
    return "".join(re.findall(r"<span>([A-Z2-7]{4})</span>", page))


def shown_codes(page: str) -> list[str]:
    return re.findall(r"<li>([0-9A-Z]{4}(?:-[0-9A-Z]{4}){5})</li>", page)


def token_of(link: str) -> str:
    return link.partition("token=")[2]


def first_form(link: str, **changes: str) -> dict[str, str]:
    fields = {"token": token_of(link), "name": NAME, "password": PASSWORD, "password_again": PASSWORD}
    return fields | changes


def second_form(page: str, code: str) -> dict[str, str]:
    return {"token": hidden(page, "token"), "ticket": hidden(page, "ticket"), "code": code}


def passkey_row(user: str, **wanted: Any) -> Passkey:
    """A passkey of `user` as it is stored, for tests in which nobody signs with it; `wanted` differs."""
    usual: dict[str, Any] = {
        "id": user,
        "credential": user.encode(),
        "public_key": b"x",
        "sign_count": 0,
        "name": "phone",
        "transports": "",
        "user_verified": True,
        "backed_up": False,
        "created_at": 0,
    }
    return Passkey(user_id=user, **(usual | wanted))


def agree(house: House) -> None:
    """Have everybody agree to the privacy text, without a page: for tests of something else."""
    with Session(house.database) as session, session.begin():
        for user in session.scalars(select(User.id)):
            session.merge(Consent(user_id=user, edition=EDITION, at=int(house.clock.at)))


def set_up(house: House, base: str = BASE, *, agrees: bool = True) -> Admin:
    """Walk through set-up as a person would."""
    browser = house.browser(base)
    link = house.link()
    second = browser.post("/setup", first_form(link))
    assert second.status_code == 200, second.text
    secret = shown_secret(second.text)
    code = onetime.code_at(secret, onetime.step_at(house.clock.at))
    third = browser.post("/setup", second_form(second.text, code))
    assert third.status_code == 200, third.text
    if agrees:
        agree(house)
    # The code of set-up is spent; a person signs in with a later one.
    house.clock.pass_by(30)
    return Admin(secret, shown_codes(third.text), third.text)


def sign_in(browser: Browser, admin: Admin, clock: Clock, **changes: str) -> httpx.Response:
    fields = {"name": NAME, "password": PASSWORD, "code": admin.code(clock)}
    return browser.post("/login", fields | changes)


def guess(house: House, admin: Admin, place: int = 0, name: str = NAME) -> httpx.Response:
    browser = house.browser(address=f"192.0.2.{place}")
    return sign_in(browser, admin, house.clock, name=name, password="not the password")


def stranger(account: str = "eva", place: int = 0) -> Visitor:
    return Visitor(account, f"192.0.{place // 256}.{place % 256}")


def call(asgi: Any, scope: dict[str, Any]) -> list[dict[str, Any]]:
    """One raw ASGI call, for what an HTTP client would tidy up; returns what was sent."""
    sent: list[dict[str, Any]] = []
    kind = "websocket.connect" if scope["type"] == "websocket" else "http.request"

    async def receive() -> dict[str, Any]:
        return {"type": kind, "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(asgi(scope, receive, send))
    return sent


def scope_for(path: str, method: str = "GET", kind: str = "http", **changes: Any) -> dict[str, Any]:
    """A scope as a server makes it, with the default headers of a browser."""
    headers = [(b"host", b"127.0.0.1:7860"), (b"accept", b"text/html"), *changes.pop("headers", [])]
    return {
        "type": kind,
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "ws" if kind == "websocket" else "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 7860),
        "subprotocols": [],
        **changes,
    }


def status_of(sent: list[dict[str, Any]]) -> int:
    """The status of what `call` returned."""
    return int(sent[0]["status"])
