"""Passkeys over HTTP: enrolled, listed, renamed, removed, and as proof inside the account and by link."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from security.accounts.assertions import Assertion
from security.accounts.challenges import LIFE_S, Purpose
from security.accounts.passkeys import MAX_PASSKEYS
from security.accounts.relying import by_name, relying_party
from tests.security.accounts.authenticator import (
    BACKED_UP,
    BACKUP_ELIGIBLE,
    Credential,
    SoftwareAuthenticator,
    decoded,
    encoded,
)
from tests.security.accounts.fakes import NAME, PASSWORD, Clock, hidden, sign_in
from tests.security.accounts.passkey_fakes import (
    LOCAL,
    PASSKEYS,
    Owner,
    kim_at,
    kinds,
    options_in,
    stored,
)
from tests.security.accounts.people_fakes import OTHER, act, id_of


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
    assert kinds(keyed.house).count("passkey-renamed") == (shown is not None)


def test_renaming_wants_proof_too(keyed: Owner, clock: Clock) -> None:
    (kept,) = stored(keyed.house)
    clock.pass_by(601)
    answer = keyed.browser.post(PASSKEYS, {"action": "rename", "passkey": kept.id, "name": "Mine"})
    assert answer.headers["location"] == f"/account/confirm?next={PASSKEYS}"
    assert stored(keyed.house)[0].name == "My phone"
    assert "passkey-renamed" not in kinds(keyed.house)


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
    changed = keyed.browser.post("/account/password", fields)
    assert changed.status_code == 200
    assert "You have a passkey: look whether it is yours." in changed.text
    assert f'href="{PASSKEYS}"' in changed.text
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
    done = stranger.post("/reset", new | {"passkey": keyed.phone.get(asked)})
    assert done.status_code == 200
    assert "You have a passkey: look whether it is yours." in done.text
    assert f'href="/login?next={PASSKEYS}"' in done.text
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
