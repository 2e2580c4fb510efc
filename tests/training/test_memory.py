"""Memory: what autograd really keeps, byte by byte, and the peak of real runs in their own processes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.memory import CASES, Case, estimated, measure
from tests.training.test_architectures import NEW, TASKS, made
from training import methods
from training.architectures import PRESETS, DesignRequest, Shape, count, inference_memory, training_memory
from training.architectures.activations import kept, labelled
from training.bases import Base
from training.batches import Batch
from training.config import LoraSettings, TrainingConfig
from training.objective import Objective

WIDE = {
    "layers": 3,
    "hidden_size": 64,
    "heads": 4,
    "feed_forward_size": 200,
    "vocabulary": 512,
    "context": 64,
}
LLAMA = Shape(**WIDE, key_value_heads=2)
GPT2 = Shape(positions="learned", **WIDE, dropout=0.1)
BERT = Shape(family="bert", positions="learned", **WIDE, dropout=0.1)
T5 = Shape(family="t5", positions="relative", **WIDE, gated=True, dropout=0.1)
ROWS, LENGTH = 3, 40


def really_kept(request: DesignRequest, bf16: bool) -> int:
    """Bytes that autograd keeps for the backward pass, beside parameters."""
    dtype = torch.bfloat16 if bf16 else torch.float32
    model = made(request.shape, request.task, request.labels, "cpu")
    new = NEW.get(request.shape.model_type, ())
    names = tuple(name for name, _ in model.named_parameters() if new and name.startswith(new))
    config = TrainingConfig(
        name="x",
        dataset="x",
        task=request.task,
        method=request.method,
        lora=request.lora,
        gradient_checkpointing=request.checkpointing,
    )
    base = Base(model, None, names if request.task not in ("causal", "seq2seq") else ())
    model = methods.make_trainable(base, config, torch.device("cpu"), dtype).train()
    ids = torch.randint(5, 500, (ROWS, LENGTH))
    labels = labelled(request)
    outputs = request.labels if request.task in ("tagging", "classification") else 500
    batch = Batch(
        ids,
        None if request.task == "causal" else torch.ones_like(ids),
        torch.arange(labels),
        torch.randint(0, outputs, (labels,)),
        ids if request.task == "seq2seq" else None,
    )
    lasting = {value.untyped_storage().data_ptr() for value in (*model.parameters(), *model.buffers())}
    sizes: dict[int, int] = {}
    alive = []

    def pack(value: torch.Tensor) -> torch.Tensor:
        storage = value.untyped_storage()
        if storage.data_ptr() not in lasting:
            sizes[storage.data_ptr()] = storage.nbytes()
            alive.append(value)  # so that no address is used twice
        return value

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda value: value):
        Objective(model, request.task, dtype).loss_sum(batch)
    return sum(sizes.values())


def logits(request: DesignRequest) -> int:
    """What the head keeps, which `kept` leaves out: log-probabilities, or the gradient made at once."""
    if request.task in ("masked", "seq2seq"):
        return labelled(request) * request.shape.vocabulary * 4
    return request.shape.vocabulary * request.shape.hidden_size * 4 if request.method == "full" else 0


KEPT = [(shape, task) for shape in (LLAMA, BERT, T5) for task in TASKS[shape.family][:2]]
KEPT += [(GPT2, "causal"), (replace(BERT, dropout=0.0), "masked"), (replace(T5, gated=False), "seq2seq")]
KEPT.remove((LLAMA, "tagging"))


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")
@pytest.mark.filterwarnings("ignore:fan_in_fan_out:UserWarning")  # peft's, of GPT-2
@pytest.mark.parametrize("bf16", [False, True])
@pytest.mark.parametrize("method", ["full", "lora", "dora"])
@pytest.mark.parametrize(("shape", "task"), KEPT)
def test_activations_are_what_autograd_keeps(shape: Shape, task: Any, method: str, bf16: bool) -> None:
    lora = LoraSettings(rank=4, dora=method == "dora")
    way: Any = "lora" if method == "dora" else method
    request = DesignRequest(shape, task, way, batch=ROWS, length=LENGTH, lora=lora, labels=5)
    head = logits(request) if task != "tagging" else 0
    told = kept(request, bf16).total + head
    assert told == pytest.approx(really_kept(request, bf16), rel=0.09 if method == "dora" else 0.035)


@pytest.mark.parametrize(("shape", "task"), [(LLAMA, "causal"), (BERT, "masked"), (T5, "seq2seq")])
def test_checkpointing_keeps_the_layers_inputs(shape: Shape, task: Any) -> None:
    deep = replace(shape, layers=12)
    request = DesignRequest(deep, task, "lora", batch=ROWS, length=LENGTH, checkpointing=True)
    told = kept(request, False).total + logits(request)
    assert told == pytest.approx(really_kept(request, False), rel=0.1)


CHOSEN = ("GPT, all weights, bf16", "GPT, LoRA, again", "BERT, all weights", "T5, LoRA, bf16")
MEASURED = [case for case in CASES if case.name.startswith(CHOSEN)]
"""Every family, way and precision, several batches a step, and checkpointing; the bench has all cases."""
assert len(MEASURED) == len(CHOSEN)


@pytest.mark.model
@pytest.mark.parametrize("case", MEASURED, ids=lambda case: case.name)
def test_the_estimate_is_within_15_percent_of_a_real_run(case: Case) -> None:
    peak = measure(case, threads=1)["peak"]
    assert estimated(case) == pytest.approx(peak, rel=0.15)


REQUESTS = st.builds(
    DesignRequest,
    shape=st.sampled_from([LLAMA, replace(GPT2, context=64)]),
    method=st.sampled_from(["lora", "full", "scratch"]),
    batch=st.integers(1, 16),
    length=st.integers(16, 64),
    accumulation=st.integers(1, 3),
    checkpointing=st.booleans(),
)


@settings(max_examples=60, deadline=None)
@given(REQUESTS, st.booleans(), st.sampled_from(["cpu", "cuda"]))
def test_more_text_never_needs_less(request_: DesignRequest, bf16: bool, device: Any) -> None:
    peak = training_memory(request_, bf16, device).peak
    for more in (replace(request_, batch=request_.batch + 1), replace(request_, length=request_.length // 2)):
        other = training_memory(more, bf16, device).peak
        assert other >= peak if more.batch > request_.batch else other <= peak


@settings(max_examples=60, deadline=None)
@given(REQUESTS, st.booleans())
def test_the_peak_holds_what_stays(request_: DesignRequest, bf16: bool) -> None:
    memory = training_memory(request_, bf16)
    stays = memory.fixed + memory.weights + memory.adapter + memory.optimiser + memory.gradients
    assert memory.peak >= stays


def test_an_adapter_needs_no_state_of_the_base() -> None:
    full = training_memory(DesignRequest(PRESETS["gpt-medium"], method="full"))
    lora = training_memory(DesignRequest(PRESETS["gpt-medium"], method="lora"))
    assert full.optimiser == 8 * count(PRESETS["gpt-medium"], "causal").model
    assert lora.optimiser < full.optimiser / 20
    assert lora.peak < full.peak


@pytest.mark.parametrize("shape", [LLAMA, GPT2, T5])
def test_the_cache_is_as_large_as_transformers_makes_it(shape: Shape) -> None:
    task: Any = TASKS[shape.family][0]
    model = made(shape, task, device="cpu").eval()
    ids = torch.randint(5, 500, (2, 30))
    with torch.no_grad():
        if shape.family == "t5":
            cache = model(input_ids=ids, decoder_input_ids=ids, use_cache=True).past_key_values
            caches = [cache.self_attention_cache, cache.cross_attention_cache]
        else:
            caches = [model(input_ids=ids, use_cache=True).past_key_values]
    real = sum(layer.keys.nbytes + layer.values.nbytes for each in caches for layer in each.layers)
    told = inference_memory(shape, count(shape, task), 30, batch=2)
    assert told.cache == real
    assert isinstance(model, transformers.PreTrainedModel)
    assert told.weights == 4 * sum(value.numel() for value in model.parameters())
