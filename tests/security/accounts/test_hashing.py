"""The two ways to hash, chosen in the environment, and passwords at their edges through the door's pages."""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from security.accounts.errors import AccountSettingsError
from security.accounts.hashing import Hashing
from security.accounts.signin import Attempt, SignIn
from security.accounts.tables import User
from security.crypto.passwords import ARGON2ID, BCRYPT, Argon2Cost, PasswordHasher, scheme_of
from tests.security.accounts.fakes import (
    NAME,
    PASSWORD,
    Admin,
    Browser,
    Clock,
    House,
    agree,
    first_form,
    second_form,
    shown_codes,
    shown_secret,
    sign_in,
)
from tests.security.accounts.people_fakes import confirm, enter, invite, join
from tests.security.accounts.test_signin import CountingHasher

# The cheapest that is allowed, so that the tests are quick.
ARGON2 = {"ASKLEPION_PASSWORD_HASH": "argon2id", "ASKLEPION_ARGON2": "m=7168,t=5,p=1"}
DEARER = ARGON2 | {"ASKLEPION_ARGON2": "m=8192,t=5,p=1"}
CHEAP = Argon2Cost(7168, 5, 1)


@contextmanager
def opened(data: Path, clock: Clock, environ: dict[str, str]) -> Iterator[House]:
    house = House(data, clock, environ=environ)
    try:
        yield house
    finally:
        house.close()


def stored(house: House, name: str = NAME) -> str:
    with Session(house.database) as session:
        return session.scalars(select(User.password_hash).where(User.name == name)).one()


def enters(house: House, admin: Admin, clock: Clock) -> Browser:
    clock.pass_by(30)
    browser = house.browser()
    assert sign_in(browser, admin, clock, password="not the password").status_code == 401
    assert sign_in(browser, admin, clock).status_code == 303
    agree(house)
    return browser


def test_an_account_goes_from_bcrypt_to_argon2id_and_back_by_signing_in(tmp_path: Path, clock: Clock) -> None:
    with opened(tmp_path, clock, {}) as house:
        admin = _set_up(house, PASSWORD)
        assert stored(house).startswith("hmac-sha384+bcrypt:$2b$04$")
    for environ, form in (
        (ARGON2, "hmac-sha384+argon2id:$argon2id$v=19$m=7168,t=5,p=1$"),
        (DEARER, "hmac-sha384+argon2id:$argon2id$v=19$m=8192,t=5,p=1$"),
        (ARGON2, "hmac-sha384+argon2id:$argon2id$v=19$m=8192,t=5,p=1$"),  # never to a cheaper one
        ({}, "hmac-sha384+bcrypt:$2b$04$"),
    ):
        with opened(tmp_path, clock, environ) as house:
            before = stored(house)
            enters(house, admin, clock)
            after = stored(house)
            assert after.startswith(form)
            enters(house, admin, clock)
            assert stored(house) == after
            assert (before == after) is before.startswith(form)


def test_only_who_signs_in_is_hashed_anew(tmp_path: Path, clock: Clock) -> None:
    with opened(tmp_path, clock, {}) as house:
        admin = _set_up(house, PASSWORD)
        office = enters(house, admin, clock)
        confirm(office, admin, clock)
        kim = join(house, invite(office))
    with opened(tmp_path, clock, ARGON2) as house:
        enters(house, admin, clock)
        assert scheme_of(stored(house)) == ARGON2ID
        assert scheme_of(stored(house, "Kim Lee")) == BCRYPT
        clock.pass_by(30)
        assert enter(kim, house.browser(), clock).status_code == 303
        assert scheme_of(stored(house, "Kim Lee")) == ARGON2ID


def test_who_is_known_costs_what_who_is_unknown_costs_while_both_schemes_are_there(
    tmp_path: Path, clock: Clock
) -> None:
    with opened(tmp_path, clock, {}) as house:
        admin = _set_up(house, PASSWORD)
        office = enters(house, admin, clock)
        confirm(office, admin, clock)
        join(house, invite(office))
    with opened(tmp_path, clock, ARGON2) as house:

        def verified(name: str) -> list[str]:
            door = house.door
            kek = door.vault._kek
            hasher = CountingHasher(PasswordHasher(kek.derive("password pepper"), 4, ARGON2ID, CHEAP))
            signin = SignIn(door.database, kek, door._setup._users, hasher, door._sessions, door.trail)
            assert signin.attempt(Attempt(name, "not the password", "000000"), clock.at) is None
            return sorted(scheme_of(one) for one in hasher.verified)

        names = NAME, "Kim Lee", "Nobody Known"
        # None, one and all of the two have come over: the price is the same for everybody at each time.
        assert [verified(name) for name in names] == [[ARGON2ID, BCRYPT]] * 3
        enters(house, admin, clock)
        assert [verified(name) for name in names] == [[ARGON2ID, BCRYPT]] * 3
        with Session(house.database) as session, session.begin():
            for user in session.scalars(select(User)):
                user.password_hash = stored(house)
        assert [verified(name) for name in names] == [[ARGON2ID]] * 3


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({"ASKLEPION_PASSWORD_HASH": "md5"}, "ASKLEPION_PASSWORD_HASH"),
        ({"ASKLEPION_PASSWORD_HASH": "Argon2id"}, "ASKLEPION_PASSWORD_HASH"),
        ({"ASKLEPION_ARGON2": "65536"}, "ASKLEPION_ARGON2"),
        ({"ASKLEPION_ARGON2": "m=7168,t=1,p=1"}, "too cheap"),
        ({"ASKLEPION_ARGON2": "m=4096,t=9,p=1"}, "too cheap"),
        ({"ASKLEPION_ARGON2": "m=9999999,t=9,p=1"}, "ASKLEPION_ARGON2"),
        ({"ASKLEPION_ARGON2": "m=65536,t=3,p=4"}, "ASKLEPION_ARGON2"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named_at_the_start(
    tmp_path: Path, clock: Clock, environ: dict[str, str], named: str
) -> None:
    with pytest.raises(AccountSettingsError, match=named):
        House(tmp_path, clock, environ=environ)


def test_the_settings_are_read() -> None:
    assert Hashing.from_env({}) == Hashing(BCRYPT, Argon2Cost(65536, 3, 1))
    assert Hashing.from_env(ARGON2) == Hashing(ARGON2ID, CHEAP)
    assert Hashing.from_env({"ASKLEPION_ARGON2": "m=19456,t=2,p=1"}).argon2 == Argon2Cost(19456, 2, 1)


SCHEMES = pytest.mark.parametrize("environ", [{}, ARGON2], ids=["bcrypt", "argon2id"])
WORDS = "violet anchor tundra spoon meadow lantern copper quarry mellow pigeon basalt "


def _set_up(house: House, password: str) -> Admin:
    browser = house.browser()
    second = browser.post("/setup", first_form(house.link(), password=password, password_again=password))
    assert second.status_code == 200, second.text
    known = Admin(shown_secret(second.text), [], "")
    third = browser.post("/setup", second_form(second.text, known.code(house.clock)))
    assert third.status_code == 200, third.text
    house.clock.pass_by(30)
    return Admin(known.secret, shown_codes(third.text), third.text)


def _may_enter(house: House, admin: Admin, password: str) -> bool:
    house.clock.pass_by(30)
    answer = sign_in(house.browser(), admin, house.clock, password=password)
    assert answer.status_code in (303, 401)
    return answer.status_code == 303


@SCHEMES
@pytest.mark.parametrize("length", [72, 73, 128])
def test_every_byte_of_a_long_password_counts_at_sign_in(
    tmp_path: Path, clock: Clock, environ: dict[str, str], length: int
) -> None:
    password = (WORDS * 3)[: length - 1] + "K"
    assert len(password.encode()) == length
    with opened(tmp_path, clock, environ) as house:
        admin = _set_up(house, password)
        assert _may_enter(house, admin, password)
        assert not _may_enter(house, admin, password[:-1])
        assert not _may_enter(house, admin, password[:-1] + "k")
        assert not _may_enter(house, admin, password + "K")


@SCHEMES
def test_a_password_whose_72nd_byte_is_within_a_character_counts_whole(
    tmp_path: Path, clock: Clock, environ: dict[str, str]
) -> None:
    password = "水母森林鉛筆電車階段砂糖" * 2 + "海a"
    assert len(password[:24].encode()) == 72
    with opened(tmp_path, clock, environ) as house:
        admin = _set_up(house, password)
        assert _may_enter(house, admin, password)
        assert not _may_enter(house, admin, password[:24])
        assert not _may_enter(house, admin, password[:-1] + "b")


@SCHEMES
def test_a_nul_byte_ends_no_password_at_sign_in(
    tmp_path: Path, clock: Clock, environ: dict[str, str]
) -> None:
    password = "violet anchor\0tundra spoon"
    with opened(tmp_path, clock, environ) as house:
        admin = _set_up(house, password)
        assert _may_enter(house, admin, password)
        for other in (
            "violet anchor",
            "violet anchor\0",
            "violet anchor\0tundra spool",
            "violet anchortundra spoon",
        ):
            assert not _may_enter(house, admin, other)


@SCHEMES
def test_one_password_in_all_forms_of_unicode_opens(
    tmp_path: Path, clock: Clock, environ: dict[str, str]
) -> None:
    password = "Zwölf Boxkämpfer ﬁnden Ångström ｗｉｄｅ"
    with opened(tmp_path, clock, environ) as house:
        admin = _set_up(house, password)
        for form in ("NFC", "NFD", "NFKC", "NFKD"):
            assert _may_enter(house, admin, unicodedata.normalize(form, password)), form  # type: ignore[arg-type]
        assert not _may_enter(house, admin, password.replace("ö", "o"))


DEAR = {"ASKLEPION_PASSWORD_HASH": "argon2id", "ASKLEPION_ARGON2": "m=131072,t=8,p=1"}


def spent(begun: float) -> float:
    return time.process_time() - begun


def test_what_is_too_long_is_refused_in_words_and_never_hashed(tmp_path: Path, clock: Clock) -> None:
    with opened(tmp_path, clock, DEAR) as house:
        known = Admin("A" * 32, [], "")
        begun = time.process_time()
        assert sign_in(house.browser(), known, clock, password="x" * 1000).status_code == 401
        one_hash = spent(begun)
        begun = time.process_time()
        for path in ("/login", "/setup", "/invite", "/reset"):
            for size in (20_000, 1_000_000):
                answer = house.browser().post(path, {"password": "x" * size})
                assert answer.status_code == 413
                assert "more than this form takes" in answer.text
        assert spent(begun) < one_hash
        begun, long = time.process_time(), "x" * 5_000
        answer = house.browser().post("/setup", first_form(house.link(), password=long, password_again=long))
        assert answer.status_code == 422
        assert "must not be longer than 128 characters; this one has 5000" in answer.text
        assert spent(begun) < one_hash


def test_no_more_than_two_hash_at_once(house: House) -> None:
    # Twice 64 MiB is what Argon2id takes at most, whoever knocks.
    assert house.door._slow._pool._max_workers == 2
