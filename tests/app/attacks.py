"""Tries every route of the app on everybody; prints what was tried and what gave way, as JSON.

A process of its own: Gradio leaves event loops open. ASGI without a server: nothing between us and the app
tidies up a path.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from app import House
from security.accounts.arrivals import COOKIE
from security.accounts.duties import EDITION
from security.accounts.identity import Role
from security.accounts.sessions import Sessions
from security.accounts.settings import AccountSettings
from security.accounts.tables import Consent, RolePolicy, User
from security.crypto import onetime
from tests.app.list_routes import built, listed
from tests.app.requests import asked
from tests.app.residents import add_resident, session_of
from tests.app.rules import NEEDED, OWN, Rule, Who, unruled
from tests.app.spellings import Spelling, spellings
from tests.security.accounts.fakes import PASSWORD, second_form, shown_secret

HOST = "127.0.0.1:7860"
PATIENCE_S = 20
METHODS = ("GET", "HEAD", "POST", "OPTIONS")
FORM = ((b"content-type", b"application/x-www-form-urlencoded"),)
JSON_KIND = ((b"content-type", b"application/json"),)
FILE_KIND = ((b"content-type", b"multipart/form-data; boundary=B"),)
CONTEXTS = (
    "anonymous",
    "password only",
    "full",
    "expired",
    "signed out",
    "other user",
    "owes consent",
    "owes passkey",
)
SIGNED_IN = ("full", "other user")
OWING = ("owes consent", "owes passkey")
# What a handler of our own may say to who may ask: that the body is no form, or to prove oneself first.
ANSWERED = {200, 303, 400, 403, 415, 422}


@dataclass
class Recorder:
    """Stands before Gradio: notes what gets to it, and lets it through when told to."""

    page: Any
    reached: list[tuple[str, str]] = field(default_factory=list)
    passing: bool = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if self.passing:
            await self.page(scope, receive, send)
            return
        self.reached.append((scope.get("method", "WS"), scope["path"]))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})


@dataclass
class Attack:
    """The app, who is in it, and what has come of it so far."""

    house: House
    rooms: Recorder
    cookies: dict[str, str] = field(default_factory=dict)
    tried: int = 0
    breaches: list[Any] = field(default_factory=list)

    async def ask(self, who: str, method: str, spelling: Spelling, **more: Any) -> tuple[int, bytes, Any]:
        """(status, body, headers) of one request."""
        self.tried += 1
        cookie, query = self.cookies.get(who), more.get("query", b"")
        headers = [(b"host", HOST.encode()), (b"accept", b"*/*"), *spelling.extra, *more.get("headers", ())]
        if cookie:
            headers.append((b"cookie", cookie.encode()))
        body = more.get("body", b"")
        try:
            status, answer, told = await asked(
                self.house.asgi, method, spelling, headers, query=query, body=body, patience_s=PATIENCE_S
            )
        except TimeoutError:
            self.breach(who, method, spelling.path, "was still being answered")
            return 0, b"", {}
        token = (cookie or "").partition("=")[2].encode()
        if len(token) > 20 and any(token in value for _, value in told):
            self.breach(who, method, spelling.path, "the cookie is in the answer")
        return status, answer, dict(told)

    def breach(self, *what: Any) -> None:
        self.breaches.append([str(item)[:200] for item in what])


async def every_route(attack: Attack, paths: list[str]) -> None:
    """All of {who} x {method} x {spelling} on all listed routes."""
    for path in paths:
        body, kind = (file_form("x.txt"), FILE_KIND) if path == "/gradio_api/upload" else (b"{}", JSON_KIND)
        for spelling in spellings(path):
            for method in METHODS:
                for who in CONTEXTS:
                    if who in (*SIGNED_IN, *OWING) and (path, method) == ("/logout", "POST"):
                        continue  # it would be her own sign-out
                    attack.rooms.reached.clear()
                    status, _, headers = await attack.ask(who, method, spelling, body=body, headers=kind)
                    judge(attack, (who, method, path, spelling.name), status, headers)


def judge(attack: Attack, knock: tuple[str, str, str, str], status: int, headers: Any) -> None:
    who, method, path, spelling = knock
    straight, rule = spelling in ("plain", "forwarded"), OWN.get(path)
    may = who in SIGNED_IN and straight and (method, path) in NEEDED
    if who == "other user" and path == "/gradio_api/heartbeat/x":
        may = False  # ada has named this page before
    if attack.rooms.reached and not may:
        attack.breach(*knock, "reached Gradio", attack.rooms.reached)
    if may and not attack.rooms.reached:
        attack.breach(*knock, "is needed and was refused", status)
    if who.startswith("owes") and (rule is None or not straight or rule.who is Who.ADMINISTRATORS):
        # Everything but one's own account says what is owed, and does nothing.
        if status != 403:
            attack.breach(*knock, "is shut until then", status)
    elif rule is not None and straight and (rule.who is Who.EVERYBODY or who in (*SIGNED_IN, *OWING)):
        judge_own(attack, knock, rule, status)
    elif who not in SIGNED_IN and not (
        status == 401 or (status == 303 and headers[b"location"].startswith(b"/login"))
    ):
        attack.breach(*knock, status)
    if who == "other user" and rule is not None and rule.who is Who.ADMINISTRATORS and status != 404:
        attack.breach(*knock, "is an administrator's", status)
    if any(name.startswith(b"access-control-") for name in headers):
        attack.breach(*knock, "CORS")
    if headers.get(b"x-content-type-options") != b"nosniff" or b"content-security-policy" not in headers:
        attack.breach(*knock, "headers")


def judge_own(attack: Attack, knock: tuple[str, str, str, str], rule: Rule, status: int) -> None:
    """A route of our own, asked for plainly by who may or by somebody who is signed in."""
    who, method, _, _ = knock
    if rule.who is Who.ADMINISTRATORS and who != "full":
        wanted = {404}
    else:
        wanted = ANSWERED if rule.takes(method) else {405}
    if status not in wanted:
        attack.breach(*knock, "does not follow its rule", status)


def plain(path: str) -> Spelling:
    return Spelling("plain", path, path.encode())


async def others_things(attack: Attack) -> None:
    """What ada has, against bob, the other user; through Gradio itself."""
    attack.rooms.passing = True
    path = await uploaded(attack, "note.txt")
    link = Path(path).parent / "link.txt"
    link.symlink_to(path)
    inside, name = str(Path(path).parent), Path(path).name
    base = Path(path).parent.parent
    shut = [f"{inside}//{name}", f"{inside}/./{name}", f"{inside}/x/../{name}", f"/{path}", str(link), inside]
    shut += [str(base / ".." / "asklepion.db"), str(base.parent / "asklepion.db"), "/etc/passwd", f"{path}/"]
    shut += ["http://127.0.0.1/", "https://example.org/x", f"file://{path}", name, f"{path}\0", path.upper()]
    for tried in shut:
        await expect(attack, "full", "GET", f"/gradio_api/file={tried}", 404)
    for method in ("GET", "HEAD"):
        await expect(attack, "full", method, f"/gradio_api/file={path}", 200)
        # Gradio answers for a part with the request's own headers; the whole comes instead.
        spelling = Spelling("part", f"/gradio_api/file={path}", b"", extra=((b"range", b"bytes=0-1,3-"),))
        status, _, _ = await attack.ask("full", method, spelling)
        if status != 200:
            attack.breach("a part of a file", method, status)
        await expect(attack, "other user", method, f"/gradio_api/file={path}", 404)
    encoded = Spelling(
        "encoded", f"/gradio_api/file={path}", f"/gradio_api/file={path}".replace("/", "%2f").encode()
    )
    for who, wanted in (("full", 200), ("other user", 404)):
        status, _, _ = await attack.ask(who, "GET", encoded)
        if status != wanted:
            attack.breach(who, "encoded file", status)
    await expect(attack, "other user", "GET", f"/gradio_api/file/{path}", 404)
    await others_session(attack, path)
    await other_kinds(attack)
    attack.rooms.passing = False


def file_form(name: str) -> bytes:
    return (
        b'--B\r\nContent-Disposition: form-data; name="files"; filename="' + name.encode() + b'"\r\n'
        b"Content-Type: text/plain\r\n\r\nhers alone\r\n--B--\r\n"
    )


async def uploaded(attack: Attack, name: str) -> str:
    """The path of a file that ada has sent."""
    upload, form = plain("/gradio_api/upload"), file_form(name)
    status, body, _ = await attack.ask("full", "POST", upload, body=form, headers=FILE_KIND)
    assert status == 200, body
    path = str(json.loads(body)[0])
    if b"hers alone" in Path(path).read_bytes():
        attack.breach("an upload lies there in plain", path)
    return path


async def other_kinds(attack: Attack) -> None:
    """A file of a kind that the chat does not take is refused by the server."""
    apps = [getattr(route, "app", None) for route in attack.rooms.page.routes]
    blocks = next(app.blocks for app in apps if hasattr(app, "blocks"))
    (chat,) = [
        one._id
        for one in blocks.fns.values()
        if [i.get_block_name() for i in one.inputs] == ["multimodaltextbox"]
    ]
    for name, taken in (
        ("note.txt", True),
        ("tool.exe", False),
        ("page.html", False),
        ("note.txt.svg", False),
    ):
        file = {"path": await uploaded(attack, name), "meta": {"_type": "gradio.FileData"}}
        page = f"kinds{taken:d}{len(name)}"
        said = {"data": [{"text": "", "files": [file]}], "fn_index": chat, "session_hash": page}
        await post(attack, "full", "queue/join", said)
        query = f"session_hash={page}".encode()
        _, body, _ = await attack.ask("full", "GET", plain("/gradio_api/queue/data"), query=query)
        if (b'"success":true' in body) != taken:
            attack.breach("a file of another kind", name, body[-150:])


async def others_session(attack: Attack, path: str) -> None:
    """A session, an event and a file inside a call."""
    first = {"data": [], "fn_index": 0, "session_hash": "herpage1", "event_data": None, "trigger_id": None}
    status, body = await post(attack, "full", "queue/join", first)
    event = json.loads(body).get("event_id") if status == 200 else None
    if event is None:
        attack.breach("join", status, body)
        return
    named = b"session_hash=herpage1"
    await expect(attack, "other user", "GET", "/gradio_api/queue/data", 404, named)
    await expect(attack, "other user", "GET", "/gradio_api/queue/data", 404, b"session_hash=bobs1&" + named)
    await expect(attack, "other user", "GET", "/gradio_api/queue/data", 404, b"session_hash=herp%61ge1")
    for one in (
        "heartbeat/herpage1",
        f"call/x/{event}",
        "stream/herpage1/1/1/playlist.m3u8",
        "upload_progress",
    ):
        await expect(attack, "other user", "GET", f"/gradio_api/{one}", 404, b"upload_id=x&" + named)
    await expect(attack, "other user", "GET", "/gradio_api/deep_link", 404, named)
    await expect(attack, "other user", "GET", "/", 404, named)
    file = {"path": path, "meta": {"_type": "gradio.FileData"}}
    for call, said in (
        ("queue/join", first),
        ("queue/join", first | {"session_hash": "bobs1", "data": [{"text": "", "files": [file]}]}),
        ("queue/join", first | {"session_hash": "bobs1", "data": [{"path": f"{path}/../note.txt"}]}),
        ("queue/join", first | {"session_hash": "bobs1", "event_id": event}),
        ("queue/join", first | {"session_hash": ["herpage1"]}),
        ("cancel", {"session_hash": "herpage1", "fn_index": 0, "event_id": event}),
        ("cancel", {"session_hash": "bobs1", "fn_index": 0, "event_id": event}),
        ("reset", {"event_id": event}),
    ):
        status, body = await post(attack, "other user", call, said)
        if status != 404:
            attack.breach("other user", call, said, status, body)
    status, body, _ = await attack.ask("full", "GET", plain("/gradio_api/queue/data"), query=named)
    if status != 200 or b'"process_completed"' not in body or b"ada" not in body:
        attack.breach("her own events", status, body)


async def post(attack: Attack, who: str, call: str, said: Any) -> tuple[int, bytes]:
    body, kind = json.dumps(said).encode(), ((b"content-type", b"application/json"),)
    status, answer, _ = await attack.ask(who, "POST", plain(f"/gradio_api/{call}"), body=body, headers=kind)
    return status, answer


async def expect(attack: Attack, who: str, method: str, path: str, wanted: int, query: bytes = b"") -> None:
    status, body, _ = await attack.ask(who, method, plain(path), query=query)
    if status != wanted:
        attack.breach(who, method, path, query, status, body)


async def people(attack: Attack, folder: Path) -> None:
    """Cookies: ada's good, expired and signed-out sessions, what her password alone gets, and bob's."""
    house, ada = attack.house, await founded(attack)
    bob = add_resident(house, folder, "bob", Role.STUDENT)
    carol = add_resident(house, folder, "carol", Role.ADMINISTRATOR, agrees=False)
    dora = add_resident(house, folder, "dora", Role.TEACHER)
    with Session(house.door.database) as session, session.begin():
        session.add(Consent(user_id=ada, edition=EDITION, at=0))
        session.add(RolePolicy(role=Role.TEACHER, passkey_required=True, passkey_alone=True))
    owners = {
        "full": ada,
        "other user": bob,
        "owes consent": carol,
        "owes passkey": dora,
        "signed out": ada,
    }
    tokens = {who: session_of(house, folder, owner) for who, owner in owners.items()}
    tokens["expired"] = session_of(house, folder, ada, time.time() - 13 * 3600)
    Sessions(house.door.database, AccountSettings(data=folder)).end(tokens["signed out"])
    attack.cookies = {who: f"{COOKIE}={token}" for who, token in tokens.items()}
    attack.cookies["password only"] = await half_signed_in(attack)


async def founded(attack: Attack) -> str:
    """Set up as a person does; the id of ada, the administrator."""
    link = attack.house.door.setup_link("http://" + HOST)
    assert link is not None
    first = {"token": link.partition("token=")[2], "name": "ada"}
    page = await send_form(attack, "/setup", first | {"password": PASSWORD, "password_again": PASSWORD})
    code = onetime.code_at(shown_secret(page), onetime.step_at(time.time()))
    await send_form(attack, "/setup", second_form(page, code))
    with Session(attack.house.door.database) as session:
        return session.scalars(select(User.id)).one()


async def half_signed_in(attack: Attack) -> str:
    """The cookies of who gave the right password and no code, or a wrong one."""
    got = ["none=x"]
    for code in ("", "000000", "0000-0000-0000-0000"):
        form = urlencode({"name": "ada", "password": PASSWORD, "code": code}).encode()
        status, _, headers = await attack.ask("", "POST", plain("/login"), body=form, headers=FORM)
        if status != 401:
            attack.breach("password only", "/login", status)
        if cookie := headers.get(b"set-cookie"):
            got.append(cookie.decode().partition(";")[0])
    return "; ".join(got)


async def send_form(attack: Attack, path: str, fields: dict[str, str]) -> str:
    body = urlencode(fields).encode()
    status, page, _ = await attack.ask("", "POST", plain(path), body=body, headers=FORM)
    assert status == 200, page
    return page.decode()


async def run(house: House, page: Any, folder: Path, paths: list[str]) -> Attack:
    async with page.router.lifespan_context(page):
        rooms = Recorder(page)
        house.rooms.open(rooms)
        attack = Attack(house, rooms)
        await people(attack, folder)
        await every_route(attack, paths)
        await others_things(attack)
        return attack


def planted(house: House, page: Any) -> House:
    """The app with what this must find: a route before the door, and two behind it without a rule."""

    async def hello(_: Request) -> PlainTextResponse:
        return PlainTextResponse("hello")

    house.app.router.routes.insert(0, Route("/planted/own", hello))
    page.router.routes.insert(0, Route("/planted/gradio", hello))
    page.router.routes.insert(0, Route("/planted/open", hello))
    guarded = house.asgi

    async def leaky(scope: Any, receive: Any, send: Any) -> None:
        inside = scope["path"].rstrip("/") == "/planted/open"
        await (page if inside else guarded)(scope, receive, send)

    return replace(house, asgi=leaky)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        os.environ["GRADIO_TEMP_DIR"] = str(folder / "uploads")
        with built(folder) as (house, page):
            attacked = planted(house, page) if "--planted" in sys.argv else house
            paths = sorted({path for router in (house.app, page) for path, _ in listed(router.routes)})
            unknown = unruled(paths)
            tried = [path for path in paths if path.startswith("/planted")] or paths
            attack = asyncio.run(run(attacked, page, folder, tried))
    found = {"paths": len(paths), "unruled": unknown, "tried": attack.tried, "breaches": attack.breaches[:50]}
    json.dump(found | {"seconds": time.process_time()}, sys.stdout)


if __name__ == "__main__":
    main()
