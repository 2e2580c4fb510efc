"""A run that was stopped or killed goes on as if it had not been."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.training import tiny
from training import checkpoints, runs
from training.config import TrainingConfig
from training.errors import RunError
from training.progress import Event, StepDone, read_metrics
from training.trainer import resume, train

CASES = {
    "lora": ("gpt", {"evaluate_every": 5, "save_every": 2}, tiny.texts),
    "full": ("gpt", {"evaluate_every": 4, "method": "full", "sample_prompts": ("a",)}, tiny.pairs),
    "masked": ("bert", {"evaluate_every": 5, "method": "full", "task": "masked"}, tiny.texts),
    "tagging": ("bert", {"evaluate_every": 6, "task": "tagging", "save_every": 4}, tiny.tagged),
}
ROOT = Path(__file__).parents[2]


def curve(folder: Path) -> list[tuple[str, int, Any]]:
    """What was said, without what depends on the clock."""
    return [(line["kind"], line["step"], line.get("loss")) for line in read_metrics(folder)]


def stopping_at(step: int) -> tuple[Callable[[Event], None], Callable[[], bool]]:
    """(on_step, stop) of somebody who stops after `step`."""
    seen = [0]

    def note(event: Event) -> None:
        if isinstance(event, StepDone):
            seen[0] = event.step

    return note, lambda: seen[0] == step


def unbroken(tmp_path: Path, config: TrainingConfig, data: tiny.FakeSet) -> Path:
    folder = runs.create(tmp_path / "whole", config)
    train(config, folder, data=data)
    return folder


@pytest.mark.parametrize("case", CASES)
def test_a_stopped_run_goes_on_exactly(request: pytest.FixtureRequest, tmp_path: Path, case: str) -> None:
    base, options, make = CASES[case]
    config = tiny.config(request.getfixturevalue(base), epochs=2, **options)
    whole = unbroken(tmp_path, config, make())
    steps = max(step for _, step, _ in curve(whole))
    # Twice in one run, at steps that are drawn: sometimes at an evaluation, mostly between.
    first, second = sorted(random.Random(case).sample(range(1, steps), 2))
    folder = runs.create(tmp_path / "stopped", config)
    assert train(config, folder, *stopping_at(first), data=make()).reason == "stopped"
    outcome = resume(folder, *stopping_at(second), data=make())
    assert (outcome.reason, outcome.steps) == ("stopped", second)
    assert resume(folder, data=make()).reason == "done"
    expected, found = curve(whole), curve(folder)
    assert [entry[:2] for entry in found] == [entry[:2] for entry in expected]
    for one, other in zip(found, expected, strict=True):
        assert one[2] == pytest.approx(other[2], abs=1e-6)
    weights = next((whole / "best").glob("*.safetensors")).name
    assert (folder / "best" / weights).read_bytes() == (whole / "best" / weights).read_bytes()


SCRIPT = """
import sys
from pathlib import Path
import torch
from tests.training.test_resume import train_until_killed
torch.set_num_threads(1)
train_until_killed(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
"""


def train_until_killed(folder: Path, at: int, where: str) -> None:
    """Train until it tells of step `at` in an event of kind `where`; this process doesn't survive that."""

    def note(event: Event) -> None:
        if type(event).__name__ == where and event.step == at:
            os.kill(os.getpid(), signal.SIGKILL)

    train(runs.config_of(folder), folder, note, data=tiny.texts())


def assert_same_curve(folder: Path, whole: Path) -> None:
    assert [entry[:2] for entry in curve(folder)] == [entry[:2] for entry in curve(whole)]
    for one, other in zip(curve(folder), curve(whole), strict=True):
        assert one[2] == pytest.approx(other[2], abs=1e-6)


def test_a_killed_run_goes_on_exactly(gpt: Path, tmp_path: Path) -> None:
    """Killed before there is a checkpoint, and at 20 steps that are drawn."""
    config = tiny.config(gpt, epochs=4, evaluate_every=5, save_every=3)
    whole = unbroken(tmp_path, config, tiny.texts())
    steps = max(step for _, step, _ in curve(whole))
    assert steps > 21
    for at in (1, *random.Random(5).sample(range(2, steps), 20)):
        folder = runs.create(tmp_path / f"killed-{at}", config)
        child = multiprocessing.get_context("fork").Process(
            target=train_until_killed, args=(folder, at, "StepDone")
        )
        child.start()
        child.join(60)
        assert child.exitcode == -signal.SIGKILL
        assert max(step for _, step, _ in curve(folder)) == at
        assert resume(folder, data=tiny.texts()).reason == "done"
        assert_same_curve(folder, whole)


def test_a_run_that_was_killed_in_an_evaluation_of_a_process_of_its_own_goes_on_exactly(
    gpt: Path, tmp_path: Path
) -> None:
    config = tiny.config(gpt, epochs=2, evaluate_every=3)
    whole = unbroken(tmp_path, config, tiny.texts())
    folder = runs.create(tmp_path / "killed", config)
    environ = os.environ | {"PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(folder), "6", "Evaluated"],
        env=environ,
        cwd=ROOT,
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()
    assert resume(folder, data=tiny.texts()).reason == "done"
    assert_same_curve(folder, whole)


class Interrupt(BaseException):
    """Ends whatever is under way, as a kill does."""


@pytest.mark.parametrize("when", range(9))
def test_a_checkpoint_is_whole_or_not_there(
    gpt: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: int
) -> None:
    """Cut short before each of the calls that a save makes to the disk."""
    config = tiny.config(gpt, save_every=2, evaluate_every=100, max_steps=4)
    folder = runs.create(tmp_path, config)
    train(config, folder, *stopping_at(2), data=tiny.texts())
    before = {path.name: path.read_bytes() for path in (folder / "checkpoints/step-2").iterdir()}
    calls = [0]

    def fragile(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            if calls[0] == when:
                raise Interrupt
            calls[0] += 1
            return real(*args, **kwargs)

        return call

    with monkeypatch.context() as patch:
        for owner, name in (
            (checkpoints.safetensors.torch, "save_file"),
            (checkpoints, "_sync"),
            (Path, "rename"),
            (Path, "mkdir"),
        ):
            patch.setattr(owner, name, fragile(getattr(owner, name)))
        try:
            resume(folder, data=tiny.texts())
        except Interrupt:
            pass
        else:
            pytest.skip("a save makes fewer calls than this")
    found = checkpoints.latest(folder)
    assert found is not None
    assert {path.name for path in found.iterdir()} == set(before)
    if found.name == "step-2":
        assert {path.name: path.read_bytes() for path in found.iterdir()} == before
    assert resume(folder, data=tiny.texts()).steps == 4
    assert not list((folder / "checkpoints").glob(".part*"))


def test_no_pickle_is_written_and_the_oldest_checkpoints_go(gpt: Path, tmp_path: Path) -> None:
    config = tiny.config(gpt, save_every=1, keep=2, max_steps=5)
    folder = runs.create(tmp_path, config)
    train(config, folder, data=tiny.texts())
    kept = sorted(path.name for path in (folder / "checkpoints").iterdir())
    assert kept == ["step-4", "step-5"]
    files = {path.suffix for path in folder.rglob("*") if path.is_file()}
    assert files <= {".json", ".jsonl", ".jinja", ".safetensors", ".yaml", ".md"}


def test_a_run_with_other_data_is_not_resumed(gpt: Path, tmp_path: Path) -> None:
    config = tiny.config(gpt, max_steps=4)
    folder = runs.create(tmp_path, config)
    train(config, folder, *stopping_at(1), data=tiny.texts())
    other = tiny.FakeSet("text", tiny.texts().train, tiny.texts().held_out, hash="1" * 64)
    with pytest.raises(RunError, match="has changed since"):
        resume(folder, data=other)


def test_a_damaged_checkpoint_is_named(gpt: Path, tmp_path: Path) -> None:
    config = tiny.config(gpt, max_steps=4)
    folder = runs.create(tmp_path, config)
    train(config, folder, *stopping_at(1), data=tiny.texts())
    path = folder / "checkpoints/step-1/weights.safetensors"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(RunError, match=r"checkpoint step-1 can't be used"):
        resume(folder, data=tiny.texts())


def test_a_full_disk_is_said_before_the_first_step(
    gpt: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type("Usage", (), {"free": 1 << 10})
    monkeypatch.setattr(checkpoints.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(RunError, match=r"needs 1 MB and 0 MB are free\. Make room"):
        train(tiny.config(gpt), runs.create(tmp_path, tiny.config(gpt)), data=tiny.texts())


def test_a_line_that_a_crash_cut_short_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text(json.dumps({"step": 1}) + '\n{"step": 2, "lo')
    assert list(read_metrics(tmp_path)) == [{"step": 1}]


def test_there_must_be_a_run_to_resume(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="There is no run in"):
        resume(tmp_path / "none")
