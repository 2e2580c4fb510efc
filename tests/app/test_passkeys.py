"""Passkeys in real Chromium with a virtual authenticator (CDP, domain WebAuthn)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, CDPSession, expect

from tests.app.house import PATIENCE_MS
from tests.app.served_door import ServedDoor
from tests.security.accounts.fakes import NAME, PASSWORD

pytestmark = pytest.mark.browser
expect.set_options(timeout=60_000)
OTHER = "copper lantern mellow quarry"


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedDoor]:
    served = ServedDoor(tmp_path_factory.mktemp("door")).start()
    yield served
    served.stop()


class Desk:
    """A browser of its own with an authenticator, as one person has them."""

    def __init__(self, door: ServedDoor, context: BrowserContext) -> None:
        self.door = door
        self.context = context
        self.page = context.new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self.errors: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on(
            "console", lambda said: self.errors.append(said.text) if "Content Security" in said.text else None
        )
        self.cdp: CDPSession = context.new_cdp_session(self.page)
        self.cdp.send("WebAuthn.enable")
        self.authenticator = self.plug()

    def plug(self, **changes: Any) -> str:
        """A virtual authenticator that has a screen lock and keeps credentials."""
        options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }
        answer = self.cdp.send("WebAuthn.addVirtualAuthenticator", {"options": options | changes})
        return str(answer["authenticatorId"])

    def verified(self, yes: bool) -> None:
        named = {"authenticatorId": self.authenticator, "isUserVerified": yes}
        self.cdp.send("WebAuthn.setUserVerified", named)

    def lose(self) -> None:
        self.cdp.send("WebAuthn.clearCredentials", {"authenticatorId": self.authenticator})

    def go(self, path: str) -> None:
        self.page.goto(self.door.url + path)

    def open_login(self, back: str = "/account") -> None:
        self.context.clear_cookies()
        self.go(f"/login?next={back}")

    def type_password(self, password: str = PASSWORD) -> None:
        self.page.get_by_label("Name").fill(NAME)
        self.page.get_by_label("Password").fill(password)

    def sign_in(self, code: str, password: str = PASSWORD) -> None:
        self.open_login()
        self.type_password(password)
        self.page.get_by_label("Code from your authenticator app").fill(code)
        self.press("Sign in")

    def press(self, words: str) -> None:
        self.page.get_by_role("button", name=words, exact=True).click()

    def inside(self) -> None:
        expect(self.page.get_by_role("heading", name="Your account", exact=True)).to_be_visible()

    def confirm(self, code: str, password: str = PASSWORD) -> None:
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_label("Code from your authenticator app, or a recovery code").fill(code)
        self.press("Go on")

    def enrol(self, name: str = "My phone") -> None:
        """From a session to a passkey."""
        self.go("/account/passkeys")
        more = self.page.get_by_role("link", name="Prove that it is you, then add one")
        if more.count():
            more.click()
            self.confirm(self.door.code())
        self.page.get_by_label("Name for the new passkey").fill(name)
        self.press("Add a passkey")
        expect(self.page.locator(".things li")).to_contain_text(name)


@pytest.fixture
def desk(door: ServedDoor, chromium: Browser) -> Iterator[Desk]:
    """Somebody with a passkey, signed in; all passkeys are gone again afterwards."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    desk = Desk(door, context)
    desk.sign_in(door.code())
    desk.inside()
    desk.enrol()
    yield desk
    assert desk.errors == []
    context.close()
    with door.house.database.begin() as connection:
        connection.exec_driver_sql("DELETE FROM accounts_passkeys")
        connection.exec_driver_sql("DELETE FROM accounts_role_policies")


def kinds(door: ServedDoor) -> list[str]:
    return [entry.kind for entry in door.house.door.trail.ledger.entries()]


def test_a_passkey_takes_the_place_of_the_code(desk: Desk) -> None:
    desk.open_login()
    desk.type_password()
    desk.press("Use a passkey instead of a code")
    desk.inside()


def test_a_passkey_alone_is_enough(desk: Desk) -> None:
    desk.open_login()
    desk.press("Sign in with a passkey")
    desk.inside()
    expect(desk.page.get_by_text(NAME)).to_be_visible()
