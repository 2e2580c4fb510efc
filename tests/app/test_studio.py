"""The studio in real Chromium: from uploaded files to the user's own model answering in the Assistant."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from assistant.knowledge.corpus import read_corpus
from tests.app.house import PATIENCE_MS, House, accessible, add_user
from tests.training.corpus.makers import a_docx, a_pdf

pytestmark = [pytest.mark.browser, pytest.mark.model]

LONG_MS = 300_000
expect.set_options(timeout=60_000)


def the_folder(folder: Path) -> list[Path]:
    """What people have: web pages, a PDF, Word documents and a table, of the library's texts."""
    folder.mkdir()
    chunks = read_corpus()
    paths = []
    for number, chunk in enumerate(chunks[:24]):
        if number % 2:
            path = folder / f"page-{number}.html"
            path.write_text(
                f"<html><head><title>x</title><script>bad()</script></head><body><h1>{chunk.title}</h1>"
                f"<p>{chunk.text}</p></body></html>",
                encoding="utf-8",
            )
        else:
            path = folder / f"note-{number}.docx"
            path.write_bytes(a_docx([chunk.title, chunk.text]))
        paths.append(path)
    (folder / "leaflet.pdf").write_bytes(
        a_pdf("Asthma narrows the airways and makes breathing hard at night.")
    )
    rows = io.StringIO()
    table = csv.writer(rows)
    table.writerow(["question", "text"])
    for chunk in chunks[24:40]:
        table.writerow([chunk.title, chunk.text])
    (folder / "table.csv").write_text(rows.getvalue(), encoding="utf-8")
    (folder / "broken.pdf").write_bytes(b"%PDF-1.4 broken")
    return [*paths, folder / "leaflet.pdf", folder / "table.csv", folder / "broken.pdf"]


def step(page: Page, name: str) -> None:
    page.get_by_role("tab", name="Training", exact=True).click()
    tab = page.get_by_role("tab", name=name).locator("visible=true")
    hidden = page.locator("#steps .overflow-menu > button").locator("visible=true")
    expect(tab.or_(hidden).first).to_be_visible()
    if tab.count():
        tab.click()
    else:  # a narrow page keeps the steps that don't fit in a menu
        hidden.first.click()
        page.locator("#steps .overflow-dropdown button").get_by_text(name).locator("visible=true").click()


def refused(page: Page, reason: str) -> None:
    """It was said why, and the message can be put away (Gradio's own has a button in a button)."""
    expect(page.get_by_text(reason)).to_be_visible()
    page.locator(".toast-close").first.click()
    expect(page.get_by_text(reason)).to_have_count(0)


def choose(page: Page, label: str, option: str) -> None:
    page.get_by_role("tabpanel").get_by_label(label, exact=True).locator("visible=true").click()
    page.get_by_role("option", name=option).click()


def test_files_become_a_clean_data_set(house: House, tmp_path_factory: pytest.TempPathFactory) -> None:
    page = house.page
    files = the_folder(tmp_path_factory.mktemp("up") / "folder")
    step(page, "1 Prepare")
    expect(page.get_by_text("No data set yet")).to_be_visible()
    page.locator("#prepare-start").click()
    refused(page, "There are no files yet")
    page.locator("#prepare-files input[type=file]").set_input_files([str(path) for path in files])
    expect(page.get_by_role("button", name="Remove this file")).to_have_count(len(files))
    choose(page, "What it is", "Plain text")
    page.locator("#prepare-start").click()
    expect(page.locator("#prepare-report h3")).to_have_text("my-text", timeout=PATIENCE_MS)
    expect(page.locator("#prepare-report")).to_contain_text("Documents left after each step")
    expect(page.locator("#prepare-report")).to_contain_text("broken.pdf")
    accessible(page)


def test_a_sentence_is_cut_by_two_tokenizers_side_by_side(house: House) -> None:
    page = house.page
    step(page, "2 Tokenize")
    page.locator("#tokenize-look").click()
    expect(page.locator("#tokenize-told .pieces")).to_have_count(2)
    expect(page.locator("#tokenize-told table")).to_contain_text("pieces a word")
    accessible(page)


def test_a_run_is_stopped_reloaded_resumed_and_done(house: House) -> None:
    page = house.page
    step(page, "4 Train")
    page.get_by_text("Quick look").click()
    page.get_by_role("button", name="Every option (expert)").click()
    for label, value in (
        ("Steps at most", "6"),
        ("Batch size", "2"),
        ("Accumulation", "1"),
        ("Context, tokens", "64"),
    ):
        page.get_by_label(label, exact=True).fill(value)
    page.locator("#train-start").click()
    expect(page.locator("#train-run .job-text")).to_contain_text("step", timeout=LONG_MS)
    page.reload()
    step(page, "4 Train")
    expect(page.locator("#train-run h3")).to_contain_text("run")
    page.locator("#train-stop").click()
    expect(page.locator("#train-run .state")).to_have_text("stopped, can go on", timeout=LONG_MS)
    page.locator("#train-resume").click()
    expect(page.locator("#train-run .state")).to_have_text("done", timeout=LONG_MS)
    expect(page.locator("#train-run")).to_contain_text("Held-out loss")
    expect(page.locator("#train-run .plot")).to_have_count(4)
    accessible(page)


def test_the_model_is_kept_and_answers_in_the_assistant(house: House) -> None:
    page = house.page
    step(page, "6 Deploy")
    expect(page.locator("#deploy-name input, #deploy-name textarea")).to_have_value("run")
    page.locator("#deploy-keep").click()
    expect(page.locator("#deploy-told")).to_contain_text("held-out loss")
    accessible(page)
    page.locator("#deploy-use").click()
    expect(page.locator("#deploy-standing")).to_contain_text("In the assistant run answers", timeout=LONG_MS)
    page.get_by_role("tab", name="Assistant", exact=True).click()
    box = page.get_by_role("textbox", name="Ask a question, or paste a note")
    box.fill("What are the symptoms of asthma?")
    box.press("Enter")
    expect(page.locator(".turn .foot .state")).to_have_count(1, timeout=LONG_MS)
    expect(page.locator(".turn .foot")).to_contain_text("run")
    step(page, "6 Deploy")
    page.locator("#deploy-back").click()
    expect(page.locator("#deploy-standing")).to_contain_text("the house's own model answers")


def test_another_user_sees_none_of_it(house: House, chromium: Browser) -> None:
    phone = add_user(house.app.data, "bob")
    context = chromium.new_context(viewport={"width": 390, "height": 800}, color_scheme="dark")
    other = House(house.app, context)
    other.sign_in(phone.code(), "bob")
    page = other.page
    step(page, "1 Prepare")
    expect(page.get_by_text("No data set yet")).to_be_visible()
    step(page, "4 Train")
    expect(page.get_by_text("No run yet")).to_be_visible()
    page.locator("#train-start").click()
    refused(page, "There is no data set yet. Prepare one in step 1.")
    accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    step(page, "6 Deploy")
    expect(page.get_by_text("No version yet")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert house.page.locator("#deploy-told table").count() == 1
    context.close()


def test_nothing_was_asked_of_another_origin(house: House) -> None:
    assert house.origins == {house.app.url}
    assert house.errors == []
