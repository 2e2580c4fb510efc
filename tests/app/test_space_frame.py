"""A Space as its visitors see it: in real Chromium, over TLS, in a frame of another site's page.

The hub's part is played by a page and a proxy of the tests on loopback, under the names that they have in
the world. Nothing here shows what the real hub's proxy adds or takes away.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    BrowserContext,
    Error,
    FrameLocator,
    Page,
    Playwright,
    Request,
    expect,
    sync_playwright,
)

from security.accounts.arrivals import SECURE_COOKIE
from tests.app.chromium import ARGUMENTS, executable
from tests.app.house import PASSWORD, PATIENCE_MS, accessible
from tests.app.served import App, Authenticator, free_port
from tests.app.tls_proxy import Sites
from tools.space.trial import SPACE_HOST, space_environ

pytestmark = [pytest.mark.browser, pytest.mark.model]

expect.set_options(timeout=60_000)
SPACE, HUB, STRANGER, NEST = (
    f"https://{host}" for host in (SPACE_HOST, "huggingface.co", "evil.example", "nest.example")
)
OWN_TAB = "Open Asklepion in a tab of its own"
# A frame with as little freedom as the app can do with.
FRAME = (
    f'<!doctype html><title>A page</title><iframe id="space" width="1200" height="800" src="{SPACE}/" '
    'sandbox="allow-forms allow-same-origin allow-scripts allow-popups allow-popups-to-escape-sandbox">'
    "</iframe>"
)
PAGES = {
    "huggingface.co": FRAME,
    "evil.example": FRAME,
    "nest.example": f'<!doctype html><title>Nest</title><iframe src="{HUB}/spaces/x/y"></iframe>',
}
# What somebody sets who lets this app keep no cookie inside the hub's pages, but in its own tab.
NO_COOKIES = {
    "profile": {
        "content_settings": {"exceptions": {"cookies": {f"{SPACE}:443,{HUB}:443": {"setting": 2}}}},
    }
}


@dataclass
class Space:
    """The app as a Space runs it, the hub's page around it, and a browser at that page."""

    app: App
    sites: Sites
    playwright: Playwright
    token: str
    context: BrowserContext
    phone: Authenticator = field(default_factory=lambda: Authenticator(""))
    codes: list[str] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def hub(self, context: BrowserContext | None = None) -> Page:
        """A page of the hub, with the app in it."""
        page = (context or self.context).new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("request", self._asked)
        page.on("pageerror", self._failed)
        page.goto(f"{HUB}/spaces/someone/asklepion")
        return page

    def _asked(self, request: Request) -> None:
        self.requests.append(request)

    def _failed(self, error: Error) -> None:
        self.errors.append(str(error))


def browser(playwright: Playwright, sites: Sites, profile: Path) -> BrowserContext:
    """Chromium with a profile, to which every name in the world is `sites`."""
    return playwright.chromium.launch_persistent_context(
        profile,
        executable_path=executable(),
        args=[*ARGUMENTS, f"--host-resolver-rules=MAP * 127.0.0.1:{sites.port}"],
        ignore_https_errors=True,
        viewport={"width": 1440, "height": 900},
    )


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Space]:
    folder = tmp_path_factory.mktemp("space")
    data, home, port = folder / "data", folder / "home", free_port()
    for made in (data, home, data / "tmp"):
        made.mkdir()
    environ = space_environ(data, home, port, {}) | {"HOME": str(home)}
    del environ["PATH"]
    app = App(data, port, environ).start()
    sites = Sites(folder, {SPACE_HOST: port}, PAGES).start()
    with sync_playwright() as playwright:
        context = browser(playwright, sites, folder / "profile")
        yield Space(app, sites, playwright, environ["ASKLEPION_SETUP_TOKEN"], context)
        context.close()
    sites.stop()
    app.stop()


@pytest.fixture(scope="module")
def page(space: Space) -> Page:
    """The hub's page; in its frame the administrator is set up, and signed in."""
    page = space.hub()
    frame = inside(page)
    expect(frame.get_by_role("heading")).to_have_text("Not set up yet")
    set_up = f"{SPACE}/setup?token={space.token}"
    page.locator("#space").evaluate("(frame, address) => { frame.src = address }", set_up)
    frame.get_by_label("Name").fill("ada")
    frame.get_by_label("Password", exact=True).fill(PASSWORD)
    frame.get_by_label("Password, once more").fill(PASSWORD)
    frame.get_by_role("button", name="Continue").click()
    space.phone = Authenticator(re.sub(r"\s", "", frame.locator(".key").inner_text()))
    frame.get_by_label("Code from the app").fill(space.phone.code())
    frame.get_by_role("button", name="Create the account").click()
    expect(frame.locator(".codes li")).to_have_count(10)
    space.codes = frame.locator(".codes li").all_inner_texts()
    frame.get_by_role("link", name="sign in").click()
    sign_in(frame, space.phone.code())
    frame.get_by_role("button", name="I have read this and agree").click()
    frame.locator("#ask textarea").wait_for()
    return page


def inside(page: Page) -> FrameLocator:
    return page.frame_locator("#space")


def sign_in(place: FrameLocator | Page, code: str) -> None:
    place.get_by_label("Name").fill("ada")
    place.get_by_label("Password").fill(PASSWORD)
    if len(code) == 6:
        place.get_by_label("Code from your authenticator app").fill(code)
    else:
        place.get_by_text("No authenticator app at hand?").click()
        place.get_by_label("Recovery code instead").fill(code)
    place.get_by_role("button", name="Sign in", exact=True).click()


def session_of(context: BrowserContext) -> dict[str, Any]:
    (cookie,) = [item for item in context.cookies() if item["name"] == SECURE_COOKIE]
    return cast("dict[str, Any]", cookie)


def test_set_up_and_sign_in_work_in_the_frame_with_a_partitioned_cookie(space: Space, page: Page) -> None:
    cookie = session_of(space.context)
    assert (cookie["domain"], cookie["path"]) == (SPACE_HOST, "/")
    assert (cookie["secure"], cookie["httpOnly"], cookie["sameSite"]) == (True, True, "None")
    # Kept for the pair of both sites: the same app in its own tab, or framed elsewhere, is not sent it.
    assert cookie["partitionKey"] == HUB
    alone = space.context.new_page()
    alone.goto(SPACE)
    assert alone.url == f"{SPACE}/login"
    alone.close()


def test_a_question_is_answered_in_the_frame(page: Page) -> None:
    frame = inside(page)
    box = frame.get_by_role("textbox", name="Ask a question, or paste a note")
    box.fill("What are the early symptoms of Parkinson's?")
    box.press("Enter")
    expect(frame.locator(".turn .foot .state")).to_have_count(1, timeout=PATIENCE_MS)
    expect(frame.locator(".said")).to_contain_text("Parkinson's disease")


def test_the_frame_asked_nobody_but_the_space(space: Space, page: Page) -> None:
    asked = {urlsplit(request.url).netloc for request in space.requests if request.url.startswith("http")}
    assert asked == {SPACE_HOST, "huggingface.co"}
    assert {request.url for request in space.requests if request.url.startswith("http:")} == set()
    assert space.errors == []


@pytest.mark.parametrize("path", ["/logout", "/account/sessions"])
def test_the_page_around_it_changes_nothing_though_the_cookie_comes_along(
    space: Space, page: Page, path: str
) -> None:
    before = len(space.sites.seen)
    for mode in ("no-cors", "cors"):
        # Whatever the browser then hides from the page, the request has gone out.
        page.evaluate(
            """([address, mode]) => fetch(address, {
                method: "POST", mode, credentials: "include", body: new URLSearchParams({which: "others"}),
            }).catch(() => null)""",
            [SPACE + path, mode],
        )
    page.evaluate(
        """address => new Promise(done => {
            const sink = document.createElement("iframe");
            sink.name = "sink" + Math.random();
            document.body.append(sink);
            const form = document.createElement("form");
            Object.assign(form, {method: "POST", action: address, target: sink.name});
            document.body.append(form);
            sink.addEventListener("load", done);
            form.submit();
        })""",
        SPACE + path,
    )
    tried = [one for one in space.sites.seen[before:] if one.path == path]
    assert [(one.method, one.status) for one in tried] == [("POST", 403)] * 3
    for one in tried:
        # Else it would have been refused for want of a session, and this showed nothing.
        assert SECURE_COOKIE in one.head, one.head
        assert "sec-fetch-site: cross-site" in one.head.lower()
    page.reload()
    inside(page).locator("#ask textarea").wait_for()


@pytest.mark.parametrize("stranger", [STRANGER, NEST])
def test_no_third_site_may_frame_it_nor_the_page_that_may(space: Space, page: Page, stranger: str) -> None:
    other = space.context.new_page()
    said: list[str] = []
    other.on("console", lambda message: said.append(message.text))
    other.goto(stranger)
    other.wait_for_load_state("networkidle")
    shown = [frame.url for frame in other.frames]
    assert not [url for url in shown if url.startswith(SPACE)], shown
    assert [text for text in said if "frame-ancestors" in text], said
    other.close()


def test_signing_out_works_in_the_frame(space: Space, page: Page) -> None:
    frame = inside(page)
    frame.get_by_role("button", name="Sign out").click()
    expect(frame.get_by_role("heading", name="Sign in")).to_be_visible()
    assert [item["name"] for item in space.context.cookies() if item["name"] == SECURE_COOKIE] == []


def test_where_the_frame_keeps_no_cookie_it_says_so_and_the_way_out_works(
    space: Space, page: Page, tmp_path: Path
) -> None:
    (tmp_path / "Default").mkdir()
    (tmp_path / "Default" / "Preferences").write_text(json.dumps(NO_COOKIES))
    context = browser(space.playwright, space.sites, tmp_path)
    framed = space.hub(context)
    frame = inside(framed)
    expect(frame.get_by_role("heading")).to_have_text("Your browser keeps no cookie in this frame")
    assert frame.get_by_role("button").count() == 0, "no password is asked for"
    accessible(cast("Page", framed.frames[1]))
    frame.get_by_role("link", name="Try again here").click()
    expect(frame.get_by_role("heading")).to_have_text("Your browser keeps no cookie in this frame")
    link = frame.get_by_role("link", name=OWN_TAB)
    assert (link.get_attribute("target"), link.get_attribute("rel")) == ("_blank", "noopener")
    with context.expect_page() as opened:
        link.press("Enter")
    tab = opened.value
    tab.set_default_timeout(PATIENCE_MS)
    sign_in(tab, space.codes[0])
    tab.locator("#ask textarea").wait_for()
    assert tab.url == f"{SPACE}/"
    assert tab.evaluate("window.opener") is None
    context.close()
