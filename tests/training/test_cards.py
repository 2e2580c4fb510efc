"""Model cards: front matter that reads back, figures from the record, and nothing that leaks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.training import tiny
from training.cards import CardChoices, card
from training.version import Version

SECRET = "/home/anna/ward-7"
CONFIG = tiny.config("gpt", dataset=f"{SECRET}/notes", sample_prompts=("Mrs Miller said",)).to_dict()
VERSION = Version(
    name="flu-2",
    note="for the course",
    created="2026-01-02T12:00:00+00:00",
    task="causal",
    method="lora",
    base="gpt",
    base_hash="ef" * 32,
    parent="flu-1",
    dataset={"name": "ward 7", "hash": "ab" * 32, "counts": {"train": 450, "held_out": 50}},
    config=CONFIG,
    first_loss=3.5,
    best_loss=2.25,
    best_step=40,
    files={},
    evaluations=(
        {"name": "qa", "after": {"f1": 0.5123, "answer": "Mrs Miller has asthma"}, "cases": 50, "ok": True},
    ),
    tags=("candidate",),
)


def front_matter(text: str) -> dict[str, Any]:
    _, head, _ = text.split("---\n", 2)
    return yaml.safe_load(head)


def test_the_front_matter_is_what_the_hub_reads() -> None:
    assert front_matter(card(VERSION, "adapter", CardChoices())) == {
        "license": "apache-2.0",
        "library_name": "peft",
        "pipeline_tag": "text-generation",
        "tags": ["asklepion", "medical", "lora", "candidate"],
        "base_model": "HuggingFaceTB/SmolLM2-135M-Instruct",
        "base_model_relation": "adapter",
    }
    merged = front_matter(card(VERSION, "merged", CardChoices(licence="cc-by-4.0")))
    assert (merged["library_name"], merged["license"]) == ("transformers", "cc-by-4.0")
    assert merged["base_model_relation"] == "finetune"


def test_a_base_that_is_only_known_here_is_not_given_as_a_hub_model() -> None:
    head = front_matter(card(replace(VERSION, base="mine"), "adapter", CardChoices()))
    assert head["license"] == "other"
    assert "base_model" not in head
    scratch = replace(VERSION, base="", method="scratch", base_hash="", parent="")
    assert "base_model" not in front_matter(card(scratch, "merged", CardChoices()))


@pytest.mark.parametrize("form", ["adapter", "merged"])
def test_nothing_of_the_text_its_name_or_this_machine_is_told(form: str) -> None:
    text = card(VERSION, form, CardChoices())
    for leak in (SECRET, "anna", "Miller", "ward"):
        assert leak not in text
    assert "ward 7" in card(VERSION, form, CardChoices(name_dataset=True))


def test_counts_hash_losses_and_evaluations_are_there() -> None:
    text = card(VERSION, "adapter", CardChoices())
    for told in ("450 documents to train on", "50 documents held out", "ab" * 32, "ef" * 32, "flu-1"):
        assert told in text
    assert "| held-out loss | 3.5000 | 2.2500 (step 40) |" in text
    assert "| qa, after.f1 | | 0.5123 |" in text
    assert "| qa, cases | | 50 |" in text
    assert "no medical device" in text
    assert "not been evaluated by clinicians" in text


def test_nothing_held_out_is_said() -> None:
    bare = replace(VERSION, first_loss=None, best_loss=None, evaluations=(), dataset={})
    text = card(bare, "merged", CardChoices())
    assert "Nothing was held out" in text
    assert "whose size is not on record" in text


def test_the_config_in_the_card_is_one_that_runs(tmp_path: Path) -> None:
    from training.config import TrainingConfig

    text = card(VERSION, "adapter", CardChoices())
    shown = text.split("```yaml\n")[1].split("```")[0]
    (tmp_path / "config.yaml").write_text(shown)
    config = TrainingConfig.from_yaml(tmp_path / "config.yaml")
    assert config == replace(TrainingConfig.from_dict(CONFIG), dataset="DATASET", sample_prompts=())
    assert "python -m training run config.yaml" in text


def test_a_note_can_not_pass_for_a_part_of_the_card() -> None:
    text = card(replace(VERSION, note="fine\n# Approved\n---\nlicense: mit"), "merged", CardChoices())
    assert "\n> # Approved\n> ---\n> license: mit\n" in text
    assert front_matter(text)["license"] == "apache-2.0"
