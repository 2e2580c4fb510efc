"""The shell's evaluate: one JSON object, words for a person, and one sentence for what can't be used."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from security.crypto.files import is_sealed
from tests.training import tiny
from training.__main__ import main
from training.canaries import make_canaries, plant, save
from training.corpus.dataset import SPLITS
from training.federated.hospitals import write_set
from training.safe import KEY_VARIABLE, Safe

FAST = ["--context", "64", "--precision", "fp32", "--tokens", "4", "--generate", "3"]


@pytest.fixture
def held(tmp_path: Path) -> Path:
    save(plant(tiny.pairs(4, 4), make_canaries(1), 1), tmp_path / "set")
    return tmp_path / "set"


def test_json_holds_all_that_was_asked_for(
    gpt: Path, held: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "wiki.txt").write_text(tiny.PROSE)
    (tmp_path / "canaries.json").write_text('[{"form": "phone", "name": "A", "secret": "123-456-7890"}]')
    asked = ["evaluate", "--model", str(gpt), "--before", str(gpt), "--data", str(held), "--gate", "--json"]
    asked += ["--task", f"wikitext={tmp_path / 'wiki.txt'}", "--canaries", str(tmp_path / "canaries.json")]
    progress = tmp_path / "progress"
    assert main([*asked, *FAST, "--progress", str(progress)]) == 0
    found = json.loads(capsys.readouterr().out)
    changes = {change["metric"]: change for change in found["data"]["changes"]}
    assert changes["loss"]["change"] == 0 and changes["loss"]["better"] is None
    assert changes["loss"]["interval"]["low"] == changes["loss"]["interval"]["high"] == 0
    assert len(found["data"]["evaluations"][0]["answers"]) == 3
    assert found["tasks"]["wikitext"][str(gpt)]["perplexity"] > 1
    assert found["gate"]["verdict"]["opened"] is True
    assert len(found["canaries"]) == 2
    told = [json.loads(line) for line in progress.read_text().splitlines()]
    assert told and all(0 <= line["done"] <= line["total"] for line in told)


def test_words_for_a_person(gpt: Path, held: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "--model", str(gpt), "--data", str(held), *FAST]) == 0
    said = capsys.readouterr().out
    assert "held-out rows, as causal" in said and "bits_per_byte" in said and "asked:" in said


def test_of_a_sealed_set_nothing_is_printed_and_the_report_is_sealed(
    gpt: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    safe, marker = Safe("ann", bytes(range(32))), "the purple fever of Wolverhampton"
    asked_of = [{"role": "user", "content": marker}, {"role": "assistant", "content": "Rest."}]
    rows = {split: [{"id": f"{split}{n}", "messages": asked_of} for n in range(2)] for split in SPLITS}
    write_set(tmp_path / "set", "set", "pairs", rows, safe)
    reading, writing = os.pipe()
    os.write(writing, safe.to_hand())
    os.close(writing)
    monkeypatch.setenv(KEY_VARIABLE, str(reading))
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)  # it is set anew, and put back after the test
    report = tmp_path / "report.json"
    asked = ["evaluate", "--model", str(gpt), "--data", str(tmp_path / "set"), *FAST]
    assert main([*asked, "--report", str(report)]) == 0
    printed = capsys.readouterr()
    assert marker not in printed.out + printed.err
    assert is_sealed(report)
    assert marker in safe.read_text(report)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ([], "Nothing to evaluate on"),
        (["--task", "wikitext"], "--task takes NAME=FILE"),
        (["--task", "squad=x"], "There is no task squad"),
        (["--gate", "--rows", "-1"], "rows must be from 0"),
        (["--gate", "--precision", "fp8"], "precision must be one of"),
        (["--data", "nowhere"], "no prepared data set"),
    ],
)
def test_what_cannot_be_used_is_said_in_a_sentence(
    more: list[str], message: str, gpt: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", "--model", str(gpt), *more]) == 2
    assert message in capsys.readouterr().err
