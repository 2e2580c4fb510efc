"""Hosts that are answered, and the headers that every answer has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from security.accounts.headers import NO_PAGE_CSP
from tests.security.accounts.fakes import BASE, Browser, Clock, House, call, scope_for, status_of


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:7860", 200),
        ("localhost:7860", 200),
        ("asklepion.localhost", 200),
        ("192.168.1.20:7860", 200),
        ("[::1]:7860", 200),
        ("praxis.local", 200),
        ("server", 200),
        ("evil.example", 421),
        ("evil.example:7860", 421),
        ("127.0.0.1.evil.example", 421),
        ("localhost.evil.example", 421),
        ("127.0.0.1:7860/evil", 421),
        ("user@127.0.0.1", 421),
        ("", 421),
        ("a b", 421),
    ],
)
def test_only_names_of_this_app_are_answered(knocked: House, host: str, status: int) -> None:
    answer = knocked.browser().get("/healthz", headers={"host": host})
    assert answer.status_code == status


def test_two_hosts_or_none_are_refused(knocked: House) -> None:
    for headers in ([], [(b"host", b"127.0.0.1"), (b"host", b"127.0.0.1")]):
        scope = scope_for("/healthz") | {"headers": headers}
        assert status_of(call(knocked.asgi, scope)) == 421


def test_the_public_address_is_ours_and_others_are_not(tmp_path: Path, clock: Clock) -> None:
    house = House(tmp_path, clock, public_url="https://door.example.org/")
    try:
        # As a proxy passes it on: plain HTTP with the visitor's Host and Origin.
        for origin, status in (
            ("https://door.example.org", 403),
            ("http://door.example.org", 403),
            ("https://evil.example", 403),
        ):
            scope = scope_for("/setup", "POST") | {
                "headers": [(b"host", b"door.example.org"), (b"origin", origin.encode())]
            }
            sent = call(house.asgi, scope)
            assert status_of(sent) == (415 if origin == "https://door.example.org" else status)
        scope = scope_for("/healthz") | {"headers": [(b"host", b"evil.example.org")]}
        assert status_of(call(house.asgi, scope)) == 421
    finally:
        house.close()


COMMON = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=(), "
    "publickey-credentials-create=(self), publickey-credentials-get=(self)",
}


@pytest.mark.parametrize(
    "path", ["/login", "/healthz", "/door/door.css", "/config", "/setup", "/nowhere/else"]
)
def test_every_answer_has_the_security_headers(knocked: House, path: str) -> None:
    for accept in ("text/html", "application/json"):
        answer = knocked.browser().get(path, headers={"accept": accept})
        assert COMMON.items() <= dict(answer.headers).items()
        policy = answer.headers["content-security-policy"]
        for part in ("default-src 'none'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'self'"):
            assert part in policy.split("; ")
        assert "strict-transport-security" not in answer.headers


def test_the_rooms_answers_are_dressed_too(inside: Browser) -> None:
    answer = inside.get("/")
    assert COMMON.items() <= dict(answer.headers).items()
    assert answer.headers["content-security-policy"] == NO_PAGE_CSP
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/login", "/setup", "/setup?token=x"])
def test_the_doors_own_pages_are_strict(knocked: House, path: str) -> None:
    answer = knocked.browser().get(path)
    assert answer.headers["content-security-policy"] == (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self'; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'self'; base-uri 'none'; object-src 'none'"
    )
    assert answer.headers["cache-control"] == "no-store"
    assert "<script" not in answer.text
    assert "http://" not in answer.text.replace(BASE, "")
    assert "https://" not in answer.text


def test_where_passkeys_can_be_used_one_file_of_our_own_may_run(knocked: House) -> None:
    answer = knocked.browser("http://localhost:7860").get("/login")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert re.findall(r"<script[^>]*>", answer.text) == ['<script src="/door/passkeys.js" defer>']
    assert re.search(r"\son[a-z]+=", answer.text) is None
    script = knocked.browser().get("/door/passkeys.js")
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
    assert not any(word in script.text for word in ("fetch(", "XMLHttpRequest", "innerHTML", "eval("))


def test_the_files_of_the_door_are_served(knocked: House) -> None:
    css = knocked.browser().get("/door/door.css")
    assert css.status_code == 200
    assert css.headers["content-type"] == "text/css; charset=utf-8"
    assert ".card" in css.text
    assert "url(" not in css.text
    assert "@import" not in css.text
    assert knocked.browser().get("/door/mark.svg").headers["content-type"] == "image/svg+xml"
    assert knocked.browser().get("/healthz").json() == {"status": "ok"}
    assert knocked.browser().request("HEAD", "/login").status_code == 200
