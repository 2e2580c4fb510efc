"""The audit trail's page and the strength meter in real Chromium, over the app as it is started."""

from __future__ import annotations

import csv
import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from security.accounts.settings import DATABASE_FILE
from tests.app.house import PASSWORD, House, accessible
from tests.app.served import App

pytestmark = [pytest.mark.browser, pytest.mark.model]
expect.set_options(timeout=60_000)
TRAIL = "/account/trail"
LOOKS = [(width, scheme) for width in (1440, 390) for scheme in ("light", "dark")]


@pytest.fixture(scope="module")
def house(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """An app that nobody has set up yet; the first test does."""
    app = App(tmp_path_factory.mktemp("trail") / "data").start()
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    yield House(app, context)
    context.close()
    app.stop()


def looked_at(page: Page) -> None:
    """In both themes and at both widths: nothing serious for axe, nothing wider than the window."""
    for width, scheme in LOOKS:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), (width, scheme)
    page.set_viewport_size({"width": 1440, "height": 900})


def confirmed(house: House) -> None:
    page = house.page
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("Code from your authenticator app").fill(house.codes.pop())
    page.get_by_role("button", name="Go on").click()


def told(page: Page) -> list[str]:
    return page.locator("tbody td:nth-child(2)").all_inner_texts()


def test_the_meter_speaks_while_a_password_is_typed(house: House) -> None:
    page = house.page
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.url) if "/door/strength" in one.url else None)
    page.goto(house.app.setup_link)
    words, meter = page.locator(".strength [role=status]"), page.locator(".strength meter")
    expect(meter).to_be_hidden()
    field = page.get_by_label("Password", exact=True)
    field.press_sequentially("abcdefgh", delay=20)
    expect(words).to_have_text("Too short: 4 more characters.")
    assert len(asked) == 1  # the pause is waited for, not each key
    field.fill("hippocampus2019")
    expect(words).to_contain_text("it is one known word and one year")
    looked_at(page)
    field.fill(PASSWORD)
    expect(words).to_contain_text("Strong")
    assert float(meter.evaluate("one => one.value")) >= 3
    looked_at(page)
    page.get_by_label("Name").fill("quiet herons")
    expect(words).to_contain_text("must not contain your name")
    field.fill("")
    expect(meter).to_be_hidden()
    assert house.errors == []


def test_a_busy_server_or_none_is_said_and_the_form_still_works(house: House) -> None:
    page = house.page
    page.route("**/door/strength", lambda route: route.abort())
    page.goto(house.app.setup_link)
    page.get_by_label("Password", exact=True).fill("abcdefgh")
    expect(page.locator(".strength [role=status]")).to_contain_text("judged when you go on")
    page.unroute("**/door/strength")
    house.set_up()
    house.sign_in(house.phone.code())
    page.wait_for_url(f"{house.app.url}/")


def test_without_scripts_the_page_is_as_it_was(house: House) -> None:
    context = house.context.browser.new_context(java_script_enabled=False)  # type: ignore[union-attr]
    page = context.new_page()
    page.goto(f"{house.app.url}/login")
    page.context.add_cookies(house.context.cookies())  # type: ignore[arg-type]
    page.goto(f"{house.app.url}/account/password")
    expect(page.get_by_label("New password", exact=True)).to_be_visible()
    expect(page.locator(".strength")).to_be_hidden()
    context.close()


def test_the_trail_is_read_in_plain_words_after_a_proof(house: House) -> None:
    page = house.page
    page.goto(f"{house.app.url}/account")
    page.get_by_role("link", name="Audit trail").click()
    expect(page.get_by_role("heading", level=1)).not_to_have_text("Audit trail")
    confirmed(house)
    expect(page.get_by_role("heading", level=1)).to_have_text("Audit trail")
    assert [one.split("\n")[0] for one in told(page)] == [
        "ada gave password and second factor again",
        "ada agreed to the privacy text, edition 1",
        "ada signed in with a one-time code",
        "The first administrator was set up",
    ]
    expect(page.get_by_role("status")).to_contain_text(re.compile(r"Checked 4 entries: unbroken"))
    looked_at(page)


def test_it_is_filtered_with_the_keyboard(house: House) -> None:
    page = house.page
    page.get_by_label("Kind").focus()
    page.keyboard.type("sign-in")
    page.get_by_label("Person").select_option(label="ada")
    page.get_by_role("button", name="Show").press("Enter")
    expect(page.locator("tbody tr")).to_have_count(1)
    assert told(page)[0].startswith("ada signed in")
    page.get_by_label("To (UTC)").fill("2020-01-01")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("tbody tr")).to_have_count(0)
    expect(page.get_by_text("Nothing fits")).to_be_visible()
    page.get_by_role("link", name="Show all").click()
    expect(page.locator("tbody tr")).to_have_count(4)


def test_it_is_exported_and_says_so(house: House, tmp_path: Path) -> None:
    page = house.page
    page.get_by_label("Kind").select_option("sign-in")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    saved = {}
    for form, button in (("csv", "Export as CSV"), ("jsonl", "Export as JSON Lines")):
        with page.expect_download() as caught:
            page.get_by_role("button", name=button).click()
        assert caught.value.suggested_filename.endswith(f".{form}")
        saved[form] = tmp_path / f"trail.{form}"
        caught.value.save_as(saved[form])
    with saved["csv"].open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["kind"] for row in rows] == ["sign-in", "checkpoint"]
    head, line = [json.loads(one) for one in saved["jsonl"].read_text().splitlines()]
    assert head["checkpoint"]["size"] == 6
    assert line["hash"] == rows[0]["hash"]
    page.goto(f"{house.app.url}{TRAIL}")
    assert told(page)[0].startswith("ada exported 1 entry of this trail")


def test_a_check_of_everything_signs_a_checkpoint(house: House) -> None:
    page = house.page
    page.get_by_role("button", name="Check everything now").click()
    expect(page.get_by_role("status")).to_contain_text(
        re.compile(r"Checked 6 entries: unbroken, last signed checkpoint at .* UTC over 6 entries")
    )


def test_tampering_with_the_file_is_shown_on_every_page(house: House) -> None:
    page, app = house.page, house.app
    with closing(sqlite3.connect(app.data / DATABASE_FILE)) as database:
        database.execute("DROP TRIGGER ledger_entries_update")
        database.execute("UPDATE ledger_entries SET kind = 'sign-out' WHERE position = 1")
        database.commit()
    for path in ("/account", "/account/people", TRAIL):
        page.goto(f"{app.url}{path}")
        alarm = page.get_by_role("alert")
        expect(alarm).to_contain_text("changed behind the app's back")
        expect(alarm).to_contain_text("From entry 1 on")
        looked_at(page)
    assert "not to be relied on" in told(page)[0]
    assert "not to be relied on" not in told(page)[-1]
    assert app.wait_for(r"The audit trail is not as it was written, at entry 1: [^\n]+\n")
    assert house.errors == []
    assert house.origins <= {app.url}


def test_the_next_start_warns_by_itself(house: House) -> None:
    house.app.stop()
    again = App(house.app.data).start()
    assert again.wait_for(r"The audit trail is not as it was written, at entry 1: [^\n]+\n")
    again.stop()
    house.app.start()
