"""What administrators and invited people do, for the tests of invitations, accounts and people."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from typing import Any

import httpx
from sqlalchemy import select
from sqlalchemy.orm import Session

from security.accounts.tables import User
from security.crypto import onetime
from tests.security.accounts.fakes import (
    BASE,
    NAME,
    PASSWORD,
    Admin,
    Browser,
    Clock,
    House,
    agree,
    hidden,
    shown_codes,
    shown_secret,
    sign_in,
)

OTHER = "copper lantern mellow quarry"
PEOPLE = "/account/people"


@dataclass
class Person:
    """Somebody who has an account: the name, and what only they know and have."""

    name: str
    known: Admin
    browser: Browser


def confirm(browser: Browser, admin: Admin, clock: Clock, **changes: str) -> httpx.Response:
    """Give password and a fresh code again."""
    clock.pass_by(30)
    fields = {"password": PASSWORD, "code": admin.code(clock), "next": PEOPLE}
    return browser.post("/account/confirm", fields | changes)


def act(browser: Browser, action: str, **fields: str) -> httpx.Response:
    return browser.post(PEOPLE, {"action": action, **fields})


def links_in(page: str) -> list[str]:
    return [unescape(link).removeprefix(BASE) for link in re.findall(r"<code>([^<]+)</code>", page)]


def invite(browser: Browser, role: str = "student", name: str = "") -> str:
    answer = act(browser, "invite", role=role, name=name)
    assert answer.status_code == 200, answer.text
    (link,) = links_in(answer.text)
    return link


def enrol(browser: Browser, link: str, name: str = "Kim Lee", password: str = OTHER) -> httpx.Response:
    token = link.partition("token=")[2]
    fields = {"token": token, "name": name, "password": password, "password_again": password}
    return browser.post("/invite", fields)


def finish_form(page: str, clock: Clock) -> dict[str, str]:
    code = onetime.code_at(shown_secret(page), onetime.step_at(clock.at))
    return {"token": hidden(page, "token"), "ticket": hidden(page, "ticket"), "code": code}


def join(house: House, link: str, name: str = "Kim Lee", *, agrees: bool = True) -> Person:
    """Accept an invitation and sign in."""
    browser = house.browser()
    second = enrol(browser, link, name)
    assert second.status_code == 200, second.text
    third = browser.post("/invite", finish_form(second.text, house.clock))
    assert third.status_code == 200, third.text
    if agrees:
        agree(house)
    house.clock.pass_by(30)
    known = Admin(shown_secret(second.text), shown_codes(third.text), third.text)
    person = Person(name, known, browser)
    assert enter(person, browser, house.clock).status_code == 303
    return person


def enter(person: Person, browser: Browser, clock: Clock, **changes: str) -> httpx.Response:
    return sign_in(browser, person.known, clock, **({"name": person.name, "password": OTHER} | changes))


def id_of(house: House, name: str = NAME) -> str:
    with Session(house.door.database) as session:
        return session.scalars(select(User.id).where(User.name == name)).one()


def rows(house: House, table: Any) -> int:
    with Session(house.door.database) as session:
        return len(session.execute(select(table)).all())
