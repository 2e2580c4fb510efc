"""A run is bounded and repeatable, and what goes wrong in it is a sentence."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from security.lab import catalogue, running
from security.lab.errors import BadParameterError, LabError, NotHereError, TooMuchError
from security.lab.lesson import Run
from security.lab.parameters import Chosen
from security.lab.results import Results
from security.lab.service import AT_ONCE, Lab
from security.lab.steps import Download, Event, Outcome, Step, Table, Value, fingerprint, from_json, to_json

LESSON = catalogue.lesson("symmetric")
ROOT = Path(__file__).parents[3]


def shell(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "security", "lab", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_kind_of_event_survives_the_way_through_a_process() -> None:
    step = Step(
        "t",
        "x",
        (Value("b", b"\x00\xff", "n"), Value("i", 2**70), Value("f", 0.1), Value("y", True), Value("s", "ä")),
        "<svg></svg>",
        Table(("a",), (("1",),), "c"),
        (Download("f.bin", b"\x00", "cat"),),
        True,
    )
    for event in (step, Outcome("held", "so")):
        assert from_json(json.loads(json.dumps(to_json(event)))) == event


def test_measured_steps_are_not_in_the_fingerprint() -> None:
    def told(time: float) -> list[Event]:
        return [Step("a", values=(Value("x", 1),)), Step("b", values=(Value("s", time),), measured=True)]

    assert fingerprint(told(1.0)) == fingerprint(told(2.0))
    assert fingerprint(told(1.0)[:1]) != fingerprint([Step("a", values=(Value("x", 2),))])


def test_a_run_over_its_time_is_stopped_and_its_process_is_gone() -> None:
    run = replace(LESSON.run(), seconds=0.0)
    worker = running.Worker()
    with pytest.raises(TooMuchError, match="stopped"):
        list(worker.stream(LESSON, run, {}, 0))
    assert worker.process.poll() is not None


def test_leaving_early_ends_the_process() -> None:
    worker = running.Worker()
    events = worker.stream(LESSON, LESSON.run(), {}, 0)
    next(events)
    assert isinstance(events, Iterator)
    events.close()  # type: ignore[attr-defined]
    assert worker.process.poll() is not None


def test_a_value_that_cannot_be_used_starts_no_process() -> None:
    with pytest.raises(BadParameterError, match="no parameter of this name"):
        next(running.stream(LESSON, LESSON.run(), {"nothing": 1}, 0))


def test_a_run_that_needs_a_tool_says_so_without_it() -> None:
    def work(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
        yield Step(str(chosen.tool("speaker")), str(rng.random()))
        yield Outcome("works", "done")

    run = Run("x", "show", "t", "t", work, needs=("speaker",))
    with pytest.raises(NotHereError, match="speaker"):
        next(running.stream(LESSON, run, {}, 0))
    told = list(running.stream(LESSON, run, {}, 0, {"speaker": "hello"}))
    assert isinstance(told[0], Step) and told[0].title == "hello"


def test_the_worker_gets_no_secret_of_the_app(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASKLEPION_KEY", "very secret")
    worker = running.Worker()
    try:
        environment = Path(f"/proc/{worker.process.pid}/environ").read_bytes()
    finally:
        worker.close()
    assert b"very secret" not in environment


def test_the_shell_lists_runs_and_prints() -> None:
    listed = json.loads(shell("list", "--json").stdout)
    assert {"id", "title", "topic"} <= set(listed[0])
    assert [one["number"] for one in listed] == sorted(one["number"] for one in listed)
    told = json.loads(shell("run", "symmetric", "--seed", "5", "--json").stdout)
    assert told["seed"] == 5
    assert told["events"][-1]["outcome"]["verdict"] == "works"
    again = json.loads(shell("run", "symmetric", "--seed", "5", "--json").stdout)
    assert again == told
    assert json.loads(shell("run", "symmetric", "--seed", "6", "--json").stdout) != told
    assert shell("code", "symmetric").stdout == LESSON.code


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("run", "nothing"), "There is no lesson"),
        (("run", "symmetric/nothing"), "has no run"),
        (("run", "symmetric", "--seed", "x"), "seed: give a whole number"),
        (("run", "symmetric", "--set", "x"), "write NAME=VALUE"),
        (("run", "symmetric", "--set", "nothing=1"), "no parameter of this name"),
        (("code", "nothing"), "There is no lesson"),
    ],
)
def test_the_shell_refuses_in_one_sentence(words: tuple[str, ...], said: str) -> None:
    done = shell(*words)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_place_is_free_again_when_its_process_is_gone(tmp_path: Path) -> None:
    lab = Lab(Results(create_engine(f"sqlite:///{tmp_path / 'lab.db'}")), lambda: 0.0)
    lesson = catalogue.lesson("passwords")
    try:
        for _ in range(2 * AT_ONCE):
            left = lab.stream(lesson, lesson.run("slow"), {}, 0)
            next(left)
            left.close()  # type: ignore[attr-defined]  # as the page does when Stop is pressed
        told = [event for event in lab.stream(LESSON, LESSON.run(), {}, 0) if event is not None]
        assert isinstance(told[-1], Outcome)
    finally:
        lab.close()
    assert not lab._working


def test_a_worker_leaves_with_whoever_started_it() -> None:
    worker = running.Worker()
    lesson = catalogue.lesson("passwords")
    events = worker.stream(lesson, lesson.run("slow"), {}, 0)
    next(events)
    assert worker.process.stdin is not None
    worker.process.stdin.close()  # what the system does when the app is killed
    assert worker.process.wait(timeout=60) == 0
    events.close()  # type: ignore[attr-defined]


def test_a_run_that_breaks_off_is_a_sentence() -> None:
    with pytest.raises(LabError, match="broke off"):
        list(running.Worker().stream(LESSON, replace(LESSON.run(), id="nothing"), {}, 0))
