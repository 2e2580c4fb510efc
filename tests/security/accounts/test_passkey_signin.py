"""Signing in with passkeys over HTTP: in place of the code and alone; refused for every reason, alike."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import delete
from sqlalchemy.orm import Session

from security.accounts.assertions import Assertion, Assertions
from security.accounts.challenges import Challenges, Purpose
from security.accounts.passkeys import Passkeys
from security.accounts.relying import relying_party
from security.accounts.signin import SignIn
from security.accounts.signin_pages import PASSKEY_REFUSED, REFUSED
from security.accounts.tables import Disabled, RolePolicy, SessionRow
from security.crypto.passwords import PasswordHasher
from tests.security.accounts.authenticator import (
    EDDSA,
    ES256,
    PRESENT,
    RS256,
    Credential,
    encoded,
)
from tests.security.accounts.fakes import KEY, NAME, PASSWORD, Clock, House, sign_in
from tests.security.accounts.passkey_fakes import (
    LOCAL,
    Owner,
    count,
    kim_at,
    kinds,
    options_in,
    owner,
    stored,
)
from tests.security.accounts.people_fakes import OTHER, id_of, rows


def factors(house: House) -> list[object]:
    return [data["factor"] for kind, data in noted(house) if kind == "sign-in"]


def noted(house: House) -> list[tuple[str, dict[str, object]]]:
    return [(entry.kind, json.loads(entry.data)) for entry in house.door.trail.ledger.entries()]


@pytest.mark.parametrize("algorithm", [ES256, EDDSA, RS256])
def test_enrolled_then_used_in_place_of_the_code_and_alone(eva: Owner, algorithm: int) -> None:
    eva.enrol(Credential(algorithm))
    assert eva.second().headers["location"] == "/"
    assert eva.alone().headers["location"] == "/"
    assert factors(eva.house)[-2:] == ["passkey", "passkey-alone"]
    (kept,) = stored(eva.house)
    assert (kept.sign_count, kept.used_at) == (2, int(eva.house.clock.at))


def test_an_authenticator_without_a_counter_works_again_and_again(eva: Owner) -> None:
    eva.phone.counting = False
    eva.enrol()
    for _ in range(3):
        assert eva.alone().status_code == 303


def test_anothers_passkey_is_no_second_factor(keyed: Owner) -> None:
    keyed.confirm()
    kim = kim_at(keyed)
    kim.enrol()
    # His passkey with her name and password, and the other way round, with and without whose it says it is.
    assert kim.second(name=NAME, password=PASSWORD).status_code == 401
    assert keyed.second(name=kim.name, password=OTHER).status_code == 401
    kim.phone.credentials[0].handle = keyed.phone.credentials[0].handle
    assert kim.second().status_code == 401, "it says that it is hers"
    assert kim.alone().status_code == 401


def wrong(eva: Owner, **changes: Any) -> httpx.Response:
    browser = eva.house.browser(LOCAL)
    signed = eva.phone.get(options_in(browser.get("/login").text), **changes)
    return browser.post("/login", {"name": NAME, "password": PASSWORD, "code": "", "passkey": signed})


def disabled(eva: Owner, how: str = "second") -> httpx.Response:
    with Session(eva.house.database) as session, session.begin():
        session.add(Disabled(user_id=id_of(eva.house), since=1))
    return eva.second() if how == "second" else eva.alone()


def regressed(eva: Owner, how: str = "second") -> httpx.Response:
    count(eva.house, 1000)
    return eva.second() if how == "second" else eva.alone()


WRONG: dict[str, Callable[[Owner], httpx.Response]] = {
    "unknown name": lambda eva: eva.second(name="Nobody Known"),
    "wrong password": lambda eva: eva.second(password="not the password"),
    "wrong origin": lambda eva: wrong(eva, origin="https://evil.example"),
    "wrong relying party": lambda eva: wrong(eva, rp="evil.example"),
    "wrong challenge": lambda eva: wrong(eva, challenge=encoded(bytes(72))),
    "in a frame": lambda eva: wrong(eva, crossOrigin=True),
    "unknown credential": lambda eva: wrong(eva, credential=Credential(handle=b"x" * 16)),
    "disabled": disabled,
    "regression": regressed,
    "rubbish": lambda eva: eva.second(passkey="{"),
}


def told(answer: httpx.Response) -> str:
    """A page without what differs by design: the challenges, and the name that was typed."""
    page = re.sub(r'data-options="[^"]*"', "", answer.text)
    return page.replace('value="Nobody Known"', f'value="{NAME}"')


@pytest.mark.parametrize("case", WRONG)
def test_every_failure_of_a_second_factor_looks_the_same(keyed: Owner, case: str) -> None:
    baseline = keyed.second(name="Somebody Else")
    answer = WRONG[case](keyed)
    assert answer.status_code == 401 and REFUSED in answer.text
    assert told(answer) == told(baseline).replace('value="Somebody Else"', f'value="{NAME}"')
    assert "set-cookie" not in answer.headers
    assert rows(keyed.house, SessionRow) == 1


def forbidden(eva: Owner) -> httpx.Response:
    with Session(eva.house.database) as session, session.begin():
        session.add(RolePolicy(role="administrator", passkey_required=False, passkey_alone=False))
    return eva.alone()


def unverified(eva: Owner) -> httpx.Response:
    eva.phone.flags = PRESENT
    return eva.alone()


def for_the_code(eva: Owner) -> httpx.Response:
    """The challenge of the other button."""
    browser = eva.house.browser(LOCAL)
    signed = eva.phone.get(options_in(browser.get("/login").text, 0))
    return browser.post("/login", {"alone": "yes", "passkey": signed})


NOT_ALONE: dict[str, Callable[[Owner], httpx.Response]] = {
    "no user verification": unverified,
    "forbidden for the role": forbidden,
    "disabled": lambda eva: disabled(eva, "alone"),
    "regression": lambda eva: regressed(eva, "alone"),
    "no user handle": lambda eva: eva.alone(handle=None),
    "another user handle": lambda eva: eva.alone(handle=bytes(16)),
    "unknown credential": lambda eva: eva.alone(credential=Credential(handle=b"x" * 16)),
    "wrong origin": lambda eva: eva.alone(origin="http://127.0.0.1:7860"),
    "wrong relying party": lambda eva: eva.alone(rp="evil.example"),
    "made for a second factor": for_the_code,
    "rubbish": lambda eva: eva.house.browser(LOCAL).post("/login", {"alone": "yes", "passkey": "[" * 4000}),
    "nothing": lambda eva: eva.house.browser(LOCAL).post("/login", {"alone": "yes"}),
}


@pytest.mark.parametrize("case", NOT_ALONE)
def test_every_failure_of_a_passkey_alone_looks_the_same(keyed: Owner, case: str) -> None:
    baseline = keyed.alone(credential=Credential(handle=b"y" * 16))
    answer = NOT_ALONE[case](keyed)
    assert answer.status_code == 401 and PASSKEY_REFUSED in answer.text
    assert told(answer) == told(baseline)
    assert "set-cookie" not in answer.headers
    assert rows(keyed.house, SessionRow) == 1


def test_where_alone_is_forbidden_it_still_is_a_second_factor(keyed: Owner) -> None:
    assert forbidden(keyed).status_code == 401
    assert keyed.second().status_code == 303
    with Session(keyed.house.database) as session, session.begin():
        session.execute(delete(RolePolicy))
        session.add(RolePolicy(role="student", passkey_required=False, passkey_alone=False))
    assert keyed.alone().status_code == 303, "another role's row"


def test_without_user_verification_it_still_is_a_second_factor(keyed: Owner) -> None:
    keyed.phone.flags = PRESENT
    assert keyed.second().status_code == 303


def test_a_counter_that_goes_back_is_refused_and_in_the_trail(keyed: Owner) -> None:
    (have,) = keyed.phone.credentials
    assert keyed.alone().status_code == 303
    have.counter = 0
    assert keyed.alone().status_code == 401, "the same count again"
    (found,) = [data for kind, data in noted(keyed.house) if kind == "passkey-clone-suspected"]
    assert found == {"user": id_of(keyed.house), "passkey": stored(keyed.house)[0].id}
    have.counter = 500
    assert keyed.alone().status_code == 303


def test_a_stranger_cannot_write_a_clone_into_the_trail(keyed: Owner) -> None:
    count(keyed.house, 1000)
    (have,) = keyed.phone.credentials
    forged = Credential(id=have.id, handle=have.handle)
    assert keyed.alone(credential=forged).status_code == 401
    assert "passkey-clone-suspected" not in kinds(keyed.house)


def test_a_wrong_password_spends_no_passkey(keyed: Owner) -> None:
    assert keyed.second(password="not the password").status_code == 401
    (kept,) = stored(keyed.house)
    assert (kept.sign_count, kept.used_at) == (0, None)


def test_an_answer_cannot_be_sent_twice(keyed: Owner) -> None:
    keyed.phone.counting = False
    browser = keyed.house.browser(LOCAL)
    page = browser.get("/login").text
    for place, fields in ((1, {"alone": "yes"}), (0, {"name": NAME, "password": PASSWORD})):
        signed = {**fields, "passkey": keyed.phone.get(options_in(page, place))}
        assert browser.post("/login", signed).status_code == 303
        assert keyed.house.browser(LOCAL).post("/login", signed).status_code == 401


def test_a_refused_answer_is_used_up_too(keyed: Owner) -> None:
    browser = keyed.house.browser(LOCAL)
    signed = keyed.phone.get(options_in(browser.get("/login").text))
    typed = {"name": NAME, "password": "not the password", "passkey": signed}
    assert browser.post("/login", typed).status_code == 401
    assert browser.post("/login", typed | {"password": PASSWORD}).status_code == 401


def test_of_200_threads_with_one_answer_one_gets_in(keyed: Owner) -> None:
    house, door = keyed.house, keyed.house.door
    challenges, party = Challenges(), relying_party(LOCAL)
    assert party is not None
    assertions = Assertions(door.database, challenges, door.trail)
    tools = door._tools
    hasher = PasswordHasher(KEY.derive("password pepper"), 4)
    kek = door.vault._kek
    service = SignIn(door.database, kek, tools.users, hasher, tools.sessions, door.trail, passkeys=assertions)
    # Without a counter: nothing but the challenge stands against a replay.
    keyed.phone.counting = False
    options = Passkeys(tools, challenges).options_to_use(party, Purpose.ALONE, "", house.clock.at)
    given = Assertion(keyed.phone.get(options), party, Purpose.ALONE)
    start, entered = threading.Barrier(200), []

    def use() -> None:
        start.wait()
        entered.append(service.alone(given, house.clock.at))

    threads = [threading.Thread(target=use) for _ in range(200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(entered) == 200
    assert sum(one is not None for one in entered) == 1
    assert rows(house, SessionRow) == 2


@pytest.fixture
def limited(tmp_path: Path, clock: Clock) -> Iterator[House]:
    """With the limits of the app."""
    house = House(tmp_path, clock, limiter=None)
    yield house
    house.close()


def test_passkeys_that_fail_are_slowed_down_as_anything_else(limited: House) -> None:
    eva = owner(limited)
    eva.enrol()

    def tries(credential: Credential) -> list[httpx.Response]:
        at = [limited.browser(LOCAL, f"192.0.2.{place}") for place in range(7)]
        return [eva.alone(browser, credential=credential) for browser in at]

    (have,) = eva.phone.credentials
    known, unknown = tries(Credential(id=have.id, handle=have.handle)), tries(Credential(handle=bytes(16)))
    assert [one.status_code for one in known] == [401] * 6 + [429]
    assert [one.status_code for one in unknown] == [401] * 6 + [429]
    assert told(known[-1]) == told(unknown[-1])
    assert eva.alone(limited.browser(LOCAL, "192.0.2.77")).status_code == 429
    limited.clock.pass_by(2)
    assert eva.alone(limited.browser(LOCAL, "192.0.2.77")).status_code == 303


def test_a_device_known_by_its_passkey_is_not_held_up_by_strangers(limited: House) -> None:
    eva = owner(limited)
    eva.enrol()
    laptop = limited.browser(LOCAL)
    assert eva.alone(laptop).status_code == 303
    laptop.post("/logout")
    for place in range(8):
        eva.second(limited.browser(LOCAL, f"192.0.2.{place}"), password="guess")
    assert eva.second(limited.browser(LOCAL, "192.0.2.99")).status_code == 429
    assert eva.alone(laptop).status_code == 303
    laptop.post("/logout")
    assert eva.second(laptop).status_code == 303


def test_forged_passkeys_do_not_use_up_the_tries_for_codes(limited: House) -> None:
    eva = owner(limited)
    have = eva.enrol()
    for place in range(12):
        limited.clock.pass_by(61)
        forged = Credential(id=have.id, handle=have.handle)
        answer = eva.alone(limited.browser(LOCAL, f"192.0.2.{place}"), credential=forged)
        assert answer.status_code == 401
    limited.clock.pass_by(61)
    assert sign_in(limited.browser(LOCAL, "192.0.2.98"), eva.known, limited.clock).status_code == 303
    limited.clock.pass_by(61)
    assert eva.alone(limited.browser(LOCAL, "192.0.2.99")).status_code == 303


def test_after_ten_wrong_passkeys_with_the_right_password_none_is_taken(limited: House) -> None:
    eva = owner(limited)
    eva.enrol()
    for place in range(10):
        limited.clock.pass_by(61)
        browser = limited.browser(LOCAL, f"192.0.2.{place}")
        signed = eva.phone.get(options_in(browser.get("/login").text), credential=Credential())
        typed = {"name": NAME, "password": PASSWORD, "passkey": signed}
        assert browser.post("/login", typed).status_code == 401
    limited.clock.pass_by(61)
    assert eva.second(limited.browser(LOCAL, "192.0.2.99")).status_code == 401
    limited.clock.pass_by(3601)
    assert eva.second(limited.browser(LOCAL, "192.0.2.99")).status_code == 303


def test_junk_does_not_use_challenges_up_and_an_answer_is_good_once(keyed: Owner) -> None:
    house, door = keyed.house, keyed.house.door
    challenges, party = Challenges(used_max=2), relying_party(LOCAL)
    assert party is not None
    assertions = Assertions(door.database, challenges, door.trail)
    passkeys = Passkeys(door._tools, challenges)
    keyed.phone.counting = False
    (have,) = keyed.phone.credentials

    def asked() -> str:
        return passkeys.options_to_use(party, Purpose.ALONE, "", house.clock.at)

    def see(options: str, credential: Credential | None = None) -> bool:
        given = Assertion(keyed.phone.get(options, credential=credential), party, Purpose.ALONE)
        return assertions.see(given, house.clock.at) is not None

    mine = asked()
    # Somebody who knows the credential's id, and somebody whose passkey is nobody's here.
    for junk in (Credential(id=have.id, handle=have.handle), Credential(handle=bytes(16))) * 5:
        assert not see(asked(), junk)
        assert not see(mine, junk)
    assert see(mine) and not see(mine)
    assert see(asked()), "there is room for a second one"


def test_a_passkey_s_answer_sent_again_tells_of_one_clone(keyed: Owner) -> None:
    count(keyed.house, 1000)
    browser = keyed.house.browser(LOCAL)
    signed = keyed.phone.get(options_in(browser.get("/login").text, 1))
    for _ in range(5):
        assert browser.post("/login", {"alone": "yes", "passkey": signed}).status_code == 401
    assert kinds(keyed.house).count("passkey-clone-suspected") == 1
