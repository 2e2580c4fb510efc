"""What a signed-in user reaches of Gradio: what the page needs, and nothing of another user's."""

from __future__ import annotations

import asyncio
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request

from security.accounts.belongings import Belongings
from security.accounts.bodies import MAX_BODY, MAX_UPLOAD
from security.accounts.identity import Identity, Role
from security.accounts.indoors import Indoors
from security.accounts.scripts import page_policy
from security.accounts.sealed_uploads import SealedUploads
from security.accounts.settings import AccountSettings
from security.accounts.uploads import EventReader, Uploads, paths_in
from tests.security.accounts.fakes import Clock, call, scope_for, status_of

ADA = Identity("a" * 32, "ada", Role.ADMINISTRATOR)
BOB = Identity("b" * 32, "bob", Role.ADMINISTRATOR)
JSON = (b"content-type", b"application/json")
MULTIPART = (b"content-type", b"multipart/form-data; boundary=B")
FORM = b'--B\r\nContent-Disposition: form-data; name="files"; filename="a.txt"\r\n\r\nhers alone\r\n--B--\r\n'
MARK = {"_type": "gradio.FileData"}


class Keys:
    """Stands for the vault: a key for each user."""

    def file_key(self, user: str, purpose: str) -> bytes:
        return hashlib.sha256(f"{user}{purpose}".encode()).digest()


class Gradio:
    """Stands for Gradio: reads the whole body, answers what it was told to, and remembers."""

    def __init__(self) -> None:
        self.scopes: list[Any] = []
        self.bodies: list[bytes] = []
        self.answer: list[bytes] = [b"{}"]
        self.headers: list[tuple[bytes, bytes]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scopes.append(scope)
        self.bodies.append(await Request(scope, receive).body())
        await send({"type": "http.response.start", "status": 200, "headers": self.headers})
        for part in self.answer:
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


class Visit:
    """Indoors over a folder, and requests to it."""

    def __init__(self, folder: Path, public_url: str | None = None, **options: Any) -> None:
        self.folder = (folder / "uploads").resolve()
        self.folder.mkdir()
        self.clock = Clock()
        self.gradio = Gradio()
        settings = AccountSettings(data=folder, public_url=public_url)
        self.sealed = SealedUploads(self.folder, Keys())
        self.indoors = Indoors(self.gradio, self.sealed, settings, self.clock, **options)

    def knock(self, user: Identity | None, path: str, method: str = "GET", **changes: Any) -> list[Any]:
        body = changes.pop("body", None)
        scope = scope_for(path, method, **{"asklepion.user": user}, **changes)
        if body is None:
            return call(self.indoors, scope)
        parts = [body] if isinstance(body, bytes) else list(body)
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": parts.pop(0), "more_body": bool(parts)}

        async def send(message: Any) -> None:
            sent.append(message)

        asyncio.run(self.indoors(scope, receive, send))
        return sent

    def say(self, user: Identity, path: str, said: Any) -> int:
        body = said if isinstance(said, bytes) else json.dumps(said).encode()
        return status_of(self.knock(user, f"/gradio_api/{path}", "POST", headers=[JSON], body=body))

    def listen(self, user: Identity, name: str) -> int:
        query = f"session_hash={name}".encode()
        return status_of(self.knock(user, "/gradio_api/queue/data", query_string=query))

    def upload(self, user: Identity, name: str) -> str:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"hers")
        self.gradio.answer = [json.dumps([str(path)]).encode()]
        assert status_of(self.send(user)) == 200
        self.gradio.answer = [b"{}"]
        return str(path)

    def send(self, user: Identity, body: bytes | list[bytes] = FORM) -> list[Any]:
        return self.knock(user, "/gradio_api/upload", "POST", headers=[MULTIPART], body=body)

    def read(self, user: Identity, path: str, method: str = "GET") -> int:
        return status_of(self.knock(user, f"/gradio_api/file={path}", method))


@pytest.fixture
def visit(tmp_path: Path) -> Visit:
    return Visit(tmp_path)


def test_a_page_belongs_to_whoever_named_it_first(visit: Visit) -> None:
    assert visit.listen(ADA, "page1") == 200
    assert visit.listen(ADA, "page1") == 200
    assert visit.listen(BOB, "page1") == 404
    assert status_of(visit.knock(BOB, "/gradio_api/heartbeat/page1")) == 404
    for path in ("queue/join", "cancel", "reset"):
        assert visit.say(BOB, path, {"session_hash": "page1"}) == 404
        assert visit.say(ADA, path, {"session_hash": "page1"}) == 200
    assert visit.say(BOB, "queue/join", {"session_hash": "page2"}) == 200
    assert visit.listen(ADA, "page2") == 404


def test_a_refusal_does_not_tell_whether_there_is_something(visit: Visit) -> None:
    visit.listen(ADA, "page1")
    visit.upload(ADA, "x/a.txt")
    bodies = {
        visit.knock(BOB, path)[1]["body"]
        for path in (
            "/gradio_api/heartbeat/page1",
            f"/gradio_api/file={visit.folder}/x/a.txt",
            f"/gradio_api/file={visit.folder}/x/none.txt",
            "/gradio_api/openapi.json",
        )
    }
    assert bodies == {b'{"detail": "There is nothing here."}'}


@pytest.mark.parametrize(
    "query", [b"", b"session_hash=", b"session_hash=a&session_hash=b", b"session_hash=%2e"]
)
def test_a_page_is_named_once_and_plainly(visit: Visit, query: bytes) -> None:
    assert status_of(visit.knock(ADA, "/gradio_api/queue/data", query_string=query)) == 404
    assert visit.gradio.scopes == []


def test_an_event_belongs_to_who_was_told_of_it(visit: Visit) -> None:
    visit.gradio.answer = [b'{"event_id": ', b'"e1"}']
    assert visit.say(ADA, "queue/join", {"session_hash": "page1"}) == 200
    assert visit.say(BOB, "cancel", {"session_hash": "page2", "event_id": "e1"}) == 404
    assert visit.say(ADA, "cancel", {"session_hash": "page1", "event_id": "unheard-of"}) == 404
    assert visit.say(ADA, "cancel", {"session_hash": "page1", "event_id": "e1"}) == 200


def test_a_file_is_read_by_who_sent_it_alone(visit: Visit) -> None:
    path = visit.upload(ADA, "x/a b.txt")
    for method in ("GET", "HEAD"):
        assert visit.read(ADA, path, method) == 200
        assert visit.read(BOB, path, method) == 404
    assert visit.upload(BOB, "x/a b.txt") == path
    assert visit.read(BOB, path) == 200
    visit.clock.pass_by(9 * 24 * 3600)
    assert visit.read(BOB, path) == 404


def test_no_other_spelling_of_a_path_reads_a_file(visit: Visit) -> None:
    path = visit.upload(ADA, "x/a.txt")
    (visit.folder / "link").symlink_to(visit.folder / "x")
    (visit.folder.parent / "out.txt").write_bytes(b"secret")
    for other in (
        path.replace("/x/", "//x/"),
        path.replace("/x/", "/./x/"),
        path.replace("/x/", "/y/../x/"),
        f"/{path}",
        f"{path}/",
        f"{path}\0",
        path.replace("/x/", "\\x\\"),
        path.replace("/x/", "/link/"),
        path.replace("a.txt", "%61.txt"),
        str(visit.folder),
        f"{visit.folder}/../out.txt",
        str(visit.folder.parent / "out.txt"),
        "a.txt",
        "",
        "/etc/passwd",
        f"file://{path}",
        "https://example.org/",
    ):
        assert visit.read(ADA, other) == 404, other


def test_what_events_hand_over_may_be_read(visit: Visit) -> None:
    path = str(visit.folder / "made.zip")
    event = {"output": {"data": [{"value": {"path": path, "meta": MARK}}]}}
    whole = b"data: " + json.dumps(event).encode() + b"\n\n"
    assert visit.read(ADA, path) == 404
    visit.gradio.answer = [whole[:30], whole[30:]]
    assert visit.listen(ADA, "page1") == 200
    assert visit.read(ADA, path) == 200
    assert visit.read(BOB, path) == 404


def test_text_in_an_event_hands_nothing_over(visit: Visit) -> None:
    path = visit.upload(ADA, "x/a.txt")
    said = json.dumps({"path": path, "meta": MARK})
    visit.gradio.answer = [b"data: " + json.dumps({"output": {"data": [said, path]}}).encode() + b"\n\n"]
    assert visit.listen(BOB, "page1") == 200
    assert visit.read(BOB, path) == 404


@pytest.mark.parametrize("meta", [MARK, None])
def test_a_call_names_no_file_but_ones_own(visit: Visit, meta: Any) -> None:
    path = visit.upload(ADA, "x/a.txt")
    for named, mine, others in (
        (path, 200, 404),
        (f"{visit.folder}/x/../x/a.txt", 404, 404),
        ("/etc/passwd", 404, 404),
        ("http://127.0.0.1:9/x", 404, 404),
    ):
        said = {"data": [{"files": [[{"deep": {"path": named, "meta": meta}}]]}]}
        assert visit.say(ADA, "queue/join", said | {"session_hash": "page1"}) == mine, named
        assert visit.say(BOB, "queue/join", said | {"session_hash": "page2"}) == others, named


def test_a_body_reaches_gradio_as_it_was(visit: Visit) -> None:
    body = '{"session_hash": "page1",  "data": ["\u00e4\u2028", 1e3]}'.encode()
    parts = [body[:9], b"", body[9:]]
    sent = visit.knock(ADA, "/gradio_api/queue/join", "POST", headers=[JSON], body=parts)
    assert status_of(sent) == 200
    assert visit.gradio.bodies == [body]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff", b"[" * 100_000, b'"session_hash"'])
def test_what_is_no_json_object_is_refused(visit: Visit, body: bytes) -> None:
    assert visit.say(ADA, "queue/join", body) == 400
    assert visit.gradio.scopes == []


def test_only_json_is_taken_by_calls(visit: Visit) -> None:
    for headers in ([], [(b"content-type", b"text/plain")], [JSON, JSON]):
        sent = visit.knock(ADA, "/gradio_api/queue/join", "POST", headers=headers, body=b"{}")
        assert status_of(sent) == 415


def test_bodies_are_bounded_by_what_they_say_and_by_what_comes(visit: Visit) -> None:
    def lied(length: int | str) -> tuple[bytes, bytes]:
        return b"content-length", str(length).encode()

    big = b'{"data": "' + b"x" * MAX_BODY + b'"}'
    assert visit.say(ADA, "queue/join", big) == 413
    for path, most in (("queue/join", MAX_BODY), ("upload", MAX_UPLOAD)):
        for length, status in ((most + 1, 413), ("9" * 30, 413), ("-1", 400), ("x", 400), ("", 400)):
            headers = [JSON, lied(length)]
            sent = visit.knock(ADA, f"/gradio_api/{path}", "POST", headers=headers, body=b"{}")
            assert status_of(sent) == status, (path, length)
    assert status_of(visit.knock(ADA, "/", headers=[lied(MAX_BODY + 1)])) == 413
    assert visit.gradio.scopes == []


def test_an_upload_is_cut_when_more_comes_than_may(tmp_path: Path) -> None:
    visit = Visit(tmp_path, most_uploaded=len(FORM))
    assert status_of(visit.send(ADA, [FORM[:5], FORM[5:]])) == 200
    assert status_of(visit.send(ADA, [FORM[:5], FORM[5:] + b"x", b"x"])) == 413
    assert len(visit.gradio.bodies) == 1


@pytest.mark.parametrize(
    "path",
    [
        *("/gradio_api/" + name for name in ("token", "openapi.json", "info", "startup-events", "deep_link")),
        *("/gradio_api/" + name for name in ("run/predict", "call/x", "component_server", "queue/status")),
        *("/gradio_api/" + name for name in ("vibe-edit", "vibe-code", "runs", "mcp", "proxy=x", "file/x")),
        *("/gradio_api/" + name for name in ("stream/x", "dev/reload", "process_recording", "user")),
        *("/config", "/monitoring", "/monitoring/summary", "/manifest.json", "/robots.txt", "/svelte/x"),
        *("/assets/", "/assets/../x", "/assets//x", "/assets/.x", "/assets/%2e", "/anything", "", "//"),
    ],
)
def test_what_the_page_does_not_need_is_not_there(visit: Visit, path: str) -> None:
    for method in ("GET", "HEAD", "POST", "PUT", "OPTIONS"):
        sent = visit.knock(ADA, path, method, headers=[JSON], body=b'{"session_hash": "page1"}')
        assert status_of(sent) == 404
    assert visit.gradio.scopes == []


def test_a_saved_page_is_not_opened(visit: Visit) -> None:
    assert status_of(visit.knock(ADA, "/", query_string=b"deep_link=x")) == 404
    assert status_of(visit.knock(ADA, "/", query_string=b"lesson=x&seed=7")) == 200


def test_without_an_identity_there_is_nothing(visit: Visit) -> None:
    assert status_of(visit.knock(None, "/")) == 404
    assert call(visit.indoors, scope_for("/", kind="websocket"))[0]["type"] == "websocket.close"


def test_gradio_hears_of_no_proxy(visit: Visit) -> None:
    headers = [(b"X-Forwarded-Host", b"evil"), (b"forwarded", b"x"), (b"x-gradio-server", b"http://evil")]
    visit.knock(ADA, "/", headers=headers)
    assert {name.lower() for name, _ in visit.gradio.scopes[0]["headers"]} == {b"host", b"accept"}


def test_gradio_is_not_asked_for_a_part_of_a_file(visit: Visit) -> None:
    # It answers for a part with the headers of the request, and with them the cookie.
    path = visit.upload(ADA, "x/a.txt")
    headers = [(b"Range", b"bytes=0-1"), (b"if-range", b"x")]
    visit.knock(ADA, f"/gradio_api/file={path}", headers=headers)
    assert {name.lower() for name, _ in visit.gradio.scopes[-1]["headers"]} == {b"host", b"accept"}


@pytest.mark.parametrize(("public", "scheme"), [("https://door.example.org", "https"), (None, "http")])
def test_gradio_learns_the_scheme_from_the_settings(tmp_path: Path, public: str | None, scheme: str) -> None:
    visit = Visit(tmp_path, public)
    visit.knock(ADA, "/", headers=[(b"x-forwarded-proto", b"gopher")])
    assert visit.gradio.scopes[0]["scheme"] == scheme


def test_answers_are_private_and_reflect_no_origin(visit: Visit) -> None:
    visit.gradio.headers = [
        (b"access-control-allow-origin", b"http://evil.example"),
        (b"access-control-allow-credentials", b"true"),
        (b"cache-control", b"public, max-age=9"),
    ]
    path = visit.upload(ADA, "x/a.svg")
    for where in ("/", f"/gradio_api/file={path}", "/gradio_api/app_id"):
        headers = dict(visit.knock(ADA, where)[0]["headers"])
        assert not any(name.startswith(b"access-control") for name in headers)
        assert headers[b"cache-control"] == b"no-store"
    headers = dict(visit.knock(ADA, f"/gradio_api/file={path}")[0]["headers"])
    assert headers[b"content-security-policy"].startswith(b"default-src 'none'")
    assert dict(visit.knock(ADA, "/assets/a.js")[0]["headers"])[b"cache-control"] == b"public, max-age=9"


def test_the_page_runs_its_own_scripts_alone(visit: Visit) -> None:
    config = json.dumps({"head": "<script>lab()</script>"}).replace("<", "\\u003c")
    page = f'<script src="a.js"></script><script>window.gradio_config = {config};</script><script>b</script>'
    page = f'<base href="./" />{page}'
    visit.gradio.answer = [page.encode()]
    visit.gradio.headers = [(b"content-length", str(len(page)).encode())]
    start, body, *_ = visit.knock(ADA, "/")
    policy = dict(start["headers"])[b"content-security-policy"].decode()
    assert policy == page_policy(page)
    # A `base` could send every relative address elsewhere: there is none, and none may be added.
    assert b"<base" not in body["body"] and body["body"].startswith(b'<script src="a.js">')
    assert b"content-length" not in dict(start["headers"])
    assert policy.count("'sha256-") == 3
    (scripts,) = [part for part in policy.split("; ") if part.startswith("script-src")]
    assert "'unsafe-inline'" not in scripts
    for part in ("default-src 'self'", "object-src 'none'", "base-uri 'none'", "form-action 'self'"):
        assert part in policy.split("; ")
    assert "frame-ancestors 'self'" in policy


def test_belongings_are_bounded_and_expire() -> None:
    clock = Clock()
    owned = Belongings(clock, life_s=10, most=2)
    assert owned.claim("a", "1")
    assert owned.claim("a", "2")
    assert not owned.claim("a", "3")
    assert not owned.claim("b", "1")
    clock.pass_by(6)
    assert owned.claim("a", "2")
    clock.pass_by(6)
    # The first was not used for ten seconds, the second was.
    assert owned.claim("b", "1")
    assert not owned.claim("b", "2")
    assert owned.claim("a", "3")
    for name in "123":
        owned.give("a", name)
    assert [owned.has("a", name) for name in "123"] == [False, True, True]


def test_events_are_read_across_chunks_and_bad_ones_skipped() -> None:
    reader = EventReader()
    assert reader.paths(b'data: {"gradio.FileData"\n\ndata: {"path": "/a", ') == []
    assert reader.paths(b'"meta": {"_type": "gradio.FileData"}}\n\n') == ["/a"]
    assert list(paths_in([{"path": 1}, {"path": "x"}, "path"], marked=False)) == ["x"]
    assert Uploads(Path("/srv/up")).name("/srv/upper/x") is None
