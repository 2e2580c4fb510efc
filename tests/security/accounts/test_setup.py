"""The first administrator over HTTP: once, whole, and never by halves."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import httpx
import pytest
from sqlalchemy import event, func, select, text
from sqlalchemy.orm import Session

from security.accounts.enrolment import PENDING_MAX, PENDING_S, SHOWN_AGAIN_S
from security.accounts.errors import SetupClosedError
from security.accounts.tables import Foundation, RecoveryCode, User
from security.crypto import onetime
from tests.security.accounts.fakes import (
    BASE,
    NAME,
    PASSWORD,
    Admin,
    Browser,
    Clock,
    House,
    agree,
    first_form,
    hidden,
    second_form,
    set_up,
    shown_codes,
    shown_secret,
    sign_in,
    token_of,
)


def counts(house: House) -> tuple[int, int, int]:
    with Session(house.door.database) as session:
        tables = (User, RecoveryCode, Foundation)
        users, codes, foundations = (
            session.scalar(select(func.count()).select_from(table)) or 0 for table in tables
        )
        return users, codes, foundations


def enrol(house: House, browser: Browser) -> httpx.Response:
    page = browser.post("/setup", first_form(house.link()))
    assert page.status_code == 200, page.text
    return page


def right_code(page: httpx.Response, clock: Clock) -> str:
    return onetime.code_at(shown_secret(page.text), onetime.step_at(clock.at))


def test_from_the_link_to_the_first_sign_in(house: House, clock: Clock) -> None:
    browser = house.browser()
    link = house.link()
    first = browser.get(link)
    assert first.status_code == 200
    assert "<title>Set up · Asklepion</title>" in first.text
    assert first.text.count('autocomplete="new-password"') == 2
    second = browser.post("/setup", first_form(link))
    assert "<svg" in second.text
    assert len(shown_secret(second.text)) == 32
    assert counts(house) == (0, 0, 0)
    third = browser.post("/setup", second_form(second.text, right_code(second, clock)))
    codes = shown_codes(third.text)
    assert len(set(codes)) == 10
    assert counts(house) == (1, 10, 1)
    assert third.headers["cache-control"] == "no-store"
    clock.pass_by(30)
    answer = sign_in(browser, Admin(shown_secret(second.text), codes, ""), clock)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert browser.get("/").headers["location"] == "/account/welcome"
    agree(house)
    assert browser.get("/").text == f"room for {NAME}"


def test_the_link_is_there_until_an_administrator_is(house: House) -> None:
    assert house.link().startswith(f"{BASE}/setup?token=")
    set_up(house)
    assert house.door.setup_link(BASE) is None


def test_a_new_link_voids_the_earlier_one(house: House) -> None:
    old, new = house.link(), house.link()
    assert house.browser().get(old).status_code == 403
    assert house.browser().get(new).status_code == 200


@pytest.mark.parametrize("token", ["", "x", "A" * 43, "é", "\x00"])
def test_a_wrong_token_gets_one_clear_page(house: House, token: str) -> None:
    house.link()
    shown = house.browser().get("/setup", params={"token": token})
    posted = house.browser().post("/setup", {"token": token, "name": NAME, "password": PASSWORD})
    assert shown.status_code == posted.status_code == 403
    assert shown.text == posted.text
    assert "newest link" in shown.text


def test_no_token_opens_anything_before_a_link_was_made(house: House) -> None:
    assert house.browser().get("/setup?token=").status_code == 403


def test_a_used_token_opens_nothing_any_more(house: House) -> None:
    browser = house.browser()
    link = house.link()
    second = browser.post("/setup", first_form(link))
    browser.post("/setup", second_form(second.text, right_code(second, house.clock)))
    assert browser.get(link).status_code == 403
    assert browser.post("/setup", first_form(link, name="Mallory")).status_code == 403
    assert counts(house) == (1, 10, 1)


def test_nothing_secret_stays_in_memory_once_it_is_over(house: House, clock: Clock) -> None:
    set_up(house)
    setup = house.door._setup
    assert (setup._secret, setup._token, setup._pending) == ("", None, {})
    setup.forget()
    assert setup._finished is None


def test_a_wrong_first_code_stores_nothing_and_keeps_the_secret(house: House, clock: Clock) -> None:
    browser = house.browser()
    second = enrol(house, browser)
    code = right_code(second, clock)
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    again = browser.post("/setup", second_form(second.text, wrong))
    assert again.status_code == 422
    assert 'role="alert"' in again.text
    assert 'aria-describedby="problem"' in again.text
    assert shown_secret(again.text) == shown_secret(second.text)
    assert counts(house) == (0, 0, 0)
    assert browser.post("/setup", second_form(again.text, code)).status_code == 200


def test_the_code_may_be_typed_in_two_groups_but_not_in_full_width(house: House, clock: Clock) -> None:
    browser = house.browser()
    second = enrol(house, browser)
    code = right_code(second, clock)
    wide = code.translate({ord("0") + digit: ord("０") + digit for digit in range(10)})
    assert browser.post("/setup", second_form(second.text, wide)).status_code == 422
    assert browser.post("/setup", second_form(second.text, f"{code[:3]} {code[3:]}")).status_code == 200


def test_the_code_of_set_up_is_spent(house: House, clock: Clock) -> None:
    admin = set_up(house)
    clock.pass_by(-30)
    assert sign_in(house.browser(), admin, clock).status_code == 401


def test_a_double_submit_shows_the_same_codes_and_makes_one_administrator(house: House, clock: Clock) -> None:
    browser = house.browser()
    second = enrol(house, browser)
    form = second_form(second.text, right_code(second, clock))
    pages: list[str] = []
    threads = [
        threading.Thread(target=lambda: pages.append(house.browser().post("/setup", form).text))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {tuple(shown_codes(page)) for page in pages} == {tuple(shown_codes(pages[0]))}
    assert len(shown_codes(pages[0])) == 10
    assert counts(house) == (1, 10, 1)


def test_the_codes_are_not_shown_again_after_ten_minutes(house: House, clock: Clock) -> None:
    browser = house.browser()
    second = enrol(house, browser)
    form = second_form(second.text, right_code(second, clock))
    browser.post("/setup", form)
    clock.pass_by(SHOWN_AGAIN_S)
    assert browser.post("/setup", form).status_code == 403


def test_the_codes_are_not_shown_again_after_a_sign_in(house: House, clock: Clock) -> None:
    browser = house.browser()
    second = enrol(house, browser)
    form = second_form(second.text, right_code(second, clock))
    browser.post("/setup", form)
    clock.pass_by(30)
    sign_in(browser, Admin(shown_secret(second.text), [], ""), clock)
    assert browser.post("/setup", form).status_code == 403


def test_another_ticket_does_not_see_the_codes(house: House, clock: Clock) -> None:
    browser = house.browser()
    link = house.link()
    one = browser.post("/setup", first_form(link))
    other = browser.post("/setup", first_form(link, name="Mallory"))
    browser.post("/setup", second_form(one.text, right_code(one, clock)))
    answer = browser.post("/setup", second_form(other.text, right_code(one, clock)))
    assert answer.status_code == 403
    assert shown_codes(answer.text) == []
    assert counts(house) == (1, 10, 1)


def test_two_processes_can_not_both_found(house: House, tmp_path: Path, clock: Clock) -> None:
    other = House(tmp_path, clock)
    try:
        mine = enrol(house, house.browser())
        theirs = enrol(other, other.browser())
        house.browser().post("/setup", second_form(mine.text, right_code(mine, clock)))
        late = other.browser().post("/setup", second_form(theirs.text, right_code(theirs, clock)))
        assert late.status_code == 403
        assert counts(house) == (1, 10, 1)
    finally:
        other.close()


def test_the_database_itself_refuses_a_second_founding(house: House, clock: Clock) -> None:
    set_up(house)
    users = house.door._setup._users
    from security.accounts.users import NewAccount

    with pytest.raises(SetupClosedError, match="already"):
        users.found(NewAccount("Mallory", "x", onetime.new_secret(), 1, ()), clock.at)
    assert counts(house) == (1, 10, 1)


def test_what_is_pending_expires(house: House, clock: Clock) -> None:
    browser = house.browser()
    second = enrol(house, browser)
    clock.pass_by(PENDING_S)
    answer = browser.post("/setup", second_form(second.text, right_code(second, clock)))
    assert answer.status_code == 410
    assert "too long" in answer.text
    assert counts(house) == (0, 0, 0)


def test_no_more_than_a_few_are_pending(house: House) -> None:
    browser = house.browser()
    link = house.link()
    first = browser.post("/setup", first_form(link))
    for _ in range(PENDING_MAX):
        browser.post("/setup", first_form(link))
    assert len(house.door._setup._pending) == PENDING_MAX
    assert browser.post("/setup", second_form(first.text, "000000")).status_code == 410


def test_a_page_loaded_again_shows_the_qr_that_was_scanned(house: House) -> None:
    browser = house.browser()
    link = house.link()
    one, two = (browser.post("/setup", first_form(link)) for _ in range(2))
    assert shown_secret(one.text) == shown_secret(two.text)
    assert hidden(one.text, "ticket") != hidden(two.text, "ticket")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": "  "}, "name"),
        ({"name": "Eva\u202eBrandt"}, "name"),
        ({"password": "short", "password_again": "short"}, "password"),
        ({"password": "password1234!", "password_again": "password1234!"}, "password"),
        ({"password_again": "something else entirely"}, "password_again"),
    ],
)
def test_an_error_is_announced_at_its_field_and_typed_text_survives(
    house: House, changes: dict[str, str], field: str
) -> None:
    link = house.link()
    form = first_form(link, **changes)
    page = house.browser().post("/setup", form)
    assert page.status_code == 422
    assert f'id="{field}-problem" role="alert"' in page.text
    assert 'aria-invalid="true" autofocus' in page.text
    assert page.text.count("autofocus") == 1
    assert form["password"] not in page.text
    if field != "name":
        assert f'value="{NAME}"' in page.text
    assert counts(house) == (0, 0, 0)


def test_a_name_is_escaped(house: House) -> None:
    link = house.link()
    page = house.browser().post("/setup", first_form(link, name='"><script>alert(1)</script>', password="x"))
    assert "<script>" not in page.text
    assert "&lt;script&gt;" in page.text


def test_a_full_disk_stores_nothing_and_says_so(house: House, clock: Clock) -> None:
    browser = house.browser()
    second = enrol(house, browser)
    form = second_form(second.text, right_code(second, clock))
    limit = [1_000_000]

    def set_limit(connection: sqlite3.Connection, *_: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {limit[0]}")

    event.listen(house.door.database, "checkout", set_limit)
    with Session(house.door.database) as session, session.begin():
        # Fills the table's only page, so that the next row needs another.
        session.execute(
            text(
                "INSERT INTO accounts_users VALUES "
                "('filler', 'f', 'f', 'none', '', zeroblob(3950), zeroblob(1), 0, 0)"
            )
        )
    limit[0] = 1  # SQLite reads it as: not one page more than there are
    answer = browser.post("/setup", form)
    assert answer.status_code == 503
    assert "disk is full" in answer.text
    assert hidden(answer.text, "ticket") == form["ticket"]
    assert counts(house) == (1, 0, 0)
    limit[0] = 1_000_000
    assert browser.post("/setup", form).status_code == 200
    assert counts(house) == (2, 10, 1)


def test_the_sign_in_page_says_that_nobody_has_set_up_yet(house: House) -> None:
    assert "set-up link" in house.browser().get("/login").text


def test_the_public_address_is_in_the_link(tmp_path: Path, clock: Clock) -> None:
    house = House(tmp_path, clock, public_url="https://asklepion.example.org")
    link = house.link()
    house.close()
    assert link.startswith("https://asklepion.example.org/setup?token=")
    assert len(token_of(link)) == 43
