"""Sessions: two limits of time, a hash in the database, and an end that is one."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.orm import Session

from security.accounts.arrivals import COOKIE, SECURE_COOKIE
from security.accounts.sessions import SEEN_EVERY_S
from security.accounts.tables import SessionRow
from tests.security.accounts.fakes import Admin, Browser, Clock, House, set_up, sign_in

IDLE_S = 30 * 60
ABSOLUTE_S = 12 * 3600


def rows(house: House) -> int:
    with Session(house.door.database) as session:
        return session.scalar(select(func.count()).select_from(SessionRow)) or 0


def is_in(browser: Browser) -> bool:
    answer = browser.get("/")
    assert answer.status_code in (200, 303)
    return answer.status_code == 200


def test_the_cookie_without_tls(house: House, admin: Admin, clock: Clock) -> None:
    cookie = sign_in(house.browser(), admin, clock).headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert attributes == {"httponly", "path=/", "samesite=lax"}


@pytest.mark.parametrize("scheme", ["scheme of the request", "public address"])
def test_the_cookie_with_tls(tmp_path: Path, clock: Clock, scheme: str) -> None:
    if scheme == "public address":
        house, base = (
            House(tmp_path, clock, public_url="https://door.example.org"),
            "https://door.example.org",
        )
    else:
        house, base = House(tmp_path, clock), "https://127.0.0.1:7860"
    try:
        admin = set_up(house, base)
        browser = house.browser(base)
        answer = sign_in(browser, admin, clock)
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith(f"{SECURE_COOKIE}=")
        attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
        assert attributes == {"httponly", "path=/", "samesite=lax", "secure"}
        assert is_in(browser)
        assert answer.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"
        gone = browser.post("/logout")
        assert "secure" in gone.headers["set-cookie"].lower()
        assert not is_in(browser)
    finally:
        house.close()


def test_behind_a_proxy_with_tls_the_plain_cookie_is_not_taken(tmp_path: Path, clock: Clock) -> None:
    house = House(tmp_path, clock, public_url="https://door.example.org")
    try:
        admin = set_up(house, "https://door.example.org")
        browser = house.browser("https://door.example.org")
        sign_in(browser, admin, clock)
        token = browser.cookies[SECURE_COOKIE]
        other = house.browser("https://door.example.org")
        other.cookies.set(COOKIE, token)
        assert not is_in(other)
    finally:
        house.close()


def test_only_a_hash_of_the_token_is_stored(signed_in: Browser, house: House) -> None:
    token = signed_in.cookies[COOKIE]
    with Session(house.door.database) as session:
        stored = session.scalars(select(SessionRow.digest)).all()
    assert stored == [hashlib.sha256(token.encode()).digest()]


@pytest.mark.parametrize("place", [0, 1, 20, 42])
def test_a_tampered_cookie_is_no_session(signed_in: Browser, house: House, place: int) -> None:
    token = signed_in.cookies[COOKIE]
    other = "B" if token[place] == "A" else "A"
    browser = house.browser()
    browser.cookies.set(COOKIE, token[:place] + other + token[place + 1 :])
    assert not is_in(browser)


@pytest.mark.parametrize("value", ["", "x", "A" * 43, "A" * 5000, "é" * 43, '"', "=", "A" * 42 + "\x7f"])
def test_a_cookie_of_another_form_is_no_session(house: House, admin: Admin, value: str) -> None:
    answer = house.browser().get("/", headers={b"cookie": f"{COOKIE}={value}".encode()})
    assert answer.status_code == 303


def test_two_cookies_of_the_name_are_none(signed_in: Browser, house: House) -> None:
    token = signed_in.cookies[COOKIE]
    planted = house.browser().get("/", headers={"cookie": f"{COOKIE}=planted; {COOKIE}={token}"})
    same_twice = house.browser().get("/", headers={"cookie": f"{COOKIE}={token}; {COOKIE}={token}"})
    assert (planted.status_code, same_twice.status_code) == (303, 200)


def test_an_idle_session_ends(signed_in: Browser, clock: Clock) -> None:
    clock.pass_by(IDLE_S - 1)
    assert is_in(signed_in)
    clock.pass_by(IDLE_S)
    assert not is_in(signed_in)


def test_a_busy_session_ends_at_the_absolute_limit(signed_in: Browser, clock: Clock) -> None:
    end = clock.at + ABSOLUTE_S
    while clock.at + IDLE_S / 2 < end:
        clock.pass_by(IDLE_S / 2)
        assert is_in(signed_in)
    clock.at = end
    assert not is_in(signed_in)


def test_the_limits_are_settings(tmp_path: Path, clock: Clock) -> None:
    house = House(tmp_path, clock, idle_minutes=1, absolute_hours=1)
    try:
        admin = set_up(house)
        browser = house.browser()
        sign_in(browser, admin, clock)
        clock.pass_by(60)
        assert not is_in(browser)
    finally:
        house.close()


def test_being_seen_is_written_once_a_minute(signed_in: Browser, house: House, clock: Clock) -> None:
    writes: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        if statement.startswith("UPDATE"):
            writes.append(statement)

    event.listen(house.door.database, "before_cursor_execute", note)
    for _ in range(SEEN_EVERY_S - 1):
        clock.pass_by(1)
        assert is_in(signed_in)
    assert writes == []
    clock.pass_by(1)
    assert is_in(signed_in)
    assert len(writes) == 1


def test_a_full_disk_throws_nobody_out(signed_in: Browser, house: House, clock: Clock) -> None:
    def read_only(connection: object, *_: object) -> None:
        connection.execute("PRAGMA query_only = ON")  # type: ignore[attr-defined]

    event.listen(house.door.database, "checkout", read_only)
    clock.pass_by(SEEN_EVERY_S)
    assert is_in(signed_in)


def test_expired_sessions_are_swept(house: House, admin: Admin, clock: Clock) -> None:
    for _ in range(3):
        sign_in(house.browser(), admin, clock)
        clock.pass_by(30)
    assert rows(house) == 3
    clock.pass_by(IDLE_S - 30)
    browser = house.browser()
    sign_in(browser, admin, clock)
    assert is_in(browser)
    assert rows(house) == 1


def test_signing_in_again_ends_the_old_session_of_this_browser(
    signed_in: Browser, house: House, admin: Admin, clock: Clock
) -> None:
    old = signed_in.cookies[COOKIE]
    clock.pass_by(30)
    sign_in(signed_in, admin, clock)
    assert signed_in.cookies[COOKIE] != old
    assert rows(house) == 1
    thief = house.browser()
    thief.cookies.set(COOKIE, old)
    assert not is_in(thief)


def test_a_token_is_never_taken_from_the_visitor(house: House, admin: Admin, clock: Clock) -> None:
    browser = house.browser()
    browser.cookies.set(COOKIE, "A" * 43)
    answer = sign_in(browser, admin, clock)
    assert "A" * 43 not in answer.headers["set-cookie"]


def test_signing_out_ends_it_in_the_database_too(signed_in: Browser, house: House) -> None:
    token = signed_in.cookies[COOKIE]
    answer = signed_in.post("/logout")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert rows(house) == 0
    assert COOKIE not in signed_in.cookies
    thief = house.browser()
    thief.cookies.set(COOKIE, token)
    assert not is_in(thief)


def test_signing_out_by_a_link_does_not_work(signed_in: Browser) -> None:
    for method in ("GET", "HEAD", "OPTIONS", "PUT", "DELETE"):
        assert signed_in.request(method, "/logout").status_code == 405
    assert is_in(signed_in)


def test_signing_out_without_a_session_ends_at_the_sign_in_page(house: House, admin: Admin) -> None:
    answer = house.browser().post("/logout")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")


def test_a_restart_keeps_users_and_sessions(
    signed_in: Browser, house: House, clock: Clock, tmp_path: Path, admin: Admin
) -> None:
    token = signed_in.cookies[COOKIE]
    house.close()
    again = House(tmp_path, clock)
    try:
        browser = again.browser()
        browser.cookies.set(COOKIE, token)
        assert is_in(browser)
        assert again.door.setup_link("http://127.0.0.1") is None
        clock.pass_by(30)
        assert sign_in(again.browser(), admin, clock).status_code == 303
    finally:
        again.close()
