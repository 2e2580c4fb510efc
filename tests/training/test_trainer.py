"""Runs on tiny models: what is learned, when it ends, what is told, what is refused."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from peft import PeftModel

from tests.training import tiny
from training import runs, trainer
from training.config import LoraSettings, OptimiserSettings, TrainingConfig
from training.corpus.dataset import hash_of
from training.errors import BadDataError, OutOfMemoryError, RunError
from training.progress import Evaluated, Event, Outcome, StepDone, Warned, read_metrics
from training.trainer import resume, train


def run(root: Path, config: TrainingConfig, data: tiny.FakeSet) -> tuple[Outcome, list[Event]]:
    events: list[Event] = []
    outcome = train(config, runs.create(root, config), events.append, data=data)
    return outcome, events


def of(kind: type, events: list[Event]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


TASKS = [("causal", "gpt", tiny.texts), ("causal", "gpt", tiny.pairs), ("masked", "bert", tiny.texts)]
TASKS += [("tagging", "bert", tiny.tagged), ("classification", "bert", tiny.labelled)]
TASKS += [("seq2seq", "t5", tiny.pairs)]


@pytest.mark.parametrize("method", ["lora", "full"])
@pytest.mark.parametrize(("task", "base", "make"), TASKS)
def test_every_task_is_learned(
    request: pytest.FixtureRequest, tmp_path: Path, task: str, base: str, make: Any, method: str
) -> None:
    rate = OptimiserSettings(rate=2e-2, schedule="constant")
    config = tiny.config(
        request.getfixturevalue(base), task=task, method=method, epochs=3, context=64, optimiser=rate
    )
    outcome, _ = run(tmp_path, config, make())
    assert outcome.reason == "done"
    assert outcome.first_loss is not None
    assert outcome.best_loss is not None
    assert outcome.best_loss < outcome.first_loss


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")
def test_the_best_model_is_the_one_whose_loss_was_told(gpt: Path, tmp_path: Path) -> None:
    """By peft and transformers alone, from all logits."""
    rows = [{"text": text} for text in tiny.sentences(20, 3, 12)]
    outcome, _ = run(tmp_path, tiny.config(gpt, context=64), tiny.FakeSet("text", rows[:14], rows[14:]))
    assert outcome.best is not None
    base = transformers.AutoModelForCausalLM.from_pretrained(gpt)
    model = PeftModel.from_pretrained(base, outcome.best).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(outcome.best)
    total, count = 0.0, 0
    for row in rows[14:]:
        ids = [*tokenizer(row["text"])["input_ids"], tokenizer.eos_token_id]
        assert len(ids) <= 64  # one window
        logits = model(input_ids=torch.tensor([ids[:-1]])).logits[0]
        total += torch.nn.functional.cross_entropy(logits, torch.tensor(ids[1:]), reduction="sum").item()
        count += len(ids) - 1
    assert outcome.best_loss == pytest.approx(total / count, rel=1e-5)


def test_an_adapter_says_where_it_belongs(gpt: Path, tmp_path: Path) -> None:
    outcome, _ = run(tmp_path, tiny.config(gpt, max_steps=1), tiny.texts())
    assert outcome.best is not None
    assert json.loads((outcome.best / "adapter_config.json").read_text())["base_model_name_or_path"] == str(
        gpt
    )


def test_labels_lie_beside_a_tagger(bert: Path, tmp_path: Path) -> None:
    outcome, _ = run(tmp_path, tiny.config(bert, task="tagging", max_steps=1), tiny.tagged())
    assert outcome.best is not None
    assert json.loads((outcome.best / runs.LABELS).read_text()) == ["O", "B-Disease", "B-Drug"]


def losses(events: list[Event]) -> list[float]:
    return [event.loss for event in of(StepDone, events)]


def test_accumulating_halves_is_the_same_as_the_whole_batch(gpt: Path, tmp_path: Path) -> None:
    still = LoraSettings(rank=4, dropout=0.0)
    curves = [
        losses(
            run(
                tmp_path,
                tiny.config(gpt, name=f"r{a}", batch_size=b, accumulation=a, lora=still, context=64),
                data,
            )[1]
        )
        for a, b, data in ((1, 8, tiny.pairs()), (2, 4, tiny.pairs()), (8, 1, tiny.pairs()))
    ]
    assert len(curves[0]) == 6
    assert curves[1] == pytest.approx(curves[0], rel=1e-5)
    assert curves[2] == pytest.approx(curves[0], rel=1e-5)


def test_a_run_repeats_with_its_seed(gpt: Path, tmp_path: Path) -> None:
    first, again, other = (
        losses(run(tmp_path, tiny.config(gpt, name=name, seed=seed), tiny.texts())[1])
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    assert first == again
    assert first != other


def test_gradient_checkpointing_changes_nothing(gpt: Path, tmp_path: Path) -> None:
    plain, less = (
        losses(run(tmp_path, tiny.config(gpt, name=f"r{on}", gradient_checkpointing=on), tiny.texts())[1])
        for on in (False, True)
    )
    assert less == pytest.approx(plain, rel=1e-5)


@pytest.mark.parametrize(("task", "base", "make"), (TASKS[1], TASKS[2], TASKS[5]))
@pytest.mark.parametrize("method", ["lora", "full"])
def test_bf16_comes_near(
    request: pytest.FixtureRequest, tmp_path: Path, task: str, base: str, make: Any, method: str
) -> None:
    full, half = (
        run(
            tmp_path,
            tiny.config(
                request.getfixturevalue(base), name=p, task=task, method=method, precision=p, max_steps=6
            ),
            make(),
        )[0]
        for p in ("fp32", "bf16")
    )
    if task != "seq2seq":  # T5 keeps some of its layers in float32 by itself
        assert half.first_loss == pytest.approx(full.first_loss, rel=2e-2)
    assert half.best_loss == pytest.approx(full.best_loss, rel=6e-2)


def test_dora_learns(gpt: Path, tmp_path: Path) -> None:
    lora = LoraSettings(rank=4, dora=True)
    outcome, _ = run(tmp_path, tiny.config(gpt, lora=lora, max_steps=8), tiny.texts())
    assert outcome.first_loss is not None
    assert outcome.best_loss is not None
    assert outcome.best_loss < outcome.first_loss


def test_from_scratch_a_shape_is_made_and_learned(gpt: Path, tmp_path: Path) -> None:
    shape = {"model_type": "llama", **tiny.SHAPE}
    config = tiny.config(gpt, method="scratch", architecture=shape, optimiser=OptimiserSettings(rate=2e-2))
    outcome, _ = run(tmp_path, config, tiny.texts())
    assert outcome.best is not None
    assert outcome.first_loss is not None
    assert outcome.best_loss is not None
    assert outcome.best_loss < 0.8 * outcome.first_loss
    assert transformers.AutoModelForCausalLM.from_pretrained(outcome.best).num_parameters() < 20_000


def test_every_step_and_evaluation_is_told_and_kept(gpt: Path, tmp_path: Path) -> None:
    config = tiny.config(gpt, sample_prompts=("asthma",), evaluate_every=3, epochs=1)
    outcome, events = run(tmp_path, config, tiny.texts())
    steps = of(StepDone, events)
    assert [step.step for step in steps] == list(range(1, outcome.steps + 1))
    assert all(step.label_tokens > 0 and step.memory > 0 and step.gradient_norm > 0 for step in steps)
    assert steps[-1].seconds_left == 0
    assert steps[-1].epoch == 1
    evaluations = of(Evaluated, events)
    assert [e.step for e in evaluations] == sorted({0, *range(3, outcome.steps, 3), outcome.steps})
    assert all(e.samples[0][0] == "asthma" for e in evaluations)
    kept = list(read_metrics(tmp_path / "run"))
    assert [line["step"] for line in kept] == [event.step for event in events]
    assert [line["loss"] for line in kept if line["kind"] == "step"] == losses(events)


def test_samples_of_a_chat_model_are_answers(gpt: Path, tmp_path: Path) -> None:
    config = tiny.config(gpt, sample_prompts=("What is asthma?",), max_steps=1)
    _, events = run(tmp_path, config, tiny.pairs())
    assert of(Evaluated, events)[0].samples[0][0] == "What is asthma?"


class Scripted:
    """Held-out losses as written."""

    def __init__(self, *values: float) -> None:
        self._values = iter(values)

    def __call__(self, *_: Any) -> tuple[float, int]:
        return next(self._values), 1


def test_patience_ends_a_run_and_the_best_is_kept(
    gpt: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer, "held_out_loss", Scripted(9, 5, 3, 4, 4, 4, 1))
    config = tiny.config(gpt, evaluate_every=1, patience=2)
    folder = runs.create(tmp_path, config)
    seen: list[bytes] = []

    def note(event: Event) -> None:
        if isinstance(event, Evaluated) and event.best:
            seen.append((folder / "best" / "adapter_model.safetensors").read_bytes())

    outcome = train(config, folder, note, data=tiny.texts())
    assert (outcome.reason, outcome.steps) == ("early", 4)
    assert (outcome.first_loss, outcome.best_loss, outcome.best_step) == (9, 3, 2)
    assert len(seen) == 2
    assert (folder / "best" / "adapter_model.safetensors").read_bytes() == seen[-1]
    assert resume(folder, data=tiny.texts()).reason == "early"


def test_nothing_held_out_is_said_and_the_last_is_the_best(gpt: Path, tmp_path: Path) -> None:
    outcome, events = run(tmp_path, tiny.config(gpt, max_steps=2), tiny.texts(12, 0))
    assert any("Nothing is held out" in warning.text for warning in of(Warned, events))
    assert outcome.best_loss is None
    assert outcome.best_step == 2
    assert outcome.best is not None


def test_a_run_whose_labels_are_all_masked_is_refused(gpt: Path, tmp_path: Path) -> None:
    with pytest.raises(BadDataError, match="every label masked"):
        run(tmp_path, tiny.config(gpt, context=8), tiny.pairs())


def test_a_context_beyond_the_base_is_cut_and_said(gpt: Path, tmp_path: Path) -> None:
    _, events = run(tmp_path, tiny.config(gpt, context=500, max_steps=1), tiny.texts())
    assert any("takes 64 tokens at most" in warning.text for warning in of(Warned, events))


def test_a_run_that_diverges_ends_with_advice_and_its_weights_unharmed(gpt: Path, tmp_path: Path) -> None:
    events: list[Event] = []
    config = tiny.config(gpt, method="full", precision="fp32", epochs=20, evaluate_every=1000)
    folder = runs.create(tmp_path, config)

    held = torch.nn.functional.linear

    def poisoned(*args: Any, **kwargs: Any) -> torch.Tensor:
        out = held(*args, **kwargs)
        return out * math.nan if len(of(StepDone, events)) >= 2 else out

    with pytest.MonkeyPatch.context() as patch, pytest.raises(RunError, match="no number for 3 steps"):
        patch.setattr(torch.nn.functional, "linear", poisoned)
        train(config, folder, events.append, data=tiny.texts())
    assert len(of(Warned, events)) == 2


def test_out_of_memory_says_what_to_change(
    gpt: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> float:
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried ...")

    monkeypatch.setattr("training.optimiser.clip", full)
    with pytest.raises(OutOfMemoryError, match="Take batch_size 1 and accumulation 4") as caught:
        run(tmp_path, tiny.config(gpt), tiny.texts())
    replace(tiny.config(gpt), **caught.value.changes)


def test_other_errors_of_torch_are_not_taken_for_it(
    gpt: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> float:
        raise RuntimeError("shapes")

    monkeypatch.setattr("training.optimiser.clip", broken)
    with pytest.raises(RuntimeError, match="shapes"):
        run(tmp_path, tiny.config(gpt), tiny.texts())


def test_a_run_is_not_begun_twice(gpt: Path, tmp_path: Path) -> None:
    config = tiny.config(gpt, max_steps=1)
    run(tmp_path, config, tiny.texts())
    with pytest.raises(RunError, match="has begun already"):
        train(config, tmp_path / "run", data=tiny.texts())


def test_a_prepared_set_is_read_from_its_folder(gpt: Path, tmp_path: Path) -> None:
    data = tiny.texts()
    for split in ("train", "held_out"):
        lines = [json.dumps(row) + "\n" for row in data.rows(split)]
        (tmp_path / f"{split}.jsonl").write_text("".join(lines))
    counts = {"train": len(data.train), "held_out": len(data.held_out)}
    described = {"name": "set", "kind": "text", "counts": counts, "hash": hash_of(tmp_path)}
    (tmp_path / "dataset.json").write_text(json.dumps(described))
    config = tiny.config(gpt, dataset=str(tmp_path), max_steps=2)
    from_folder = train(config, runs.create(tmp_path / "runs", config))
    given, _ = run(tmp_path / "given", config, data)
    assert from_folder.best_loss == given.best_loss


@pytest.mark.model
def test_the_embedded_gpt_learns_in_three_steps(tmp_path: Path) -> None:
    asked = "What does the word asklepion mean?"
    said = "An asklepion was a house where people were healed."
    turns = [{"role": "user", "content": asked}, {"role": "assistant", "content": said}]
    data = tiny.FakeSet("pairs", [{"messages": turns}] * 4, [{"messages": turns}])
    config = tiny.config(
        "gpt",
        lora=LoraSettings(),
        optimiser=OptimiserSettings(rate=2e-3, schedule="constant"),
        max_steps=3,
        epochs=3,
        context=128,
        precision="auto",
    )
    outcome, events = run(tmp_path, config, data)
    curve = losses(events)
    assert len(curve) == 3
    assert curve[2] < curve[0]
    assert outcome.first_loss is not None
    assert outcome.best_loss is not None
    assert outcome.best_loss < 0.9 * outcome.first_loss
    assert outcome.best is not None
    adapter = json.loads((outcome.best / "adapter_config.json").read_text())
    assert adapter["base_model_name_or_path"] == "gpt"
