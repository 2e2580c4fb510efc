"""The middleware: exact paths, foreign pages, sockets, and an identity that can't be brought along."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from security.accounts.arrivals import COOKIE
from security.accounts.identity import Identity, Role
from security.accounts.middleware import OPEN
from tests.security.accounts.fakes import (
    BASE,
    NAME,
    Browser,
    House,
    call,
    scope_for,
    status_of,
)

TRICKS = [
    "//login",
    "/login/",
    "/login//",
    "/Login",
    "/LOGIN",
    "/login;x",
    "/login%00",
    "/login\x00",
    "/login ",
    " /login",
    "/./login",
    "/x/../login",
    "/login/../",
    "/login/../gradio_api/info",
    "/login\\..\\config",
    "/setup/",
    "//setup",
    "/door",
    "/door/",
    "/door/../config",
    "/door/../../etc/passwd",
    "/door/%2e%2e/config",
    "/door/..%2fconfig",
    "/door//door.css",
    "/door/door.css/",
    "/door/DOOR.css",
    "/door/door.css/../../config",
    "/door/page.html",
    "/healthz/",
    "/healthz/../config",
    "/logout/",
    "",
    "/",
    "*",
    "/config",
    "/theme.css",
    "/manifest.json",
    "/openapi.json",
    "/docs",
    "/assets/index.js",
    "/static/img/logo.svg",
    "/gradio_api/info",
    "/gradio_api/queue/data",
    "/gradio_api/startup-events",
    "/monitoring/key",
    "http://127.0.0.1/login",
    "/ｌogin",
    "/lo\u0131gin",
]


def header(sent: list[dict[str, Any]], name: bytes) -> bytes:
    return next((value for key, value in sent[0]["headers"] if key == name), b"")


def cookie(browser: Browser) -> tuple[bytes, bytes]:
    return b"cookie", f"{COOKIE}={browser.cookies[COOKIE]}".encode()


def test_what_is_open_is_exactly_this() -> None:
    assert {path: set(methods) for path, methods in OPEN.items()} == {
        "/login": {"GET", "HEAD", "POST"},
        "/logout": {"POST"},
        "/setup": {"GET", "HEAD", "POST"},
        "/invite": {"GET", "HEAD", "POST"},
        "/reset": {"GET", "HEAD", "POST"},
        "/healthz": {"GET", "HEAD"},
        "/door/door.css": {"GET", "HEAD"},
        "/door/mark.svg": {"GET", "HEAD"},
        "/door/passkeys.js": {"GET", "HEAD"},
        "/door/meter.js": {"GET", "HEAD"},
        "/door/strength": {"POST"},
    }


@pytest.mark.parametrize("path", TRICKS)
def test_no_spelling_of_a_path_gets_past(knocked: House, path: str) -> None:
    html = call(knocked.asgi, scope_for(path, raw_path=path.encode("utf-8")))
    assert status_of(html) == 303
    assert header(html, b"location").startswith(b"/login")
    other = call(knocked.asgi, scope_for(path, "POST", raw_path=path.encode("utf-8")))
    assert status_of(other) == 401
    assert knocked.rooms.reached == []


@pytest.mark.parametrize(
    ("path", "raw", "root"),
    [
        ("/login", b"/%6cogin", ""),
        ("/login", b"/%4cogin", ""),
        ("/door/door.css", b"/door%2fdoor.css", ""),
        ("/door/door.css", b"/door/%64oor.css", ""),
        ("/setup", b"/x/..%2fsetup", ""),
        ("/login", b"/login", "/login"),
        ("/login", b"/login", "/log"),
        ("/login", b"/login", "/"),
        ("/x/login", b"/x/login", "/x"),
        ("/login/config", b"/login/config", "/login"),
    ],
)
def test_encoded_paths_and_prefixes_do_not_open_anything(
    knocked: House, path: str, raw: bytes, root: str
) -> None:
    sent = call(knocked.asgi, scope_for(path, raw_path=raw, root_path=root))
    assert status_of(sent) == 303
    assert knocked.rooms.reached == []


METHODS = [
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "OPTIONS",
    "TRACE",
    "CONNECT",
    "PROPFIND",
    "get",
    "",
]


def test_no_method_on_an_open_path_falls_through_to_the_rooms(signed_in: Browser, house: House) -> None:
    # With a session too, an open path belongs to the door and never to a room of the same name. The real
    # sign-out comes last.
    knocks = sorted(((path, method) for path in OPEN for method in METHODS), key=("/logout", "POST").__eq__)
    for path, method in knocks:
        for headers in ([], [cookie(signed_in)]):
            call(house.asgi, scope_for(path, method, headers=headers))
            assert house.rooms.reached == [], (path, method, headers)


@given(path=st.text(max_size=60).filter(lambda path: path not in OPEN))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_other_path_is_closed(knocked: House, path: str) -> None:
    raw = path.encode("utf-8", "surrogatepass")
    assert status_of(call(knocked.asgi, scope_for(path, raw_path=raw))) == 303
    assert knocked.rooms.reached == []


@pytest.mark.parametrize(
    ("method", "accept", "status"),
    [
        ("GET", "text/html,application/xhtml+xml", 303),
        ("HEAD", "text/html", 303),
        ("GET", "application/json", 401),
        ("GET", "*/*", 401),
        ("GET", "", 401),
        ("POST", "text/html", 401),
        ("OPTIONS", "text/html", 401),
        ("DELETE", "text/html", 401),
    ],
)
def test_who_has_no_session_is_asked_to_sign_in(
    knocked: House, method: str, accept: str, status: int
) -> None:
    answer = knocked.browser().request(method, "/config", headers={"accept": accept})
    assert answer.status_code == status
    if status == 401:
        assert answer.json() == {"detail": "Please sign in."}
    assert knocked.rooms.reached == []


def test_the_way_back_is_remembered(knocked: House) -> None:
    answer = knocked.browser().get("/gradio?room=lab&x=1")
    assert answer.headers["location"] == "/login?next=/gradio%3Froom%3Dlab%26x%3D1"
    assert knocked.browser().get("/").headers["location"] == "/login"


def test_with_a_session_the_rooms_know_who_it_is(inside: Browser, knocked: House) -> None:
    assert inside.get("/anything/at?all").text == f"room for {NAME}"
    user = knocked.rooms.reached[-1][2]
    assert isinstance(user, Identity)
    assert (user.name, user.role, len(user.id)) == (NAME, Role.ADMINISTRATOR, 32)
    with pytest.raises(AttributeError):
        user.name = "Mallory"  # type: ignore[misc]


def test_an_identity_can_not_be_brought_along(knocked: House) -> None:
    forged = Identity("0" * 32, "Mallory", Role.ADMINISTRATOR)
    for kind in ("http", "websocket"):
        sent = call(knocked.asgi, scope_for("/", kind=kind, **{"asklepion.user": forged}))
        assert sent[0].get("status", 303) == 303
    # Whoever is taken to be signed in is sent on from the sign-in page; a forged one is shown the form.
    assert status_of(call(knocked.asgi, scope_for("/login", **{"asklepion.user": forged}))) == 200
    call(knocked.asgi, scope_for("/", headers=[(b"asklepion.user", b"x"), (b"x-asklepion-user", b"x")]))
    assert knocked.rooms.reached == []


ORIGINS: list[tuple[list[tuple[bytes, bytes]], bool]] = [
    ([], True),
    ([(b"origin", BASE.encode())], True),
    ([(b"origin", BASE.encode()), (b"sec-fetch-site", b"same-origin")], True),
    ([(b"sec-fetch-site", b"none")], True),
    ([(b"origin", b"http://evil.example")], False),
    ([(b"origin", b"http://127.0.0.1:7861")], False),
    ([(b"origin", b"http://127.0.0.1")], False),
    ([(b"origin", b"https://127.0.0.1:7860")], False),
    ([(b"origin", b"http://127.0.0.1:7860.evil.example")], False),
    ([(b"origin", b"http://127.0.0.1:7860@evil.example")], False),
    ([(b"origin", b"http://localhost:7860")], False),
    ([(b"origin", b"null")], False),
    ([(b"origin", b"")], False),
    ([(b"origin", BASE.encode()), (b"origin", b"http://evil.example")], False),
    ([(b"sec-fetch-site", b"cross-site")], False),
    ([(b"sec-fetch-site", b"same-site")], False),
    ([(b"origin", BASE.encode()), (b"sec-fetch-site", b"cross-site")], False),
    ([(b"sec-fetch-site", b"")], False),
]


@pytest.mark.parametrize(("headers", "allowed"), ORIGINS)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE", "ODD"])
def test_a_foreign_page_changes_nothing(
    inside: Browser,
    knocked: House,
    headers: list[tuple[bytes, bytes]],
    allowed: bool,
    method: str,
) -> None:
    scope = scope_for("/gradio_api/queue/join", method, headers=[cookie(inside), *headers])
    assert status_of(call(knocked.asgi, scope)) == (200 if allowed else 403)
    assert len(knocked.rooms.reached) == allowed


@pytest.mark.parametrize("path", ["/login", "/logout", "/setup"])
def test_a_foreign_page_can_not_post_to_the_door(signed_in: Browser, path: str) -> None:
    for headers in ({"origin": "http://evil.example"}, {"sec-fetch-site": "cross-site"}):
        assert signed_in.post(path, {"a": "b"}, headers=headers).status_code == 403
    assert signed_in.get("/").status_code == 200


def test_a_foreign_page_may_link_here(inside: Browser) -> None:
    assert inside.get("/", headers={"sec-fetch-site": "cross-site"}).status_code == 200


def test_a_socket_without_a_session_is_closed_before_it_opens(knocked: House) -> None:
    for path in ("/gradio_api/ws", "/login", "/healthz"):
        sent = call(knocked.asgi, scope_for(path, kind="websocket"))
        assert [message["type"] for message in sent] == ["websocket.close"]
        assert sent[0]["code"] == 1008
    assert knocked.rooms.reached == []


@pytest.mark.parametrize(("headers", "allowed"), ORIGINS)
def test_a_socket_of_a_foreign_page_is_closed(
    inside: Browser, knocked: House, headers: list[tuple[bytes, bytes]], allowed: bool
) -> None:
    scope = scope_for("/gradio_api/ws", kind="websocket", headers=[cookie(inside), *headers])
    sent = call(knocked.asgi, scope)
    assert sent[0]["type"] == ("websocket.accept" if allowed else "websocket.close")
    assert len(knocked.rooms.reached) == allowed
    if allowed:
        assert isinstance(knocked.rooms.reached[0][2], Identity)


@pytest.mark.parametrize("kind", ["http2", "webtransport", "", "HTTP"])
def test_an_unknown_kind_of_connection_is_refused(knocked: House, kind: str) -> None:
    with pytest.raises(ValueError, match="does not know"):
        call(knocked.asgi, scope_for("/", kind=kind))
    assert knocked.rooms.reached == []


def test_lifespan_goes_through(knocked: House) -> None:
    seen: list[str] = []

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    call(knocked.door.wrap(inner), {"type": "lifespan", "headers": []})
    assert seen == ["lifespan"]


def test_a_database_that_fails_lets_nobody_in(signed_in: Browser, house: House) -> None:
    house.rooms.reached.clear()
    # Closed first: closing the last connection writes the log back into the file.
    house.door.database.dispose()
    (house.data / "asklepion.db").write_bytes(b"not a database at all" * 400)
    answer = signed_in.get("/")
    assert answer.status_code == 503
    assert "damaged" in answer.json()["detail"]
    scope = scope_for("/ws", kind="websocket", headers=[cookie(signed_in)])
    assert call(house.asgi, scope)[0] == {"type": "websocket.close", "code": 1013, "reason": ""}
    assert house.rooms.reached == []
