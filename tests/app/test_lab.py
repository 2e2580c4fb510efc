"""The Security lab as a class uses it, in Chromium: every lesson, attack, cure and quiz."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from security.lab import catalogue
from security.lab.lesson import EXPECTED, Lesson
from tests.app.house import House, accessible

pytestmark = pytest.mark.browser
expect.set_options(timeout=60_000)
LESSONS = catalogue.every()
ENDS = {"works": "It works", "broken": "The attack succeeds", "held": "The attack fails"}
HEAVY_MS = 300_000


@pytest.fixture(scope="module")
def lab(house: House) -> Iterator[Page]:
    page = house.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    yield page
    assert not house.errors
    assert house.origins == {house.app.url}, "the page asks its own origin alone"


def open_lesson(house_url: str, page: Page, lesson: Lesson, seed: int = 0, run: str = "") -> None:
    page.goto(f"{house_url}/?lesson={lesson.id}{f'&run={run}' if run else ''}&seed={seed}")
    expect(page.locator("#lab-head h2")).to_have_text(lesson.title)
    expect(page.locator(".lab-run")).to_be_visible()


def start(page: Page, patience_ms: float = 60_000) -> Locator:
    page.locator(".lab-run").click()
    outcome = page.locator("#lab-out .outcome")
    expect(outcome).to_be_visible(timeout=patience_ms)
    return outcome


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.id)
def test_a_lesson_runs_breaks_mends_and_asks(house: House, lab: Page, lesson: Lesson) -> None:
    open_lesson(house.app.url, lab, lesson)
    for run in lesson.runs:
        if run is not lesson.runs[0]:
            choice = lab.locator("#lab-runs").get_by_role("radio", name=run.title, exact=False)
            choice.first.check()
            expect(lab.locator("#lab-out .nothing")).to_be_visible()
        outcome = start(lab, HEAVY_MS if run.heavy else 60_000)
        expect(outcome).to_contain_text(ENDS[EXPECTED[run.kind]])
    accessible(lab)
    for question in lesson.quiz:
        right = next(answer.text for answer in question.answers if answer.right)
        lab.locator(".lab-question").get_by_role("radio", name=right, exact=True).first.check()
    lab.get_by_role("button", name="Check my answers").click()
    total = len(lesson.quiz)
    expect(lab.locator(".lab-marked .score")).to_have_text(f"{total} of {total} right")
    lab.get_by_role("button", name="Show me the code").click()
    lab.get_by_role("button", name="Copy the program").click()
    expect(lab.get_by_role("button", name="Copied")).to_be_visible()
    assert lab.evaluate("navigator.clipboard.readText()") == lesson.code


def test_a_link_shows_everybody_the_same_numbers(house: House, lab: Page) -> None:
    lesson = catalogue.lesson("symmetric")
    shown = []
    for seed in (7, 7, 8):
        open_lesson(house.app.url, lab, lesson, seed)
        start(lab)
        shown.append(lab.locator("#lab-out").inner_text())
    assert shown[0] == shown[1] != shown[2]
    link = lab.locator(".lab-link").get_attribute("href")
    assert link == "?lesson=symmetric&seed=8"


def test_wrong_answers_are_explained_and_the_teacher_sees_results(house: House, lab: Page) -> None:
    lesson = catalogue.lesson("hashing")
    open_lesson(house.app.url, lab, lesson)
    wrong = next(answer for answer in lesson.quiz[0].answers if not answer.right)
    lab.locator(".lab-question").get_by_role("radio", name=wrong.text, exact=True).first.check()
    lab.get_by_role("button", name="Check my answers").click()
    expect(lab.locator(".lab-marked .answers")).to_contain_text(wrong.why[:40])
    expect(lab.locator(".lab-marked .score")).to_have_text(f"0 of {len(lesson.quiz)} right")
    lab.get_by_role("button", name="For the class").click()
    table = lab.locator("#lab-class table")
    expect(table).to_contain_text("hashing")
    for text in ("Worksheet to print", "with answers and notes", "Results as CSV"):
        expect(lab.locator("#lab-class").get_by_role("link", name=text)).to_be_visible()
    with lab.expect_download() as saved:
        lab.get_by_role("link", name="Worksheet to print").click()
    sheet = saved.value.path().read_text(encoding="utf-8")
    assert lesson.quiz[0].text[:20] in sheet
    assert not any(answer.why in sheet for answer in lesson.quiz[0].answers), "a worksheet without answers"


def test_a_value_out_of_bounds_teaches_and_nothing_is_lost(house: House, lab: Page) -> None:
    lesson = catalogue.lesson("symmetric")
    open_lesson(house.app.url, lab, lesson)
    start(lab)
    seed = lab.get_by_label(re.compile("^Seed"))
    seed.fill("-5")
    lab.locator(".lab-run").click()
    expect(lab.locator("#lab-out .note.bad, .toast-body").first).to_be_visible()
    seed.fill("0")
    start(lab)


def test_the_projector_shows_one_step_at_a_time_by_keys(house: House, lab: Page) -> None:
    open_lesson(house.app.url, lab, catalogue.lesson("symmetric"))
    start(lab)
    count = lab.locator("#lab-out .lab-step").count()
    lab.get_by_role("button", name="Projector").click()
    expect(lab.locator("#lab-out .lab-step.now")).to_have_count(1)
    first = lab.locator("#lab-out .now").inner_text()
    lab.keyboard.press("ArrowRight")
    assert lab.locator("#lab-out .now").inner_text() != first
    lab.keyboard.press("End")
    expect(lab.locator("#lab-out .outcome.now")).to_be_visible()
    lab.keyboard.press("ArrowLeft")
    expect(lab.locator("#lab-out .lab-step.now .count")).to_have_text(str(count))
    lab.keyboard.press("Escape")
    expect(lab.locator("#lab-out .now")).to_have_count(0)


def test_a_link_that_names_nothing_says_so(house: House, lab: Page) -> None:
    lab.goto(f"{house.app.url}/?lesson=<img src=x onerror=alert(1)>")
    expect(lab.locator(".toast-body")).to_contain_text("It names no lesson")


def test_the_lab_on_a_phone_in_the_dark(house: House, chromium: Browser) -> None:
    state = house.context.storage_state()
    context = chromium.new_context(
        viewport={"width": 390, "height": 844}, color_scheme="dark", storage_state=state
    )
    try:
        page = context.new_page()
        open_lesson(house.app.url, page, LESSONS[0])
        start(page)
        accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
    finally:
        context.close()


def test_stop_ends_a_run_that_is_under_way(house: House, lab: Page) -> None:
    lesson = catalogue.lesson("passwords")
    open_lesson(house.app.url, lab, lesson, run="slow")
    lab.locator(".lab-run").click()
    expect(lab.locator("#lab-out")).to_contain_text(re.compile("Under way|The attack fails"))
    # On a quick machine the run may have ended first; the button is then of no use, and says so.
    stop = lab.get_by_role("button", name="Stop")
    if stop.is_enabled():
        stop.click()
    expect(lab.locator("#lab-out")).to_contain_text(re.compile("Stopped|The attack fails"))
    open_lesson(house.app.url, lab, lesson)
    start(lab)
