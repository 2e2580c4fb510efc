"""The policy of factors: who may set it, what is noted, and what the account page says of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from security.accounts.factors import factors_of
from security.accounts.identity import Role
from security.accounts.role_policy import Requirement
from security.accounts.tables import Passkey, RecoveryCode, RolePolicy
from tests.security.accounts.fakes import Admin, Browser, Clock, House
from tests.security.accounts.people_fakes import PEOPLE, confirm, id_of, invite, join, rows
from tests.security.accounts.test_duties import POLICY, enrol_passkey
from tests.security.crypto.test_ledger import attack


def noted(house: House) -> list[Any]:
    entries = house.door.trail.ledger.entries()
    return [json.loads(entry.data) for entry in entries if entry.kind == "policy-changed"]


def spend(house: House, left: int) -> None:
    with Session(house.database) as session, session.begin():
        codes = session.scalars(select(RecoveryCode)).all()
        for code in codes[left:]:
            code.used_at = 1


def test_without_a_row_a_role_has_the_least(house: House) -> None:
    for role in Role:
        assert house.door.requirements.of(role) == Requirement(role, False, True)


def test_a_change_is_kept_and_noted_once(house: House, office: Browser) -> None:
    form = {"role": "teacher", "required": "yes"}
    for _ in range(2):
        assert office.post(POLICY, form).headers["location"] == POLICY
    assert house.door.requirements.of(Role.TEACHER) == Requirement(Role.TEACHER, True, False)
    assert house.door.requirements.of(Role.STUDENT) == Requirement(Role.STUDENT)
    said = {"role": "teacher", "passkey-required": True, "passkey-alone": False}
    assert noted(house) == [{"user": id_of(house), **said}]
    office.post(POLICY, {"role": "teacher", "alone": "yes"})
    assert house.door.requirements.of(Role.TEACHER) == Requirement(Role.TEACHER)
    assert len(noted(house)) == 2


@pytest.mark.parametrize("role", ["", "root", "Teacher"])
def test_a_role_that_is_none_changes_nothing(house: House, office: Browser, role: str) -> None:
    answer = office.post(POLICY, {"role": role, "required": "yes"})
    assert (answer.status_code, "Nothing was changed" in answer.text) == (422, True)
    assert rows(house, RolePolicy) == 0


def test_only_an_administrator_who_proved_it_lately_sets_it(
    house: House, admin: Admin, office: Browser, clock: Clock
) -> None:
    for role in ("teacher", "student", "clinician"):
        person = join(house, invite(office, role), f"Kim {role}")
        for ask in (person.browser.get, person.browser.post):
            assert ask(POLICY).status_code == 404
    clock.pass_by(601)
    for answer in (office.get(POLICY), office.post(POLICY, {"role": "student", "required": "yes"})):
        assert answer.headers["location"] == f"/account/confirm?next={POLICY}"
    assert rows(house, RolePolicy) == 0
    assert confirm(office, admin, clock, next=POLICY).headers["location"] == POLICY
    assert "1 of 1 has" not in office.get(POLICY).text
    enrol_passkey(house, id_of(house))
    assert "1 of 1 has a passkey" in office.get(POLICY).text


def test_the_trail_comes_first(house: House, office: Browser) -> None:
    with house.database.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE ledger_entries RENAME TO ledger_gone")
    assert office.post(POLICY, {"role": "student", "required": "yes"}).status_code == 503
    assert rows(house, RolePolicy) == 0


def test_factors_are_counted_with_their_kinds(house: House, admin: Admin) -> None:
    user = id_of(house)
    assert factors_of(house.database, user).summary == "You have 3 factors of 2 kinds."
    enrol_passkey(house, user)
    found = factors_of(house.database, user)
    assert found.summary == "You have 4 factors of 2 kinds."
    assert "are or know" in found.rows[2].kind
    with Session(house.database) as session, session.begin():
        session.execute(update(Passkey).values(user_verified=False))
    assert factors_of(house.database, user).rows[2].kind == "something you have"
    spend(house, 0)
    assert factors_of(house.database, user).summary == "You have 3 factors of 2 kinds."


@pytest.mark.parametrize(
    ("left", "warning"),
    [
        (4, None),
        (3, "Only 3 recovery codes are left"),
        (1, "Only 1 recovery code is left"),
        (0, "No recovery"),
    ],
)
def test_few_recovery_codes_are_warned_of(
    house: House, signed_in: Browser, left: int, warning: str | None
) -> None:
    spend(house, left)
    page = signed_in.get("/account").text
    assert ("Make ten new ones" in page) == (warning is not None)
    assert warning is None or warning in page


def test_the_page_says_what_the_role_needs(house: House, office: Browser) -> None:
    assert "needs a password and any second factor: <strong>that is met" in office.get("/account").text
    enrol_passkey(house, id_of(house))
    office.post(POLICY, {"role": "administrator", "required": "yes"})
    page = office.get("/account").text
    assert "and a passkey: <strong>that is met" in page
    assert "A passkey alone does not sign you in" in page
    assert "Passkey “phone”" in page and 'href="/account/passkeys"' in page
    with Session(house.database) as session, session.begin():
        session.execute(delete(Passkey))
    assert "and a passkey: <strong>the passkey is missing" in office.get("/account").text


def test_the_page_says_who_is_shut_out_and_of_a_changed_trail(house: House, office: Browser) -> None:
    page = office.get(POLICY).text
    assert "an administrator needs a passkey to ask administrators for one" in page
    assert "this one too" not in page and "The audit trail was changed" not in page
    attack(house.database, "UPDATE ledger_entries SET time_ms = time_ms + 1 WHERE position = 0")
    assert "The audit trail was changed" in office.get(POLICY).text


def test_the_page_of_people_names_all_that_can_be_lost(office: Browser) -> None:
    assert "who has lost app, recovery codes and passkeys" in office.get(PEOPLE).text
