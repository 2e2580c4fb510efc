"""Forms: bounded, of one kind, each field once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from security.accounts.forms import MAX_BODY
from tests.security.accounts.fakes import Clock, House, set_up

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
