"""The account page in Chromium: what happened lately, and new recovery codes, on a desk and on a phone."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.app.house import PASSWORD, PATIENCE_MS, House, accessible

SIZES = [(1440, 900), (390, 844)]


def fits(page: Page) -> None:
    wide = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert wide[0] <= wide[1]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES, ids=["desk", "phone"])
def test_what_happened_lately_is_listed(house: House, size: tuple[int, int], scheme: str) -> None:
    page = house.new_page()
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.goto(f"{house.app.url}/account")
    listed = page.get_by_role("table", name="Recent activity")
    expect(listed.get_by_text("Signed in").first).to_be_visible(timeout=PATIENCE_MS)
    fits(page)
    accessible(page)
    page.close()


def test_new_codes_fit_a_phone_and_offer_to_end_other_sessions(house: House) -> None:
    page = house.new_page()
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{house.app.url}/account/codes")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("Code from your authenticator app").fill(house.codes[0])
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("button", name="codes").click()
    codes = page.locator(".codes li")
    expect(codes).to_have_count(10, timeout=PATIENCE_MS)
    assert len({code.count("-") for code in codes.all_inner_texts()}) == 1
    fits(page)
    accessible(page)
    page.get_by_role("button", name="End all other sessions").click()
    expect(page.get_by_role("heading", name="Your account")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_text("New recovery codes were made")).to_be_visible()
    page.close()


def test_gradios_page_breaks_no_rule_of_its_policy(house: House) -> None:
    page = house.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(house.app.url)
    page.wait_for_selector(".welcome:visible", timeout=PATIENCE_MS)
    assert page.locator("base").count() == 0
    assert [text for text in said if "Content Security Policy" in text or "base URI" in text] == []
    assert house.errors == []
    page.close()
