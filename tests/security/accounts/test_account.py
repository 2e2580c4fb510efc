"""One's own account over HTTP: factors, sessions, password, app and codes; each proved, each written down."""

from __future__ import annotations

import json
import re
import threading
from pathlib import Path

import pytest
from sqlalchemy import event, text

from security.accounts.arrivals import COOKIE
from security.accounts.enrolment import PENDING_S
from security.accounts.sessions import STEP_UP_S
from security.accounts.tables import RecoveryCode, SessionRow
from security.crypto import onetime
from tests.security.accounts.fakes import (
    NAME,
    PASSWORD,
    Admin,
    Browser,
    Clock,
    House,
    hidden,
    set_up,
    shown_codes,
    shown_secret,
    sign_in,
)
from tests.security.accounts.people_fakes import OTHER, confirm, enter, invite, join, rows


def handles(page: str) -> list[str]:
    return re.findall(r'name="session" value="([0-9a-f]{64})"', page)


def kinds(house: House) -> list[str]:
    return [entry.kind for entry in house.door.trail.ledger.entries()]


def test_who_has_no_passkey_is_not_asked_about_any(signed_in: Browser, admin: Admin, clock: Clock) -> None:
    clock.pass_by(30)
    fields = {"old": PASSWORD, "code": admin.code(clock), "password": OTHER, "password_again": OTHER}
    text_shown = signed_in.post("/account/password", fields).text
    assert "Your password is changed" in text_shown and "passkey" not in text_shown


def change(browser: Browser, admin: Admin, clock: Clock, **changes: str) -> int:
    clock.pass_by(30)
    fields = {"old": PASSWORD, "code": admin.code(clock), "password": OTHER, "password_again": OTHER}
    return browser.post("/account/password", fields | changes).status_code


def second(house: House, admin: Admin, clock: Clock) -> Browser:
    clock.pass_by(30)
    browser = house.browser()
    assert sign_in(browser, admin, clock).status_code == 303
    return browser


@pytest.mark.parametrize(
    "path", ["", "/confirm", "/sessions", "/password", "/authenticator", "/codes", "/people", "/passkeys"]
)
def test_nothing_of_an_account_is_shown_to_a_stranger(house: House, admin: Admin, path: str) -> None:
    stranger = house.browser()
    assert stranger.get(f"/account{path}").headers["location"].startswith("/login?next=/account")
    assert stranger.post(f"/account{path}").status_code == 401


def test_no_method_of_an_account_page_falls_through_to_the_rooms(signed_in: Browser, house: House) -> None:
    for path in ("/account", "/account/sessions", "/account/people", "/account/passkeys"):
        for method in ("PUT", "PATCH", "DELETE", "OPTIONS"):
            assert signed_in.request(method, path).status_code == 405, (path, method)
    assert house.rooms.reached == []


@pytest.mark.parametrize(
    "path", ["confirm", "sessions", "password", "authenticator", "codes", "people", "passkeys"]
)
def test_a_foreign_page_can_change_nothing(office: Browser, path: str) -> None:
    for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}):
        assert office.post(f"/account/{path}", headers=headers).status_code == 403


def test_the_factors_and_their_kinds_are_listed(signed_in: Browser) -> None:
    page = signed_in.get("/account").text
    for words in ("something you know", "something you have", "Recovery codes, 10 left", NAME, "this one"):
        assert words in page, words


def test_one_session_and_all_others_are_ended(
    house: House, admin: Admin, office: Browser, clock: Clock
) -> None:
    others = [second(house, admin, clock) for _ in range(3)]
    listed = handles(office.get("/account").text)
    assert len(listed) == 3
    assert office.post("/account/sessions", {"session": listed[0]}).status_code == 303
    assert len(handles(office.get("/account").text)) == 2
    assert office.post("/account/sessions", {"which": "others"}).status_code == 303
    assert [browser.get("/").status_code for browser in others] == [303, 303, 303]
    assert office.get("/").status_code == 200
    assert kinds(house).count("sessions-ended") == 2


def test_ending_a_session_needs_proof(house: House, admin: Admin, signed_in: Browser, clock: Clock) -> None:
    second(house, admin, clock)
    (listed,) = handles(signed_in.get("/account").text)
    answer = signed_in.post("/account/sessions", {"session": listed})
    assert answer.headers["location"] == "/account/confirm?next=/account"
    assert rows(house, SessionRow) == 2


def test_the_session_of_somebody_else_can_not_be_ended_by_its_id(
    house: House, admin: Admin, office: Browser, clock: Clock
) -> None:
    person = join(house, invite(office))
    second(house, admin, clock)
    (foreign,) = handles(office.get("/account").text)
    confirm(person.browser, person.known, clock, password=OTHER, next="/account")
    before = rows(house, SessionRow)
    for handle in (foreign, foreign.upper(), "0" * 64, "", "x", foreign[:63]):
        assert person.browser.post("/account/sessions", {"session": handle}).status_code == 404
    assert rows(house, SessionRow) == before
    assert person.browser.post("/account/sessions", {"which": "others"}).status_code == 303
    assert rows(house, SessionRow) == before
    assert foreign not in person.browser.get("/account").text


def test_a_new_password_ends_every_session_and_renews_this_one(
    house: House, admin: Admin, signed_in: Browser, clock: Clock
) -> None:
    other = second(house, admin, clock)
    stolen = signed_in.cookies[COOKIE]
    assert change(signed_in, admin, clock) == 200
    assert signed_in.cookies[COOKIE] != stolen
    assert signed_in.get("/").status_code == 200
    assert other.get("/").status_code == 303
    thief = house.browser()
    thief.cookies.set(COOKIE, stolen)
    assert thief.get("/").status_code == 303
    clock.pass_by(30)
    assert sign_in(house.browser(), admin, clock).status_code == 401
    clock.pass_by(30)
    assert sign_in(house.browser(), admin, clock, password=OTHER).status_code == 303
    assert kinds(house).count("password-changed") == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"old": "wrong word entirely"},
        {"code": "000000"},
        {"code": ""},
        {"password": "short", "password_again": "short"},
        {"password_again": "another one entirely"},
        {"password": f"{NAME} tundra spoon", "password_again": f"{NAME} tundra spoon"},
    ],
)
def test_a_new_password_needs_the_old_one_a_code_and_the_policy(
    house: House, admin: Admin, signed_in: Browser, clock: Clock, changes: dict[str, str]
) -> None:
    assert change(signed_in, admin, clock, **changes) == 422
    clock.pass_by(30)
    assert sign_in(house.browser(), admin, clock).status_code == 303
    assert "password-changed" not in kinds(house)


def test_of_two_changes_at_once_one_counts(
    house: House, admin: Admin, signed_in: Browser, clock: Clock
) -> None:
    clock.pass_by(30)
    fields = {"old": PASSWORD, "code": admin.code(clock), "password": OTHER, "password_again": OTHER}
    cookie = {"cookie": f"{COOKIE}={signed_in.cookies[COOKIE]}"}
    answers: list[int] = []

    def use() -> None:
        answers.append(house.browser().post("/account/password", fields, headers=cookie).status_code)

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers.count(200) == 1
    assert rows(house, SessionRow) == 1


def test_proof_renews_the_token_and_lasts_ten_minutes(
    house: House, admin: Admin, signed_in: Browser, clock: Clock
) -> None:
    assert signed_in.get("/account/codes").headers["location"] == "/account/confirm?next=/account/codes"
    before = signed_in.cookies[COOKIE]
    assert confirm(signed_in, admin, clock, code="000000").status_code == 422
    assert confirm(signed_in, admin, clock, password="wrong word entirely").status_code == 422
    assert signed_in.get("/account/codes").status_code == 303
    answer = confirm(signed_in, admin, clock, next="/account/codes")
    assert answer.headers["location"] == "/account/codes"
    assert signed_in.cookies[COOKIE] != before
    assert rows(house, SessionRow) == 1
    other = second(house, admin, clock)
    assert other.get("/account/codes").status_code == 303, "it counts for one session only"
    clock.pass_by(STEP_UP_S - 31)
    assert signed_in.get("/account/codes").status_code == 200
    clock.pass_by(1)
    assert signed_in.get("/account/codes").status_code == 303


@pytest.mark.parametrize("back", ["https://evil.example", "//evil.example", "/logout", "", "/account/../x"])
def test_after_proof_one_goes_on_to_a_page_of_the_account(
    signed_in: Browser, admin: Admin, clock: Clock, back: str
) -> None:
    assert confirm(signed_in, admin, clock, next=back).headers["location"] == "/account"


def test_a_code_is_spent_by_proof(signed_in: Browser, admin: Admin, clock: Clock) -> None:
    assert confirm(signed_in, admin, clock).status_code == 303
    clock.pass_by(-30)
    assert confirm(signed_in, admin, clock).status_code == 422
    assert confirm(signed_in, admin, clock, code=admin.codes[0]).status_code == 303
    assert confirm(signed_in, admin, clock, code=admin.codes[0]).status_code == 422


def test_passwords_and_codes_are_counted_apart(tmp_path: Path, clock: Clock) -> None:
    house = House(tmp_path, clock, limiter=None)
    try:
        admin, browser = set_up(house), house.browser()
        assert sign_in(browser, admin, clock).status_code == 303
        for _ in range(12):
            clock.pass_by(91)
            assert confirm(browser, admin, clock, password="wrong word entirely").status_code == 422
            clock.pass_by(61)
            assert change(browser, admin, clock, old="wrong word entirely") == 422
        clock.pass_by(91)
        assert confirm(browser, admin, clock).status_code == 303, "no code was used up"
        for _ in range(10):
            clock.pass_by(91)
            assert confirm(browser, admin, clock, code="000000").status_code == 422
        clock.pass_by(91)
        assert confirm(browser, admin, clock).status_code == 422, "ten wrong codes, in whatever challenge"
        clock.pass_by(61)
        assert change(browser, admin, clock) == 422
    finally:
        house.close()


def test_an_attempt_that_nobody_looked_at_is_not_counted(tmp_path: Path, clock: Clock) -> None:
    house = House(tmp_path, clock, limiter=None)
    slow = house.door._slow
    try:
        admin, browser = set_up(house), house.browser()
        assert sign_in(browser, admin, clock).status_code == 303
        slow._held = slow._limit
        for _ in range(30):
            assert confirm(browser, admin, clock).status_code == 503
            assert change(browser, admin, clock) == 503
        slow._held = 0
        clock.pass_by(30)
        assert confirm(browser, admin, clock).status_code == 303
    finally:
        slow._held = 0
        house.close()


def test_a_new_app_takes_the_place_of_the_old_one(
    house: House, admin: Admin, office: Browser, clock: Clock
) -> None:
    other = second(house, admin, clock)
    page = office.get("/account/authenticator").text
    fresh = Admin(shown_secret(page), admin.codes, "")
    assert fresh.secret != admin.secret
    form = {"ticket": hidden(page, "ticket"), "code": fresh.code(clock)}
    wrong = office.post("/account/authenticator", form | {"code": "12"})
    assert wrong.status_code == 422 and shown_secret(wrong.text) == fresh.secret
    assert office.post("/account/authenticator", form).status_code == 200
    assert other.get("/").status_code == 303
    assert office.get("/").status_code == 200
    assert sign_in(house.browser(), fresh, clock).status_code == 401, "the first code is spent"
    clock.pass_by(30)
    assert sign_in(house.browser(), admin, clock).status_code == 401
    assert sign_in(house.browser(), fresh, clock).status_code == 303
    assert kinds(house).count("factor-renewed") == 1


def test_a_new_app_for_an_account_that_is_gone_is_answered_in_a_sentence(
    house: House, office: Browser, clock: Clock
) -> None:
    page = office.get("/account/authenticator").text
    secret = shown_secret(page)
    form = {"ticket": hidden(page, "ticket"), "code": onetime.code_at(secret, onetime.step_at(clock.at))}
    deleted: list[str] = []

    def delete(_: object, __: object, statement: str, *___: object) -> None:
        # Between the look at the session and the change.
        if "FROM accounts_step_ups" in statement and not deleted:
            deleted.append(statement)
            with house.database.begin() as connection:
                connection.execute(text("DELETE FROM accounts_foundation"))
                connection.execute(text("DELETE FROM accounts_users"))

    event.listen(house.database, "after_cursor_execute", delete)
    answer = office.post("/account/authenticator", form)
    assert answer.status_code == 410
    assert "This account is not here any more." in answer.text


def test_a_new_app_needs_proof_and_its_own_ticket(
    house: House, admin: Admin, office: Browser, clock: Clock
) -> None:
    page = office.get("/account/authenticator").text
    ticket, secret = hidden(page, "ticket"), shown_secret(page)
    person = join(house, invite(office))
    form = {"ticket": ticket, "code": onetime.code_at(secret, onetime.step_at(clock.at))}
    assert person.browser.post("/account/authenticator", form).status_code == 303, "not proved"
    confirm(person.browser, person.known, clock, password=OTHER)
    assert person.browser.post("/account/authenticator", form).status_code == 410, "somebody else's"
    clock.pass_by(PENDING_S)
    assert confirm(office, admin, clock).status_code == 303
    late = form | {"code": onetime.code_at(secret, onetime.step_at(clock.at))}
    assert office.post("/account/authenticator", late).status_code == 410
    assert "factor-renewed" not in kinds(house)


def test_new_recovery_codes_void_the_earlier(
    house: House, admin: Admin, office: Browser, clock: Clock
) -> None:
    codes = shown_codes(office.post("/account/codes").text)
    assert len(set(codes)) == 10 and not set(codes) & set(admin.codes)
    assert rows(house, RecoveryCode) == 10
    assert sign_in(house.browser(), admin, clock, code=admin.codes[0]).status_code == 401
    assert sign_in(house.browser(), admin, clock, code=codes[0]).status_code == 303
    assert "Recovery codes, 9 left" in office.get("/account").text


def test_with_new_recovery_codes_all_other_sessions_can_be_ended(
    house: House, admin: Admin, office: Browser, clock: Clock
) -> None:
    other = second(house, admin, clock)
    page = office.post("/account/codes").text
    form = re.search(r'<form method="post" action="(/account/sessions)">.*?</form>', page, re.DOTALL)
    assert form is not None
    assert office.post(form[1], {"which": hidden(form[0], "which")}).status_code == 303
    assert other.get("/").status_code == 303
    assert office.get("/").status_code == 200


def test_new_recovery_codes_need_proof(house: House, admin: Admin, signed_in: Browser, clock: Clock) -> None:
    assert signed_in.post("/account/codes").status_code == 303
    assert sign_in(house.browser(), admin, clock, code=admin.codes[0]).status_code == 303


def test_what_cannot_be_written_down_is_not_done(
    house: House, admin: Admin, office: Browser, clock: Clock
) -> None:
    with house.door.database.begin() as connection:
        connection.execute(text("ALTER TABLE ledger_entries RENAME TO ledger_gone"))
    assert change(office, admin, clock) == 503
    assert office.post("/account/codes").status_code == 503
    with house.door.database.begin() as connection:
        connection.execute(text("ALTER TABLE ledger_gone RENAME TO ledger_entries"))
    assert sign_in(house.browser(), admin, clock, code=admin.codes[0]).status_code == 303


def test_nothing_secret_is_in_the_trail(house: House, admin: Admin, office: Browser, clock: Clock) -> None:
    page = office.get("/account/authenticator").text
    fresh = Admin(shown_secret(page), [], "")
    office.post("/account/authenticator", {"ticket": hidden(page, "ticket"), "code": fresh.code(clock)})
    codes = shown_codes(office.post("/account/codes").text)
    assert change(office, fresh, clock) == 200
    token = office.cookies[COOKIE]
    everything = json.dumps([(one.kind, one.data) for one in house.door.trail.ledger.entries()])
    assert {"factor-renewed", "recovery-codes-renewed", "password-changed"} <= set(kinds(house))
    for secret in (NAME, PASSWORD, OTHER, fresh.secret, token, hidden(page, "ticket"), *codes):
        assert secret not in everything
    assert house.door.trail.ledger.verify().ok


def test_an_invited_person_manages_the_own_account(house: House, office: Browser, clock: Clock) -> None:
    person = join(house, invite(office, "clinician"))
    page = person.browser.get("/account").text
    assert "clinician" in page and "/account/people" not in page
    assert enter(person, house.browser(), clock, password=PASSWORD).status_code == 401


@pytest.mark.parametrize("path", ["", "/confirm", "/password", "/codes", "/people", "/passkeys"])
def test_sign_out_is_on_every_page_of_the_account(office: Browser, path: str) -> None:
    assert 'action="/logout"' in office.get(f"/account{path}").text
