"""What the account page tells of one's own account: sign-ins, refusals, changes; of nobody else's."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from security.accounts.activity import MOST_SHOWN, recent
from tests.security.accounts.fakes import PASSWORD, Admin, Browser, Clock, House, shown_codes, sign_in
from tests.security.accounts.people_fakes import OTHER, act, enter, id_of, invite, join


def page_of(browser: Browser) -> str:
    return browser.get("/account").text.partition("Recent activity")[2]


def test_refused_attempts_since_the_last_sign_in_are_told(
    house: House, admin: Admin, signed_in: Browser, clock: Clock
) -> None:
    assert "refused" not in page_of(signed_in)
    clock.pass_by(30)
    for _ in range(3):
        assert sign_in(house.browser(), admin, clock, password="not the password").status_code == 401
    clock.pass_by(61)
    assert sign_in(house.browser(), admin, clock, code="000000").status_code == 401
    browser = house.browser()
    assert sign_in(browser, admin, clock).status_code == 303
    told = page_of(browser)
    # Those within a minute are one entry, and counted.
    assert "4 attempts were refused" in told
    assert "and 2 more shortly before" in told
    clock.pass_by(30)
    assert sign_in(browser, admin, clock).status_code == 303
    assert "attempts were refused" not in page_of(browser)


def test_attempts_that_are_not_noted_yet_count(
    house: House, admin: Admin, signed_in: Browser, clock: Clock
) -> None:
    clock.pass_by(30)
    for _ in range(3):
        sign_in(house.browser(), admin, clock, password="not the password")
    assert "3 attempts were refused" in page_of(signed_in)


def test_a_sign_in_with_a_recovery_code_is_told_as_one(
    house: House, admin: Admin, signed_in: Browser, clock: Clock
) -> None:
    assert "with a recovery code" not in page_of(signed_in)
    assert sign_in(house.browser(), admin, clock, code=admin.codes[0]).status_code == 303
    assert "Signed in with a recovery code" in page_of(signed_in)


def test_changes_to_factors_are_told(office: Browser, admin: Admin, clock: Clock) -> None:
    assert shown_codes(office.post("/account/codes").text)
    clock.pass_by(30)
    fields = {"old": PASSWORD, "code": admin.code(clock), "password": OTHER, "password_again": OTHER}
    assert office.post("/account/password", fields).status_code == 200
    told = page_of(office)
    assert told.index("The password was changed") < told.index("New recovery codes were made")


def test_what_administrators_do_to_an_account_is_told_to_its_owner_alone(
    house: House, office: Browser, clock: Clock
) -> None:
    kim = join(house, invite(office))
    assert act(office, "role", person=id_of(house, "Kim Lee"), role="teacher").status_code == 303
    assert act(office, "reset", person=id_of(house, "Kim Lee")).status_code == 200
    for words in ("An administrator changed the role", "An administrator made a link to a new password"):
        assert words in page_of(kim.browser), words
        assert words not in page_of(office), words


def test_of_others_nothing_is_told(house: House, admin: Admin, office: Browser, clock: Clock) -> None:
    kim = join(house, invite(office))
    before = page_of(office)
    clock.pass_by(30)
    assert enter(kim, house.browser(), clock, password="wrong word entirely").status_code == 401
    assert sign_in(house.browser(), admin, clock, name="Nobody Known").status_code == 401
    assert page_of(office) == before


def test_the_list_is_short_and_looks_back_only_so_far(house: House, admin: Admin, clock: Clock) -> None:
    user = id_of(house)
    for _ in range(MOST_SHOWN + 3):
        house.door.trail.note("sign-out", user, clock.at)
    assert len(recent(house.door.trail, user).happenings) == MOST_SHOWN
    assert len(recent(house.door.trail, user, looked_at=5).happenings) == 5


def test_what_others_do_washes_nothing_out(house: House, admin: Admin, clock: Clock) -> None:
    user = id_of(house)
    house.door.trail.note("sign-out", user, clock.at)
    before = recent(house.door.trail, user, looked_at=5).happenings
    for _ in range(20):
        house.door.trail.note("data-exported", "f" * 32, clock.at)
    assert recent(house.door.trail, user, looked_at=5).happenings == before != ()


@pytest.mark.parametrize(
    ("kind", "fields", "words"),
    [
        ("data-exported", {}, "The data of the account were downloaded"),
        ("consent-given", {"edition": 1}, "The privacy text was agreed to"),
        ("confirmed-again", {}, "Password and second factor were given again"),
        ("passkey-renamed", {"passkey": "x"}, "A passkey got another name"),
        ("sign-in", {"factor": "one-time-code"}, "Signed in with a one-time code"),
        ("sign-in", {"factor": "passkey"}, "Signed in with a passkey"),
        ("sign-in", {"factor": "passkey-alone"}, "Signed in with a passkey alone"),
    ],
)
def test_each_has_its_words(
    house: House, admin: Admin, clock: Clock, kind: str, fields: dict[str, str], words: str
) -> None:
    house.door.trail.note(kind, id_of(house), clock.at, fields)
    assert recent(house.door.trail, id_of(house)).happenings[0].words == words


def test_a_damaged_entry_does_not_keep_the_page_from_being_shown(
    house: House, signed_in: Browser, clock: Clock
) -> None:
    house.door.trail.note("sign-out", id_of(house), clock.at)
    with house.door.database.begin() as connection:
        for (trigger,) in connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")):
            connection.execute(text(f"DROP TRIGGER {trigger}"))
        connection.execute(text("UPDATE ledger_entries SET data = '[' WHERE kind = 'sign-out'"))
    assert "Signed in" in page_of(signed_in)
