"""The served app, attacked as by hand over raw connections: what a client or a framework would tidy up."""

from __future__ import annotations

import socket
import threading
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx
import pytest

from security.accounts.duties import EDITION
from tests.app.served import App, Authenticator
from tests.security.accounts.fakes import NAME, PASSWORD, first_form, second_form, shown_codes, shown_secret

PATIENCE_S = 120
FORM = "Content-Type: application/x-www-form-urlencoded"


@dataclass
class Target:
    """A running app, the session of who set it up, and all secrets that went over the line."""

    app: App
    token: str
    secrets: list[str]

    def ask(
        self, method: str, target: str, *lines: str, body: bytes = b"", host: str = ""
    ) -> tuple[int, str]:
        """(status, the head of the answer) of one request, sent as it is."""
        length = [f"Content-Length: {len(body)}"] if body else []
        head = [
            f"{method} {target} HTTP/1.1",
            f"Host: {host or self.host}",
            "Connection: close",
            *length,
            *lines,
        ]
        with socket.create_connection(("127.0.0.1", self.app.port), PATIENCE_S) as line:
            line.sendall("\r\n".join([*head, "", ""]).encode("latin-1") + body)
            answer = b""
            while b"\r\n\r\n" not in answer and (part := line.recv(65536)):
                answer += part
        told = answer.decode("latin-1").partition("\r\n\r\n")[0]
        return int(told.split(" ")[1]), told

    @property
    def host(self) -> str:
        return urlsplit(self.app.url).netloc

    @property
    def cookie(self) -> str:
        return f"Cookie: asklepion_session={self.token}"


@pytest.fixture(scope="module")
def target(app: App) -> Target:
    with httpx.Client(base_url=app.url, headers={"origin": app.url}, timeout=PATIENCE_S) as owner:
        link = app.setup_link
        second = owner.post("/setup", data=first_form(link))
        phone = Authenticator(shown_secret(second.text))
        first_code = phone.code()
        third = owner.post("/setup", data=second_form(second.text, first_code))
        codes = shown_codes(third.text)
        owner.cookies.set("asklepion_session", "A" * 43, domain="localhost.local")
        fields = {"name": NAME, "password": PASSWORD, "recovery": codes[0]}
        answer = owner.post("/login", data=fields)
        assert answer.status_code == 303
        token = answer.cookies["asklepion_session"]
        assert token != "A" * 43, "a token that was brought along is never taken"
        owner.post("/account/welcome", data={"edition": EDITION})
        # Secrets in addresses, where they would be in an access log.
        owner.get("/login", params=fields | {"code": codes[1]})
        owner.get("/reset", params={"token": "R" * 43})
        owner.get("/invite", params={"token": "I" * 43})
        ends, pause = time.monotonic() + PATIENCE_S, threading.Event()
        while (opening := owner.get("/")).status_code == 503 and time.monotonic() < ends:
            pause.wait(float(opening.headers["retry-after"]))
        assert opening.status_code == 200
        secrets = [PASSWORD, phone.secret, *codes, token, "R" * 43, "I" * 43, *answer.cookies.values()]
    return Target(app, token, secrets)


@pytest.mark.parametrize(
    "line",
    [
        "asklepion.user: ada",
        "Remote-User: eva",
        "X-Forwarded-User: eva",
        "X-Original-URL: /login",
        "X-HTTP-Method-Override: POST",
        "Authorization: Basic ZXZhOng=",
        "Cookie: __Host-asklepion_session={token}",
        "Cookie: asklepion_session={token}; asklepion_session=x",
        "Cookie: asklepion_session={token}\r\nCookie: asklepion_session=x",
        'Cookie: asklepion_session="{token}"',
    ],
)
def test_no_header_and_no_tossed_cookie_is_an_identity(target: Target, line: str) -> None:
    assert target.ask("GET", "/", target.cookie)[0] == 200
    assert target.ask("GET", "/", line.format(token=target.token))[0] == 401


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "x@127.0.0.1", "a b"])
def test_another_host_is_not_answered(target: Target, host: str) -> None:
    assert target.ask("GET", "/login", host=host)[0] == 421


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/file=/../etc/passwd",
        "/gradio_api/file=%2e%2e/asklepion.db",
        "/gradio_api/file=/etc/passwd",
        "/gradio_api/file=//etc/passwd",
        "/gradio_api/file=\\etc\\passwd",
        "/gradio_api/file=%00",
        "/static/..%2f..%2fapp.py",
        "/static/../app.py",
        "/assets/%2e%2e/x",
        "//",
        "/%5c",
        "/\\",
        "http://evil.example/",
        "*",
    ],
)
def test_no_path_leads_out(target: Target, path: str) -> None:
    assert target.ask("GET", path, target.cookie)[0] == 404


@pytest.mark.parametrize(
    "path",
    [
        "//evil",
        "/\\evil",
        "https:evil",
        "/%09/evil",
        "/%0a/evil",
        "%2f%2fevil",
        "/%5cevil",
        "javascript:x",
        "/.//evil",
        "/x&next=//evil",
    ],
)
def test_no_one_is_sent_elsewhere(target: Target, path: str) -> None:
    status, head = target.ask("GET", f"/login?next={path}", target.cookie)
    assert status == 303
    assert "location: /\r\n" in head.lower() + "\r\n"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"name=a%00b&password=%00&code=%00", 401),
        (b"name=a\0b&password=x", 401),
        (b"name=%ff%fe&password=x", 400),
        (b"name=%ed%a0%80", 400),
        (b"name=a&name=b", 400),
        (b"name=" + b"a" * 1_000_000, 413),
    ],
)
def test_odd_forms_are_refused(target: Target, body: bytes, status: int) -> None:
    assert target.ask("POST", "/login", FORM, f"Origin: {target.app.url}", body=body)[0] == status


@pytest.mark.parametrize(
    "lines", [("Origin: https://evil.example",), ("Origin: null",), ("Sec-Fetch-Site: same-site",)]
)
@pytest.mark.parametrize("path", ["/logout", "/gradio_api/queue/join", "/account/codes"])
def test_another_page_changes_nothing(target: Target, path: str, lines: tuple[str, ...]) -> None:
    body = b'{"data": []}'
    assert target.ask("POST", path, "Content-Type: text/plain", target.cookie, *lines, body=body)[0] == 403
    assert target.ask("GET", "/", target.cookie)[0] == 200


@pytest.mark.parametrize("parts", ["bytes=0-3", "bytes=0-1,3-4", "bytes=" + ",".join(["0-"] * 2000)])
def test_a_part_of_a_file_is_the_whole_and_shows_no_cookie(target: Target, parts: str) -> None:
    cookies = {"asklepion_session": target.token}
    headers = {"origin": target.app.url}
    file = "a.html", b"<script>1</script>", "text/html"
    with httpx.Client(base_url=target.app.url, headers=headers, cookies=cookies) as owner:
        (path,) = owner.post("/gradio_api/upload", files={"files": file}).json()
        answer = owner.get(f"/gradio_api/file={path}", headers={"range": parts})
    assert (answer.status_code, answer.content) == (200, b"<script>1</script>")
    assert not {"cookie", "origin", "range"} & set(answer.headers)
    assert "attachment" in answer.headers["content-disposition"]


def test_requests_are_not_smuggled(target: Target) -> None:
    twice = target.ask("POST", "/login", "Content-Length: 4", "Content-Length: 5", FORM)
    assert twice[0] == 400
    assert target.ask("POST", "/login", "Transfer-Encoding: gzip, chunked", FORM)[0] in (400, 501)


def test_no_secret_is_printed(target: Target) -> None:
    target.ask("GET", "/\0", target.cookie)
    printed = "".join(target.app.lines)
    assert [one[:6] for one in target.secrets if one in printed] == []
    assert "Traceback" not in printed
    assert printed.count("token=") == 1, "the set-up link, which is for the terminal, and nothing else"
    trail = b"".join(path.read_bytes() for path in target.app.data.rglob("*.db*") if path.is_file())
    assert [one[:6] for one in target.secrets if one.encode() in trail] == []
