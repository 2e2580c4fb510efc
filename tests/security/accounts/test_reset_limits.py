"""A new password by link is guessed at no faster than a sign-in, and both are counted together."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from security.accounts.limits import BY_CODE
from security.accounts.links import MAX_TRIES
from security.accounts.resets import NO_CODE
from security.accounts.tables import AttemptRow
from tests.security.accounts.fakes import Admin, Browser, Clock, House, guess
from tests.security.accounts.people_fakes import (
    Person,
    act,
    enter,
    id_of,
    invite,
    join,
    links_in,
)

FRESH = "walnut orbit plaster heron"


@pytest.fixture
def house(tmp_path: Path, clock: Clock) -> Iterator[House]:
    """With the limits of the app."""
    house = House(tmp_path, clock, limiter=None)
    yield house
    house.close()


@pytest.fixture
def kim(house: House, office: Browser) -> Person:
    return join(house, invite(office))


def link_for(house: House, office: Browser) -> str:
    (link,) = links_in(act(office, "reset", person=id_of(house, "Kim Lee")).text)
    return link


def use(
    house: House, link: str, code: str, *, password: str = FRESH, again: str | None = None, place: int = 1
) -> httpx.Response:
    fields = {"token": link.partition("token=")[2], "password": password, "code": code}
    browser = house.browser(address=f"198.51.100.{place}")
    return browser.post("/reset", fields | {"password_again": password if again is None else again})


def counted(house: House) -> int:
    with Session(house.database) as session:
        return session.scalar(select(func.sum(AttemptRow.failures))) or 0


def test_a_second_link_gives_no_new_guesses(house: House, office: Browser, kim: Person, clock: Clock) -> None:
    first = link_for(house, office)
    assert [use(house, first, "000000", place=place).status_code for place in range(5)] == [422] * MAX_TRIES
    second = link_for(house, office)
    assert use(house, second, "000000", place=6).status_code == 422
    refused = use(house, second, kim.known.codes[0], place=7)
    assert refused.status_code == 429
    wait = int(refused.headers["retry-after"])
    assert f"Please wait {wait} second" in refused.text
    clock.pass_by(wait)
    assert use(house, second, kim.known.codes[0], place=7).status_code == 200, "the code was not spent"


def test_guesses_at_sign_in_count_too(house: House, office: Browser, kim: Person, admin: Admin) -> None:
    link = link_for(house, office)
    for place in range(6):
        assert guess(house, admin, place, name=kim.name).status_code == 401
    assert use(house, link, kim.known.codes[0], place=9).status_code == 429


def test_after_ten_wrong_codes_a_right_one_is_refused_like_any_other(
    house: House, office: Browser, kim: Person, clock: Clock
) -> None:
    link = link_for(house, office)
    for place in range(BY_CODE.free + 1):
        clock.pass_by(61)
        wrong = f"{(int(kim.known.code(clock)) + 1) % 1_000_000:06d}"
        browser = house.browser(address=f"192.0.2.{place}")
        assert enter(kim, browser, clock, code=wrong).status_code == 401
    clock.pass_by(61)
    refused = use(house, link, "000000", place=2)
    clock.pass_by(61)
    right = use(house, link, kim.known.codes[0], place=3)
    assert (refused.status_code, refused.text) == (right.status_code, right.text) == (422, right.text)
    assert NO_CODE in right.text
    clock.pass_by(3600)
    assert use(house, link, kim.known.codes[0], place=4).status_code == 200, "it was not spent"


def test_a_success_and_what_is_no_guess_leave_nothing_counted(
    house: House, office: Browser, kim: Person
) -> None:
    link, before = link_for(house, office), counted(house)
    for _ in range(8):
        assert use(house, link, kim.known.codes[0], again=FRESH + "?").status_code == 422
    assert use(house, link, kim.known.codes[0]).status_code == 200
    assert counted(house) == before


def test_a_refused_password_is_an_attempt(house: House, office: Browser, kim: Person, clock: Clock) -> None:
    link, before = link_for(house, office), counted(house)
    assert use(house, link, kim.known.codes[0], password="short").status_code == 422
    assert counted(house) == before + 2, "by name and by address"
    found = [use(house, link, kim.known.codes[0], password="short").status_code for _ in range(8)]
    assert 429 in found
    clock.pass_by(60)
    assert use(house, link, kim.known.codes[0]).status_code == 200, "no code and no try was spent"


def test_a_full_pool_costs_no_attempt(house: House, office: Browser, kim: Person) -> None:
    link, before = link_for(house, office), counted(house)
    slow = house.door._slow
    held, slow._held = slow._held, slow._limit
    try:
        assert use(house, link, kim.known.codes[0]).status_code == 503
    finally:
        slow._held = held
    assert counted(house) == before
    assert use(house, link, kim.known.codes[0]).status_code == 200


def test_a_link_that_is_none_counts_nothing(house: House, kim: Person) -> None:
    before = counted(house)
    assert use(house, f"/reset?token={'x' * 43}", kim.known.codes[0]).status_code == 403
    assert counted(house) == before
