"""What a deleted account leaves outside the database: cleared, or told of and cleared later."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from security.accounts.erasure import Clearing, Erasure
from security.accounts.errors import ClearingError
from security.accounts.tables import Consent, LinkRow, Passkey, Uncleared, User
from tests.app.served import ROOT
from tests.security.accounts.fakes import Browser, Clock, House, passkey_row
from tests.security.accounts.people_fakes import PEOPLE, Person, act, id_of, invite, join, rows
from tests.security.accounts.planted import found_in


class Files:
    """A room that keeps a folder for each person; while it is busy, nothing can be removed."""

    def __init__(self) -> None:
        self.kept: set[str] = set()
        self.busy: Exception | None = None
        self.asked: list[str] = []

    def clear(self, user: str) -> None:
        self.asked.append(user)
        if self.busy is not None:
            raise self.busy
        self.kept.discard(user)


@pytest.fixture
def files(house: House) -> Files:
    files = Files()
    house.door.erasure.open([Clearing("drawings", files.clear)])
    return files


@pytest.fixture
def kim(house: House, office: Browser) -> Person:
    return join(house, invite(office, name="Kim Lee"))


def test_files_go_with_the_account_and_the_page_says_what_stays(
    house: House, office: Browser, kim: Person, files: Files
) -> None:
    user, other = id_of(house, "Kim Lee"), id_of(house)
    files.kept = {user, other}
    page = act(office, "delete", person=user, sure="yes")
    assert page.status_code == 200
    assert "Kim Lee is deleted" in page.text and "drawings" in page.text
    assert "backups" in page.text and "the trail" in page.text
    assert 'role="alert"' not in page.text
    assert files.kept == {other}
    assert house.door.erasure.waiting() == []


def test_work_that_ends_after_a_deletion_is_cleared_at_the_next_one(
    house: House, office: Browser, kim: Person, files: Files
) -> None:
    first = id_of(house, "Kim Lee")
    act(office, "delete", person=first, sure="yes")
    files.kept.add(first)  # what was still being written then
    join(house, invite(office, name="Lou Ash"), name="Lou Ash")
    second = id_of(house, "Lou Ash")
    act(office, "delete", person=second, sure="yes")
    assert files.asked == [first, second, first]
    assert files.kept == set() and rows(house, Uncleared) == 1, "the second waits for its second time"
    Erasure(house.database).open([Clearing("drawings", files.clear)])
    assert rows(house, Uncleared) == 0


def test_what_was_busy_is_cleared_at_the_next_deletion(
    house: House, office: Browser, kim: Person, files: Files
) -> None:
    files.kept, files.busy = {id_of(house, "Kim Lee")}, OSError(16, "busy")
    act(office, "delete", person=id_of(house, "Kim Lee"), sure="yes")
    files.busy = None
    join(house, invite(office, name="Lou Ash"), name="Lou Ash")
    act(office, "delete", person=id_of(house, "Lou Ash"), sure="yes")
    assert files.kept == set() and house.door.erasure.waiting() == []
    assert "could not be removed yet" not in office.get(PEOPLE).text


def test_a_deletion_that_takes_long_keeps_nobody_from_signing_in(
    house: House, office: Browser, kim: Person
) -> None:
    threads: list[str] = []
    house.door.erasure.open([Clearing("x", lambda _: threads.append(threading.current_thread().name))])
    act(office, "delete", person=id_of(house, "Kim Lee"), sure="yes")
    (name,) = threads
    assert name.startswith("door-clearing"), "none of the two threads that passwords are looked at in"


@pytest.mark.parametrize("error", [ClearingError("a job still runs"), OSError(16, "busy")])
def test_what_is_busy_is_told_of_and_cleared_at_the_next_start(
    house: House, office: Browser, kim: Person, files: Files, error: Exception
) -> None:
    user = id_of(house, "Kim Lee")
    files.kept, files.busy = {user}, error
    page = act(office, "delete", person=user, sure="yes")
    assert page.status_code == 200 and 'role="alert"' in page.text
    assert "Still there" in page.text and "drawings" in page.text
    assert kim.browser.get("/").status_code == 303, "the account is gone all the same"
    assert "Files of 1 deleted account could not be removed yet" in office.get(PEOPLE).text
    files.busy = None
    Erasure(house.database).open([Clearing("drawings", files.clear)])
    assert files.kept == set() and rows(house, Uncleared) == 0
    assert "could not be removed yet" not in office.get(PEOPLE).text


def test_before_the_rooms_are_open_it_waits_for_them(house: House, office: Browser, kim: Person) -> None:
    user = id_of(house, "Kim Lee")
    assert "not open yet" in act(office, "delete", person=user, sure="yes").text
    files = Files()
    house.door.erasure.open([Clearing("drawings", files.clear)])
    assert files.asked == [user]
    assert rows(house, Uncleared) == 0


def test_one_that_fails_does_not_keep_the_others_from_clearing(
    house: House, office: Browser, kim: Person
) -> None:
    first, second = Files(), Files()
    first.busy = OSError(16, "busy")
    house.door.erasure.open([Clearing("one", first.clear), Clearing("two", second.clear)])
    user = id_of(house, "Kim Lee")
    act(office, "delete", person=user, sure="yes")
    assert second.asked == [user]
    assert rows(house, Uncleared) == 1


def test_a_row_that_a_room_wrote_meanwhile_goes_too(house: House, office: Browser, kim: Person) -> None:
    user = id_of(house, "Kim Lee")
    with house.database.begin() as connection:
        connection.execute(text("CREATE TABLE room_notes (user VARCHAR(64), sealed BLOB)"))

    def writes_late(gone: str) -> None:
        with house.database.begin() as connection:
            connection.execute(text("INSERT INTO room_notes VALUES (:u, 'late words')"), {"u": gone})

    house.door.erasure.open([Clearing("a late answer", writes_late)])
    act(office, "delete", person=user, sure="yes")
    assert found_in(house.data, [b"late words"]) == []


def test_whose_account_was_put_back_keeps_everything(house: House, office: Browser, files: Files) -> None:
    user = id_of(house)
    files.kept = {user}
    with Session(house.database) as session, session.begin():
        session.add(Uncleared(former=user, since=1))
    house.door.erasure.clear_rest()
    assert files.kept == {user} and rows(house, Uncleared) == 0


def test_no_factor_consent_or_name_is_left_in_a_byte(
    house: House, office: Browser, kim: Person, files: Files
) -> None:
    user = id_of(house, "Kim Lee")
    with Session(house.database) as session, session.begin():
        session.add(Consent(user_id=user, edition=77_001_122, at=1))
        planted = {"credential": b"planted credential", "public_key": b"planted public key"}
        session.add(passkey_row(user, name="planted name of a key", **planted))
    gone = [b"planted credential", b"planted public key", b"planted name of a key", b"Kim Lee", b"kim lee"]
    assert len(found_in(house.data, gone)) >= len(gone), "before, they are there"
    act(office, "delete", person=user, sure="yes")
    assert found_in(house.data, gone) == []
    assert [rows(house, table) for table in (Consent, Passkey, LinkRow)] == [1, 0, 0], "the administrator's"


def test_the_trail_tells_of_it_first(house: House, office: Browser, kim: Person, files: Files) -> None:
    user, said = id_of(house, "Kim Lee"), []
    house.door.erasure.open(
        [Clearing("x", lambda _: said.extend(one.kind for one in house.door.trail.ledger.entries()))]
    )
    act(office, "delete", person=user, sure="yes")
    assert said[-1] == "person-deleted"
    assert house.door.trail.ledger.verify().ok


def test_who_deletes_the_own_account_is_answered_and_out(
    house: House, office: Browser, kim: Person, clock: Clock, files: Files
) -> None:
    act(office, "role", person=id_of(house, "Kim Lee"), role="administrator")
    answer = act(office, "delete", person=id_of(house), sure="yes")
    assert answer.status_code == 200 and "is deleted" in answer.text
    assert office.get("/").status_code == 303


def test_a_deletion_that_is_killed_is_finished_at_the_next_start(
    house: House, office: Browser, kim: Person, clock: Clock
) -> None:
    user, by = id_of(house, "Kim Lee"), id_of(house)
    house.close()
    command = [sys.executable, "-m", "tests.security.accounts.killed_deletion", str(house.data), by, user]
    ended = subprocess.run(command, cwd=ROOT, check=False)
    assert ended.returncode == -signal.SIGKILL
    again, files = House(house.data, clock), Files()
    files.kept = {user, by}
    assert rows(again, User) == 1 and rows(again, Uncleared) == 1
    again.door.erasure.open([Clearing("drawings", files.clear)])
    assert files.kept == {by} and rows(again, Uncleared) == 0
    again.close()
