"""Tries every route of the app on everybody; prints what was tried and what gave way, as JSON.

A process of its own: Gradio leaves event loops open. ASGI without a server: nothing between us and the app
tidies up a path.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from app import House
from security.accounts.arrivals import COOKIE
from security.accounts.middleware import OPEN
from security.accounts.sessions import Sessions
from security.accounts.settings import AccountSettings
from security.accounts.tables import User
from security.crypto.keyfile import load_key_encryption_key
from tests.app.list_routes import built, listed

HOST = "127.0.0.1:7860"
PATIENCE_S = 20
METHODS = ("GET", "HEAD", "POST", "OPTIONS")
FORWARDED = (
    (b"x-forwarded-host", b"evil.example"),
    (b"x-forwarded-for", b"127.0.0.1"),
    (b"x-forwarded-prefix", b"/login"),
    (b"x-original-url", b"/login"),
    (b"x-rewrite-url", b"/healthz"),
    (b"x-gradio-server", b"http://evil.example"),
    (b"x-http-method-override", b"GET"),
    (b"asklepion.user", b"ada"),
)
# The rooms that a signed-in user reaches, spelled plainly; every other one is refused.
NEEDED = {
    ("GET", "/"),
    ("HEAD", "/"),
    ("GET", "/assets/x"),
    ("HEAD", "/assets/x"),
    ("GET", "/static/x"),
    ("HEAD", "/static/x"),
    ("GET", "/theme.css"),
    ("GET", "/favicon.ico"),
    ("GET", "/gradio_api/app_id"),
    ("GET", "/gradio_api/heartbeat/x"),
    ("POST", "/gradio_api/queue/join"),
    ("POST", "/gradio_api/cancel"),
    ("POST", "/gradio_api/reset"),
    ("POST", "/gradio_api/upload"),
}

JSON_KIND = ((b"content-type", b"application/json"),)
FORM_KIND = ((b"content-type", b"multipart/form-data; boundary=B"),)
FORM = (
    b'--B\r\nContent-Disposition: form-data; name="files"; filename="note.txt"\r\n'
    b"Content-Type: text/plain\r\n\r\nhers alone\r\n--B--\r\n"
)


@dataclass(frozen=True)
class Spelling:
    """A path as a server would hand it on."""

    name: str
    path: str
    raw: bytes
    root: str = ""
    extra: tuple[tuple[bytes, bytes], ...] = ()


def spellings(path: str) -> Iterator[Spelling]:
    plain = path.encode()
    yield Spelling("plain", path, plain)
    yield Spelling("forwarded", path, plain, extra=FORWARDED)
    if path != "/":
        yield Spelling("trailing slash", path + "/", plain + b"/")
    yield Spelling("double slash", "/" + path, b"/" + plain)
    yield Spelling("encoded dots", f"/login/..{path}", b"/login/%2e%2e" + plain)
    coded = b"/%" + f"{ord(path[1]):02x}".encode() + plain[2:] if path[1:] else b"%2f"
    yield Spelling("encoded letter", path, coded)
    if path.upper() != path:
        yield Spelling("upper case", path.upper(), plain.upper())
    yield Spelling("root_path", f"/x{path}", b"/x" + plain, root="/x")


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
    users: dict[str, str] = field(default_factory=dict)
    tried: int = 0
    breaches: list[Any] = field(default_factory=list)

    async def ask(self, who: str, method: str, spelling: Spelling, **more: Any) -> tuple[int, bytes, Any]:
        """(status, body, headers) of one request."""
        self.tried += 1
        token, query = self.users.get(who), more.get("query", b"")
        headers = [(b"host", HOST.encode()), (b"accept", b"*/*"), *spelling.extra, *more.get("headers", ())]
        if token:
            headers.append((b"cookie", f"{COOKIE}={token}".encode()))
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
        waiting = [{"type": "http.request", "body": more.get("body", b""), "more_body": False}]
        sent: list[Any] = []
        gone = asyncio.Event()

        async def receive() -> Any:
            if waiting:
                return waiting.pop()
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        try:
            await asyncio.wait_for(self.house.asgi(scope, receive, send), PATIENCE_S)
        except TimeoutError:
            self.breach(who, method, spelling.path, "was still being answered")
            return 0, b"", {}
        body = b"".join(message.get("body", b"") for message in sent[1:])
        return int(sent[0]["status"]), body, dict(sent[0]["headers"])

    def breach(self, *what: Any) -> None:
        self.breaches.append([str(item)[:200] for item in what])


async def every_route(attack: Attack, paths: list[str]) -> None:
    """All of {who} x {method} x {spelling} on all listed routes."""
    for path in paths:
        body, kind = (FORM, FORM_KIND) if path == "/gradio_api/upload" else (b"{}", JSON_KIND)
        for spelling in spellings(path):
            for method in METHODS:
                if spelling.name in ("plain", "forwarded") and path in OPEN:
                    continue
                for who in ("anonymous", "expired", "signed out", "full"):
                    if (who, path, method) == ("full", "/logout", "POST"):
                        continue  # under a root_path it is her own sign-out
                    attack.rooms.reached.clear()
                    status, _, headers = await attack.ask(who, method, spelling, body=body, headers=kind)
                    judge(attack, (who, method, path, spelling.name), status, headers)


def judge(attack: Attack, knock: tuple[str, str, str, str], status: int, headers: Any) -> None:
    who, method, path, spelling = knock
    may = who == "full" and spelling in ("plain", "forwarded") and (method, path) in NEEDED
    if attack.rooms.reached and not may:
        attack.breach(*knock, "reached Gradio", attack.rooms.reached)
    if may and not attack.rooms.reached:
        attack.breach(*knock, "is needed and was refused", status)
    if who != "full" and not (
        status == 401 or (status == 303 and headers[b"location"].startswith(b"/login"))
    ):
        attack.breach(*knock, status)
    if any(name.startswith(b"access-control-") for name in headers):
        attack.breach(*knock, "CORS")
    if headers.get(b"x-content-type-options") != b"nosniff" or b"content-security-policy" not in headers:
        attack.breach(*knock, "headers")


def plain(path: str) -> Spelling:
    return Spelling("plain", path, path.encode())


async def others_things(attack: Attack) -> None:
    """What ada has, against bob; through Gradio itself."""
    attack.rooms.passing = True
    upload = plain("/gradio_api/upload")
    status, body, _ = await attack.ask("full", "POST", upload, body=FORM, headers=FORM_KIND)
    if status != 200:
        attack.breach("upload", status, body)
        return
    (path,) = json.loads(body)
    if b"hers alone" in Path(path).read_bytes():
        attack.breach("an upload lies there in plain", path)
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
        await expect(attack, "bob", method, f"/gradio_api/file={path}", 404)
    encoded = Spelling(
        "encoded", f"/gradio_api/file={path}", f"/gradio_api/file={path}".replace("/", "%2f").encode()
    )
    for who, wanted in (("full", 200), ("bob", 404)):
        status, _, _ = await attack.ask(who, "GET", encoded)
        if status != wanted:
            attack.breach(who, "encoded file", status)
    await expect(attack, "bob", "GET", f"/gradio_api/file/{path}", 404)
    await others_session(attack, path)
    attack.rooms.passing = False


async def others_session(attack: Attack, path: str) -> None:
    """A session, an event and a file inside a call."""
    first = {"data": [], "fn_index": 0, "session_hash": "herpage1", "event_data": None, "trigger_id": None}
    status, body = await post(attack, "full", "queue/join", first)
    event = json.loads(body).get("event_id") if status == 200 else None
    if event is None:
        attack.breach("join", status, body)
        return
    named = b"session_hash=herpage1"
    await expect(attack, "bob", "GET", "/gradio_api/queue/data", 404, named)
    await expect(attack, "bob", "GET", "/gradio_api/queue/data", 404, b"session_hash=bobs1&" + named)
    await expect(attack, "bob", "GET", "/gradio_api/queue/data", 404, b"session_hash=herp%61ge1")
    await expect(attack, "bob", "GET", "/gradio_api/heartbeat/herpage1", 404)
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
        status, body = await post(attack, "bob", call, said)
        if status != 404:
            attack.breach("bob", call, said, status, body)
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


def people(house: House, folder: Path) -> dict[str, str]:
    """Tokens: ada's good, expired and signed-out sessions, and bob's."""
    now, sessions = time.time(), Sessions(house.door.database, AccountSettings(data=folder))
    ids = {name: secrets.token_hex(16) for name in ("ada", "bob")}
    keys = load_key_encryption_key({}, folder, may_create=False)
    sealed: dict[str, Any] = {"password_hash": "x", "totp_secret": b"x", "totp_last_step": 0}
    with Session(house.door.database) as session, session.begin():
        for name, user in ids.items():
            own = {"id": user, "name": name, "name_key": name, "wrapped_key": keys.new_data_key(user)[1]}
            session.add(User(role="administrator", created_at=int(now), **own, **sealed))
        session.flush()
        tokens = {
            "full": sessions.begin(session, ids["ada"], now),
            "bob": sessions.begin(session, ids["bob"], now),
            "signed out": sessions.begin(session, ids["ada"], now),
            "expired": sessions.begin(session, ids["ada"], now - 13 * 3600),
        }
    sessions.end(tokens["signed out"])
    return tokens


async def run(house: House, page: Any, folder: Path, paths: list[str]) -> Attack:
    async with page.router.lifespan_context(page):
        rooms = Recorder(page)
        house.rooms.open(rooms)
        attack = Attack(house, rooms, people(house, folder))
        await every_route(attack, paths)
        await others_things(attack)
        return attack


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        os.environ["GRADIO_TEMP_DIR"] = str(folder / "uploads")
        with built(folder) as (house, page):
            paths = sorted({path for router in (house.app, page) for path, _ in listed(router.routes)})
            attack = asyncio.run(run(house, page, folder, paths))
    found = {"paths": len(paths), "tried": attack.tried, "breaches": attack.breaches[:50]}
    json.dump(found | {"seconds": time.process_time()}, sys.stdout)


if __name__ == "__main__":
    main()
