"""Before anybody signs in inside a frame: does the browser keep a cookie there, and what is said if not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from security.accounts.cookies import TRIAL_COOKIE
from tests.security.accounts.fakes import Admin, Browser, Clock, House, set_up, sign_in

URL = "https://ada-asklepion.hf.space"
HUB = "https://huggingface.co"
FRAMED = {"sec-fetch-dest": "iframe"}
NONE_KEPT = "Your browser keeps no cookie in this frame"


@pytest.fixture
def space(tmp_path: Path, clock: Clock) -> Iterator[House]:
    house = House(tmp_path, clock, public_url=URL, frame_ancestors=(HUB,))
    yield house
    house.close()


@pytest.fixture
def owner(space: House) -> Admin:
    return set_up(space, URL)


@pytest.fixture
def browser(space: House, owner: Admin) -> Browser:
    return space.browser(URL)


def test_a_browser_that_keeps_the_cookie_is_shown_the_form(browser: Browser) -> None:
    first = browser.get("/login?next=/account%3Fa%3D1", headers=FRAMED)
    assert first.status_code == 303
    pair, *attributes = first.headers["set-cookie"].split("; ")
    # Of the same kind as the session's: kept or dropped as that would be.
    assert set(attributes) == {"HttpOnly", "Path=/", "SameSite=None", "Secure", "Partitioned"}
    assert pair == f"{TRIAL_COOKIE}=1"
    second = browser.get(first.headers["location"], headers=FRAMED)
    assert second.status_code == 200
    assert 'name="next" value="/account?a=1"' in second.text
    assert NONE_KEPT not in second.text
    assert browser.get("/login", headers=FRAMED).status_code == 200, "asked once"


@pytest.mark.parametrize("place", ["iframe", "frame", "embed", "object", "fencedframe"])
def test_one_that_keeps_none_is_told_so_and_shown_the_way_out(browser: Browser, place: str) -> None:
    headers = {"sec-fetch-dest": place}
    first = browser.get("/login?next=/account%3Fa%3D1", headers=headers)
    browser.cookies.clear()
    page = browser.get(first.headers["location"], headers=headers)
    assert page.status_code == 200
    assert NONE_KEPT in page.text
    assert f'<a class="button" href="{URL}/account?a=1" target="_blank" rel="noopener">' in page.text
    assert 'href="/login?next=/account%3Fa%3D1"' in page.text, "to try again"
    assert "<form" not in page.text, "nobody types a password for nothing"


def test_the_way_out_never_leads_elsewhere(browser: Browser) -> None:
    for target in ("https://evil.example/", "//evil.example", "/\\evil.example", '/"><script>'):
        page = browser.get("/login", params={"next": target, "looked": "1"}, headers=FRAMED)
        assert NONE_KEPT in page.text
        assert f'href="{URL}/" target="_blank"' in page.text
        assert "evil" not in page.text and "<script" not in page.text


@pytest.mark.parametrize("headers", [{}, {"sec-fetch-dest": "document"}])
def test_in_a_tab_of_its_own_nothing_is_asked(browser: Browser, headers: dict[str, str]) -> None:
    for path in ("/login", "/login?looked=1"):
        page = browser.get(path, headers=headers)
        assert (page.status_code, "set-cookie" in page.headers) == (200, False)
        assert NONE_KEPT not in page.text


def test_an_app_that_nobody_may_frame_asks_nothing(house: House, admin: Admin) -> None:
    for path in ("/login", "/login?looked=1"):
        page = house.browser().get(path, headers=FRAMED)
        assert (page.status_code, "set-cookie" in page.headers) == (200, False)


def test_the_cookie_of_the_look_opens_nothing_and_a_session_goes_before_it(
    browser: Browser, owner: Admin, clock: Clock
) -> None:
    browser.get("/login", headers=FRAMED)
    assert browser.get("/", headers=FRAMED).status_code == 303
    assert sign_in(browser, owner, clock).status_code == 303
    assert browser.get("/login?next=/account", headers=FRAMED).headers["location"] == "/account"
