"""One app and one signed-in browser for the tests that look at the page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.app.chromium import ARGUMENTS, executable
from tests.app.house import House
from tests.app.served import App


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, without the background traffic of its own.

    It ends with the module: while Playwright is at work, no other test can run an event loop.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(), args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    running = App(tmp_path_factory.mktemp("data")).start()
    yield running
    running.stop()


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture(scope="module")
def house(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """An app that was set up through its page, and a browser that is signed in."""
    app = App(tmp_path_factory.mktemp("house") / "data").start()
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    house = House(app, context)
    house.set_up()
    house.sign_in(house.phone.code())
    house.page.wait_for_selector(".welcome:visible")
    yield house
    context.close()
    app.stop()
