"""In real Chromium: the privacy text at the first sign-in, and the passkey that a role is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from security.accounts.database import open_database
from security.accounts.settings import AccountSettings
from security.accounts.tables import Passkey, User
from tests.app.house import PASSWORD, House, accessible
from tests.app.served import App
from tests.security.accounts.fakes import passkey_row

pytestmark = [pytest.mark.browser]

expect.set_options(timeout=90_000)
AGREE, DECLINE = "I have read this and agree", "I do not agree: sign me out"


@pytest.fixture(scope="module")
def newcomer(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """An app that was set up through its page, and nobody has signed in to."""
    app = App(tmp_path_factory.mktemp("newcomer") / "data").start()
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    house = House(app, context)
    house.set_up()
    yield house
    context.close()
    app.stop()


def looked_at(page: Page) -> None:
    """Nothing serious for axe and nothing cut off, on a screen and on a phone, in light and in dark."""
    for width in (1440, 390):
        page.set_viewport_size({"width": width, "height": 900})
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            accessible(page)
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1440, "height": 900})


def sign_out(house: House) -> None:
    house.page.goto(f"{house.app.url}/account")
    house.page.get_by_role("button", name="Sign out").click()
    house.page.wait_for_url("**/login")


def enrol_passkey(house: House) -> None:
    """A passkey in the database, as one that was enrolled."""
    _change(house, _add_passkey)


def lose_passkeys(house: House) -> None:
    """No passkey in the database, as after removing the last one from another browser."""
    _change(house, lambda session: session.execute(delete(Passkey)))


def _change(house: House, change: Callable[[Session], object]) -> None:
    database = open_database(AccountSettings(data=house.app.data))
    with Session(database) as session, session.begin():
        change(session)
    database.dispose()


def _add_passkey(session: Session) -> None:
    user = session.scalars(select(User.id)).one()
    session.add(passkey_row(user, name="Laptop", transports="internal"))


def test_the_text_is_shown_first_and_declining_signs_out(newcomer: House) -> None:
    page = newcomer.page
    newcomer.sign_in(newcomer.phone.code(), agrees=False)
    page.wait_for_url("**/account/welcome")
    expect(page.get_by_role("heading", name="Before you begin", level=1)).to_be_visible()
    for part in ("In short", "What leaves the machine", "Your rights"):
        expect(page.get_by_role("heading", name=part, level=2)).to_be_visible()
    looked_at(page)
    page.goto(newcomer.app.url)
    assert page.url.endswith("/account/welcome")
    page.get_by_role("button", name=DECLINE).click()
    page.wait_for_url("**/login")
    page.goto(newcomer.app.url)
    assert page.url.endswith("/login")


def test_accepting_by_keyboard_opens_the_rooms_and_is_not_asked_again(newcomer: House) -> None:
    page = newcomer.page
    newcomer.sign_in(newcomer.codes[0], agrees=False)
    page.wait_for_url("**/account/welcome")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name=AGREE)).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_selector("#ask textarea")
    sign_out(newcomer)
    newcomer.sign_in(newcomer.codes[1], agrees=False)
    page.wait_for_selector("#ask textarea")
    page.goto(f"{newcomer.app.url}/account/privacy")
    expect(page.get_by_text("You agreed to edition 1 of this text on")).to_be_visible()


def test_a_raised_policy_leads_to_the_passkeys_until_there_is_one(newcomer: House) -> None:
    page, url = newcomer.page, newcomer.app.url
    page.goto(f"{url}/account/people/policy")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("Code from your authenticator app").fill(newcomer.codes[2])
    page.get_by_role("button", name="Go on").click()
    panel = page.locator("form.panel", has_text="Administrator")
    save = page.get_by_role("button", name="Save for the role administrator")
    panel.get_by_label("A passkey must be enrolled").check()
    save.click()
    expect(page.get_by_role("alert")).to_contain_text("Add a passkey to your own account first")
    enrol_passkey(newcomer)
    panel.get_by_label("A passkey must be enrolled").check()
    save.click()
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(panel.get_by_label("A passkey must be enrolled")).to_be_checked()
    looked_at(page)
    lose_passkeys(newcomer)
    assert newcomer.context.request.get(f"{url}/gradio_api/app_id").status == 403
    page.goto(url)
    assert page.url.endswith("/account/passkeys")
    page.goto(f"{url}/account")
    expect(page.get_by_text("The rooms stay shut until you have a passkey")).to_be_visible()
    looked_at(page)
    page.goto(f"{url}/account/people")
    assert page.url.endswith("/account/passkeys"), "the pages about others are shut too"
    looked_at(page)
    enrol_passkey(newcomer)
    page.goto(url)
    page.wait_for_selector("#ask textarea")
    page.goto(f"{url}/account")
    expect(page.get_by_text("You have 4 factors of 2 kinds.")).to_be_visible()
    assert newcomer.errors == []
