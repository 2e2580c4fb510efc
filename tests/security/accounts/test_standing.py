"""What holds of every account from the first start on: none comes with the app, and no password ages."""

from __future__ import annotations

import pytest
from sqlalchemy import inspect

from security.accounts.tables import Base, User
from tests.security.accounts.fakes import Admin, Clock, House, sign_in
from tests.security.accounts.people_fakes import rows

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


def test_nothing_of_a_hint_or_a_secret_question_is_stored(house: House) -> None:
    columns = {
        column["name"]
        for table in Base.metadata.tables
        for column in inspect(house.database).get_columns(table)
    }
    assert "password_hash" in columns
    assert not {name for name in columns if "hint" in name or "question" in name or "answer" in name}
