"""Passkeys in real Chromium with a virtual authenticator (CDP, domain WebAuthn)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, CDPSession, expect

from tests.app.house import PATIENCE_MS, accessible
from tests.app.served_door import ServedDoor
from tests.security.accounts.fakes import NAME, PASSWORD, shown_secret
from tests.security.accounts.people_fakes import OTHER, id_of

pytestmark = pytest.mark.browser
expect.set_options(timeout=60_000)
# A folder for pictures of the pages, for whoever wants to look at them.
SHOTS = os.environ.get("PASSKEY_SHOTS", "")


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

    def reset_link(self) -> str:
        """As an administrator makes it."""
        fields = {"action": "reset", "person": id_of(self.door.house)}
        answer = self.context.request.post(f"{self.door.url}/account/people", form=fields)
        (link,) = re.findall(r"/reset\?token=[\w-]+", answer.text())
        return str(link)


@pytest.fixture
def desk(door: ServedDoor, chromium: Browser) -> Iterator[Desk]:
    """Somebody with a passkey, signed in; all passkeys are gone again afterwards."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    desk = Desk(door, context)
    desk.sign_in(door.code())
    desk.inside()
    desk.enrol()
    yield desk
    context.close()
    with door.house.database.begin() as connection:
        connection.exec_driver_sql("DELETE FROM accounts_passkeys")
        connection.exec_driver_sql("DELETE FROM accounts_role_policies")
    assert desk.errors == []


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


def test_who_is_not_verified_does_not_get_in_alone(desk: Desk) -> None:
    desk.verified(False)
    desk.door.house.rooms.reached.clear()
    desk.open_login()
    desk.press("Sign in with a passkey")
    expect(desk.page.get_by_role("alert")).to_contain_text("No passkey was used")
    expect(desk.page.get_by_role("button", name="Sign in with a passkey")).to_be_focused()
    desk.go("/account")
    expect(desk.page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert desk.door.house.rooms.reached == []


def test_a_role_that_must_give_a_password_is_told(desk: Desk) -> None:
    with desk.door.house.database.begin() as connection:
        connection.exec_driver_sql("INSERT INTO accounts_role_policies VALUES ('administrator', 0, 0)")
    desk.open_login()
    desk.press("Sign in with a passkey")
    expect(desk.page.get_by_role("alert")).to_contain_text("may ask for name and password")
    desk.type_password()
    desk.press("Use a passkey instead of a code")
    desk.inside()


def test_a_passkey_without_the_password_types_nothing(desk: Desk) -> None:
    desk.open_login()
    desk.press("Use a passkey instead of a code")
    expect(desk.page.get_by_label("Name")).to_be_focused()
    desk.type_password("not the password")
    desk.press("Use a passkey instead of a code")
    expect(desk.page.get_by_role("alert")).to_contain_text("That did not match")


def test_it_proves_again_who_one_is(desk: Desk) -> None:
    desk.door.clock.pass_by(601)
    desk.go("/account/codes")
    desk.page.get_by_label("Password").fill(PASSWORD)
    desk.press("Use a passkey instead of a code")
    expect(desk.page).to_have_url(f"{desk.door.url}/account/codes")


def test_a_lost_passkey_leaves_the_code(desk: Desk) -> None:
    desk.lose()
    desk.open_login()
    desk.type_password()
    desk.press("Use a passkey instead of a code")
    expect(desk.page.get_by_role("alert")).to_contain_text("or use a code")
    desk.page.get_by_label("Code from your authenticator app").fill(desk.door.code())
    desk.press("Sign in")
    desk.inside()


def test_a_lost_app_is_replaced_by_way_of_the_passkey(desk: Desk) -> None:
    desk.door.clock.pass_by(601)
    desk.open_login("/account/authenticator")
    desk.press("Sign in with a passkey")
    desk.page.get_by_label("Password").fill(PASSWORD)
    desk.press("Use a passkey instead of a code")
    expect(desk.page.get_by_role("img", name="QR code")).to_be_visible()
    desk.door.admin.secret = shown_secret(desk.page.content())
    desk.page.get_by_label("Code from the app").fill(desk.door.code())
    desk.press("Use this app from now on")
    expect(desk.page.get_by_role("heading", name="Your new app is in place")).to_be_visible()
    desk.sign_in(desk.door.code())
    desk.inside()


def test_both_lost_leave_the_recovery_codes(desk: Desk) -> None:
    desk.lose()
    desk.open_login()
    desk.type_password()
    desk.page.get_by_text("No authenticator app at hand?").click()
    desk.page.get_by_label("Recovery code instead").fill(desk.door.admin.codes.pop())
    desk.press("Sign in")
    desk.inside()


def test_a_forgotten_password_needs_link_and_passkey(desk: Desk) -> None:
    for password in (OTHER, PASSWORD):
        desk.go(desk.reset_link())
        desk.context.clear_cookies()
        accessible(desk.page)
        desk.page.get_by_label("New password", exact=True).fill(password)
        desk.page.get_by_label("New password, once more").fill(password)
        desk.press("Use a passkey instead of a code")
        expect(desk.page.get_by_role("heading", name="Your password is set")).to_be_visible()
        desk.open_login()
        desk.type_password(password)
        desk.press("Use a passkey instead of a code")
        desk.inside()
        desk.go("/account/confirm?next=/account/people")
        desk.page.get_by_label("Password").fill(password)
        desk.press("Use a passkey instead of a code")
        expect(desk.page.get_by_role("heading", name="People", exact=True)).to_be_visible()


def test_it_proves_a_change_of_password(desk: Desk) -> None:
    for old, new in ((PASSWORD, OTHER), (OTHER, PASSWORD)):
        desk.go("/account/password")
        desk.page.get_by_label("Password until now").fill(old)
        desk.page.get_by_label("New password", exact=True).fill(new)
        desk.page.get_by_label("New password, once more").fill(new)
        desk.press("Use a passkey instead of a code")
        expect(desk.page.get_by_role("heading", name="Your password is changed")).to_be_visible()


def test_it_is_renamed_and_removed(desk: Desk) -> None:
    desk.go("/account/passkeys")
    desk.page.get_by_label("Name of the passkey My phone").fill("Blue key")
    desk.press("Rename: My phone")
    desk.press("Remove: Blue key")
    expect(desk.page.get_by_text("None yet.")).to_be_visible()
    desk.open_login()
    desk.press("Sign in with a passkey")
    expect(desk.page.get_by_role("alert")).to_contain_text("This passkey was not accepted")


def test_the_same_device_is_not_enrolled_twice(desk: Desk) -> None:
    desk.page.get_by_label("Name for the new passkey").fill("Again")
    desk.press("Add a passkey")
    expect(desk.page.get_by_role("alert")).to_contain_text("holds a passkey for your account already")


def test_it_works_by_keyboard_alone(desk: Desk) -> None:
    desk.open_login()
    button = desk.page.get_by_role("button", name="Sign in with a passkey")
    for _ in range(12):
        desk.page.keyboard.press("Tab")
        if button.evaluate("one => one === document.activeElement"):
            break
    desk.page.keyboard.press("Enter")
    desk.inside()
    desk.go("/account/passkeys")
    desk.page.get_by_label("Name of the passkey My phone").focus()
    for _ in range(2):
        desk.page.keyboard.press("Tab")
    expect(desk.page.get_by_role("button", name="Remove: My phone")).to_be_focused()


def test_an_older_browser_does_it_by_hand(desk: Desk) -> None:
    desk.page.add_init_script(
        "delete PublicKeyCredential.parseCreationOptionsFromJSON;"
        "delete PublicKeyCredential.parseRequestOptionsFromJSON;"
        "delete PublicKeyCredential.prototype.toJSON;"
    )
    desk.lose()
    desk.press("Remove: My phone")
    desk.enrol("By hand")
    desk.open_login()
    desk.press("Sign in with a passkey")
    desk.inside()


def test_a_browser_without_passkeys_is_told(desk: Desk) -> None:
    desk.page.add_init_script("delete window.PublicKeyCredential")
    for path, words in (("/account/passkeys", "Add a passkey"), ("/account/confirm", "Use a passkey")):
        desk.go(path)
        expect(desk.page.get_by_text("A passkey can't be used here")).to_be_visible()
        expect(desk.page.get_by_role("button", name=words)).to_have_count(0)
    desk.open_login()
    expect(desk.page.get_by_role("button", name="passkey")).to_have_count(0)
    desk.type_password()
    desk.page.get_by_label("Code from your authenticator app").fill(desk.door.code())
    desk.press("Sign in")
    desk.inside()


def test_in_a_frame_one_is_sent_to_a_tab(desk: Desk) -> None:
    frame = "<iframe src=/account/passkeys></iframe>"
    desk.page.route("**/framing", lambda route: route.fulfill(content_type="text/html", body=frame))
    desk.go("/framing")
    inner = desk.page.frame_locator("iframe")
    expect(inner.get_by_text("while this page is shown inside another")).to_be_visible()
    expect(inner.get_by_role("button", name="Add a passkey")).to_have_count(0)


def test_a_page_that_was_open_too_long_says_so(desk: Desk) -> None:
    desk.page.clock.install()
    desk.open_login()
    desk.page.clock.fast_forward("05:00")
    desk.press("Sign in with a passkey")
    expect(desk.page.get_by_role("alert")).to_contain_text("open too long")


def test_without_javascript_codes_work_as_before(door: ServedDoor, chromium: Browser) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{door.url}/login?next=/account/passkeys")
    expect(page.get_by_role("button")).to_have_count(1)
    page.get_by_label("Name").fill(NAME)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("Code from your authenticator app").fill(door.code())
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Passkeys")).to_be_visible()
    expect(page.get_by_role("button", name="Add a passkey")).to_have_count(0)
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_the_pages_are_accessible(desk: Desk, width: int, scheme: Literal["light", "dark"]) -> None:
    desk.page.set_viewport_size({"width": width, "height": 900})
    desk.page.emulate_media(color_scheme=scheme)
    for path in ("/account/passkeys", "/account/confirm", "/account/password", "/login"):
        if path == "/login":
            desk.open_login()
        else:
            desk.go(path)
        accessible(desk.page)
        overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert desk.page.evaluate(overflow) <= 0, path
        if SHOTS:
            name = f"{path.strip('/').replace('/', '-')}-{width}-{scheme}.png"
            desk.page.screenshot(path=str(Path(SHOTS) / name), full_page=True)
