"""The embedded models learn: what the studio promises, on real weights and in few steps.

The full figures, on MedQuAD, are in the README.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from assistant.knowledge import sentences
from assistant.knowledge.corpus import read_corpus
from tests.training.tiny import FakeSet
from training import runs
from training.config import LoraSettings, OptimiserSettings, TrainingConfig
from training.evaluation import EvaluationOptions, evaluate
from training.trainer import train

pytestmark = pytest.mark.model


def library() -> list[str]:
    return [text for chunk in read_corpus() for text in sentences.texts(chunk.text) if len(text) > 30]


def texts() -> FakeSet:
    every = library()
    return FakeSet("text", [{"text": text} for text in every[80:400]], [{"text": t} for t in every[:80:2]])


def conll() -> FakeSet:
    """Sentences whose named conditions are tagged, as a file of somebody's would be."""
    names = sorted({alias.lower() for chunk in read_corpus() for alias in chunk.aliases if " " not in alias})
    rows = []
    for text in library():
        tokens = re.findall(r"\w+|[^\w\s]", text)
        tags = ["B-Condition" if token.lower() in names else "O" for token in tokens]
        if "B-Condition" in tags or not len(rows) % 3:
            rows.append({"tokens": tokens, "tags": tags})
    return FakeSet("tagged", rows[40:300], rows[:40])


def trained(folder: Path, data: FakeSet, **options: object) -> Path:
    config = TrainingConfig(
        name="run", dataset="in memory", context=64, batch_size=16, accumulation=1, **options
    )  # type: ignore[arg-type]
    place = runs.create(folder, config)
    outcome = train(config, place, data=data)
    assert outcome.best_loss is not None
    assert outcome.first_loss is not None
    assert outcome.best_loss < outcome.first_loss
    assert outcome.best is not None
    return outcome.best


def test_hidden_words_are_guessed_better_after_adaptation(tmp_path: Path) -> None:
    data = texts()
    options = EvaluationOptions(context=64, generate=0)
    best = trained(
        tmp_path,
        data,
        base="bert",
        task="masked",
        method="full",
        epochs=3,
        optimiser=OptimiserSettings(rate=3e-4),
    )
    before, after = (evaluate(spec, data, options) for spec in ("bert", str(best)))
    assert after.metrics["loss"] < 0.9 * before.metrics["loss"]
    assert after.metrics["accuracy"] > before.metrics["accuracy"]


def test_a_tagger_finds_more_after_fine_tuning(tmp_path: Path) -> None:
    data = conll()
    best = trained(
        tmp_path,
        data,
        base="bert",
        task="tagging",
        method="full",
        epochs=4,
        optimiser=OptimiserSettings(rate=5e-4),
    )
    after = evaluate(str(best), data, EvaluationOptions(context=64, generate=0))
    # A head that has learned nothing finds next to nothing.
    assert after.metrics["f1"] > 0.6


def test_an_adapter_lowers_the_loss_of_the_embedded_gpt(tmp_path: Path) -> None:
    turns = [(f"What should I know about {chunk.title}?", chunk.text[:160]) for chunk in read_corpus()[:40]]
    rows = [
        {"messages": [{"role": "user", "content": asked}, {"role": "assistant", "content": said}]}
        for asked, said in turns
    ]
    trained(
        tmp_path,
        FakeSet("pairs", rows[8:], rows[:8]),
        base="gpt",
        task="causal",
        method="lora",
        epochs=3,
        max_steps=5,
        lora=LoraSettings(rank=8, alpha=16),
        optimiser=OptimiserSettings(rate=5e-4),
    )
