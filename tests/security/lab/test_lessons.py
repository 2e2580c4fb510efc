"""Every lesson keeps its promises: attacks that work, cures that hold, one result a seed, a program."""

from __future__ import annotations

from pathlib import Path

import pytest

from security.lab import catalogue, running
from security.lab.lesson import Lesson, Run
from security.lab.steps import fingerprint, from_json, to_json
from tests.security.lab import sample
from tests.security.lab.forms import check_events, check_form, check_program
from tests.security.lab.sample import source

LESSONS = catalogue.every()
RUNS = [(lesson, run) for lesson in LESSONS for run in lesson.runs if not run.needs]


def name(value: object) -> str | None:
    return value.id if isinstance(value, Lesson | Run) else None


def test_ids_and_numbers_are_unique() -> None:
    assert (
        len({lesson.id for lesson in LESSONS}) == len({lesson.number for lesson in LESSONS}) == len(LESSONS)
    )


@pytest.mark.parametrize("lesson", LESSONS, ids=name)
def test_a_lesson_is_complete(lesson: Lesson) -> None:
    check_form(lesson)


@pytest.mark.parametrize(("lesson", "run"), RUNS, ids=name)
def test_a_run_ends_as_promised_and_repeats(lesson: Lesson, run: Run) -> None:
    here = list(running.work(lesson, run, {}, 0))
    check_events(run, here)
    assert [from_json(to_json(event)) for event in here] == here
    # A worker is another process, with other hashes of texts and another order of sets.
    there = list(running.stream(lesson, run, {}, 0))
    assert fingerprint(there) == fingerprint(here)


@pytest.mark.parametrize(("lesson", "run"), [pair for pair in RUNS if not pair[1].heavy], ids=name)
def test_a_verdict_holds_for_other_seeds(lesson: Lesson, run: Run) -> None:
    for seed in (1, 20_261):
        check_events(run, list(running.work(lesson, run, {}, seed)))


@pytest.mark.parametrize("lesson", LESSONS, ids=name)
def test_the_program_runs_by_itself_and_says_the_same(lesson: Lesson, tmp_path: Path) -> None:
    check_program(lesson, tmp_path)


def test_the_how_to_is_a_whole_lesson_in_under_150_lines(tmp_path: Path) -> None:
    assert source().count("\n") < 150
    check_form(sample.LESSON)
    for run in sample.LESSON.runs:
        check_events(run, list(running.work(sample.LESSON, run, {}, 0)))
    check_program(sample.LESSON, tmp_path)
