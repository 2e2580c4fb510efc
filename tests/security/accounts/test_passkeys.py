"""Passkeys over HTTP: enrolled, used in every place, refused for every reason, alike."""

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
from security.accounts.challenges import LIFE_S, Challenges, Purpose
from security.accounts.passkeys import MAX_PASSKEYS, Passkeys
from security.accounts.relying import by_name, relying_party
from security.accounts.signin import SignIn
from security.accounts.signin_pages import PASSKEY_REFUSED, REFUSED
from security.accounts.tables import Disabled, RolePolicy, SessionRow
from security.crypto.passwords import PasswordHasher
from tests.security.accounts.authenticator import (
    BACKED_UP,
    BACKUP_ELIGIBLE,
    EDDSA,
    ES256,
    PRESENT,
    RS256,
    Credential,
    SoftwareAuthenticator,
    decoded,
    encoded,
)
from tests.security.accounts.fakes import KEY, NAME, PASSWORD, Clock, House, hidden, sign_in
from tests.security.accounts.passkey_fakes import (
    LOCAL,
    PASSKEYS,
    Owner,
    count,
    kinds,
    options_in,
    owner,
    stored,
)
from tests.security.accounts.people_fakes import OTHER, act, id_of, join, rows


@pytest.fixture
def eva(house: House) -> Owner:
    """Signed in; without a passkey."""
    return owner(house)


@pytest.fixture
def keyed(eva: Owner) -> Owner:
    """Signed in, and with a passkey."""
    eva.enrol()
    return eva


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


def test_adding_needs_proof_and_tells_nothing_before(eva: Owner) -> None:
    page = eva.browser.get(PASSKEYS)
    assert "data-options" not in page.text and "<script" not in page.text
    assert 'href="/account/confirm?next=/account/passkeys"' in page.text
    assert (
        eva.browser.post(PASSKEYS, {"action": "add", "name": "x", "passkey": "{}"})
        .headers["location"]
        .startswith("/account/confirm")
    )
    assert eva.confirm().headers["location"] == PASSKEYS
    assert eva.add().status_code == 303


def test_adding_and_removing_end_other_sessions_and_are_in_the_trail(eva: Owner) -> None:
    def other() -> Any:
        eva.house.clock.pass_by(30)
        browser = eva.house.browser(LOCAL)
        assert sign_in(browser, eva.known, eva.house.clock).status_code == 303
        return browser

    before = other()
    eva.enrol()
    assert before.get("/").status_code == 303 and eva.browser.get("/").status_code == 200
    again = other()
    (kept,) = stored(eva.house)
    gone = eva.browser.post(PASSKEYS, {"action": "remove", "passkey": kept.id})
    assert gone.status_code == 303 and stored(eva.house) == []
    assert again.get("/").status_code == 303 and eva.browser.get("/").status_code == 200
    assert [kind for kind in kinds(eva.house) if kind.startswith("passkey")] == [
        "passkey-added",
        "passkey-removed",
    ]
    assert eva.second().status_code == 401, "a removed credential"
    assert eva.alone().status_code == 401


def test_removing_needs_proof(keyed: Owner, clock: Clock) -> None:
    clock.pass_by(601)
    (kept,) = stored(keyed.house)
    answer = keyed.browser.post(PASSKEYS, {"action": "remove", "passkey": kept.id})
    assert answer.headers["location"] == f"/account/confirm?next={PASSKEYS}"
    assert len(stored(keyed.house)) == 1


def test_the_list_names_times_and_copies(eva: Owner) -> None:
    eva.phone.flags |= BACKUP_ELIGIBLE | BACKED_UP
    eva.enrol()
    page = eva.browser.get(PASSKEYS).text
    for words in ("My phone", "Last used: never", "Synced:"):
        assert words in page, words
    eva.phone.flags &= ~BACKED_UP
    assert eva.second().status_code == 303
    page = eva.browser.get(PASSKEYS).text
    assert "Last used: never" not in page and "Not synced:" in page


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("  Blue \t key ", "Blue key"),
        ("<b>&", "&lt;b&gt;&amp;"),
        ("x" * 65, None),
        (" ", None),
        ("a\u202eb", None),
    ],
)
def test_a_passkey_is_renamed(keyed: Owner, name: str, shown: str | None) -> None:
    (kept,) = stored(keyed.house)
    answer = keyed.browser.post(PASSKEYS, {"action": "rename", "passkey": kept.id, "name": name})
    assert answer.status_code == (422 if shown is None else 303)
    assert f"<strong>{shown or 'My phone'}</strong>" in keyed.browser.get(PASSKEYS).text


def test_a_credential_is_enrolled_once(keyed: Owner) -> None:
    (have,) = keyed.phone.credentials
    excluded = json.loads(options_in(keyed.browser.get(PASSKEYS).text))["excludeCredentials"]
    assert [decoded(one["id"]) for one in excluded] == [have.id]
    answer = keyed.add(credential=have)
    assert answer.status_code == 422 and "enrolled already" in answer.text
    assert len(stored(keyed.house)) == 1


def test_an_answer_to_another_question_is_not_enrolled(eva: Owner, clock: Clock) -> None:
    eva.confirm()
    asked = options_in(eva.browser.get(PASSKEYS).text)
    for changes in (
        {"origin": "https://evil.example"},
        {"rp": "127.0.0.1"},
        {"challenge": encoded(bytes(72))},
    ):
        assert eva.add(**changes).status_code == 422
    login = json.loads(options_in(eva.browser.get("/account/password").text))
    foreign = json.dumps(json.loads(asked) | {"challenge": login["challenge"]})
    assert eva.add(options=foreign).status_code == 422, "a challenge for something else"
    assert eva.add(options=asked).status_code == 303
    assert eva.add(options=asked).status_code == 422, "a challenge is good once"
    late = options_in(eva.browser.get(PASSKEYS).text)
    clock.pass_by(LIFE_S)
    assert eva.add(options=late).status_code == 422
    assert len(stored(eva.house)) == 1


def test_there_is_a_most(eva: Owner) -> None:
    eva.confirm()
    for place in range(MAX_PASSKEYS):
        assert eva.add(f"key {place}").status_code == 303
    assert eva.add().status_code == 422
    assert len(stored(eva.house)) == MAX_PASSKEYS


def test_nobody_touches_anothers_passkey(keyed: Owner) -> None:
    (hers,) = stored(keyed.house)
    keyed.confirm()
    kim = kim_at(keyed)
    kim.confirm()
    for action in ("rename", "remove"):
        fields = {"action": action, "passkey": hers.id, "name": "mine"}
        assert kim.browser.post(PASSKEYS, fields).status_code == 404
    assert kim.add(credential=keyed.phone.credentials[0]).status_code == 422, "hers, enrolled as his"
    assert [(one.name, one.user_id) for one in stored(keyed.house)] == [("My phone", hers.user_id)]


def kim_at(eva: Owner) -> Owner:
    """A second person."""
    link = eva.browser.post("/account/people", {"action": "invite", "role": "student", "name": ""})
    (found,) = re.findall(r"/invite\?token=[\w-]+", link.text)
    person = join(eva.house, found)
    eva.house.clock.pass_by(30)
    browser = eva.house.browser(LOCAL)
    known = {"name": person.name, "password": OTHER}
    assert sign_in(browser, person.known, eva.house.clock, **known).status_code == 303
    return Owner(eva.house, person.known, browser, SoftwareAuthenticator(LOCAL), person.name, OTHER)


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


def test_it_proves_again_who_one_is(keyed: Owner, clock: Clock) -> None:
    clock.pass_by(601)
    assert keyed.browser.get("/account/codes").status_code == 303
    page = keyed.browser.get("/account/confirm").text
    fields = {"password": PASSWORD, "next": "/account/codes", "passkey": keyed.phone.get(options_in(page))}
    stranger = keyed.house.browser(LOCAL)
    clock.pass_by(30)
    assert sign_in(stranger, keyed.known, clock).status_code == 303
    assert stranger.post("/account/confirm", fields).status_code == 422, "made for another session"
    assert keyed.browser.post("/account/confirm", fields | {"password": "wrong"}).status_code == 422
    page = keyed.browser.get("/account/confirm").text
    fields["passkey"] = keyed.phone.get(options_in(page))
    assert keyed.browser.post("/account/confirm", fields).headers["location"] == "/account/codes"
    assert keyed.browser.get("/account/codes").status_code == 200


def test_it_proves_a_change_of_password(keyed: Owner) -> None:
    page = keyed.browser.get("/account/password").text
    new = {"password": OTHER, "password_again": OTHER}
    confirming = keyed.phone.get(options_in(keyed.browser.get("/account/confirm").text))
    refused = keyed.browser.post("/account/password", new | {"old": PASSWORD, "passkey": confirming})
    assert refused.status_code == 422, "signed for something else"
    fields = new | {"old": PASSWORD, "passkey": keyed.phone.get(options_in(page))}
    assert keyed.browser.post("/account/password", fields).status_code == 200
    keyed.password = OTHER
    assert keyed.second().status_code == 303


def test_it_proves_a_reset_by_link(keyed: Owner) -> None:
    keyed.confirm("/account/people")
    page = keyed.browser.post("/account/people", {"action": "reset", "person": id_of(keyed.house)}).text
    (link,) = re.findall(r"/reset\?token=[\w-]+", page)
    stranger = keyed.house.browser(LOCAL)
    form = stranger.get(link).text
    new = {"token": hidden(form, "token"), "password": OTHER, "password_again": OTHER}
    other = SoftwareAuthenticator(LOCAL, credentials=[Credential(handle=bytes(16))])
    refused = stranger.post("/reset", new | {"passkey": other.get(options_in(form))})
    assert refused.status_code == 422
    asked = options_in(stranger.get(link).text)
    assert stranger.post("/reset", new | {"passkey": keyed.phone.get(asked)}).status_code == 200
    keyed.password = OTHER
    assert keyed.second().status_code == 303


def test_a_number_for_an_address_has_no_passkeys_and_says_so(eva: Owner) -> None:
    browser = eva.house.browser()
    eva.house.clock.pass_by(30)
    page = browser.get("/login").text
    assert "data-passkey" not in page and "<script" not in page and "localhost" in page
    assert sign_in(browser, eva.known, eva.house.clock).status_code == 303
    page = browser.get(PASSKEYS).text
    assert 'href="http://localhost:7860/account/passkeys"' in page and "data-passkey" not in page
    for path in ("/account/confirm", "/account/password"):
        assert "data-passkey" not in browser.get(path).text
    signed = eva.phone.get(
        options_in(eva.house.browser(LOCAL).get("/login").text, 1), credential=Credential()
    )
    assert eva.house.browser().post("/login", {"alone": "yes", "passkey": signed}).status_code == 401


@pytest.mark.parametrize(
    ("origin", "party", "named"),
    [
        ("http://localhost:7860", "localhost", None),
        ("https://door.example.org", "door.example.org", None),
        ("https://door.example.org:8443", "door.example.org", None),
        ("http://127.0.0.1:7860", None, "http://localhost:7860"),
        ("http://[::1]:7860", None, "http://localhost:7860"),
        ("http://127.0.0.1", None, "http://localhost"),
        ("http://192.168.1.20:7860", None, None),
        (None, None, None),
    ],
)
def test_the_relying_party_is_the_name_in_our_own_address(
    origin: str | None, party: str | None, named: str | None
) -> None:
    found = relying_party(origin)
    assert (found and (found.id, found.origin)) == (party and (party, origin))
    assert by_name(origin) == named


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


def test_what_cannot_be_written_down_is_not_done(keyed: Owner) -> None:
    (kept,) = stored(keyed.house)
    keyed.confirm()
    with keyed.house.database.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE ledger_entries RENAME TO ledger_gone")
    assert keyed.browser.post(PASSKEYS, {"action": "remove", "passkey": kept.id}).status_code == 503
    assert keyed.add().status_code == 503
    assert keyed.alone(credential=keyed.phone.credentials[0]).status_code == 503
    with keyed.house.database.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE ledger_gone RENAME TO ledger_entries")
    assert [one.id for one in stored(keyed.house)] == [kept.id]


def test_nothing_secret_is_in_the_trail_or_in_repr(keyed: Owner) -> None:
    signed = keyed.phone.get(options_in(keyed.house.browser(LOCAL).get("/login").text))
    given = Assertion(signed, relying_party(LOCAL), Purpose.CONFIRM, "a token")
    assert "a token" not in repr(given) and "signature" not in repr(given)
    assert keyed.alone().status_code == 303
    everything = json.dumps([(one.kind, one.data) for one in keyed.house.door.trail.ledger.entries()])
    (have,) = keyed.phone.credentials
    for secret in (NAME, "My phone", encoded(have.id), have.id.hex()):
        assert secret not in everything


def test_with_the_account_its_passkeys_are_gone(keyed: Owner) -> None:
    keyed.confirm()
    kim = kim_at(keyed)
    kim.enrol()
    keyed.confirm()
    act(keyed.browser, "delete", person=id_of(keyed.house, kim.name), sure="yes")
    assert [one.user_id for one in stored(keyed.house)] == [id_of(keyed.house)]
    assert kim.alone().status_code == 401
