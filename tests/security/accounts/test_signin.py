"""Signing in: one answer for every failure, every code once, and nothing burned by a stranger."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from sqlalchemy import event, select, text
from sqlalchemy.orm import Session

from security.accounts.account import NO_MATCH, Account
from security.accounts.arrivals import COOKIE
from security.accounts.door import build_door
from security.accounts.errors import RefusedError
from security.accounts.limits import Unlimited, Visitor
from security.accounts.settings import AccountSettings
from security.accounts.signin import Attempt, SignIn
from security.accounts.signin_pages import REFUSED
from security.accounts.tables import RecoveryCode, SessionRow, User
from security.crypto import onetime
from security.crypto.passwords import PasswordHasher
from tests.security.accounts.fakes import NAME, PASSWORD, Admin, Browser, Clock, House, sign_in
from tests.security.accounts.people_fakes import OTHER, id_of


class CountingHasher:
    """Counts how often a password is verified, and against what."""

    def __init__(self, inner: PasswordHasher) -> None:
        self.inner = inner
        self.verified: list[str] = []

    def hash(self, password: str) -> str:
        return self.inner.hash(password)

    def verify(self, password: str, stored: str) -> bool:
        self.verified.append(stored)
        return self.inner.verify(password, stored)

    def needs_rehash(self, stored: str) -> bool:
        return self.inner.needs_rehash(stored)

    def decoy(self, scheme: str | None = None) -> str:
        return self.inner.decoy(scheme)


def wide(code: str) -> str:
    return code.translate({ord("0") + digit: ord("０") + digit for digit in range(10)})


def arabic(code: str) -> str:
    return code.translate({ord("0") + digit: ord("٠") + digit for digit in range(10)})


def without_name(page: str, name: str) -> str:
    return page.replace(f'value="{name}"', 'value=""')


FAILURES: dict[str, Callable[[str], dict[str, str]]] = {
    "unknown user": lambda code: {"name": "Nobody Known"},
    "wrong password": lambda code: {"password": "not the password at all"},
    "empty password": lambda code: {"password": ""},
    "wrong code": lambda code: {"code": f"{(int(code) + 1) % 1_000_000:06d}"},
    "missing code": lambda code: {"code": ""},
    "full-width digits": lambda code: {"code": wide(code)},
    "arabic digits": lambda code: {"code": arabic(code)},
    "seven digits": lambda code: {"code": code + "0"},
    "unknown recovery code": lambda code: {"code": "0000-0000-0000-0000"},
    "endless name": lambda code: {"name": "x" * 3000},
    "endless password": lambda code: {"password": "x" * 9000},
    "endless code": lambda code: {"code": code + " " * 3000 + "1"},
    "name with a quote": lambda code: {"name": "' OR 1=1 --"},
}


@pytest.mark.parametrize("case", FAILURES)
def test_every_failure_looks_the_same(house: House, admin: Admin, clock: Clock, case: str) -> None:
    changes = FAILURES[case](admin.code(clock))
    name = changes.get("name", NAME)
    baseline = sign_in(house.browser(), admin, clock, name="Somebody Else", code="000000")
    answer = sign_in(house.browser(), admin, clock, **changes)
    assert answer.status_code == baseline.status_code == 401
    assert REFUSED in answer.text
    shown = name[:256].replace("'", "&#39;")
    assert without_name(answer.text, shown) == without_name(baseline.text, "Somebody Else")
    assert "set-cookie" not in answer.headers
    named = {key for key in answer.headers if key != "content-length"}
    assert named == {key for key in baseline.headers if key != "content-length"}
    # And the code that was not used up still works.
    assert sign_in(house.browser(), admin, clock).status_code == 303


def test_an_unknown_name_costs_one_bcrypt_at_the_same_cost(house: House, admin: Admin, clock: Clock) -> None:
    door = house.door
    kek = door.vault._kek
    hasher = CountingHasher(PasswordHasher(kek.derive("password pepper"), 4))
    users = door._setup._users
    signin = SignIn(door.database, kek, users, hasher, door._sessions, door.trail)
    assert signin.attempt(Attempt("Nobody Known", PASSWORD, "123456"), clock.at) is None
    for password, code in (("wrong", "123456"), (PASSWORD, "123456"), (PASSWORD, "")):
        assert signin.attempt(Attempt(NAME, password, code), clock.at) is None
    locked = Attempt(NAME, PASSWORD, admin.code(clock))
    assert signin.attempt(locked, clock.at, gate=lambda _: False) is None
    assert [stored.split("$")[2] for stored in hasher.verified] == ["04"] * 5
    assert hasher.verified[0] != hasher.verified[1]


def test_the_name_is_found_whatever_its_case_and_width(house: House, admin: Admin, clock: Clock) -> None:
    assert sign_in(house.browser(), admin, clock, name="  eva  BRANDT ").status_code == 303
    clock.pass_by(30)
    assert sign_in(house.browser(), admin, clock, name="Ｅva Brandt").status_code == 303


def test_a_code_works_once(house: House, admin: Admin, clock: Clock) -> None:
    assert sign_in(house.browser(), admin, clock).status_code == 303
    assert sign_in(house.browser(), admin, clock).status_code == 401
    clock.pass_by(30)
    assert sign_in(house.browser(), admin, clock).status_code == 303


def test_an_older_code_does_not_work_after_a_newer_one(house: House, admin: Admin, clock: Clock) -> None:
    older = admin.code(clock)
    newer = onetime.code_at(admin.secret, onetime.step_at(clock.at) + 1)
    assert sign_in(house.browser(), admin, clock, code=newer).status_code == 303
    assert sign_in(house.browser(), admin, clock, code=older).status_code == 401


def test_a_stranger_can_not_burn_a_code(house: House, admin: Admin, clock: Clock) -> None:
    sign_in(house.browser(), admin, clock, password="guess")
    sign_in(house.browser(), admin, clock, password="guess", code=admin.codes[0])
    assert sign_in(house.browser(), admin, clock).status_code == 303
    assert sign_in(house.browser(), admin, clock, code=admin.codes[0]).status_code == 303


def test_spaces_in_a_code_do_not_matter(house: House, admin: Admin, clock: Clock) -> None:
    code = admin.code(clock)
    assert sign_in(house.browser(), admin, clock, code=f" {code[:3]} {code[3:]} ").status_code == 303


AT_ONCE = 200


def attempts_at_once(house: House, code: str) -> list[str | None]:
    # Below HTTP, where no pool holds them back.
    door = house.door
    kek = door.vault._kek
    users = door._setup._users
    hasher = PasswordHasher(kek.derive("password pepper"), 4)
    service = SignIn(door.database, kek, users, hasher, door._sessions, door.trail)
    start = threading.Barrier(AT_ONCE)
    tokens: list[str | None] = []

    def run() -> None:
        start.wait()
        tokens.append(service.attempt(Attempt(NAME, PASSWORD, code), house.clock.at))

    threads = [threading.Thread(target=run) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return tokens


@pytest.mark.parametrize("kind", ["one-time", "recovery"])
def test_of_200_sign_ins_with_one_code_exactly_one_wins(
    house: House, admin: Admin, clock: Clock, kind: str
) -> None:
    code = admin.code(clock) if kind == "one-time" else admin.codes[3]
    tokens = attempts_at_once(house, code)
    assert len(tokens) == AT_ONCE
    (token,) = [token for token in tokens if token is not None]
    # One session, one entry in the trail, and the code is spent for good.
    with Session(house.database) as session:
        assert len(session.scalars(select(SessionRow.digest)).all()) == 1
    assert house.door._sessions.identify(token, clock.at) is not None
    kinds = [entry.kind for entry in house.door.trail.ledger.entries()]
    assert kinds.count("sign-in") == 1
    assert attempts_at_once(house, code).count(None) == AT_ONCE


@pytest.mark.parametrize("kind", ["one-time", "recovery"])
def test_of_200_proofs_with_one_code_exactly_one_wins(
    house: House, admin: Admin, signed_in: Browser, clock: Clock, kind: str
) -> None:
    clock.pass_by(30)
    code = admin.code(clock) if kind == "one-time" else admin.codes[3]
    account, user = Account(house.door._tools), id_of(house)
    start = threading.Barrier(AT_ONCE)
    won: list[str] = []
    lost: list[str] = []

    def prove(place: int) -> None:
        start.wait()
        try:
            if place % 2:
                won.append(account.step_up(user, signed_in.cookies[COOKIE], PASSWORD, code, clock.at))
            else:
                won.append(account.change_password(user, PASSWORD, code, OTHER, clock.at))
        except RefusedError as error:
            lost.append(str(error))

    threads = [threading.Thread(target=prove, args=(place,)) for place in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(won), lost) == (1, [NO_MATCH] * (AT_ONCE - 1))


def test_a_recovery_code_works_once_and_however_it_is_typed(house: House, admin: Admin, clock: Clock) -> None:
    typed = admin.codes[0].lower().replace("-", " ")
    assert sign_in(house.browser(), admin, clock, code=typed).status_code == 303
    assert sign_in(house.browser(), admin, clock, code=admin.codes[0]).status_code == 401
    assert sign_in(house.browser(), admin, clock, code="", recovery=admin.codes[1]).status_code == 303
    with Session(house.door.database) as session:
        used = session.scalars(select(RecoveryCode.used_at)).all()
    assert sorted(value is not None for value in used) == [False] * 8 + [True] * 2


def test_a_stronger_cost_renews_the_hash_at_sign_in(
    house: House, admin: Admin, clock: Clock, tmp_path: Path
) -> None:
    house.close()
    stronger = build_door(AccountSettings(tmp_path), {}, now=clock, rounds=5)
    try:
        kek = stronger.vault._kek
        hasher = PasswordHasher(kek.derive("password pepper"), 5)
        signin = SignIn(
            stronger.database, kek, stronger._setup._users, hasher, stronger._sessions, stronger.trail
        )
        assert signin.attempt(Attempt(NAME, PASSWORD, admin.code(clock)), clock.at)
        with Session(stronger.database) as session:
            stored = session.scalars(select(User.password_hash)).one()
        assert "$2b$05$" in stored
        clock.pass_by(30)
        assert signin.attempt(Attempt(NAME, PASSWORD, admin.code(clock)), clock.at)
    finally:
        stronger.close()


def test_a_stored_hash_that_can_not_be_read_lets_nobody_in(house: House, admin: Admin, clock: Clock) -> None:
    with Session(house.door.database) as session, session.begin():
        session.execute(text("UPDATE accounts_users SET password_hash = 'plain'"))
    answer = sign_in(house.browser(), admin, clock)
    assert answer.status_code == 500
    assert "damaged" in answer.text
    assert "set-cookie" not in answer.headers


def test_the_log_names_the_user_by_id_and_nothing_that_was_typed(
    house: House, admin: Admin, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    code = admin.code(clock)
    sign_in(house.browser(), admin, clock, name="typed-into-wrong-field")
    sign_in(house.browser(), admin, clock, password="not-the-password")
    answer = sign_in(house.browser(), admin, clock)
    log = caplog.text
    assert "sign-in done: user " in log
    assert "sign-in refused: user ?" in log
    token = answer.headers["set-cookie"].partition("=")[2].partition(";")[0]
    for secret in ("typed-into-wrong-field", "not-the-password", PASSWORD, code, token, admin.secret):
        assert secret not in log


@pytest.mark.parametrize(
    ("target", "where"),
    [
        ("/?room=training", "/?room=training"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example", "/"),
        ("/logout", "/"),
        ("", "/"),
    ],
)
def test_after_signing_in_only_a_path_of_this_app_is_gone_to(
    house: House, admin: Admin, clock: Clock, target: str, where: str
) -> None:
    answer = sign_in(house.browser(), admin, clock, next=target)
    assert answer.headers["location"] == where


def test_the_page_asks_browsers_for_the_right_help(house: House, admin: Admin) -> None:
    page = house.browser().get("/login").text
    for wanted in ("username", "current-password", "one-time-code"):
        assert f'autocomplete="{wanted}"' in page
    assert 'inputmode="numeric"' in page
    for field in ("name", "password", "code", "recovery"):
        assert f'<label for="{field}">' in page
    assert "<script" not in page
    assert "style=" not in page


def test_who_is_signed_in_is_sent_on(house: House, admin: Admin, clock: Clock) -> None:
    browser = house.browser()
    clock.pass_by(30)
    sign_in(browser, admin, clock)
    answer = browser.get("/login?next=/%3Froom=lab")
    assert (answer.status_code, answer.headers["location"]) == (303, "/?room=lab")


class Strict(Unlimited):
    """Lets a name try twice."""

    def __init__(self) -> None:
        self.notes: list[tuple[str, str, bool]] = []

    def take(self, visitor: Visitor, now: float) -> float:
        if len(self.notes) >= 2:
            return 29.5
        self.notes.append((visitor.account, visitor.address, False))
        return 0.0


def test_a_sign_in_that_can_not_be_stored_spends_nothing(house: House, admin: Admin, clock: Clock) -> None:
    read_only = [True]

    def freeze(connection: sqlite3.Connection, *_: object) -> None:
        connection.execute(f"PRAGMA query_only = {read_only[0]}")

    event.listen(house.door.database, "checkout", freeze)
    for code in (admin.code(clock), admin.codes[0]):
        assert sign_in(house.browser(), admin, clock, code=code).status_code == 503
    read_only[0] = False
    for code in (admin.code(clock), admin.codes[0]):
        assert sign_in(house.browser(), admin, clock, code=code).status_code == 303


def test_a_limiter_is_asked_and_told(house: House, admin: Admin, clock: Clock, tmp_path: Path) -> None:
    limiter = Strict()
    house.close()
    limited = House(tmp_path, clock, limiter=limiter)
    try:
        for _ in range(2):
            assert sign_in(limited.browser(), admin, clock, password="guess").status_code == 401
        answer = sign_in(limited.browser(), admin, clock)
        assert answer.status_code == 429
        assert answer.headers["retry-after"] == "30"
        assert limiter.notes == [("eva brandt", "127.0.0.1", False)] * 2
    finally:
        limited.close()


def test_a_flood_is_told_to_wait_and_does_not_keep_out_who_is_in(
    house: House, admin: Admin, clock: Clock
) -> None:
    browser = house.browser()
    sign_in(browser, admin, clock)
    gate = threading.Event()
    slow = house.door._slow
    futures = [slow._pool.submit(gate.wait, 20) for _ in range(2)]
    slow._held = slow._limit
    try:
        started = time.monotonic()
        answer = sign_in(house.browser(), admin, clock)
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "2"
        assert "try again in a moment" in answer.text
        assert browser.get("/").status_code == 200
        assert time.monotonic() - started < 10
    finally:
        slow._held = 0
        gate.set()
        for future in futures:
            future.result()


def test_a_database_that_is_locked_is_a_clear_page(house: House, admin: Admin, clock: Clock) -> None:
    def hurry(connection: object, *_: object) -> None:
        connection.execute("PRAGMA busy_timeout = 1")  # type: ignore[attr-defined]

    event.listen(house.door.database, "checkout", hurry)
    with house.door.database.connect() as connection:
        connection.execute(text("BEGIN IMMEDIATE"))
        answer: httpx.Response = sign_in(house.browser(), admin, clock)
        connection.rollback()
    assert answer.status_code == 503
    assert "another process" in answer.text
    assert sign_in(house.browser(), admin, clock).status_code == 303


@pytest.mark.parametrize("way", ["sign-in", "confirm"])
def test_a_session_that_began_with_the_old_password_does_not_outlast_its_change(
    house: House, admin: Admin, signed_in: Browser, clock: Clock, way: str
) -> None:
    account, user = Account(house.door._tools), id_of(house)
    tools = house.door._tools
    clock.pass_by(30)
    changed: list[str] = []

    def meanwhile(password_fits: bool) -> bool:
        # The old password was looked at and was right.
        changed.append(account.change_password(user, PASSWORD, admin.codes[0], OTHER, clock.at))
        return password_fits

    if way == "confirm":
        mine = signed_in.cookies[COOKIE]
        with pytest.raises(RefusedError):
            account.step_up(user, mine, PASSWORD, admin.codes[1], clock.at, meanwhile)
    else:
        kek = house.door.vault._kek
        signin = SignIn(house.database, kek, tools.users, tools.hasher, tools.sessions, tools.trail)
        typed = Attempt(NAME, PASSWORD, admin.codes[1])
        assert signin.attempt(typed, clock.at, gate=meanwhile) is None
    assert [one.this_one for one in tools.sessions.open_to(user, changed[0], clock.at)] == [True]
