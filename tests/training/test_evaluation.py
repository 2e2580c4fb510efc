"""A model on held-out text: the trainer's own losses by row, for every task and way of training."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from tests.training import tiny
from training import runs, trainer
from training.config import LoraSettings, OptimiserSettings
from training.errors import BadConfigError, BadDataError
from training.evaluation import EvaluationOptions, compare, evaluate
from training.evaluation.models import load

SETS = {
    "causal": tiny.texts(),
    "pairs": tiny.pairs(),
    "masked": tiny.texts(),
    "seq2seq": tiny.pairs(),
    "tagging": tiny.tagged(),
    "classification": tiny.labelled(),
}
BASES = {"causal": "gpt", "pairs": "gpt", "seq2seq": "t5"}
# Not the trainer's seed, and batches of another size: neither may change a loss of an unmasked task.
OPTIONS = EvaluationOptions(context=48, precision="fp32", batch_size=3, tokens=8, generate=4)


def run(folder: Path, base: Path, data: tiny.FakeSet, **changes: Any) -> tuple[Path, trainer.Outcome]:
    config = tiny.config(base, **({"context": 48, "epochs": 1} | changes))
    place = runs.create(folder, config)
    outcome = trainer.train(config, place, data=data)
    assert outcome.best is not None
    return outcome.best, outcome


@pytest.mark.parametrize("what", SETS)
@pytest.mark.parametrize("method", ["lora", "full"])
def test_the_loss_is_the_one_that_training_reported(
    what: str, method: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    base = request.getfixturevalue(BASES.get(what, "bert"))
    task = "causal" if what == "pairs" else what
    lora = LoraSettings(rank=4, alpha=64, targets="q,v" if what == "seq2seq" else "all-linear")
    best, outcome = run(tmp_path, base, SETS[what], task=task, method=method, lora=lora)
    found = evaluate(str(best), SETS[what], OPTIONS)
    assert found.task == task
    assert found.metrics["loss"] == pytest.approx(outcome.best_loss, abs=1e-5)
    assert found.rows + found.dropped == 6
    total, labels = (sum(part) for part in zip(*found.losses.values(), strict=True))
    assert total / labels == pytest.approx(found.metrics["loss"], abs=1e-9)
    # What was trained is what was loaded, and not the base.
    assert abs(found.metrics["loss"] - (outcome.first_loss or 0)) > 1e-3


def test_a_rows_loss_is_its_own_whatever_it_is_computed_with(gpt: Path) -> None:
    data = SETS["causal"]
    found = evaluate(str(gpt), data, OPTIONS)
    for place, row in enumerate(data.held_out):
        alone = evaluate(str(gpt), replace(data, held_out=[row]), OPTIONS)
        assert alone.losses[0][1] == found.losses[place][1]
        assert alone.losses[0][0] == pytest.approx(found.losses[place][0], abs=1e-4)


def test_loss_accuracy_and_bits_are_what_transformers_computes(gpt: Path) -> None:
    data = tiny.FakeSet("text", [], [{"text": text} for text in tiny.sentences(6, seed=3, longest=12)])
    found = evaluate(str(gpt), data, replace(OPTIONS, context=64))
    model = transformers.AutoModelForCausalLM.from_pretrained(gpt).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(gpt)
    nats = right = labels = size = 0.0
    for row in data.held_out:
        ids = tokenizer(row["text"])["input_ids"]
        assert len(ids) <= 64
        size += len(row["text"].encode()) - len(tokenizer.decode(ids[:1]).encode())
        ids = torch.tensor([[*ids, tokenizer.eos_token_id]])
        with torch.no_grad():
            logits = model(ids).logits[0, :-1]
        nats += torch.nn.functional.cross_entropy(logits, ids[0, 1:], reduction="sum").item()
        right += (logits.argmax(1) == ids[0, 1:]).sum().item()
        labels += len(logits)
    assert found.metrics == pytest.approx(
        {
            "loss": nats / labels,
            "perplexity": math.exp(nats / labels),
            "bits_per_byte": nats / math.log(2) / size,
            "accuracy": right / labels,
        },
        abs=1e-4,
    )


def test_overlapping_windows_count_each_byte_once(gpt: Path) -> None:
    text = " ".join(tiny.sentences(12, seed=5))
    data = tiny.FakeSet("text", [], [{"text": text}])
    bits = {}
    for overlap in (0.0, 0.5):
        found = evaluate(str(gpt), data, replace(OPTIONS, context=16, overlap=overlap))
        nats, labels = found.losses[0]
        bits[overlap] = nats / math.log(2) / found.metrics["bits_per_byte"]
        tokenizer = transformers.AutoTokenizer.from_pretrained(gpt)
        assert labels == len(tokenizer(text)["input_ids"])
    assert bits[0.0] == pytest.approx(bits[0.5]) == pytest.approx(len(text.encode()), abs=12)


def test_masks_follow_from_the_seed(bert: Path) -> None:
    options = replace(OPTIONS, task="masked")
    first, again, other = (
        evaluate(str(bert), SETS["masked"], replace(options, seed=seed)) for seed in (1, 1, 2)
    )
    assert first == again
    assert first.metrics["loss"] != other.metrics["loss"]
    assert 0 <= first.metrics["accuracy"] <= 1


def test_tags_that_are_learned_score_well(bert: Path, tmp_path: Path) -> None:
    tags = {"b": "B-Disease", "h": "B-Drug"}  # by the first letter, which the tiny vocabulary keeps
    rows = [
        {"tokens": text.split(), "tags": [tags.get(word[0], "O") for word in text.split()]}
        for text in tiny.sentences(40)
    ]
    data = tiny.FakeSet("tagged", rows[10:], rows[:10])
    rate = OptimiserSettings(rate=1e-2)
    best, _ = run(tmp_path, bert, data, task="tagging", method="full", epochs=6, optimiser=rate)
    before, after = (evaluate(str(spec), data, replace(OPTIONS, task="tagging")) for spec in (bert, best))
    changes = {change.metric: change for change in compare(before, after)}
    assert after.metrics["f1"] > 0.9 > before.metrics["f1"]
    assert set(after.by_label) == {"Disease", "Drug"}
    assert changes["f1"].better and changes["loss"].better and changes["f1 Drug"].change > 0
    assert changes["loss"].interval is not None and changes["loss"].interval.high < 0


def test_a_classifiers_confusion_holds_every_row(bert: Path, tmp_path: Path) -> None:
    best, _ = run(tmp_path, bert, SETS["classification"], task="classification")
    found = evaluate(str(best), SETS["classification"], OPTIONS)
    assert found.confusion is not None and found.confusion.labels == ("long", "short")
    assert sum(map(sum, found.confusion.counts)) == found.rows == 6
    right = sum(found.confusion.counts[i][i] for i in range(2))
    assert found.metrics["accuracy"] == pytest.approx(right / 6)


def test_a_label_that_the_model_does_not_know_is_named(bert: Path, tmp_path: Path) -> None:
    best, _ = run(tmp_path, bert, SETS["classification"], task="classification", max_steps=1)
    strange = tiny.FakeSet("labelled", [], [{"text": "rest", "label": "middling"}])
    with pytest.raises(
        BadDataError, match=r"the label middling, which .* doesn't know; it knows long, short"
    ):
        evaluate(str(best), strange, OPTIONS)


def test_an_evaluation_survives_json(gpt: Path, bert: Path) -> None:
    for found in (
        evaluate(str(gpt), SETS["pairs"], OPTIONS),
        evaluate(str(bert), SETS["classification"], OPTIONS),
    ):
        assert type(found).from_json(json.loads(json.dumps(found.to_json()))) == found
    with pytest.raises(BadDataError, match="This is no evaluation"):
        type(found).from_json({"model": "gpt"})


def test_only_the_same_set_is_compared_and_tokens_only_with_their_like(gpt: Path) -> None:
    found = evaluate(str(gpt), SETS["causal"], OPTIONS)
    with pytest.raises(BadDataError, match="Evaluate both on the same set"):
        compare(found, replace(found, data_hash="other"))
    worse = replace(found, metrics={name: value + 0.1 for name, value in found.metrics.items()})
    verdicts = {change.metric: change.better for change in compare(found, worse)}
    assert verdicts == {"loss": False, "perplexity": False, "bits_per_byte": False, "accuracy": True}
    verdicts = {change.metric: change.better for change in compare(found, replace(worse, tokens="new"))}
    assert verdicts == {"loss": None, "perplexity": None, "bits_per_byte": False, "accuracy": None}
    assert all(change.better is None for change in compare(found, found))


def test_progress_ends_at_its_total(gpt: Path) -> None:
    heard: list[tuple[int, int, str]] = []
    found = evaluate(str(gpt), SETS["pairs"], OPTIONS, lambda *told: heard.append(told))
    for text, total in (("held-out loss", found.rows), ("answers", len(found.answers))):
        told = [(done, whole) for done, whole, what in heard if what == text]
        assert told[-1] == (total, total)
        assert told == sorted(told)


@pytest.mark.parametrize(
    ("kind", "spec", "message"),
    [
        ("text", "nowhere/at/all", "can't be loaded"),
        ("pairs", "bert", "needs a set of kind"),
        ("text", "adapter", "no adapter_model.safetensors"),
        ("text", "stacked", "must stand on a model"),
    ],
)
def test_a_model_that_cannot_serve_is_refused(
    kind: str, spec: str, message: str, bert: Path, tmp_path: Path
) -> None:
    for name in ("adapter", "stacked"):
        (tmp_path / name).mkdir()
        config = {"base_model_name_or_path": str(tmp_path / "adapter")}
        (tmp_path / name / "adapter_config.json").write_text(json.dumps(config))
    (tmp_path / "stacked" / "adapter_model.safetensors").write_bytes(b"")
    given = {"bert": str(bert)}.get(spec, str(tmp_path / spec))
    with pytest.raises(BadConfigError, match=message):
        evaluate(given, SETS["causal" if kind == "text" else "pairs"], OPTIONS)


def test_nothing_held_out_is_said(gpt: Path) -> None:
    with pytest.raises(BadDataError, match="nothing held out with a label"):
        evaluate(str(gpt), tiny.texts(4, 0), OPTIONS)


@pytest.mark.parametrize("options", [{"rows": -1}, {"tokens": 0}, {"tokens": 512}, {"context": 3}])
def test_options_out_of_range_are_named(options: dict[str, int]) -> None:
    with pytest.raises(BadConfigError, match=next(iter(options))):
        EvaluationOptions(**options)


def test_a_classifier_keeps_the_names_in_its_own_config(bert: Path, tmp_path: Path) -> None:
    model = transformers.AutoModelForSequenceClassification.from_pretrained(
        bert, id2label={0: "short", 1: "long"}, label2id={"short": 0, "long": 1}
    )
    model.save_pretrained(tmp_path)
    transformers.AutoTokenizer.from_pretrained(bert).save_pretrained(tmp_path)
    loaded = load(str(tmp_path), OPTIONS, "labelled", ("long", "short"))
    assert loaded.labels == ("short", "long")


@pytest.mark.model
def test_the_embedded_models_are_evaluated_as_what_they_are() -> None:
    text = "The heart is a muscle that pumps blood through the body. It beats about 100,000 times a day."
    data = tiny.FakeSet("text", [], [{"text": text}])
    gpt, bert = (evaluate(spec, data, OPTIONS) for spec in ("gpt", "bert"))
    assert (gpt.task, bert.task) == ("causal", "masked")
    assert gpt.metrics["bits_per_byte"] < 1.2 and gpt.metrics["accuracy"] > 0.3
    assert math.isfinite(bert.metrics["loss"])
