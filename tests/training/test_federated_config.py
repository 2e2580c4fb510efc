"""A federation's config: the same from file and page, and checked when it is made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from training.errors import BadConfigError
from training.federated.config import FederationConfig, PoisonSettings, RuleSettings, SplitSettings

TWO, FIVE = ("a", "b"), tuple("abcde")


def test_what_is_written_is_read(tmp_path: Path) -> None:
    config = FederationConfig(
        "ward", FIVE, algorithm="fedprox", aggregation=RuleSettings("krum"), poison=PoisonSettings((2, 3))
    )
    path = tmp_path / "ward.yaml"
    path.write_text(config.to_text())
    assert FederationConfig.from_yaml(path) == config
    assert FederationConfig.from_dict(config.to_dict()) == config
    assert config.names == ("client-1", "client-2", "client-3", "client-4", "client-5")
    path.write_text("name: ward\nsplit: {dataset: all, alpha: 1e-1}\n")
    assert FederationConfig.from_yaml(path).split == SplitSettings("all", 3, 0.1)


def test_a_clients_training_is_a_runs() -> None:
    run = FederationConfig("ward", TWO, rounds=4, local_steps=5, task="masked", base="bert").training("here")
    assert (run.dataset, run.base, run.task, run.max_steps) == ("here", "bert", "masked", 20)
    assert FederationConfig("ward", TWO, rounds=4, local_epochs=2).training("here").epochs == 8


WRONG: list[tuple[dict[str, Any], str]] = [
    ({}, "Give either clients"),
    ({"clients": TWO, "split": {"dataset": "all"}}, "both are given"),
    ({"clients": ("a",)}, "from 2 to 100 clients; it has 1"),
    ({"clients": TWO, "rounds": 0}, "rounds must be from 1 to"),
    ({"clients": TWO, "rounds": 2.5}, "rounds must be a whole number"),
    ({"clients": TWO, "rounds": 500, "local_epochs": 3}, "rounds x local_epochs must be at most 1000"),
    ({"clients": TWO, "algorithm": "fedsgd"}, "algorithm must be one of fedavg, fedprox"),
    ({"clients": TWO, "secure": True}, "secure needs at least 3 clients"),
    ({"clients": FIVE, "secure": True, "aggregation": {"rule": "median"}}, "must be mean when secure is on"),
    ({"clients": TWO, "aggregation": {"rule": "krum"}}, "among at least 5 clients; there are 2"),
    ({"clients": FIVE, "aggregation": {"rule": "krum", "keep": 5}}, "at most the 4 clients"),
    ({"clients": FIVE, "aggregation": {"trim": 0.5}}, "aggregation.trim must be from 0 to 0.49"),
    ({"clients": FIVE, "aggregation": 3}, "aggregation must be a group of options"),
    ({"clients": TWO, "poison": {"clients": [3]}}, "poison.clients must be from 1 to 2; 3 is not"),
    ({"clients": TWO, "poison": {"clients": ["x"]}}, "poison.clients must be numbers"),
    ({"clients": TWO, "poison": {"kind": "bite"}}, "poison.kind must be one of sign-flip"),
    ({"clients": TWO, "poison": {"kind": "label-noise", "strength": 2}}, "from 0 to 1; it is 2"),
    ({"clients": TWO, "context": 1}, "context must be from 8"),
    ({"clients": TWO, "method": "scratch"}, "method must be one of lora, full"),
    ({"clients": TWO, "optimiser": {"rate": -1}}, "optimiser.rate must be from"),
    ({"clients": TWO, "hospital": 1}, "hospital is not an option"),
    ({"split": {"clients": 3}}, "split.dataset is missing"),
    ({"split": {"dataset": "all", "alpha": 0}}, "split.alpha must be from"),
]


@pytest.mark.parametrize(("options", "message"), WRONG)
def test_what_cannot_be_used_is_named_with_its_range(options: dict[str, Any], message: str) -> None:
    with pytest.raises(BadConfigError, match=message):
        FederationConfig.from_dict({"name": "ward"} | options)


def test_a_file_that_is_no_config_is_named(tmp_path: Path) -> None:
    path = tmp_path / "ward.yaml"
    for text, message in (("[1, 2", "is not YAML"), ("- 1", "must have options"), (None, "can't be read")):
        path.unlink(missing_ok=True)
        if text is not None:
            path.write_text(text)
        with pytest.raises(BadConfigError, match=message):
            FederationConfig.from_yaml(path)
