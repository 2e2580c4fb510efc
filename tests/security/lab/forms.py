"""What every lesson must keep, as functions, so that the how-to's lesson is held to the same."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from security.lab import running
from security.lab.glossary import unknown
from security.lab.lesson import EXPECTED, Lesson, Run
from security.lab.parameters import Choice, Parameter
from security.lab.steps import Event, Outcome, Step, outcome_of


def check_form(lesson: Lesson) -> None:
    """Words, runs and questions are complete."""
    assert re.fullmatch(r"[a-z0-9-]+", lesson.id)
    assert lesson.runs[0].kind == "show"
    for text in (lesson.title, lesson.question, lesson.story, lesson.topic):
        assert text.strip()
    assert lesson.goals and lesson.uses and lesson.not_covered and lesson.sources
    assert all(Path(use.where.split(":")[0]).exists() for use in lesson.uses if "/" in use.where), lesson.uses
    ids = [run.id for run in lesson.runs]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-z0-9-]+", name) for name in ids)
    attacks = {run.id for run in lesson.runs if run.kind == "attack"}
    cured = {name for run in lesson.runs if run.kind == "cure" for name in run.cures}
    assert attacks, "a lesson has an attack"
    assert cured == attacks, "each attack has a cure, and a cure names attacks alone"
    for run in lesson.runs:
        _check_run(run)
    assert len(lesson.quiz) >= 4
    for question in lesson.quiz:
        assert sum(answer.right for answer in question.answers) == 1, question.text
        assert len(question.answers) >= 2
        assert all(answer.why.strip() for answer in question.answers)
    told = [lesson.story, lesson.question, *lesson.goals, *(run.text for run in lesson.runs)]
    assert not [word for text in told for word in unknown(text)]


def _check_run(run: Run) -> None:
    assert run.title and run.text
    names = [parameter.name for parameter in run.parameters]
    assert len(set(names)) == len(names)
    for parameter in run.parameters:
        assert parameter.parse(parameter.default) == parameter.default
        _check_label(parameter)


def _check_label(parameter: Parameter) -> None:
    assert parameter.label
    if isinstance(parameter, Choice):
        assert len(parameter.options) > 1


def check_events(run: Run, events: list[Event]) -> None:
    """A default run ends as its kind promises, and its steps are fit to show."""
    end = outcome_of(events)
    assert end is not None
    assert end.verdict == EXPECTED[run.kind], end.text
    steps = [event for event in events if isinstance(event, Step)]
    assert steps
    assert not any(isinstance(event, Outcome) for event in events[:-1])
    for step in steps:
        assert not unknown(step.text), step.text
        assert not any(unknown(value.note) for value in step.values)
        assert "<script" not in step.picture
        assert "http://" not in step.picture.replace("http://www.w3.org", "")
        if step.table is not None:
            assert all(len(row) == len(step.table.headings) for row in step.table.rows)
    assert any(step.picture for step in steps) or run.kind != "show"


def program_output(lesson: Lesson, folder: Path) -> dict[str, str]:
    """What the lesson's program prints, run by itself in an empty folder."""
    path = folder / "program.py"
    path.write_text(lesson.code, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", str(path)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return dict(line.split(": ", 1) for line in done.stdout.splitlines() if ": " in line)


def check_program(lesson: Lesson, folder: Path) -> None:
    """The program says what the default run says."""
    events = list(running.work(lesson, lesson.run(), {}, 0))
    shown = {
        value.name: value.shown()
        for event in events
        if isinstance(event, Step) and not event.measured
        for value in event.values
    }
    printed = program_output(lesson, folder)
    both = set(shown) & set(printed)
    assert both, (sorted(printed), sorted(shown))
    for name in both:
        assert printed[name] == shown[name], name
