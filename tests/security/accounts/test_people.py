"""People as administrators manage them, over HTTP: who may, how lately proved, and never the last one."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from security.accounts.errors import RefusedError, UnknownUserError
from security.accounts.identity import Role
from security.accounts.links import LIFE_S, MAX_TRIES
from security.accounts.people import People
from security.accounts.sessions import STEP_UP_S
from security.accounts.signin_pages import REFUSED
from security.accounts.tables import Disabled, Foundation, LinkRow, RecoveryCode, SessionRow, StepUp, User
from tests.security.accounts.fakes import NAME, PASSWORD, Admin, Browser, Clock, House, sign_in
from tests.security.accounts.people_fakes import (
    OTHER,
    PEOPLE,
    Person,
    act,
    confirm,
    enter,
    id_of,
    invite,
    join,
    links_in,
    rows,
)

FRESH = "walnut orbit plaster heron"


@pytest.fixture
def kim(house: House, office: Browser) -> Person:
    return join(house, invite(office))


def role_of(house: House, name: str) -> str:
    with Session(house.door.database) as session:
        return session.scalars(select(User.role).where(User.name == name)).one()


def reset_link(house: House, office: Browser, name: str = "Kim Lee") -> str:
    answer = act(office, "reset", person=id_of(house, name))
    assert answer.status_code == 200, answer.text
    (link,) = links_in(answer.text)
    assert link.startswith("/reset?token=")
    return link


def use(house: House, link: str, code: str, password: str = FRESH) -> int:
    fields = {"token": link.partition("token=")[2], "password": password, "password_again": password}
    return house.browser().post("/reset", fields | {"code": code}).status_code


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMINISTRATOR])
def test_for_others_there_is_no_such_page_whatever_the_method(
    house: House, office: Browser, clock: Clock, role: Role
) -> None:
    person = join(house, invite(office, role.value))
    confirm(person.browser, person.known, clock, password=OTHER, next="/account")
    for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        assert person.browser.request(method, PEOPLE).status_code == 404, method
    answer = act(person.browser, "role", person=id_of(house, "Kim Lee"), role="administrator")
    assert answer.status_code == 404
    assert role_of(house, "Kim Lee") == role
    assert house.rooms.reached == []


def test_an_administrator_is_asked_for_password_and_code_every_ten_minutes(
    house: House, admin: Admin, signed_in: Browser, clock: Clock
) -> None:
    asked = "/account/confirm?next=/account/people"
    assert signed_in.get(PEOPLE).headers["location"] == asked
    assert act(signed_in, "invite", role="student", name="").headers["location"] == asked
    assert rows(house, LinkRow) == 0
    confirm(signed_in, admin, clock)
    assert signed_in.get(PEOPLE).status_code == 200
    clock.pass_by(STEP_UP_S - 1)
    assert signed_in.get(PEOPLE).status_code == 200
    clock.pass_by(1)
    assert signed_in.get(PEOPLE).headers["location"] == asked
    assert act(signed_in, "invite", role="student", name="").headers["location"] == asked
    assert rows(house, LinkRow) == 0


def test_a_role_counts_from_the_next_request_on(house: House, office: Browser, kim: Person) -> None:
    assert act(office, "role", person=id_of(house, "Kim Lee"), role="administrator").status_code == 303
    assert kim.browser.get(PEOPLE).headers["location"].startswith("/account/confirm")
    assert act(office, "role", person=id_of(house, "Kim Lee"), role="teacher").status_code == 303
    assert kim.browser.get(PEOPLE).status_code == 404
    kim.browser.get("/room")
    assert house.rooms.reached[-1][2].role is Role.TEACHER


@pytest.mark.parametrize("fields", [{"role": "root"}, {"role": ""}, {}, {"role": "Administrator"}])
def test_a_role_that_there_is_not(house: House, office: Browser, kim: Person, fields: dict[str, str]) -> None:
    assert act(office, "role", person=id_of(house, "Kim Lee"), **fields).status_code == 422
    assert act(office, "no-such-action", person=id_of(house, "Kim Lee")).status_code == 422
    assert role_of(house, "Kim Lee") == "student"


def test_a_disabled_person_is_out_and_answered_like_a_wrong_password(
    house: House, office: Browser, kim: Person, clock: Clock
) -> None:
    assert act(office, "disable", person=id_of(house, "Kim Lee")).status_code == 303
    assert kim.browser.get("/").status_code == 303
    clock.pass_by(30)
    browser = house.browser()
    wrong = enter(kim, browser, clock, password="wrong word entirely")
    right = enter(kim, browser, clock)
    assert right.status_code == wrong.status_code == 401
    assert right.text == wrong.text and REFUSED[:20] in right.text
    assert enter(kim, browser, clock, code=kim.known.codes[0]).status_code == 401
    assert "disabled" in office.get(PEOPLE).text
    assert act(office, "enable", person=id_of(house, "Kim Lee")).status_code == 303
    assert enter(kim, browser, clock).status_code == 303, "no code was spent meanwhile"
    clock.pass_by(30)
    assert enter(kim, browser, clock, code=kim.known.codes[0]).status_code == 303


def test_a_session_that_slipped_through_opens_nothing_while_disabled(house: House, kim: Person) -> None:
    with Session(house.door.database) as session, session.begin():
        session.add(Disabled(user_id=id_of(house, "Kim Lee"), since=1))
    assert kim.browser.get("/").status_code == 303


@pytest.mark.parametrize("action", ["disable", "delete", "role"])
def test_the_last_administrator_stays(house: House, office: Browser, kim: Person, action: str) -> None:
    fields = {"person": id_of(house), "role": "student", "sure": "yes"}
    answer = act(office, action, **fields)
    assert answer.status_code == 422
    assert "last administrator" in answer.text
    # A disabled administrator can't let anybody in, so does not count.
    act(office, "role", person=id_of(house, "Kim Lee"), role="administrator")
    act(office, "disable", person=id_of(house, "Kim Lee"))
    assert act(office, action, **fields).status_code == 422
    assert role_of(house, NAME) == "administrator"
    act(office, "enable", person=id_of(house, "Kim Lee"))
    assert act(office, action, **fields).status_code in (200, 303)


@pytest.mark.parametrize("processes", [1, 2])
def test_two_who_demote_each_other_leave_one(
    house: House, office: Browser, kim: Person, clock: Clock, tmp_path: Path, processes: int
) -> None:
    act(office, "role", person=id_of(house, "Kim Lee"), role="administrator")
    other = house if processes == 1 else House(tmp_path, clock)
    confirm(kim.browser, kim.known, clock, password=OTHER)
    ids = id_of(house), id_of(house, "Kim Lee")
    ready, refused = threading.Barrier(2), []

    def demote(where: House, by: str, person: str) -> None:
        people = People(where.door._tools, where.door.erasure)
        ready.wait()
        try:
            people.set_role(by, person, Role.STUDENT, clock.at)
        except RefusedError:
            refused.append(person)

    threads = [
        threading.Thread(target=demote, args=(house, *ids)),
        threading.Thread(target=demote, args=(other, *reversed(ids))),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if other is not house:
        other.close()
    assert len(refused) == 1
    assert sorted([role_of(house, NAME), role_of(house, "Kim Lee")]) == ["administrator", "student"]


def test_a_deleted_person_leaves_no_row_and_no_key(house: House, office: Browser, kim: Person) -> None:
    user = id_of(house, "Kim Lee")
    sealed = house.door.vault.seal(user, b"a note", "assistant.conversation")
    with house.door.database.begin() as connection:
        # A room's table, as the rooms make theirs: the owner is in a column `user`.
        connection.execute(text("CREATE TABLE room_notes (user VARCHAR(64), sealed BLOB)"))
        for owner in (user, id_of(house)):
            connection.execute(text("INSERT INTO room_notes VALUES (:o, :s)"), {"o": owner, "s": sealed})
    assert act(office, "delete", person=user).status_code == 422, "the box is not ticked"
    assert act(office, "delete", person=user, sure="yes").status_code == 200
    for table in (User, Foundation):
        assert rows(house, table) == 1
    with house.door.database.connect() as connection:
        for table in (RecoveryCode, SessionRow, LinkRow, Disabled, StepUp):
            if "user_id" in table.__table__.columns:
                left = connection.execute(
                    text(f"SELECT count(*) FROM {table.__tablename__} WHERE user_id = :u"), {"u": user}
                )
                assert left.scalar() == 0, table
        assert connection.execute(text("SELECT count(*) FROM room_notes")).scalar() == 1
    assert rows(house, StepUp) == 1
    with pytest.raises(UnknownUserError):
        house.door.vault.unseal(user, sealed, "assistant.conversation")
    assert kim.browser.get("/").status_code == 303
    assert act(office, "delete", person=user, sure="yes").status_code == 422
    assert house.door.trail.ledger.verify().ok


def test_the_founder_may_be_deleted_by_another_administrator(
    house: House, office: Browser, kim: Person, clock: Clock
) -> None:
    act(office, "role", person=id_of(house, "Kim Lee"), role="administrator")
    confirm(kim.browser, kim.known, clock, password=OTHER)
    assert act(kim.browser, "delete", person=id_of(house), sure="yes").status_code == 200
    assert office.get("/").status_code == 303
    assert house.door.setup_link("http://x") is None, "set-up stays closed"
    assert rows(house, User) == 1


def test_a_reset_sets_a_password_for_who_has_the_second_factor(
    house: House, office: Browser, kim: Person, clock: Clock
) -> None:
    link = reset_link(house, office)
    page = house.browser().get(link)
    assert page.status_code == 200 and "Kim Lee" not in page.text
    clock.pass_by(30)
    code = kim.known.code(clock)
    assert use(house, link, code, "short") == 422
    assert use(house, link, code) == 200
    assert kim.browser.get("/").status_code == 303, "sessions end"
    assert use(house, link, kim.known.codes[0]) == 403, "once"
    clock.pass_by(30)
    assert enter(kim, house.browser(), clock).status_code == 401
    clock.pass_by(30)
    assert enter(kim, house.browser(), clock, password=FRESH).status_code == 303


def test_a_recovery_code_will_do_too(house: House, office: Browser, kim: Person) -> None:
    assert use(house, reset_link(house, office), kim.known.codes[0]) == 200
    assert use(house, reset_link(house, office), kim.known.codes[0]) == 422, "it is spent"


def test_a_reset_does_not_go_around_the_second_factor(
    house: House, office: Browser, kim: Person, admin: Admin, clock: Clock
) -> None:
    link = reset_link(house, office)
    clock.pass_by(30)
    # The administrator's own code and recovery code are somebody else's here.
    tries = ["", "000000", admin.code(clock), admin.codes[1], "12 34"]
    assert len(tries) == MAX_TRIES
    assert [use(house, link, code) for code in tries] == [422] * MAX_TRIES
    assert use(house, link, kim.known.code(clock)) == 403, "void after five attempts"
    assert enter(kim, house.browser(), clock).status_code == 303, "nothing was changed"


def test_a_reset_link_is_void_when_it_is_late_replaced_or_the_person_is_disabled(
    house: House, office: Browser, kim: Person, clock: Clock
) -> None:
    first, newer = reset_link(house, office), reset_link(house, office)
    assert house.browser().get(first).status_code == 403
    assert house.browser().get(newer.replace("/reset", "/invite")).status_code == 403
    invitation = invite(office)
    assert house.browser().get(invitation.replace("/invite", "/reset")).status_code == 403
    act(office, "disable", person=id_of(house, "Kim Lee"))
    assert use(house, newer, kim.known.codes[0]) == 403
    assert act(office, "reset", person=id_of(house, "Kim Lee")).status_code == 422
    act(office, "enable", person=id_of(house, "Kim Lee"))
    last = reset_link(house, office)
    clock.pass_by(LIFE_S)
    assert use(house, last, kim.known.codes[0]) == 403


def test_of_many_who_use_one_reset_link_at_once_one_does(house: House, office: Browser, kim: Person) -> None:
    link = reset_link(house, office)
    answers: list[int] = []
    threads = [
        threading.Thread(target=lambda code=code: answers.append(use(house, link, code)))
        for code in kim.known.codes[:4]
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200, 403, 403, 403]


def test_what_is_done_to_people_is_written_without_names_or_tokens(
    house: House, office: Browser, kim: Person
) -> None:
    user = id_of(house, "Kim Lee")
    token = reset_link(house, office).partition("token=")[2]
    use(house, f"/reset?token={token}", kim.known.codes[0])
    for action in ("role", "disable", "enable", "delete"):
        act(office, action, person=user, role="teacher", sure="yes")
    entries = [(one.kind, json.loads(one.data)) for one in house.door.trail.ledger.entries()]
    done = [kind for kind, data in entries if data.get("person") == user]
    assert done == ["reset-link-made", "role-changed", "person-disabled", "person-enabled", "person-deleted"]
    assert ("password-reset", {"user": user}) in entries
    everything = json.dumps(entries)
    for secret in ("Kim Lee", NAME, PASSWORD, OTHER, FRESH, token, kim.known.secret, *kim.known.codes):
        assert secret not in everything


def test_a_name_on_the_list_is_escaped(house: House, office: Browser) -> None:
    join(house, invite(office), "<b onclick=x>")
    page = office.get(PEOPLE).text
    assert "<b onclick" not in page and "&lt;b onclick" in page


def test_a_database_of_before_goes_on_working(
    house: House, admin: Admin, clock: Clock, tmp_path: Path
) -> None:
    with house.door.database.begin() as connection:
        for table in (StepUp, Disabled, LinkRow):
            connection.execute(text(f"DROP TABLE {table.__tablename__}"))
    later = House(tmp_path, clock)
    try:
        browser = later.browser()
        assert sign_in(browser, admin, clock).status_code == 303
        confirm(browser, admin, clock)
        assert invite(browser).startswith("/invite")
    finally:
        later.close()
