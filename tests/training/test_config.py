"""The config: every value is checked and named, and a file says the same as the object."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.config import LoraSettings, OptimiserSettings, TrainingConfig
from training.errors import BadConfigError

LORA = st.builds(
    LoraSettings,
    rank=st.integers(1, 1024),
    alpha=st.integers(1, 8192),
    dropout=st.floats(0, 0.9),
    targets=st.text(min_size=1).filter(str.strip),
    dora=st.booleans(),
)
OPTIMISER = st.builds(
    OptimiserSettings,
    rate=st.floats(1e-9, 1),
    schedule=st.sampled_from(("cosine", "linear", "constant")),
    warm_up=st.floats(0, 0.9),
    weight_decay=st.floats(0, 1),
    clip=st.floats(0, 1000),
)
PLACE = st.text(min_size=1).filter(lambda text: bool(text.strip()) and "\0" not in text)
CONFIGS = st.builds(
    TrainingConfig,
    name=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", fullmatch=True),
    dataset=PLACE,
    base=PLACE,
    task=st.sampled_from(("causal", "masked", "seq2seq", "tagging", "classification")),
    method=st.sampled_from(("lora", "full", "scratch")),
    epochs=st.integers(1, 1000),
    max_steps=st.integers(0, 10_000_000),
    batch_size=st.integers(1, 4096),
    batch_tokens=st.just(0) | st.integers(1024, 10_000_000),
    accumulation=st.integers(1, 4096),
    context=st.integers(8, 1024),
    overlap=st.floats(0, 0.9),
    precision=st.sampled_from(("auto", "fp32", "bf16")),
    gradient_checkpointing=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
    sample_prompts=st.lists(st.text()).map(tuple),
    lora=LORA,
    optimiser=OPTIMISER,
    architecture=st.fixed_dictionaries({"model_type": st.just("llama"), "hidden_size": st.integers(1, 512)}),
)
GOOD = TrainingConfig("run", "set")


@given(CONFIGS)
def test_a_file_says_the_same_as_the_object(tmp_path_factory: Any, config: TrainingConfig) -> None:
    path = tmp_path_factory.mktemp("config") / "config.yaml"
    config.to_yaml(path)
    assert TrainingConfig.from_yaml(path) == config


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("name", ""),
        ("name", "../up"),
        ("name", "a" * 65),
        ("dataset", " "),
        ("base", "a\0b"),
        ("task", "chat"),
        ("method", "magic"),
        ("epochs", 0),
        ("epochs", True),
        ("epochs", 1.5),
        ("max_steps", -1),
        ("batch_size", 0),
        ("batch_tokens", 100),
        ("accumulation", 0),
        ("context", 7),
        ("overlap", 0.95),
        ("overlap", float("nan")),
        ("precision", "fp8"),
        ("gradient_checkpointing", 1),
        ("evaluate_every", "often"),
        ("evaluate_rows", -5),
        ("save_every", -1),
        ("patience", -1),
        ("keep", 0),
        ("seed", -1),
        ("sample_prompts", ["a list"]),
        ("sample_prompts", (1,)),
        ("lora", {"rank": 4}),
        ("architecture", "gpt"),
    ],
)
def test_a_bad_value_is_named_with_what_was_given(option: str, value: Any) -> None:
    with pytest.raises(BadConfigError) as caught:
        replace(GOOD, **{option: value})
    assert str(caught.value).startswith(f"{option} must ")
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize(
    ("group", "option", "value"),
    [
        (LoraSettings, "lora.rank", 0),
        (LoraSettings, "lora.alpha", 0),
        (LoraSettings, "lora.dropout", 1.0),
        (LoraSettings, "lora.targets", ""),
        (LoraSettings, "lora.dora", "no"),
        (OptimiserSettings, "optimiser.rate", 0.0),
        (OptimiserSettings, "optimiser.rate", float("inf")),
        (OptimiserSettings, "optimiser.schedule", "steps"),
        (OptimiserSettings, "optimiser.warm_up", 1.0),
        (OptimiserSettings, "optimiser.weight_decay", -0.1),
        (OptimiserSettings, "optimiser.clip", -1.0),
    ],
)
def test_a_bad_value_in_a_group_is_named_with_the_group(group: Any, option: str, value: Any) -> None:
    with pytest.raises(BadConfigError, match=rf"^{option} must "):
        group(**{option.split(".")[1]: value})


def test_from_scratch_needs_the_kind_of_model() -> None:
    with pytest.raises(BadConfigError, match=r"architecture must have a model_type .* it has hidden_size"):
        replace(GOOD, method="scratch", architecture={"hidden_size": 8})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: a\ndataset: b\nlr: 1\n", r"^lr is not an option\. There are: name, dataset"),
        ("name: a\ndataset: b\nlora: {r: 4}\n", r"^lora\.r is not an option\. There are: lora\.rank"),
        ("name: a\n", r"^dataset is missing"),
        ("- a\n", r"must have options"),
        ("name: [\n", r"is not YAML"),
        ("name: a\ndataset: b\nlora: 5\n", r"^lora must be a group of options; it is 5"),
        (
            "name: a\ndataset: b\noptimiser: {rate: fast}\n",
            r"^optimiser\.rate must be a number; it is 'fast'",
        ),
        ("name: !!python/object/apply:os.system [x]\n", r"is not YAML"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(BadConfigError, match=message):
        TrainingConfig.from_yaml(path)


def test_a_file_that_is_not_there_or_no_text_says_so(tmp_path: Path) -> None:
    with pytest.raises(BadConfigError, match="can't be read"):
        TrainingConfig.from_yaml(tmp_path / "none.yaml")
    (tmp_path / "x.yaml").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(BadConfigError, match="is not YAML"):
        TrainingConfig.from_yaml(tmp_path / "x.yaml")


def test_a_rate_without_a_dot_is_a_number(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("name: a\ndataset: b\noptimiser: {rate: 2e-4}\n")
    assert TrainingConfig.from_yaml(path).optimiser.rate == 2e-4
