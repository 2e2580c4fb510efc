"""The whole way in real Chromium: first start, set-up, sign-in, a question, Stop, reload, sign-out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.app.house import PASSWORD, PATIENCE_MS, House, accessible

pytestmark = [pytest.mark.browser, pytest.mark.model]

# The models are still being loaded when the first questions are asked.
expect.set_options(timeout=60_000)
LONG_NOTE = "He has a tremor and denies falls. " * 40


def box_of(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Ask a question, or paste a note")


def ask(page: Page, text: str) -> None:
    box = box_of(page)
    box.fill(text)
    box.press("Enter")


def finished(page: Page, turns: int) -> None:
    """Wait until that many answers are done."""
    expect(page.locator(".turn .foot .state")).to_have_count(turns, timeout=PATIENCE_MS)


def cleared(page: Page) -> None:
    """An empty conversation. With nothing to clear, a click would only race with the next question."""
    page.wait_for_selector(".welcome:visible, .turn")
    if page.locator(".turn").count():
        page.get_by_role("button", name="Clear conversation").click()
    expect(page.locator(".turn")).to_have_count(0)
    page.wait_for_selector(".welcome:visible")


def test_ten_recovery_codes_were_shown_once(house: House) -> None:
    assert len(set(house.codes)) == 10


def test_a_question_is_answered_with_chips_that_open_their_passage(house: House) -> None:
    page = house.page
    cleared(page)
    page.get_by_role("button", name="What are the early symptoms of Parkinson's?").click()
    expect(page.locator(".caret, .waiting").first).to_be_visible()
    finished(page, 1)
    expect(page.locator(".said")).to_contain_text("Parkinson's disease")
    expect(page.locator(".state")).to_contain_text("tokens/s")
    expect(page.locator(".state")).to_contain_text("first word after")
    page.locator(".chip").first.click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Parkinson's disease: Early signs")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    accessible(page)


def test_a_note_is_marked_in_the_persons_own_words_and_what_is_absent_struck_through(house: House) -> None:
    page = house.page
    cleared(page)
    ask(
        page,
        "What diseases are mentioned here?\n\nA man with Parkinson's disease and asthma. He denies fever.",
    )
    finished(page, 1)
    expect(page.locator("mark.condition", has_text="Parkinson's disease").first).to_be_visible()
    expect(page.locator("mark.absent del", has_text="fever").first).to_be_visible()
    expect(page.locator(".said")).to_contain_text("Parkinson's disease")
    expect(page.locator(".from-text").first).to_be_visible()
    accessible(page)


def test_stop_keeps_what_was_said_and_says_so(house: House) -> None:
    page = house.page
    cleared(page)
    ask(page, "Explain Parkinson's disease in simple terms.")
    page.locator(".said").wait_for()
    page.locator("#ask button.stop-button").click()
    finished(page, 1)
    expect(page.locator(".state")).to_contain_text("Stopped by you.")
    assert page.locator(".said").inner_text().strip()
    expect(page.locator("#ask button.submit-button")).to_be_visible()


def test_a_reload_in_mid_stream_loses_nothing(house: House) -> None:
    page = house.page
    cleared(page)
    ask(page, "How is type 2 diabetes treated?")
    page.locator(".said, .waiting").first.wait_for()
    page.reload()
    finished(page, 1)
    expect(page.locator(".asked")).to_contain_text("How is type 2 diabetes")
    assert page.locator(".said").inner_text().strip()


def test_retry_edit_and_copy(house: House) -> None:
    page = house.page
    house.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=house.app.url)
    page.get_by_role("button", name="Copy").click()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert "[1] " in copied
    before = page.locator(".turn").get_attribute("data-turn")
    page.get_by_role("button", name="Retry").click()
    page.wait_for_function("id => document.querySelector('.turn').dataset.turn !== id", arg=before)
    finished(page, 1)
    page.get_by_role("button", name="Edit").click()
    expect(box_of(page)).to_have_value("How is type 2 diabetes treated?")
    page.wait_for_selector(".welcome:visible")


def test_an_emergency_has_its_banner_first(house: House) -> None:
    page = house.page
    cleared(page)
    ask(page, "I have crushing chest pain that goes to my left arm and I am sweating")
    banner = page.locator(".banner.emergency")
    expect(banner).to_contain_text("emergency number")
    finished(page, 1)
    assert page.evaluate(
        "document.querySelector('.banner').compareDocumentPosition(document.querySelector('.answer')) & 4"
    )
    accessible(page)


def test_bad_input_is_answered_in_one_sentence_and_what_was_typed_stays(house: House, tmp_path: Path) -> None:
    page = house.page
    cleared(page)
    ask(page, "x " * 150_000)
    expect(page.get_by_text(re.compile(r"has [\d,]+ characters; up to")).first).to_be_visible()
    box = box_of(page)
    expect(box).to_have_value(re.compile(r"^x x x"))
    page.reload()
    page.wait_for_selector(".welcome:visible")
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.7\nnot a pdf after all")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Upload a file").click()
    with page.expect_response(re.compile("/upload")):
        chooser.value.set_files(tmp_path / "broken.pdf")
    ask(page, "What does this say?")
    expect(page.get_by_text("damaged PDF").first).to_be_visible()
    expect(page.locator(".turn")).to_have_count(0)
    page.reload()


def test_it_fits_a_phone_in_light_and_dark(house: House) -> None:
    page = house.page
    page.set_viewport_size({"width": 390, "height": 844})
    try:
        cleared(page)
        ask(page, LONG_NOTE)
        finished(page, 1)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            page.wait_for_function(
                "on => document.body.classList.contains('dark') === on", arg=scheme == "dark"
            )
            # Gradio fades from one colour to the other; in between nothing has its contrast.
            page.wait_for_function(
                "!document.getAnimations().some(animation => animation instanceof CSSTransition)"
            )
            assert page.evaluate("document.documentElement.scrollWidth") <= 390
            assert box_of(page).is_visible()
            accessible(page)
    finally:
        page.emulate_media(color_scheme="light")
        page.set_viewport_size({"width": 1440, "height": 900})


def test_the_keyboard_alone_is_enough(house: House) -> None:
    page = house.page
    cleared(page)
    page.get_by_role("button", name="Sign out").focus()
    for _ in range(6):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.classList.contains('example')"):
            break
    page.keyboard.press("Enter")
    finished(page, 1)
    page.locator(".turn .sources summary").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".turn .sources ol")).to_be_visible()


def test_a_tampered_cookie_is_no_session(house: House, chromium: Browser) -> None:
    (cookie,) = [item for item in house.context.cookies() if "session" in item["name"]]
    assert cookie["httpOnly"]
    assert cookie["sameSite"] in ("Lax", "Strict")
    other = chromium.new_context()
    flipped = cookie["value"][:-1] + ("A" if cookie["value"][-1] != "A" else "B")
    other.add_cookies([{"name": cookie["name"], "value": flipped, "url": house.app.url}])
    page = other.new_page()
    page.goto(house.app.url)
    assert page.url == f"{house.app.url}/login"
    other.close()


def test_signing_out_ends_the_session_and_a_used_code_does_not_sign_in(house: House) -> None:
    page = house.page
    (cookie,) = [item for item in house.context.cookies() if "session" in item["name"]]
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/login")
    house.context.add_cookies([{"name": cookie["name"], "value": cookie["value"], "url": house.app.url}])
    page.goto(house.app.url)
    assert page.url.endswith("/login")
    house.sign_in(str(house.phone.code_of(house.phone.spent)))
    expect(page.get_by_role("alert")).to_be_visible()
    accessible(page)
    house.sign_in(house.codes[0])
    page.wait_for_selector("#ask textarea")
    expect(page.locator(".turn").first).to_be_visible()  # the conversation is still there


def test_the_page_asked_nobody_else_and_no_script_failed(house: House) -> None:
    web = {origin for origin in house.origins if not origin.startswith(("data:", "blob:"))}
    assert web == {house.app.url}
    assert house.errors == []
    printed = "".join(house.app.lines)
    assert PASSWORD not in printed
    assert house.phone.secret not in printed
    assert "Traceback" not in printed
