"""Forms: bounded in size and time, of one kind, each field once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import Request

from security.accounts.errors import FormError
from security.accounts.forms import MAX_BODY, read_form
from tests.security.accounts.fakes import Clock, House, scope_for, set_up

FORM = "application/x-www-form-urlencoded"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    house = House(tmp_path_factory.mktemp("house"), Clock())
    set_up(house)
    yield house
    house.close()


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        (FORM, b"name=x&name=y", 400),
        (FORM, b"name=%ff", 400),
        (FORM, b"name=\xff", 400),
        (FORM, b"&".join(b"a%d=1" % i for i in range(40)), 400),
        (FORM, b"name=" + b"x" * MAX_BODY, 413),
        ("application/json", b"{}", 415),
        ("multipart/form-data; boundary=x", b"--x--", 415),
        ("text/plain", b"name=x", 415),
        ("", b"name=x", 415),
        (FORM, b"", 401),
        (FORM + "; charset=utf-8", b"name=x", 401),
    ],
)
@pytest.mark.parametrize("path", ["/login", "/setup"])
def test_odd_bodies_get_a_page_and_no_work(
    house: House, path: str, kind: str, body: bytes, status: int
) -> None:
    answer = house.browser().post(path, headers={"content-type": kind}, data=None, content=body)
    assert answer.status_code == (403 if path == "/setup" and status == 401 else status)
    assert answer.headers["content-type"].startswith("text/html")


def test_an_endless_body_is_cut_off(house: House) -> None:
    sent = 0

    async def endless() -> object:
        nonlocal sent
        while True:
            sent += 1
            yield b"x" * 1024

    answer = house.browser().post("/login", headers={"content-type": FORM}, data=None, content=endless())
    assert answer.status_code == 413
    assert sent <= 32


def slow_form(*messages: dict[str, Any]) -> Request:
    """A form of which these parts come and then nothing."""
    parts = list(messages)

    async def receive() -> dict[str, Any]:
        if not parts:
            await asyncio.Event().wait()
        return parts.pop(0)

    return Request(scope_for("/login", "POST", headers=[(b"content-type", FORM.encode())]), receive)


def test_a_form_that_does_not_come_is_not_waited_for() -> None:
    part = {"type": "http.request", "body": b"name=x", "more_body": True}
    for request in (slow_form(), slow_form(part), slow_form(part, part)):
        with pytest.raises(FormError, match="in time") as caught:
            asyncio.run(read_form(request, patience_s=0.05))
        assert caught.value.status == 408


def test_who_hangs_up_in_the_middle_leaves_no_traceback(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    parts = [{"type": "http.request", "body": b"name=x", "more_body": True}, {"type": "http.disconnect"}]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return parts.pop(0)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = scope_for("/login", "POST", headers=[(b"content-type", FORM.encode())])
    with caplog.at_level(logging.INFO):
        asyncio.run(house.asgi(scope, receive, send))
    assert sent[0]["status"] == 400
    assert [record.levelname for record in caplog.records if record.levelno > logging.INFO] == []
