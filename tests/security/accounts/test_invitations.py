"""Invitations over HTTP: once, also in parallel, for seven days, with the role that the link was made for."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from security.accounts.errors import ClassListError
from security.accounts.identity import Role
from security.accounts.invitations import MAX_CLASS, read_class
from security.accounts.links import LIFE_S
from security.accounts.tables import LinkRow, User
from security.lab.tab import TEACHERS
from tests.security.accounts.fakes import NAME, Admin, Browser, Clock, House, shown_codes
from tests.security.accounts.people_fakes import (
    OTHER,
    PEOPLE,
    act,
    enrol,
    finish_form,
    invite,
    join,
    links_in,
    rows,
)


@pytest.mark.parametrize("role", list(Role))
def test_an_invited_person_gets_the_role_of_the_link(house: House, office: Browser, role: Role) -> None:
    person = join(house, invite(office, role.value))
    assert len(person.known.codes) == 10
    person.browser.get("/room")
    identity = house.rooms.reached[-1][2]
    assert (identity.name, identity.role) == ("Kim Lee", role)


def test_the_labs_teachers_are_roles_of_the_door() -> None:
    assert {Role.ADMINISTRATOR, Role.TEACHER} == TEACHERS


def test_what_the_invited_person_sends_does_not_decide_the_role(house: House, office: Browser) -> None:
    link = invite(office, "student")
    browser = house.browser()
    token = link.partition("token=")[2]
    fields = {"token": token, "name": "Kim", "password": OTHER, "password_again": OTHER}
    second = browser.post("/invite", {**fields, "role": "administrator"})
    browser.post("/invite", {**finish_form(second.text, house.clock), "role": "administrator"})
    assert sorted(_roles(house)) == ["administrator", "student"]


def test_a_name_that_is_fixed_stays(house: House, office: Browser) -> None:
    link = invite(office, name="Ada Vance")
    page = house.browser().get(link).text
    assert 'value="Ada Vance"' in page and "readonly" in page
    second = enrol(house.browser(), link, name="Mallory")
    assert "Ada Vance" in second.text and "Mallory" not in second.text


def test_an_invitation_works_once(house: House, office: Browser, clock: Clock) -> None:
    link = invite(office)
    join(house, link)
    assert house.browser().get(link).status_code == 403
    assert enrol(house.browser(), link, "Somebody Else").status_code == 403


@pytest.mark.parametrize("processes", [1, 2])
def test_of_many_who_use_one_invitation_at_once_one_gets_in(
    house: House, office: Browser, clock: Clock, tmp_path: Path, processes: int
) -> None:
    link = invite(office)
    houses = [house] if processes == 1 else [house, House(tmp_path, clock)]
    forms = []
    for at in range(6):
        where = houses[at % processes]
        second = enrol(where.browser(), link, f"Person {at}")
        forms.append((where, finish_form(second.text, clock)))
    answers: list[tuple[int, int]] = []

    def use(where: House, form: dict[str, str]) -> None:
        page = where.browser().post("/invite", form)
        answers.append((page.status_code, len(shown_codes(page.text))))

    threads = [threading.Thread(target=use, args=one) for one in forms]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for other in houses[1:]:
        other.close()
    assert sorted(answers) == [(200, 10)] + [(403, 0)] * 5
    assert rows(house, User) == 2


def test_a_double_click_shows_the_same_codes_until_the_person_signs_in(
    house: House, office: Browser, clock: Clock
) -> None:
    link, browser = invite(office), house.browser()
    second = enrol(browser, link)
    form = finish_form(second.text, clock)
    codes = shown_codes(browser.post("/invite", form).text)
    assert shown_codes(browser.post("/invite", form).text) == codes != []
    clock.pass_by(30)
    known = Admin("", codes, "")
    signed = browser.post("/login", {"name": "Kim Lee", "password": OTHER, "code": known.codes[0]})
    assert signed.status_code == 303
    assert browser.post("/invite", form).status_code == 403


def test_an_invitation_ends_after_seven_days(house: House, office: Browser, clock: Clock) -> None:
    link = invite(office)
    second = enrol(house.browser(), link)
    clock.pass_by(LIFE_S - 1)
    assert house.browser().get(link).status_code == 200
    clock.pass_by(1)
    assert house.browser().get(link).status_code == 403
    assert house.browser().post("/invite", finish_form(second.text, clock)).status_code == 403
    assert rows(house, User) == 1


def test_a_withdrawn_invitation_opens_nothing(house: House, office: Browser, clock: Clock) -> None:
    link = invite(office)
    second = enrol(house.browser(), link)
    page = office.get(PEOPLE).text
    handle = page.split('name="invitation" value="')[1].split('"')[0]
    assert act(office, "withdraw", invitation=handle).status_code == 303
    assert house.browser().get(link).status_code == 403
    assert house.browser().post("/invite", finish_form(second.text, clock)).status_code == 403
    assert rows(house, User) == 1


@pytest.mark.parametrize("token", ["", "x", "A" * 43, "é" * 43, "\x00"])
def test_a_wrong_token_gets_one_clear_page(house: House, admin: Admin, token: str) -> None:
    shown = house.browser().get("/invite", params={"token": token})
    posted = house.browser().post("/invite", {"token": token, "ticket": "x", "code": "1"})
    assert shown.status_code == posted.status_code == 403
    assert shown.text == posted.text


def test_a_wrong_code_and_a_weak_password_are_refused_and_store_nothing(
    house: House, office: Browser, clock: Clock
) -> None:
    link, browser = invite(office), house.browser()
    assert enrol(browser, link, password="short").status_code == 422
    assert enrol(browser, link, name=NAME).status_code == 422
    second = enrol(browser, link)
    form = finish_form(second.text, clock)
    wrong = f"{(int(form['code']) + 1) % 1_000_000:06d}"
    again = browser.post("/invite", form | {"code": wrong})
    assert again.status_code == 422 and 'action="/invite"' in again.text
    assert rows(house, User) == 1
    assert browser.post("/invite", form).status_code == 200


def test_a_name_that_was_taken_meanwhile(house: House, office: Browser, clock: Clock) -> None:
    one, two = invite(office), invite(office)
    late = enrol(house.browser(), two)
    join(house, one)
    answer = house.browser().post("/invite", finish_form(late.text, clock))
    assert answer.status_code == 409
    assert "has this name already" in answer.text
    assert house.browser().get(two).status_code == 200, "the invitation still stands"


def test_a_class_is_invited_by_a_list(house: House, office: Browser) -> None:
    answer = act(office, "invite-class", **{"class": 'name,role\nKim Lee,student\n\n"Vance, Ada",Teacher\n'})
    assert answer.status_code == 200
    links = links_in(answer.text)
    assert len(set(links)) == 2
    assert "Kim Lee" in answer.text and "Vance, Ada" in answer.text
    assert join(house, links[0]).browser.get("/account").text.count("Kim Lee") == 1


def test_a_class_with_a_wrong_line_invites_nobody(house: House, office: Browser) -> None:
    text = f"Kim Lee,student\nAda\nBo,boss\n ,student\nkim  lee,student\n{NAME},teacher"
    answer = act(office, "invite-class", **{"class": text})
    assert answer.status_code == 422
    told = ("2: a line has", "3: the role must be", "4: Please choose", "5: some", "6: some")
    for line in (f"Line {one}" for one in told):
        assert line in answer.text, line
    assert "Line 1" not in answer.text
    assert rows(house, LinkRow) == 0


@pytest.mark.parametrize("text", ["", "name,role", '"open', "x,student\n" * (MAX_CLASS + 1)])
def test_a_list_out_of_bounds(text: str) -> None:
    with pytest.raises(ClassListError):
        read_class(text, set())


def test_the_file_and_the_trail_hold_no_token(house: House, office: Browser) -> None:
    link = invite(office, name="Ada Vance")
    person = join(house, link, "Ada Vance")
    token = link.partition("token=")[2]
    entries = [(one.kind, json.loads(one.data)) for one in house.door.trail.ledger.entries()]
    kinds = [kind for kind, _ in entries]
    assert {"person-invited", "person-joined", "confirmed-again"} <= set(kinds)
    everything = json.dumps(entries)
    for secret in (token, "Ada Vance", "Kim Lee", OTHER, person.known.secret, *person.known.codes):
        assert secret not in everything
    house.close()
    content = b"".join(path.read_bytes() for path in house.data.iterdir() if path.name != "asklepion.key")
    assert token.encode() not in content


def test_a_foreign_page_can_not_use_an_invitation(house: House, office: Browser) -> None:
    token = invite(office).partition("token=")[2]
    fields = {"token": token, "name": "Kim", "password": OTHER, "password_again": OTHER}
    answer = house.browser().post("/invite", fields, headers={"origin": "https://evil.example"})
    assert answer.status_code == 403


def _roles(house: House) -> list[str]:
    with Session(house.door.database) as session:
        return list(session.scalars(select(User.role)))


def invitations_in(house: House, kind: str) -> list[object]:
    entries = house.door.trail.ledger.entries()
    return [one.fields.get("invitation") for one in entries if one.kind == kind]


def test_the_trail_tells_which_invitation(house: House, office: Browser, clock: Clock) -> None:
    used, withdrawn = invite(office), invite(office)
    join(house, used)
    (handle,) = (one.id for one in house.door._tools.links.invitations(clock.at))
    assert act(office, "withdraw", invitation=handle).status_code == 303
    (joined,) = invitations_in(house, "person-joined")
    assert invitations_in(house, "person-invited") == [joined, handle]
    assert invitations_in(house, "invitation-withdrawn") == [handle]
    assert house.browser().get(withdrawn).status_code == 403


def test_what_is_no_invitation_is_not_written_down(house: House, office: Browser) -> None:
    for made_up in ("<script>", "f" * 32, "x" * 5000, ""):
        assert act(office, "withdraw", invitation=made_up).status_code == 303
    assert invitations_in(house, "invitation-withdrawn") == []
