"""Known devices: strangers don't hold them up, and the cookie is good for nothing else."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator
from pathlib import Path

import pytest

from security.accounts.devices import COOKIE, MAX_AGE_S, Devices
from security.accounts.limits import Limits, Visitor
from tests.security.accounts.fakes import (
    NAME,
    START,
    Admin,
    Clock,
    House,
    guess,
    sign_in,
    stranger,
)


@pytest.fixture
def house(tmp_path: Path, clock: Clock) -> Iterator[House]:
    """With the limits of the app."""
    house = House(tmp_path, clock, limiter=None)
    yield house
    house.close()


def test_strangers_do_not_hold_up_a_known_device(house: House, admin: Admin, clock: Clock) -> None:
    own = house.browser()
    assert sign_in(own, admin, clock).status_code == 303
    own.post("/logout")
    clock.pass_by(30)
    answers = [guess(house, admin, place).status_code for place in range(40)]
    assert answers == [401] * 6 + [429] * 34
    # From the strangers' own address too.
    for place in range(11):
        guess(house, admin, 127, f"other {place}")
    assert guess(house, admin, 127, "yet another").status_code == 429
    assert sign_in(house.browser(), admin, clock).status_code == 429
    assert sign_in(own, admin, clock).status_code == 303


def test_a_known_device_has_limits_of_its_own(house: House, admin: Admin, clock: Clock) -> None:
    own = house.browser()
    sign_in(own, admin, clock)
    own.post("/logout")
    answers = [sign_in(own, admin, clock, password="wrong").status_code for _ in range(8)]
    assert answers == [401] * 6 + [429] * 2
    # Nor do they count against others.
    clock.pass_by(30)
    assert sign_in(house.browser(), admin, clock).status_code == 303


def test_who_has_the_password_can_not_use_up_the_codes_of_a_known_device(limits: Limits) -> None:
    own = Visitor("eva", "198.51.100.1", limits.succeeded(stranger(), START))
    for place in range(12):
        limits.take_code(stranger(place=place), START, password_fits=True)
    assert not limits.take_code(stranger(), START, password_fits=True)
    allowed = [limits.take_code(own, START, password_fits=True) for _ in range(12)]
    assert allowed == [True] * 10 + [False] * 2


def test_the_cookie_is_kept_for_long_and_out_of_reach(house: House, admin: Admin, clock: Clock) -> None:
    answer = sign_in(house.browser(), admin, clock)
    (cookie,) = [line for line in answer.headers.get_list("set-cookie") if line.startswith(COOKIE)]
    attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert attributes == {f"max-age={MAX_AGE_S}", "path=/", "httponly", "samesite=strict"}
    browser = house.browser()
    browser.cookies.set(COOKIE, cookie.partition("=")[2].partition(";")[0])
    # It is no session.
    assert browser.get("/", headers={"accept": "text/html"}).status_code == 303
    assert NAME.lower() not in cookie.lower()


def test_a_device_is_known_to_the_account_it_signed_in_to_only() -> None:
    devices = Devices(bytes(32), bytes)
    cookie = devices.cookie("eva", None, START)
    assert devices.known("eva", cookie, START + MAX_AGE_S - 1) == "00" * 16
    assert devices.known("eva", cookie, START + MAX_AGE_S) is None
    assert devices.known("eva", cookie, START - 301) is None
    assert devices.known("ines", cookie, START) is None
    assert Devices(b"\1" * 32, bytes).known("eva", cookie, START) is None
    for place in range(len(cookie)):
        forged = cookie[:place] + ("A" if cookie[place] != "A" else "B") + cookie[place + 1 :]
        assert devices.known("eva", forged, START) is None
    for nonsense in ("", "x" * 75, "é" * 75, cookie + "A", cookie[:-1], cookie[:-1] + "=", "=" * 75):
        assert devices.known("eva", nonsense, START) is None


def test_a_tag_made_in_another_way_is_refused() -> None:
    # The cookie names no algorithm and no key: there is one of each, and nothing to choose.
    key = bytes(32)
    devices = Devices(key, bytes)
    body = bytes(16) + int(START).to_bytes(8, "big")
    said = body + b"eva"
    right = hmac.digest(key, said, hashlib.sha256)

    def known(tag: bytes) -> bool:
        cookie = base64.urlsafe_b64encode(body + tag).rstrip(b"=").decode()
        return devices.known("eva", cookie, START) is not None

    assert known(right)
    assert not known(b"") and not known(bytes(32)) and not known(right[:31]) and not known(right + b"\0")
    for algorithm in (hashlib.sha512, hashlib.sha1, hashlib.md5, hashlib.sha3_256):
        assert not known(hmac.digest(key, said, algorithm)[:32].ljust(32, b"\0")), algorithm
    assert not known(hashlib.sha256(said).digest()) and not known(hashlib.sha256(key + said).digest())


def test_a_device_keeps_its_id_and_gets_a_fresh_date() -> None:
    ids = iter([b"a" * 16, b"b" * 16])
    devices = Devices(bytes(32), lambda _: next(ids))
    first = devices.cookie("eva", None, START)
    second = devices.cookie("eva", first, START + 1000)
    assert second != first
    assert devices.known("eva", second, START + 1000) == devices.known("eva", first, START + 1000)
