"""What holds of every account from the first start on: none comes with the app, and no password ages."""

from __future__ import annotations

import pytest
from sqlalchemy import inspect

from security.accounts.tables import Base, User
from tests.security.accounts.fakes import (
    PASSWORD,
    Admin,
    Browser,
    Clock,
    House,
    first_form,
    sign_in,
    token_of,
)
from tests.security.accounts.people_fakes import act, enrol, id_of, invite, join, links_in, rows

TEN_YEARS_S = 10 * 365 * 24 * 3600


def test_no_account_comes_with_the_app(house: House) -> None:
    assert rows(house, User) == 0


@pytest.mark.parametrize("name", ["admin", "root", "administrator", "asklepion", "user", "sa", "test"])
def test_no_default_name_and_password_let_anybody_in(
    house: House, admin: Admin, clock: Clock, name: str
) -> None:
    for password in (name, "admin", "password", ""):
        assert sign_in(house.browser(), admin, clock, name=name, password=password).status_code == 401
    assert rows(house, User) == 1, "the administrator who was just set up and nobody else"


def test_a_password_does_not_age(house: House, admin: Admin, clock: Clock) -> None:
    clock.pass_by(TEN_YEARS_S)
    browser = house.browser()
    answer = sign_in(browser, admin, clock)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert browser.get("/").status_code == 200, "not sent to a change of password"


def test_a_password_from_a_leak_is_refused_wherever_one_is_set(
    house: House, admin: Admin, office: Browser, clock: Clock
) -> None:
    leaked = "1qaz2wsx3edc4rfv"
    words = "on the lists of common ones"
    both = {"password": leaked, "password_again": leaked}
    clock.pass_by(30)
    changed = office.post("/account/password", both | {"old": PASSWORD, "code": admin.code(clock)})
    invited = enrol(house.browser(), invite(office), password=leaked)
    join(house, invite(office))
    (link,) = links_in(act(office, "reset", person=id_of(house, "Kim Lee")).text)
    reset = house.browser().post("/reset", both | {"token": token_of(link), "code": "000000"})
    for answer in (changed, invited, reset):
        assert (answer.status_code, words in answer.text) == (422, True)


def test_a_password_from_a_leak_is_refused_at_set_up(house: House) -> None:
    leaked = "1qaz2wsx3edc4rfv"
    form = first_form(house.link(), password=leaked, password_again=leaked)
    answer = house.browser().post("/setup", form)
    assert (answer.status_code, "on the lists of common ones" in answer.text) == (422, True)


def test_nothing_of_a_hint_or_a_secret_question_is_stored(house: House) -> None:
    columns = {
        column["name"]
        for table in Base.metadata.tables
        for column in inspect(house.database).get_columns(table)
    }
    assert "password_hash" in columns
    assert not {name for name in columns if "hint" in name or "question" in name or "answer" in name}
