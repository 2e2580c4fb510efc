"""A person's own pages in Chromium, on a desk and on a phone.

What happened lately, new recovery codes, taking the own data along, and being deleted.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.app.house import PASSWORD, PATIENCE_MS, House, accessible, add_user

pytestmark = pytest.mark.browser
SIZES = [(1440, 900), (390, 844)]
NOTE = "Planted in a browser: the patient has a tremor."


def fits(page: Page) -> None:
    wide = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert wide[0] <= wide[1]


def every_look(page: Page) -> None:
    """axe finds nothing serious, in light and dark, and a phone shows it whole."""
    for width, scheme in ((1440, "light"), (390, "dark")):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.set_viewport_size({"width": 1440, "height": 900})


def confirm(page: Page, code: str) -> None:
    """Give password and a recovery code again, where the page asks for them."""
    if page.get_by_role("heading", name="Is it you?").count():
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_label("Code from your authenticator app").fill(code)
        page.get_by_role("button", name="Go on").click()


def test_an_uploaded_file_is_shown_and_nowhere_in_plain(house: House, tmp_path: Path) -> None:
    page = house.page
    (tmp_path / "note.txt").write_text(NOTE)
    with page.expect_response(lambda answer: "/upload" in answer.url and answer.ok):
        page.locator("#ask input[type=file]").set_input_files(str(tmp_path / "note.txt"))
    expect(
        page.locator("#ask").get_by_label("note.txt").or_(page.locator("#ask .thumbnail-item"))
    ).not_to_have_count(0)
    files = [path for path in (house.app.data / "uploads").rglob("note.txt") if path.is_file()]
    assert len(files) == 1
    held = [
        path for path in house.app.data.rglob("*") if path.is_file() and NOTE.encode() in path.read_bytes()
    ]
    assert held == []


def test_a_person_downloads_the_own_data(house: House, tmp_path: Path) -> None:
    page = house.page
    page.goto(f"{house.app.url}/account")
    with page.expect_navigation():
        page.get_by_role("link", name="Download your data").click()
    confirm(page, house.codes[0])
    expect(page.get_by_role("heading", name="Your data")).to_be_visible()
    every_look(page)
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download my data").press("Enter")
    waiting.value.save_as(tmp_path / "own.zip")
    with zipfile.ZipFile(tmp_path / "own.zip") as archive:
        assert {"account.json", "conversations.json", "studio/studio.json"} <= set(archive.namelist())
        assert "INCOMPLETE.txt" not in archive.namelist()


def test_a_person_is_deleted_and_the_page_tells_what_stays(house: House) -> None:
    add_user(house.app.data, "bob")
    page = house.page
    page.goto(f"{house.app.url}/account/people")
    confirm(page, house.codes[1])
    row = page.get_by_role("listitem").filter(has_text="bob")
    row.get_by_label("for ever").check()
    row.get_by_role("button", name="Delete: bob").click()
    expect(page.get_by_role("heading", name="bob is deleted")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)
    every_look(page)
    page.get_by_role("link", name="People").click()
    people = page.locator("ul.people > li")
    expect(people).to_have_count(1)
    expect(people).to_contain_text("ada")


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
    confirm(page, house.codes[2])
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
