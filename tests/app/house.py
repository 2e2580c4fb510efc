"""The app set up through its page, and browsers that are signed in: what the browser tests share."""

from __future__ import annotations

import re
import secrets
from pathlib import Path
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, expect
from sqlalchemy import select
from sqlalchemy.orm import Session

from security.accounts.database import open_database
from security.accounts.policy import name_key
from security.accounts.settings import AccountSettings
from security.accounts.tables import User
from security.accounts.vault import TOTP_PURPOSE
from security.crypto import onetime
from security.crypto.keyfile import load_key_encryption_key
from security.crypto.sealing import SealContext
from tests.app.served import App, Authenticator

PASSWORD = "four quiet herons wading 7"
PATIENCE_MS = 120_000


class House:
    """The app with its administrator set up through the page, and a browser that is signed in."""

    def __init__(self, app: App, context: BrowserContext) -> None:
        self.app = app
        self.context = context
        self.origins: set[str] = set()
        self.errors: list[str] = []
        self.codes: list[str] = []
        self.phone = Authenticator("")
        self.page = self.new_page()

    def new_page(self) -> Page:
        page = self.context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on(
            "request",
            lambda request: self.origins.add(urlsplit(request.url)._replace(path="", query="").geturl()),
        )
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        return page

    def set_up(self) -> None:
        page = self.page
        page.goto(self.app.setup_link)
        accessible(page)
        page.get_by_label("Name").fill("ada")
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_label("Password, once more").fill(PASSWORD)
        page.get_by_role("button", name="Continue").click()
        expect(page.get_by_role("img", name="QR code")).to_be_visible()
        self.phone = Authenticator(re.sub(r"\s", "", page.locator(".key").inner_text()))
        accessible(page)
        page.get_by_label("Code from the app").fill(self.phone.code())
        page.get_by_role("button", name="Create the account").click()
        expect(page.locator(".codes li")).to_have_count(10)
        self.codes = page.locator(".codes li").all_inner_texts()
        accessible(page)

    def sign_in(self, code: str, name: str = "ada", *, agrees: bool = True) -> None:
        """Sign in, and agree to the privacy text where it is shown; a refusal is left on the page."""
        page = self.page
        page.goto(f"{self.app.url}/login")
        page.get_by_label("Name").fill(name)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_label("Code from your authenticator app").fill(code)
        with page.expect_navigation():
            page.get_by_role("button", name="Sign in", exact=True).click()
        if agrees and page.url == f"{self.app.url}/account/welcome":
            accessible(page)
            page.get_by_role("button", name="I have read this and agree").click()


def accessible(page: Page) -> None:
    """axe finds nothing serious or critical."""
    found = [
        f"{item['id']}: {item['nodes'][0]['html'][:200]}"
        for item in Axe().run(page).response["violations"]
        if item["impact"] in ("serious", "critical")
    ]
    assert found == [], "\n".join(found)


def add_user(data: Path, name: str) -> Authenticator:
    """An account beside the administrator's, with the same password and a second factor of its own.

    No page makes one yet, so it is written as the door writes the first.
    """
    settings = AccountSettings(data=data)
    database = open_database(settings)
    kek = load_key_encryption_key({}, data, may_create=False)
    user, secret = secrets.token_hex(16), onetime.new_secret(secrets.token_bytes)
    data_key, wrapped = kek.new_data_key(user)
    with Session(database) as session, session.begin():
        first = session.scalars(select(User)).one()
        session.add(
            User(
                id=user,
                name=name,
                name_key=name_key(name),
                role=first.role,
                password_hash=first.password_hash,
                wrapped_key=wrapped,
                totp_secret=data_key.seal(secret.encode("ascii"), SealContext(user, TOTP_PURPOSE)),
                totp_last_step=0,
                created_at=first.created_at,
            )
        )
    database.dispose()
    return Authenticator(secret)
