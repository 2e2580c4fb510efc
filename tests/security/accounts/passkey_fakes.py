"""What people do with passkeys over HTTP, for the tests."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from typing import Any

import httpx
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from security.accounts.tables import Passkey
from tests.security.accounts.authenticator import Credential, SoftwareAuthenticator
from tests.security.accounts.fakes import NAME, PASSWORD, Admin, Browser, House, set_up, sign_in
from tests.security.accounts.people_fakes import OTHER, join

LOCAL = "http://localhost:7860"
PASSKEYS = "/account/passkeys"


def options_in(page: str, place: int = 0) -> str:
    """The options that a page hands to the browser; on /login the second are those for a passkey alone."""
    return unescape(re.findall(r'data-options="([^"]*)"', page)[place])


@dataclass
class Owner:
    """Somebody with a phone that holds passkeys, at an address where they work."""

    house: House
    known: Admin
    browser: Browser
    phone: SoftwareAuthenticator
    name: str = NAME
    password: str = PASSWORD

    def confirm(self, back: str = PASSKEYS) -> httpx.Response:
        self.house.clock.pass_by(30)
        code = self.known.code(self.house.clock)
        return self.browser.post("/account/confirm", {"password": self.password, "code": code, "next": back})

    def add(self, name: str = "My phone", options: str = "", **changes: Any) -> httpx.Response:
        """Answer what the page asks for. Needs to have been confirmed lately."""
        made = self.phone.create(options or options_in(self.browser.get(PASSKEYS).text), **changes)
        return self.browser.post(PASSKEYS, {"action": "add", "name": name, "passkey": made})

    def enrol(self, credential: Credential | None = None) -> Credential:
        self.confirm()
        answer = self.add(credential=credential)
        assert answer.status_code == 303, answer.text
        return self.phone.credentials[-1]

    def second(self, browser: Browser | None = None, **fields: str) -> httpx.Response:
        """Sign in with name, password and passkey."""
        browser = browser or self.house.browser(LOCAL)
        signed = self.phone.get(options_in(browser.get("/login").text))
        typed = {"name": self.name, "password": self.password, "code": "", "passkey": signed}
        return browser.post("/login", typed | fields)

    def alone(self, browser: Browser | None = None, **changes: Any) -> httpx.Response:
        """Sign in with the passkey and nothing else."""
        browser = browser or self.house.browser(LOCAL)
        signed = self.phone.get(options_in(browser.get("/login").text, 1), **changes)
        return browser.post("/login", {"alone": "yes", "passkey": signed})


def owner(house: House) -> Owner:
    """The administrator at http://localhost, signed in."""
    admin = set_up(house)
    browser = house.browser(LOCAL)
    assert sign_in(browser, admin, house.clock).status_code == 303
    return Owner(house, admin, browser, SoftwareAuthenticator(LOCAL))


def stored(house: House) -> list[Passkey]:
    with Session(house.database) as session:
        return list(session.scalars(select(Passkey).order_by(Passkey.created_at)))


def count(house: House, counter: int) -> None:
    """Have the database believe that the authenticator has counted so far."""
    with Session(house.database) as session, session.begin():
        session.execute(update(Passkey).values(sign_count=counter))


def kinds(house: House) -> list[str]:
    return [entry.kind for entry in house.door.trail.ledger.entries()]


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
