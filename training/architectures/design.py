"""A whole design at once, for the page and the shell: parameters, memory, and a verdict for each hardware."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal

from training.architectures.accelerators import ACCELERATORS, Accelerator
from training.architectures.flops import epoch_seconds, training_flops
from training.architectures.memory import Inference, Memory, inference_memory, training_memory
from training.architectures.parameters import Parameters, count
from training.architectures.request import DesignRequest

USABLE = 0.9
"""The share of a memory that may be planned with; the rest is lost in pieces between."""
_SHORTEST = 128
_training_memory = lru_cache(maxsize=512)(training_memory)


@dataclass(frozen=True)
class Verdict:
    """Whether a design can be trained on some hardware.

    Attributes:
        kind: "fits", "fits if" (with `changes`) or "does not fit".
        changes: options of `TrainingConfig` with which it would fit, at the same effective batch.
        bf16: whether it computes in bf16 there.
        memory: as asked; of each device.
        changed: the peak with the changes; of what was asked where there are none.
        seconds: the least and the most of an epoch, with the changes; 0 if it does not fit, or the set's size
            isn't told.
    """

    accelerator: Accelerator
    kind: Literal["fits", "fits if", "does not fit"]
    changes: dict[str, Any]
    bf16: bool
    memory: Memory
    changed: int
    seconds: tuple[float, float]


@dataclass(frozen=True)
class Design:
    """What is known of a design before it is trained.

    Attributes:
        bf16: whether `memory` and `inference` are of bf16: it was asked for, or "auto" takes it here.
        memory: of training on a CPU.
        inference: of answering on a CPU in the same precision, with `request.length` tokens in view.
        flops: of one batch.
        verdicts: one for each hardware; this machine last, if it was measured.
    """

    request: DesignRequest
    parameters: Parameters
    bf16: bool
    memory: Memory
    inference: Inference
    flops: float
    verdicts: tuple[Verdict, ...]


def estimate(request: DesignRequest, here: Accelerator | None = None) -> Design:
    """Everything at once, in a few milliseconds.

    Args:
        here: this machine, from `measure_here`.
    """
    bf16 = request.precision == "bf16" or (request.precision == "auto" and here is not None and here.bf16)
    numbers = count(request.shape, request.task, request.labels, request.adapter, request.fresh)
    every = (*ACCELERATORS, *((here,) if here else ()))
    return Design(
        request=request,
        parameters=numbers,
        bf16=bf16,
        memory=training_memory(request, bf16),
        inference=inference_memory(request.shape, numbers, request.length, bf16=bf16),
        flops=training_flops(request),
        verdicts=tuple(plan(request, accelerator) for accelerator in every),
    )


def plan(request: DesignRequest, accelerator: Accelerator) -> Verdict:
    """Whether a design fits, and if not, what would make it fit at the least cost."""
    asked = _memory(request, accelerator)
    room = accelerator.memory * USABLE
    kind: Literal["fits", "fits if", "does not fit"] = "fits"
    chosen, peak = request, asked.peak
    if asked.peak > room:
        kind = "does not fit"
        for smaller in _smaller(request, accelerator):
            needed = _memory(smaller, accelerator).peak
            if needed <= room:
                kind, chosen, peak = "fits if", smaller, needed
                break
    bf16 = computes_in_bf16(chosen, accelerator)
    return Verdict(
        accelerator=accelerator,
        kind=kind,
        changes=_changes(request, chosen),
        bf16=bf16,
        memory=asked,
        changed=peak,
        seconds=(0.0, 0.0) if kind == "does not fit" else epoch_seconds(chosen, accelerator, bf16),
    )


def computes_in_bf16(request: DesignRequest, accelerator: Accelerator) -> bool:
    """As the trainer chooses it."""
    return accelerator.bf16 if request.precision == "auto" else request.precision == "bf16"


def _memory(request: DesignRequest, accelerator: Accelerator) -> Memory:
    return _training_memory(request, computes_in_bf16(request, accelerator), accelerator.kind)


def _smaller(request: DesignRequest, accelerator: Accelerator) -> Iterator[DesignRequest]:
    """Ways to need less, the cheapest first."""
    ways = [request]
    if not request.checkpointing:
        ways.append(replace(request, checkpointing=True))
    if request.precision == "fp32" and accelerator.bf16:
        ways += [replace(way, precision="bf16") for way in list(ways)]
    if request.method == "full":
        ways += [replace(way, method="lora") for way in list(ways)]
    for way in ways:
        yield from _smaller_batches(way)
    length = request.length // 2
    while length >= _SHORTEST:
        yield replace(_smallest(ways[-1]), length=length, answer=min(request.answer, length))
        length //= 2


def _smaller_batches(request: DesignRequest) -> Iterator[DesignRequest]:
    effective, batch = request.batch * request.accumulation, request.batch
    yield request
    while batch > 1:
        batch = -(-batch // 2)
        yield replace(request, batch=batch, accumulation=min(4096, -(-effective // batch)))


def _smallest(request: DesignRequest) -> DesignRequest:
    return list(_smaller_batches(request))[-1]


_OPTIONS = {
    "batch": "batch_size",
    "accumulation": "accumulation",
    "length": "context",
    "checkpointing": "gradient_checkpointing",
    "precision": "precision",
    "method": "method",
}


def _changes(asked: DesignRequest, chosen: DesignRequest) -> dict[str, Any]:
    return {
        option: getattr(chosen, name)
        for name, option in _OPTIONS.items()
        if getattr(chosen, name) != getattr(asked, name)
    }
