"""Limits: guessing gets slow, a success costs nothing, and no crowd or flood gets past what is counted."""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, func, select, text
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from security.accounts.buckets import FORGET_S, Bucket, Buckets, Rule
from security.accounts.limits import (
    BY_ACCOUNT,
    BY_ADDRESS,
    BY_CODE,
    BY_SHARED_ADDRESS,
    Limits,
    Visitor,
    network,
)
from security.accounts.proxies import parse_networks
from security.accounts.signin_pages import REFUSED
from security.accounts.tables import AttemptRow
from security.crypto.sealing import KeyEncryptionKey
from tests.security.accounts.fakes import (
    KEY,
    START,
    Admin,
    Clock,
    House,
    guess,
    set_up,
    sign_in,
    stranger,
)


@pytest.fixture
def house(tmp_path: Path, clock: Clock) -> Iterator[House]:
    """With the limits of the app."""
    house = House(tmp_path, clock, limiter=None)
    yield house
    house.close()


def rows(engine: Engine) -> int:
    with Session(engine) as session:
        return session.scalar(select(func.count()).select_from(AttemptRow)) or 0


# The rules.


def test_delays_grow_and_end_at_the_cap() -> None:
    assert [BY_ACCOUNT.delay_s(count) for count in range(14)] == [0] * 6 + [1, 2, 4, 8, 16, 32, 60, 60]
    assert BY_ADDRESS.delay_s(10) == 0
    assert BY_ADDRESS.delay_s(11) == 1
    assert BY_ADDRESS.delay_s(10**9) == 900
    assert [BY_CODE.delay_s(count) for count in (9, 10, 11)] == [0, 3600, 3600]


def test_an_account_is_slowed_down_over_all_addresses(limits: Limits) -> None:
    waits = [limits.take(stranger(place=place), START) for place in range(8)]
    assert waits == [0] * 6 + [1, 1]
    assert limits.take(stranger(place=9), START + 1) == 0
    assert limits.take(stranger(place=10), START + 1) == 2


def test_an_address_is_slowed_down_over_all_names(limits: Limits) -> None:
    waits = [limits.take(stranger(f"name {place}"), START) for place in range(13)]
    assert waits == [0] * 11 + [1, 1]
    # What was refused is not counted anywhere: each of these names still has all its attempts.
    assert [limits.take(stranger("name 12", place), START) for place in range(1, 8)] == [0] * 6 + [1]


def test_a_stranger_waits_a_minute_at_most_for_an_account(limits: Limits) -> None:
    now = START
    for place in range(300):
        wait = limits.take(stranger(place=place), now)
        assert wait <= 60
        now += wait
    assert limits.take(stranger(place=301), now + 60) == 0


def test_an_hour_without_failures_is_forgotten_and_swept(engine: Engine, limits: Limits) -> None:
    for place in range(20):
        limits.take(stranger(place=place), START)
    assert rows(engine) > 5
    assert [limits.take(stranger(), START + FORGET_S) for _ in range(7)] == [0] * 6 + [1]
    assert rows(engine) == 2


def test_a_clock_that_was_put_back_shuts_nobody_out(limits: Limits) -> None:
    for place in range(20):
        limits.take(stranger(place=place), START)
    assert limits.take(stranger(), START - 1000) <= 60
    assert limits.take(stranger(), START - 10 * FORGET_S) == 0


def test_a_success_takes_back_its_own_attempt_and_no_other(limits: Limits) -> None:
    for place in range(5):
        limits.take(stranger(place=place), START)
    for _ in range(10):
        assert limits.take(stranger(place=9), START) == 0
        limits.succeeded(stranger(place=9), START)
    assert limits.take(stranger(place=10), START) == 0
    assert limits.take(stranger(place=11), START) == 1


def test_the_limits_outlive_a_restart(engine: Engine, limits: Limits) -> None:
    for place in range(6):
        limits.take(stranger(place=place), START)
    assert Limits(engine, KEY).take(stranger(place=7), START) == 1


def test_ipv6_counts_by_its_64() -> None:
    assert network("2001:db8:1:2:3:4:5:6") == network("2001:db8:1:2::9") == "2001:db8:1:2::/64"
    assert network("2001:db8:1:3::9") != network("2001:db8:1:2::9")
    assert network("::ffff:192.0.2.1") == network("192.0.2.1") == "192.0.2.1"
    assert network("fe80::1%eth0") == "fe80::/64"
    assert network("") == network("testclient") == ""


# Codes.


def test_ten_codes_an_hour_whatever_the_address_and_the_session(limits: Limits) -> None:
    allowed = [limits.take_code(stranger(place=place), START, password_fits=True) for place in range(12)]
    assert allowed == [True] * 10 + [False] * 2
    assert not limits.take_code(stranger(place=50), START + FORGET_S - 1, password_fits=True)
    again = [limits.take_code(stranger(), START + FORGET_S, password_fits=True) for _ in range(11)]
    assert again == [True] * 10 + [False]


def test_in_no_hour_are_there_more_than_ten_codes(limits: Limits) -> None:
    tried = [
        now for now in range(0, 5 * 3600, 97) if limits.take_code(stranger(), START + now, password_fits=True)
    ]
    assert len(tried) > 20
    for first in tried:
        assert sum(first <= now < first + 3600 for now in tried) <= 10


def test_without_the_password_codes_can_not_be_used_up(limits: Limits) -> None:
    for _ in range(30):
        assert not limits.take_code(stranger(), START, password_fits=False)
    assert limits.take_code(stranger(), START, password_fits=True)


def test_whatever_becomes_of_a_code_the_same_is_written(engine: Engine, limits: Limits, clock: Clock) -> None:
    def statements(password_fits: bool) -> list[str]:
        said: list[str] = []
        clock.pass_by(1)

        def listen(_: object, __: object, statement: str, *___: object) -> None:
            said.append(re.sub(r"\s+", " ", statement))

        event.listen(engine, "before_cursor_execute", listen)
        limits.take_code(stranger(), clock.at, password_fits=password_fits)
        event.remove(engine, "before_cursor_execute", listen)
        return said

    for _ in range(2):
        statements(True), statements(False)
    usual = statements(True)
    assert statements(False) == usual
    for _ in range(9):
        statements(True)
    # The first of these makes the row that is nobody's.
    statements(True)
    assert statements(True) == usual
    assert (
        sum(said.startswith("UPDATE accounts_attempts SET failures=?, free_at_ms=?") for said in usual) == 1
    )


def test_after_ten_wrong_codes_a_right_one_is_refused_like_any_other(
    house: House, clock: Clock, admin: Admin
) -> None:
    for place in range(10):
        clock.pass_by(61)
        wrong = f"{(int(admin.code(clock)) + 1) % 1_000_000:06d}"
        answer = sign_in(house.browser(address=f"192.0.2.{place}"), admin, clock, code=wrong)
        assert answer.status_code == 401
    clock.pass_by(61)
    for code in (admin.code(clock), admin.codes[0]):
        clock.pass_by(61)
        answer = sign_in(house.browser(address="192.0.2.99"), admin, clock, code=code)
        assert (answer.status_code, REFUSED in answer.text) == (401, True)
    clock.pass_by(3600)
    # And neither was spent.
    assert sign_in(house.browser(), admin, clock, code=admin.codes[0]).status_code == 303


# At once.


def test_attempts_at_once_do_not_pass_the_limit_together(engine: Engine) -> None:
    start = threading.Barrier(16)
    waits: list[float] = []

    def run(place: int) -> None:
        # Each with a limiter of its own, as several processes would have.
        limits = Limits(engine, KEY)
        start.wait()
        waits.append(limits.take(stranger(place=place), START))

    together(16, run)
    assert sorted(waits) == [0] * 6 + [1] * 10


def test_codes_at_once_do_not_pass_the_limit_together(engine: Engine) -> None:
    start = threading.Barrier(16)
    allowed: list[bool] = []

    def run(place: int) -> None:
        limits = Limits(engine, KEY)
        start.wait()
        allowed.append(limits.take_code(stranger(place=place), START, password_fits=True))

    together(16, run)
    assert sum(allowed) == 10


def test_successes_at_once_leave_nothing_counted(engine: Engine, limits: Limits) -> None:
    def run(place: int) -> None:
        visitor = stranger(f"name {place}")
        assert limits.take(visitor, START) == 0
        limits.succeeded(visitor, START)

    together(8, run)
    assert rows(engine) == 0


def together(count: int, run: object) -> None:
    failed: list[BaseException] = []

    def guarded(place: int) -> None:
        try:
            run(place)  # type: ignore[operator]
        except BaseException as error:  # noqa: BLE001
            failed.append(error)

    threads = [threading.Thread(target=guarded, args=(place,)) for place in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed


# A flood.


def test_a_flood_of_names_does_not_grow_the_table_nor_wash_out_what_is_counted(engine: Engine) -> None:
    limits = Limits(engine, KEY, max_rows=40)
    for place in range(6):
        limits.take(stranger(place=place), START)
    for place in range(100):
        limits.take(stranger(f"random {place}", 1000 + place), START + 0.5)
    assert rows(engine) <= 41
    assert limits.take(stranger(place=7), START + 0.5) > 0
    # New names share one counter then, with a minute as its cap.
    assert 0 < limits.take(stranger("one more", 5000), START + 0.5) <= 60
    # After the flood all is as before.
    assert limits.take(stranger("one more", 5000), START + FORGET_S + 61) == 0
    assert rows(engine) == 2


def test_what_is_refused_leaves_no_row(engine: Engine, limits: Limits) -> None:
    for place in range(11):
        limits.take(stranger(f"name {place}"), START)
    before = rows(engine)
    for place in range(50):
        assert limits.take(stranger(f"further {place}"), START) > 0
    assert rows(engine) == before


def test_the_table_tells_no_name_and_no_address(house: House, admin: Admin, clock: Clock) -> None:
    guess(house, admin, 77)
    sign_in(house.browser(), admin, clock)
    with sqlite3.connect(house.settings.database_file) as connection:
        dump = repr(connection.execute("SELECT * FROM accounts_attempts").fetchall()).lower()
    connection.close()
    assert "eva" not in dump and "192.0.2" not in dump
    # Nor can anybody without the key compute what stands there.
    assert Limits(house.door.database, KEY)._hash("account", "eva") != Limits(
        house.door.database, KeyEncryptionKey(b"\1" * 32)
    )._hash("account", "eva")


def test_a_database_from_before_gets_the_table(tmp_path: Path, clock: Clock) -> None:
    old = House(tmp_path, clock)
    admin = set_up(old)
    with old.door.database.begin() as connection:
        connection.execute(text("DROP TABLE accounts_attempts"))
    old.close()
    house = House(tmp_path, clock, limiter=None)
    try:
        assert sign_in(house.browser(), admin, clock).status_code == 303
    finally:
        house.close()


def test_what_can_not_be_counted_is_not_tried(house: House, admin: Admin, clock: Clock) -> None:
    with house.door.database.begin() as connection:
        connection.execute(text("DROP TABLE accounts_attempts"))
    assert sign_in(house.browser(), admin, clock).status_code == 503


def test_a_full_pool_costs_no_attempt(house: House, admin: Admin, clock: Clock) -> None:
    slow = house.door._slow
    held, slow._held = slow._held, slow._limit
    try:
        for _ in range(20):
            assert sign_in(house.browser(), admin, clock).status_code == 503
    finally:
        slow._held = held
    assert sign_in(house.browser(), admin, clock).status_code == 303


def test_taking_back_does_not_free_what_others_have_closed(engine: Engine) -> None:
    buckets = Buckets(engine)
    bucket = Bucket(b"k" * 32, Rule(free=1, first_s=8, cap_s=60))
    buckets.take([bucket], START)
    buckets.take([bucket], START)
    assert buckets.take([bucket], START) == 8
    buckets.take([bucket], START + 8)
    buckets.take_back([bucket], START + 8)
    assert buckets.take([bucket], START + 8) == 8


FRAMED: dict[str, Any] = {
    "public_url": "https://eva-asklepion.hf.space",
    "frame_ancestors": ("https://huggingface.co",),
}


@pytest.mark.parametrize(
    ("settings", "most"),
    [
        ({}, BY_ADDRESS.cap_s),
        (FRAMED, BY_SHARED_ADDRESS.cap_s),
        (FRAMED | {"trusted_proxies": parse_networks("10.0.0.0/8")}, BY_ADDRESS.cap_s),
    ],
)
def test_where_all_share_an_address_one_of_them_shuts_nobody_out_for_long(
    tmp_path: Path, clock: Clock, settings: dict[str, Any], most: float
) -> None:
    house = House(tmp_path, clock, limiter=None, **settings)
    try:
        limiter = Limits(house.database, KEY, shared_address=house.settings.shared_address)
        waits = []
        for number in range(60):
            while wait := limiter.take(Visitor(f"made up {number}", "192.0.2.1"), clock.at):
                waits.append(wait)
                clock.pass_by(wait)
        assert max(waits) == pytest.approx(most, abs=0.01)
    finally:
        house.close()


def test_the_app_knows_where_that_is_so(tmp_path: Path, clock: Clock) -> None:
    house = House(tmp_path, clock, limiter=None, **FRAMED)
    admin = set_up(house, FRAMED["public_url"])
    try:
        answers = []
        for number in range(40):
            browser = house.browser(str(FRAMED["public_url"]))
            answer = sign_in(browser, admin, clock, name=f"Nobody {number}")
            answers.append(answer.status_code)
            if answer.status_code == 429:
                assert int(answer.headers["retry-after"]) <= 5
                clock.pass_by(5)
        assert answers.count(429) > 10
    finally:
        house.close()
