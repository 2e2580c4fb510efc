"""Shapes, their exact counts against transformers' and peft's own models, and what follows from them."""

from __future__ import annotations

import itertools
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st

from training import methods
from training.architectures import (
    ACCELERATORS,
    CATALOGUE,
    PRESETS,
    USUAL_TASK,
    Accelerator,
    DesignRequest,
    Shape,
    advise,
    base_of,
    count,
    estimate,
    measure_here,
    plan,
)
from training.architectures.flops import epoch_seconds, training_flops
from training.bases import Base
from training.config import LoraSettings, Task, TrainingConfig
from training.errors import BadConfigError

CLASSES = {
    "causal": "AutoModelForCausalLM",
    "masked": "AutoModelForMaskedLM",
    "seq2seq": "AutoModelForSeq2SeqLM",
    "tagging": "AutoModelForTokenClassification",
    "classification": "AutoModelForSequenceClassification",
}
TASKS: dict[str, tuple[Task, ...]] = {
    family: (usual, "tagging", "classification") for family, usual in USUAL_TASK.items()
}


def made(shape: Shape, task: str, labels: int = 2, device: str = "meta") -> Any:
    """transformers' own model of a shape; on the meta device it has no numbers, only sizes."""
    options = shape.to_architecture()
    ids = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 1}
    config = transformers.AutoConfig.for_model(options.pop("model_type"), **options, **ids, num_labels=labels)
    with torch.device(device):
        return getattr(transformers, CLASSES[task]).from_config(config)


@st.composite
def shapes(draw: Any) -> Shape:
    family = draw(st.sampled_from(["gpt", "bert", "t5"]))
    positions = {"bert": "learned", "t5": "relative"}.get(family) or draw(
        st.sampled_from(["rotary", "learned"])
    )
    keys, groups, width = draw(st.integers(1, 3)), draw(st.integers(1, 3)), 2 * draw(st.integers(4, 6))
    free = positions != "learned" and draw(st.booleans())
    rotary, biased = positions == "rotary", draw(st.booleans())
    return Shape(
        family=family,
        positions=positions,
        layers=draw(st.integers(1, 3)),
        hidden_size=keys * groups * width,
        heads=keys * groups,
        feed_forward_size=draw(st.integers(8, 70)),
        vocabulary=draw(st.integers(16, 90)),
        context=draw(st.integers(8, 40)),
        key_value_heads=keys if rotary else 0,
        head_size=width + 2 if free and not (rotary and biased) else 0,
        tied=family == "t5" or draw(st.booleans()),
        gated=family == "t5" and draw(st.booleans()),
        query_bias=rotary and biased,
        decoder_layers=draw(st.integers(0, 3)) if family == "t5" else 0,
        segments=draw(st.integers(1, 3)),
    )


@settings(max_examples=20, deadline=None)
@given(shapes(), st.integers(0, 2), st.integers(2, 9))
def test_the_count_is_transformers_own(shape: Shape, number: int, labels: int) -> None:
    task = TASKS[shape.family][number]
    numbers = count(shape, task, labels)
    assert numbers.model == sum(value.numel() for value in made(shape, task, labels).parameters())
    assert numbers.moving == numbers.model


@settings(max_examples=10, deadline=None)
@given(shapes())
def test_a_shape_is_read_back_from_its_config(shape: Shape) -> None:
    read = Shape.of_config(made(shape, USUAL_TASK[shape.family]).config)
    assert read.to_architecture() == shape.to_architecture()


SMALL = {"layers": 2, "hidden_size": 24, "heads": 4, "feed_forward_size": 40, "vocabulary": 50, "context": 16}
LLAMA = Shape(**SMALL, key_value_heads=2)
GPT2 = Shape(positions="learned", **SMALL)
BERT = Shape(family="bert", positions="learned", **SMALL)
T5 = Shape(family="t5", positions="relative", **SMALL, gated=True)
NEW = {
    "llama": ("score",),
    "bert": ("classifier", "cls.predictions.transform"),
    "t5": ("classifier", "classification_head"),
}
ADAPTED = [(GPT2, "causal", frozenset())]
ADAPTED += [(shape, task, frozenset({"head"})) for shape in (LLAMA, BERT, T5) for task in TASKS[shape.family]]
ADAPTED += [(BERT, "masked", frozenset()), (BERT, "classification", frozenset({"head", "pooler"}))]


@pytest.mark.filterwarnings("ignore:fan_in_fan_out:UserWarning")  # peft's, of GPT-2
@pytest.mark.parametrize(("shape", "task", "fresh"), ADAPTED)
@pytest.mark.parametrize("dora", [False, True])
def test_what_moves_is_what_the_trainer_moves(
    shape: Shape, task: Task, fresh: frozenset[str], dora: bool
) -> None:
    lora = LoraSettings(rank=3, alpha=6, dora=dora)
    model = made(shape, task, 5, "cpu")
    new = (NEW.get(shape.model_type, ()) if "head" in fresh else ()) + (
        ("bert.pooler",) if "pooler" in fresh else ()
    )
    names = tuple(name for name, _ in model.named_parameters() if new and name.startswith(new))
    config = TrainingConfig(name="x", dataset="x", task=task, lora=lora)
    ready = methods.make_trainable(Base(model, None, names), config, torch.device("cpu"), torch.float32)
    moving = sum(value.numel() for value in methods.moving(ready).values())
    assert count(shape, task, 5, lora, fresh).moving == moving


def test_targets_by_name_are_counted_alone() -> None:
    named = LoraSettings(rank=2, targets="q_proj, v_proj")
    per_layer = 2 * (24 + 24) + 2 * (24 + 12)
    assert count(LLAMA, "causal", lora=named).adapter == 2 * per_layer


REFUSED = [
    ({"heads": 5}, "hidden_size"),
    ({"key_value_heads": 3}, "key_value_heads"),
    ({"layers": 0}, "layers"),
    ({"layers": 2.5}, "layers"),
    ({"vocabulary": True}, "vocabulary"),
    ({"dropout": 1.0}, "dropout"),
    ({"hidden_size": 12, "heads": 4}, "even"),
    ({"positions": "relative"}, "positions"),
    ({"family": "rnn"}, "family"),
    ({"family": "bert", "positions": "learned", "key_value_heads": 2}, "key_value_heads"),
    ({"gated": True}, "gated"),
]


@pytest.mark.parametrize(("change", "named"), REFUSED)
def test_a_shape_that_cannot_be_is_refused_by_name(change: dict[str, Any], named: str) -> None:
    with pytest.raises(BadConfigError, match=named):
        Shape(**(SMALL | change))


def test_an_untied_t5_is_not_made_anew() -> None:
    with pytest.raises(BadConfigError, match="tied"):
        replace(T5, tied=False).to_architecture()


def test_every_preset_is_what_its_name_says() -> None:
    for name, shape in PRESETS.items():
        assert name.startswith(shape.family)
        assert count(shape, USUAL_TASK[shape.family]).model > 2e6
    assert 0.9e9 < count(PRESETS["gpt-1b"], "causal").model < 1.2e9


PUBLISHED = {
    "HuggingFaceTB/SmolLM2-360M-Instruct": 361_821_120,
    "HuggingFaceTB/SmolLM2-1.7B-Instruct": 1_711_376_384,
    "Qwen/Qwen2.5-0.5B-Instruct": 494_032_768,
    "Qwen/Qwen2.5-7B-Instruct": 7_615_616_512,
    "meta-llama/Llama-3.2-1B-Instruct": 1_235_814_400,
    "mistralai/Mistral-7B-Instruct-v0.3": 7_248_023_552,
    "google-t5/t5-base": 222_903_552,
    "google/flan-t5-small": 76_961_152,
}


def test_the_catalogue_counts_what_the_makers_publish() -> None:
    counts = {base.id: base.parameters for base in CATALOGUE}
    assert PUBLISHED.items() <= counts.items()
    assert len(counts) == len(CATALOGUE)


@pytest.mark.model
@pytest.mark.parametrize("name", ["gpt", "bert"])
def test_the_embedded_bases_have_the_shapes_of_the_catalogue(name: str) -> None:
    from assistant import weights

    if name == "gpt":
        config = transformers.AutoConfig.from_pretrained(
            weights.gpt_file().parent, gguf_file=weights.gpt_file().name
        )
    else:
        config = transformers.AutoConfig.from_pretrained(weights.bert_folder())
    assert Shape.of_config(config).to_architecture() == base_of(name)[0].to_architecture()


def test_a_folder_has_the_shape_of_its_config(gpt: Path, bert: Path, t5: Path) -> None:
    for folder, kind in ((gpt, "CausalLM"), (bert, "MaskedLM"), (t5, "Seq2SeqLM")):
        shape, lacks = base_of(str(folder))
        model = getattr(transformers, f"AutoModelFor{kind}").from_pretrained(folder)
        total = sum(value.numel() for value in model.parameters())
        assert count(shape, USUAL_TASK[shape.family]).model == total
        assert "head" not in lacks


def test_a_base_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadConfigError, match="nobody/nothing"):
        base_of("nobody/nothing")


def test_advice_is_for_goals_and_tasks() -> None:
    assert advise("explain").startswith("GPT")
    assert advise("Extract ").startswith("BERT")
    assert advise("tagging").startswith("BERT")
    assert advise("summarise").startswith("T5")
    with pytest.raises(BadConfigError, match="cook"):
        advise("cook")


MEDIUM = DesignRequest(PRESETS["gpt-medium"], method="scratch", batch=8, length=512)


def test_flops_are_six_a_weight_and_token() -> None:
    """The usual rule, for all weights that multiply, where attention is a small part."""
    request = replace(MEDIUM, length=128)
    weights = count(request.shape, "causal").model  # the tied embedding is the head's matrix
    assert training_flops(request) == pytest.approx(6 * weights * 8 * 128, rel=0.03)


def test_an_adapter_saves_a_third_and_checkpointing_costs_one() -> None:
    full = training_flops(MEDIUM)
    assert training_flops(replace(MEDIUM, method="lora")) == pytest.approx(full * 2 / 3, rel=0.08)
    again = training_flops(replace(MEDIUM, checkpointing=True)) / full
    assert 1.2 < again < 1.34


def test_attention_grows_with_the_square() -> None:
    def pairs(length: int) -> float:
        long = replace(MEDIUM, shape=replace(MEDIUM.shape, context=8192), batch=1, length=length)
        return training_flops(long) - length * (training_flops(replace(long, length=8)) / 8)

    assert pairs(8192) / pairs(4096) == pytest.approx(4, rel=0.01)


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from([base.shape for base in CATALOGUE if base.family == "gpt"]),
    st.sampled_from(["lora", "full"]),
    st.sampled_from([1, 4, 16]),
    st.sampled_from([512, 2048, 4096]),
    st.sampled_from(ACCELERATORS),
)
def test_the_changes_of_a_verdict_make_it_fit(
    shape: Shape, method: Any, batch: int, length: int, accelerator: Accelerator
) -> None:
    request = DesignRequest(shape, method=method, batch=batch, length=length, precision="fp32")
    verdict = plan(request, accelerator)
    assert (verdict.kind == "fits if") == bool(verdict.changes)
    if verdict.kind == "fits if":
        run = TrainingConfig(
            **{"name": "x", "dataset": "x", "method": method, "batch_size": batch, "context": length}
            | {"precision": "fp32"}
            | verdict.changes
        )
        changed = plan(DesignRequest.of_config(run, shape), accelerator)
        assert changed.kind == "fits"
        assert changed.memory.peak == verdict.changed
        if "context" not in verdict.changes:
            assert run.batch_size * run.accumulation >= batch * 4


def test_a_larger_memory_never_fits_less() -> None:
    request = DesignRequest(CATALOGUE[10].shape, method="full", batch=16, length=2048)
    order = ["does not fit", "fits if", "fits"]
    for small, large in itertools.pairwise(sorted(ACCELERATORS, key=lambda each: each.memory)):
        if small.bf16 == large.bf16:
            assert order.index(plan(request, small).kind) <= order.index(plan(request, large).kind)


def test_an_epoch_takes_its_examples(rate: float = 1e12) -> None:
    hardware = Accelerator("x", 10**12, rate, 0, 2 * rate)
    request = replace(MEDIUM, examples=1000, tokens=100)
    least, most = epoch_seconds(request, hardware, bf16=False)
    one = training_flops(replace(MEDIUM, batch=1, length=100))
    assert least == pytest.approx(1000 * one / rate / 0.45)
    assert most == pytest.approx(1000 * one / rate / 0.25)
    assert epoch_seconds(request, hardware, bf16=True)[0] == pytest.approx(least / 2)
    assert epoch_seconds(MEDIUM, hardware, bf16=True) == (0.0, 0.0)


def test_this_machine_is_measured() -> None:
    here = measure_here(0.05)
    assert here.source == "measured"
    assert here.fp32 > 1e8
    assert here.memory > 1e8
    assert here.bandwidth > 1e7
    assert estimate(MEDIUM, here).verdicts[-1].accelerator is here


def test_a_slider_can_follow() -> None:
    """Processor time, so that others on the machine don't count."""
    estimate(MEDIUM)
    began = time.process_time()
    for layers in range(1, 6):
        estimate(replace(MEDIUM, shape=replace(MEDIUM.shape, layers=layers)))
    assert (time.process_time() - began) / 5 < 0.05
