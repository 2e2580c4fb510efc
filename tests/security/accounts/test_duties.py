"""Before the rooms open: the privacy text is agreed to, and a passkey is there where the role needs one."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import delete, event, select, update
from sqlalchemy.orm import Session

from assistant.conversations import KEPT_TURNS
from security.accounts.arrivals import COOKIE
from security.accounts.duties import ASKS, EDITION
from security.accounts.identity import Duty, Identity, Role
from security.accounts.role_policy import Requirement
from security.accounts.sessions import Sessions
from security.accounts.tables import Consent, Passkey, RolePolicy
from tests.app.served import ROOT
from tests.security.accounts.fakes import (
    BASE,
    Admin,
    Browser,
    Clock,
    House,
    call,
    hidden,
    passkey_row,
    scope_for,
    set_up,
    sign_in,
    status_of,
)
from tests.security.accounts.people_fakes import Person, act, id_of, invite, join, rows
from tests.security.accounts.test_endings import Connection, Stream, never

WELCOME, PASSKEYS, POLICY = "/account/welcome", "/account/passkeys", "/account/people/policy"
# Of the text of edition 1. Raise EDITION when it says something else, then write the new one here; for a
# mended typing error the new one is enough.
TEXT = (1, "017ff39c3809d9d7")


@pytest.fixture
def newcomer(house: House, clock: Clock) -> Browser:
    """An administrator who has just signed in for the first time."""
    admin = set_up(house, agrees=False)
    browser = house.browser()
    assert sign_in(browser, admin, clock).status_code == 303
    return browser


@pytest.fixture
def student(house: House, office: Browser) -> Person:
    """Kim Lee, student, who is in."""
    person = join(house, invite(office))
    house.rooms.reached.clear()
    return person


def agree_on_page(browser: Browser) -> Any:
    return browser.post(WELCOME, {"edition": hidden(browser.get(WELCOME).text, "edition")})


def require(office: Browser, role: str = "student", **fields: str) -> None:
    answer = office.post(POLICY, {"role": role, **({"required": "yes", "alone": "yes"} | fields)})
    assert (answer.status_code, answer.headers["location"]) == (303, POLICY)


def enrol_passkey(house: House, user: str) -> None:
    with Session(house.database) as session, session.begin():
        session.add(passkey_row(user))


def told(house: House, kind: str) -> list[Any]:
    return [json.loads(entry.data) for entry in house.door.trail.ledger.entries() if entry.kind == kind]


def cookie(browser: Browser) -> tuple[bytes, bytes]:
    return b"cookie", f"{COOKIE}={browser.cookies[COOKIE]}".encode()


SHUT = [
    ("GET", "/"),
    ("HEAD", "/"),
    ("GET", "/theme.css"),
    ("GET", "/assets/index.js"),
    ("GET", "/config"),
    ("GET", "/gradio_api/queue/data"),
    ("POST", "/gradio_api/queue/join"),
    ("POST", "/gradio_api/upload"),
    ("GET", "/gradio_api/heartbeat/x"),
    ("GET", "/gradio_api/file=/etc/passwd"),
    ("GET", "/account/"),
    ("GET", "/account/welcome/"),
    ("GET", "/account/../config"),
    ("GET", "/account/nothing"),
    ("GET", "/accounts"),
    ("GET", "//account"),
    ("GET", "/ACCOUNT"),
    ("GET", "/login/x"),
]


@pytest.mark.parametrize(("method", "path"), SHUT)
def test_who_has_not_agreed_reaches_no_room(house: House, newcomer: Browser, method: str, path: str) -> None:
    for accept, wanted in ((b"text/html", 303), (b"application/json", 403), (b"text/event-stream", 403)):
        scope = scope_for(path, method, headers=[cookie(newcomer), (b"origin", BASE.encode())])
        scope["headers"] = [pair for pair in scope["headers"] if pair[0] != b"accept"] + [(b"accept", accept)]
        sent = call(house.asgi, scope)
        assert status_of(sent) == (403 if method == "POST" else wanted)
        if status_of(sent) == 303:
            assert (b"location", WELCOME.encode()) in sent[0]["headers"]
        else:
            assert json.loads(sent[1]["body"]) == {"detail": ASKS[Duty.CONSENT]}
    assert house.rooms.reached == []


@pytest.mark.parametrize(
    ("path", "raw", "root"),
    [
        ("/account/welcome", b"/account/%77elcome", ""),
        ("/account/welcome", b"/account%2fwelcome", ""),
        ("/x/account", b"/x/account", "/x"),
        ("/account", b"/account", "/account"),
    ],
)
def test_no_spelling_of_an_account_page_opens_a_room(
    house: House, newcomer: Browser, path: str, raw: bytes, root: str
) -> None:
    sent = call(house.asgi, scope_for(path, raw_path=raw, root_path=root, headers=[cookie(newcomer)]))
    assert status_of(sent) == 303
    assert house.rooms.reached == []


def test_a_websocket_is_shut_until_then(house: House, newcomer: Browser) -> None:
    headers = [cookie(newcomer), (b"origin", BASE.encode())]
    for path in ("/queue/join", "/account", WELCOME):
        sent = call(house.asgi, scope_for(path, kind="websocket", headers=headers))
        assert sent == [{"type": "websocket.close", "code": 1008, "reason": ""}]
    agree_on_page(newcomer)
    sent = call(house.asgi, scope_for("/queue/join", kind="websocket", headers=headers))
    assert sent[0]["type"] == "websocket.accept"


def test_agreeing_opens_the_rooms_once_and_for_all(house: House, clock: Clock) -> None:
    admin = set_up(house, agrees=False)
    browser = house.browser()
    sign_in(browser, admin, clock)
    assert browser.get("/").headers["location"] == WELCOME
    assert browser.get("/account").status_code == 200
    assert browser.get("/account/privacy").text == browser.get(WELCOME).text
    answer = agree_on_page_twice(browser)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert browser.get("/").status_code == 200
    assert told(house, "consent-given") == [{"user": id_of(house), "edition": EDITION}]
    clock.pass_by(30)
    again = house.browser()
    sign_in(again, admin, clock)
    assert again.get("/").status_code == 200
    assert again.get(WELCOME).headers["location"] == "/account/privacy"
    assert (
        f"You agreed to edition {EDITION} of this text on 15 Jan 2027" in again.get("/account/privacy").text
    )


def agree_on_page_twice(browser: Browser) -> Any:
    """A double click: both are answered alike."""
    form = {"edition": hidden(browser.get(WELCOME).text, "edition")}
    first, second = browser.post(WELCOME, form), browser.post(WELCOME, form)
    assert first.headers["location"] == second.headers["location"]
    return second


def test_declining_signs_out_and_agrees_to_nothing(house: House, newcomer: Browser) -> None:
    page = newcomer.get(WELCOME).text
    assert 'action="/logout"><button class="plain" type="submit">I do not agree: sign me out' in page
    assert newcomer.post("/logout").headers["location"] == "/login"
    assert newcomer.get("/").headers["location"] == "/login"
    assert rows(house, Consent) == 0


@pytest.mark.parametrize("edition", ["", "0", str(EDITION + 1), f" {EDITION}", "x"])
def test_only_the_text_that_was_shown_is_agreed_to(house: House, newcomer: Browser, edition: str) -> None:
    answer = newcomer.post(WELCOME, {"edition": edition})
    assert (answer.status_code, "has changed since" in answer.text) == (422, True)
    assert rows(house, Consent) == 0
    assert newcomer.get("/").headers["location"] == WELCOME


def test_another_sites_page_agrees_to_nothing(house: House, newcomer: Browser) -> None:
    for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}):
        assert newcomer.post(WELCOME, {"edition": str(EDITION)}, headers=headers).status_code == 403
    assert rows(house, Consent) == 0


@pytest.mark.parametrize("other", [EDITION - 1, EDITION + 1])
def test_another_edition_asks_again_also_in_running_sessions(
    house: House, signed_in: Browser, other: int
) -> None:
    assert signed_in.get("/").status_code == 200
    with Session(house.database) as session, session.begin():
        session.execute(update(Consent).values(edition=other))
    assert signed_in.get("/").headers["location"] == WELCOME
    agree_on_page(signed_in)
    assert signed_in.get("/").status_code == 200


def test_a_text_that_changes_gets_a_new_edition() -> None:
    text = (ROOT / "security/accounts/templates/privacy.html").read_bytes()
    assert (EDITION, hashlib.sha256(text).hexdigest()[:16]) == TEXT


def test_the_text_says_how_much_is_kept(newcomer: Browser) -> None:
    assert f"its last {KEPT_TURNS} questions" in newcomer.get(WELCOME).text


def test_a_role_that_needs_a_passkey_leads_there_at_once(
    house: House, office: Browser, student: Person
) -> None:
    assert student.browser.get("/").status_code == 200
    require(office)
    house.rooms.reached.clear()
    assert student.browser.get("/").headers["location"] == PASSKEYS
    refused = student.browser.post("/gradio_api/queue/join")
    assert (refused.status_code, refused.json()) == (403, {"detail": ASKS[Duty.PASSKEY]})
    assert house.rooms.reached == []
    assert "The rooms stay shut until you have a passkey" in student.browser.get("/account").text
    assert office.get("/").status_code == 200, "another role is not asked"
    enrol_passkey(house, id_of(house))
    assert student.browser.get("/").status_code == 303, "somebody else's passkey"
    enrol_passkey(house, id_of(house, student.name))
    assert student.browser.get("/").status_code == 200
    assert "that is met" in student.browser.get("/account").text


def test_consent_is_asked_for_before_the_passkey(house: House, office: Browser) -> None:
    require(office)
    person = join(house, invite(office), agrees=False)
    assert person.browser.get("/").headers["location"] == WELCOME
    agree_on_page(person.browser)
    assert person.browser.get("/").headers["location"] == PASSKEYS


def test_an_administrator_is_not_locked_out_by_the_policy(house: House, office: Browser) -> None:
    refused = office.post(POLICY, {"role": "administrator", "required": "yes", "alone": "yes"})
    assert refused.status_code == 422
    assert "Add a passkey to your own account first" in refused.text
    assert office.get("/").status_code == 200, "nothing was changed"
    enrol_passkey(house, id_of(house))
    require(office, "administrator")
    assert office.get("/").status_code == 200


@pytest.mark.parametrize("path", [POLICY, "/account/people"])
def test_an_administrator_without_the_passkey_reaches_nobody_elses_account(
    house: House, office: Browser, path: str
) -> None:
    enrol_passkey(house, id_of(house))
    require(office, "administrator")
    with Session(house.database) as session, session.begin():
        session.execute(delete(Passkey))
    assert office.get(path).headers["location"] == PASSKEYS
    assert office.post(path, {"role": "administrator", "alone": "yes"}).status_code == 403
    assert office.get("/account").status_code == 200
    assert office.get(PASSKEYS).status_code == 200


def test_a_new_role_brings_its_requirement(house: House, office: Browser, student: Person) -> None:
    require(office, "teacher")
    assert student.browser.get("/").status_code == 200
    act(office, "role", person=id_of(house, student.name), role="teacher")
    assert student.browser.get("/").headers["location"] == PASSKEYS


def test_a_raised_policy_cuts_a_running_stream_at_once(
    house: House, admin: Admin, office: Browser, student: Person
) -> None:
    requirements, by = house.door.requirements, id_of(house)

    async def story() -> None:
        stream = Stream()
        connection = Connection(house, student.browser, stream, never)
        running = asyncio.ensure_future(connection.run())
        await asyncio.wait_for(stream.begun.wait(), 10)
        wanted = Requirement(Role.STUDENT, passkey_required=True)
        await asyncio.to_thread(requirements.change, by, wanted, house.clock.at)
        await asyncio.wait_for(running, 10)
        assert stream.stopped
        assert connection.heard[-1] == {"type": "http.response.body", "body": b"", "more_body": False}

    asyncio.run(story())


def test_consent_and_passkey_go_with_the_account(house: House, office: Browser, student: Person) -> None:
    user = id_of(house, student.name)
    enrol_passkey(house, user)
    assert act(office, "delete", person=user, sure="yes").status_code == 200
    with Session(house.database) as session:
        assert session.scalars(select(Consent.user_id)).all() == [id_of(house)]
        assert session.scalars(select(Passkey.user_id)).all() == []


@pytest.fixture
def statements(house: House) -> Iterator[list[str]]:
    said: list[str] = []

    def hear(_: Any, __: Any, statement: str, *___: Any) -> None:
        said.append(statement)

    event.listen(house.database, "before_cursor_execute", hear)
    yield said
    event.remove(house.database, "before_cursor_execute", hear)


def test_what_is_owed_costs_no_second_query(
    house: House, signed_in: Browser, statements: list[str], clock: Clock
) -> None:
    found = Sessions(house.database, house.settings).identify(signed_in.cookies[COOKIE], clock.at)
    assert isinstance(found, Identity) and found.owes is None
    assert len(statements) == 1


def test_no_row_asks_for_nothing_and_a_row_that_asks_for_nothing_too(
    house: House, signed_in: Browser
) -> None:
    with Session(house.database) as session, session.begin():
        session.add(RolePolicy(role="administrator", passkey_required=False, passkey_alone=False))
    assert signed_in.get("/").status_code == 200


def test_the_text_is_there_for_no_stranger(house: House, admin: Admin) -> None:
    for path in (WELCOME, "/account/privacy", POLICY):
        assert house.browser().get(path).headers["location"].startswith("/login")
