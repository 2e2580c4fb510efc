"""The strength of a password that is being typed: helpful words, for who has a right to ask, and no more."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from security.accounts.judging import ALLOWED, Allowances
from security.accounts.policy import Accepted, Part, check_password
from security.accounts.strength import appraise, duration, made_of
from security.crypto.errors import PasswordRefusedError
from tests.security.accounts.fakes import (
    NAME,
    PASSWORD,
    Admin,
    Browser,
    Clock,
    House,
    first_form,
    hidden,
    second_form,
    set_up,
    shown_secret,
    sign_in,
    token_of,
)
from tests.security.accounts.people_fakes import OTHER, act, confirm, id_of, invite, join, links_in

STRENGTH = "/door/strength"


@pytest.mark.parametrize(
    ("password", "accepted", "text"),
    [
        ("", False, "Too short: 12 more characters."),
        ("abcdefgh", False, "Too short: 4 more characters."),
        ("kx7-Qm2+vLp", False, "Too short: 1 more character."),
        ("x" * 129, False, "Too long: 1 character fewer."),
        ("x" * 5000, False, "Too long: at most 128 characters."),
        ("evabrandt-is-here", False, "must not contain your name"),
        ("password1234", False, "lists of common ones"),
        ("aaaaaaaaaaaaa", False, "Guessed in less than a second: it is one repetition."),
        ("abcdefghijklmnop", False, "it is one sequence such as abc."),
        ("12.03.1998abc", False, "it is one date and one sequence such as abc."),
        ("P@$$w0rd!12345", False, "it is two common passwords."),
        ("zxcvbnm,./;lkj", False, "it is one row of keys."),
        ("hippocampus2019", False, "it is one known word and one year."),
        (
            "moonlight sonata",
            True,
            "Enough: a thief of the database and the key would guess for about",
        ),
        (PASSWORD, True, "Strong: a thief of the database and the key would guess for more than a century."),
    ],
)
def test_it_says_what_is_wrong_and_what_to_do(password: str, accepted: bool, text: str) -> None:
    told = appraise(password, NAME)
    assert told.accepted is accepted
    assert text in told.text
    assert 0 <= told.score <= 4
    assert not password or password not in told.text


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=30))
def test_it_accepts_what_the_policy_accepts(password: str) -> None:
    try:
        check_password(password, NAME)
    except PasswordRefusedError:
        assert not appraise(password, NAME).accepted
    else:
        assert appraise(password, NAME).accepted


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0.2, "less than a second"),
        (59, "less than a minute"),
        (60, "about 1 minute"),
        (10_800, "about 3 hours"),
        (86_400 * 45, "about 1 month"),
        (86_400 * 800, "about 2 years"),
        (4e12, "more than a century"),
        (float("inf"), "more than a century"),
    ],
)
def test_times_are_told_roughly(seconds: float, told: str) -> None:
    assert duration(seconds) == told


def test_parts_are_counted_and_joined() -> None:
    word, name = Part("dictionary", "english_wikipedia"), Part("dictionary", "female_names")
    assert made_of((word,)) == "one known word"
    assert made_of((word, name, word)) == "two known words and one name"
    assert made_of((word, Part("regex", ""), Part("bruteforce", ""))) == (
        "one known word, one year and some other characters"
    )
    assert made_of(()) == "some other characters"


def ask(browser: Browser, purpose: str, password: str = "abcdefgh", **fields: str) -> httpx.Response:
    return browser.post(STRENGTH, {"purpose": purpose, "password": password, **fields})


def told(answer: httpx.Response) -> dict[str, object]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    found: dict[str, object] = answer.json()
    assert found.keys() == {"score", "accepted", "text"}
    return found


def test_who_has_a_link_or_a_session_is_answered(house: House, office: Browser) -> None:
    stranger = house.browser()
    token = token_of(invite(office))
    assert told(ask(stranger, "invite", token=token))["text"] == "Too short: 4 more characters."
    reset = act(office, "reset", person=id_of(house))
    (link,) = links_in(reset.text)
    assert told(ask(stranger, "reset", PASSWORD, token=token_of(link)))["accepted"] is True
    assert told(ask(office, "account", PASSWORD))["score"] == 4


def test_who_sets_up_is_answered_until_it_is_done(house: House, clock: Clock) -> None:
    browser, link = house.browser(), house.link()
    assert told(ask(browser, "setup", token=token_of(link)))["score"] == 0
    second = browser.post("/setup", first_form(link))
    known = Admin(shown_secret(second.text), [], "")
    assert browser.post("/setup", second_form(second.text, known.code(clock))).status_code == 200
    assert ask(browser, "setup", token=token_of(link)).status_code == 403
    assert hidden(second.text, "token") == token_of(link)


def test_nobody_else_is(house: House, office: Browser, clock: Clock) -> None:
    stranger = house.browser()
    token = token_of(invite(office))
    (link,) = links_in(act(office, "reset", person=id_of(house)).text)
    for purpose in ("setup", "invite", "reset", "account", "", "login"):
        assert ask(stranger, purpose).status_code == 403
        assert ask(stranger, purpose, token="A" * 43).status_code == 403
    # A token is good for its own page alone, and a session for its own.
    assert ask(stranger, "reset", token=token).status_code == 403
    assert ask(stranger, "invite", token=token_of(link)).status_code == 403
    assert ask(office, "setup").status_code == 403
    clock.pass_by(8 * 86400)
    assert ask(stranger, "invite", token=token).status_code == 403
    assert ask(office, "account").status_code == 403  # the session is over


def test_a_used_invitation_is_answered_no_more(house: House, office: Browser) -> None:
    link = invite(office)
    join(house, link)
    assert ask(house.browser(), "invite", token=token_of(link)).status_code == 403


def test_the_name_counts_as_it_does_when_the_form_is_sent(house: House, office: Browser) -> None:
    fixed = token_of(invite(office, "student", "Robert Mueller"))
    browser = house.browser()
    telling = "robertmueller is my name here"
    # A fixed name can't be talked away.
    assert "your name" in str(told(ask(browser, "invite", telling, token=fixed, name="Somebody"))["text"])
    free = token_of(invite(office))
    assert "your name" in str(
        told(ask(browser, "invite", telling, token=free, name="Robert Mueller"))["text"]
    )
    assert "your name" not in str(told(ask(browser, "invite", telling, token=free, name="Eva"))["text"])


def test_other_sites_and_other_methods_are_refused(house: House, office: Browser) -> None:
    foreign = {"origin": "http://evil.example", "sec-fetch-site": "cross-site"}
    assert office.post(STRENGTH, {"purpose": "account"}, headers=foreign).status_code == 403
    for method in ("GET", "PUT", "DELETE", "OPTIONS"):
        assert office.request(method, STRENGTH).status_code == 405
    assert office.post(STRENGTH, headers={"content-type": "application/json"}).status_code == 415
    assert ask(office, "account", "x" * 1_000_000).status_code == 413


def test_who_asks_too_often_waits_and_nobody_else_does(house: House, office: Browser, clock: Clock) -> None:
    kim = join(house, invite(office)).browser
    answers = [ask(office, "account").status_code for _ in range(int(ALLOWED) + 3)]
    assert answers.count(200) <= ALLOWED
    assert answers[-1] == 429
    assert told(ask(kim, "account"))
    clock.pass_by(5)
    assert ask(office, "account").status_code == 200


def test_a_stranger_s_guesses_cost_the_holder_nothing(house: House, office: Browser) -> None:
    for _ in range(70):
        assert ask(house.browser(), "invite", token="A" * 43).status_code == 403
    assert ask(house.browser(), "invite", token=token_of(invite(office))).status_code == 200


def test_work_is_paid_for_and_debts_are_waited_off() -> None:
    points = Allowances()
    assert points.take(b"a", 0)
    points.pay(b"a", 0, 71)
    assert not points.take(b"a", 5)
    assert points.take(b"b", 5)
    assert points.take(b"a", 13)
    assert not points.take(b"a", 13)
    points.pay(b"a", 13, 5)
    assert not points.take(b"a", 18)
    # A clock that goes back gives nothing away.
    assert not points.take(b"a", 1)


def test_the_memory_of_holders_is_bounded() -> None:
    points = Allowances()
    for number in range(5000):
        points.take(number.to_bytes(2, "big"), 0)
    assert len(points._left) == 1000


def test_a_full_pool_says_so_and_signing_in_goes_on(house: House, office: Browser) -> None:
    meter = house.door._meter
    held, meter._held = meter._held, meter._limit
    try:
        assert ask(office, "account", PASSWORD).status_code == 503
        assert office.get("/account").status_code == 200
    finally:
        meter._held = held


def test_what_is_typed_is_nowhere_but_in_the_answer_s_words(
    house: House, office: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    before = len(house.door.trail.ledger)
    with caplog.at_level(logging.DEBUG):
        answer = ask(office, "account", OTHER)
    assert OTHER not in answer.text
    assert OTHER not in caplog.text
    assert len(house.door.trail.ledger) == before


@pytest.mark.parametrize("page", ["/account/password", "setup"])
def test_the_pages_have_the_meter_hidden_until_the_script_shows_it(
    house: House, signed_in: Browser, tmp_path_factory: pytest.TempPathFactory, clock: Clock, page: str
) -> None:
    if page == "setup":
        fresh = House(tmp_path_factory.mktemp("fresh"), clock)
        text = fresh.browser().get(fresh.link()).text
        fresh.close()
    else:
        text = signed_in.get(page).text
    assert re.search(r'<div class="strength" data-strength="(account|setup)" hidden>', text)
    assert '<script src="/door/meter.js" defer></script>' in text
    assert not re.search(r"<script(?! src=)", text)
    assert not re.search(r"\son\w+=", text)


def test_a_slow_estimate_does_not_hold_up_the_rest(house: House, signed_in: Browser) -> None:
    """A text made to keep the estimator busy, sent to the form for a new password."""
    hard = "b65$t{(1#%!5a@z[/#<$<3%3l9@79+4i3[!z|f17"
    client = signed_in._client
    headers = {"origin": "http://127.0.0.1:7860", "sec-fetch-site": "same-origin"}
    fields = {"old": "x", "code": "1", "password": hard, "password_again": hard}
    order: list[str] = []

    async def change() -> None:
        await client.post("/account/password", data=fields, headers=headers)
        order.append("password")

    async def health() -> None:
        await asyncio.sleep(0)
        assert (await client.get("/healthz")).status_code == 200
        order.append("healthz")

    async def both() -> None:
        await asyncio.gather(change(), health())

    asyncio.run(both())
    assert order == ["healthz", "password"]


@dataclass
class Form:
    """One of the forms that set a password, and the meter beside it."""

    house: House
    purpose: str
    browser: Browser
    link: str = ""

    def send(self, password: str) -> httpx.Response:
        twice = {"password": password, "password_again": password}
        if self.purpose == "account":
            return self.browser.post("/account/password", {"old": "x", "code": "1", **twice})
        fields = {"token": token_of(self.link), "name": "Kim Lee", "code": "1", **twice}
        return self.browser.post(f"/{self.purpose}", fields)

    def ask(self) -> httpx.Response:
        return ask(self.browser, self.purpose, token=token_of(self.link))


@pytest.fixture(params=["account", "invite", "reset", "setup"])
def form(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, clock: Clock
) -> Iterator[Form]:
    house = House(tmp_path_factory.mktemp("forms"), clock)
    purpose, link = request.param, house.link()
    if purpose != "setup":
        admin, office = set_up(house), house.browser()
        assert sign_in(office, admin, clock).status_code == 303
        assert confirm(office, admin, clock).status_code == 303
        if purpose == "invite":
            link = invite(office)
        if purpose == "reset":
            (link,) = links_in(act(office, "reset", person=id_of(house)).text)
    yield Form(house, purpose, office if purpose == "account" else house.browser(), link)
    house.close()


def test_a_form_is_judged_beside_those_who_sign_in(form: Form) -> None:
    slow, meter = form.house.door._slow, form.house.door._meter
    held, slow._held = slow._held, slow._limit
    refused = form.send("password1234")
    slow._held = held
    assert refused.status_code == 422, "it needs none of their threads"
    assert "lists of common ones" in refused.text
    held, meter._held = meter._held, meter._limit
    busy = form.send("password1234")
    meter._held = held
    assert busy.status_code == 503


def test_a_form_is_paid_for_as_the_meter_is(form: Form, clock: Clock) -> None:
    while form.ask().status_code == 200:
        pass
    refused = form.send(OTHER)
    assert refused.status_code == 429
    assert "Please wait a moment" in refused.text
    clock.pass_by(5)
    assert form.send("password1234").status_code == 422
    assert form.ask().status_code == 200


def test_forms_use_the_allowance_up(form: Form) -> None:
    for _ in range(int(ALLOWED) + 1):
        if form.ask().status_code == 429:
            break
        form.send("password1234")
    assert form.ask().status_code == 429


def test_what_was_accepted_is_accepted_for_that_account_alone() -> None:
    accepted = Accepted("password1234", NAME)
    accepted("password1234", NAME)
    for password, name in (("password1234", "Kim"), ("password12345", NAME)):
        with pytest.raises(PasswordRefusedError):
            accepted(password, name)
    assert "password1234" not in repr(accepted)
