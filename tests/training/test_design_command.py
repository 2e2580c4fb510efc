"""`design`: what it prints, what it writes, what it refuses."""

from __future__ import annotations

import argparse
import io
import json
from pathlib import Path
from typing import Any

import pytest

from tests.training import tiny
from training import runs, trainer
from training.architectures import CATALOGUE, PRESETS, count
from training.commands import design
from training.commands.console import Console
from training.config import TrainingConfig
from training.errors import BadConfigError


def said(*options: str) -> str:
    parser = argparse.ArgumentParser()
    design.register(parser.add_subparsers())
    out = io.StringIO()
    assert design.run(parser.parse_args(["design", *options]), Console(out=out)) == 0
    return out.getvalue()


def test_a_person_gets_parameters_memory_and_a_table() -> None:
    text = said("--preset", "gpt-small", "--examples", "1000")
    assert f"{count(PRESETS['gpt-small'], 'causal').model:,} parameters" in text
    for name in ("RTX 4080", "2 x T4", "TPU v3-8", "H200"):
        assert name in text
    assert "data sheets" in text


@pytest.fixture
def result(capsys: pytest.CaptureFixture[str]) -> Any:
    def tell(*options: str) -> Any:
        parser = argparse.ArgumentParser()
        design.register(parser.add_subparsers())
        design.run(parser.parse_args(["design", *options]), Console(json=True))
        return json.loads(capsys.readouterr().out)

    return tell


def test_the_result_as_json_is_in_bytes_and_seconds(result: Any) -> None:
    found = result("--base", "gpt", "--batch", "8", "--examples", "500")
    assert found["parameters"]["model"] == CATALOGUE[0].parameters
    assert found["parameters"]["moving"] == found["parameters"]["adapter"]
    assert found["memory"]["peak"] > found["memory"]["weights"] > 4e8
    first = found["accelerators"][0]
    assert first["verdict"] == "fits"
    assert 0 < first["seconds_an_epoch"][0] < first["seconds_an_epoch"][1]


def test_options_change_the_shape_of_a_family(result: Any) -> None:
    found = result("--family", "bert", "--layers", "3", "--hidden", "96", "--heads", "3", "--task", "tagging")
    assert found["shape"]["layers"] == 3
    assert found["shape"]["family"] == "bert"
    learned = result("--family", "gpt", "--positions", "learned", "--heads", "4")
    assert learned["shape"]["positions"] == "learned"


def test_this_machine_is_in_the_table_when_it_is_measured(result: Any) -> None:
    assert result("--measure")["accelerators"][-1]["source"] == "measured"


def test_a_goal_gets_advice() -> None:
    assert said("--goal", "extract").startswith("BERT")


@pytest.mark.parametrize(
    ("family", "task", "rows"), [("gpt", "causal", tiny.texts), ("bert", "masked", tiny.texts)]
)
def test_the_config_it_writes_trains(
    request: pytest.FixtureRequest, tmp_path: Path, family: str, task: str, rows: Any
) -> None:
    place = tmp_path / "run.yaml"
    base = request.getfixturevalue(family)
    small = ("--layers", "1", "--hidden", "16", "--heads", "2", "--feed-forward", "32", "--vocabulary", "320")
    said("--family", family, *small, "--context", "64", "--batch", "8", "--config", str(place))
    config = TrainingConfig.from_yaml(place)
    assert config.method == "scratch"
    assert config.task == task
    changed = TrainingConfig.from_dict(config.to_dict() | {"base": str(base), "max_steps": 1})
    outcome = trainer.train(changed, runs.create(tmp_path / "runs", changed), data=rows())
    assert outcome.steps == 1


REFUSED = [
    (("--heads", "7"), "hidden_size"),
    (("--preset", "huge"), "--preset"),
    (("--base", "gpt", "--layers", "3"), "--base"),
    (("--base", "gpt", "--method", "scratch"), "--method"),
    (("--base", "nobody/nothing"), "nobody/nothing"),
    (("--family", "bert", "--task", "causal"), "task"),
    (("--batch", "0"), "batch"),
    (("--config", "/nowhere/at/all.yaml"), "/nowhere"),
]


@pytest.mark.parametrize(("options", "named"), REFUSED)
def test_what_cannot_be_is_refused_by_name(options: tuple[str, ...], named: str) -> None:
    with pytest.raises(BadConfigError, match=named):
        said(*options)
