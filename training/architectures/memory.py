"""Memory in bytes, to train a shape and to use it: what stays, what comes and goes, and the most at once.

A step has four moments that may be its worst: when the head makes its loss, when it hands back its gradient,
when the last layer begins, and when the embeddings end. The estimate is the worst of them. Of a GPU the
formulas follow from its kernels, and were not measured.
"""

from __future__ import annotations

from dataclasses import dataclass

from training.architectures.activations import BF16, FP32, Device, Kept, kept, labelled
from training.architectures.parameters import Parameters, count
from training.architectures.request import DesignRequest
from training.architectures.shapes import Shape

FIXED: dict[Device, int] = {"cpu": 420_000_000, "cuda": 900_000_000}
"""A process with Python, torch, transformers and peft that trains next to nothing. The CPU's was measured
(torch 2.13, one thread: 418 MB); the GPU's is a context with its libraries, by rule of thumb."""
_PEFT = 25_000_000
"""What importing peft adds."""
_MAPPED = 32 << 20
"""From this size on glibc gives a block pages of its own, and takes them back when it is freed."""
_HOLES, _HOLES_AGAIN = 0.35, 0.5
_HOLES_GOES, _HOLES_GOES_AGAIN = 0.45, 0.1
"""Smaller blocks share a heap. What passes between those that stay leaves holes, which aligned blocks of the
same size don't fit into again. Measured, as a share of what the layers keep: the second of each pair where
layers are computed again; the second pair besides, where gradients stay between several goes a step. Rows
of many lengths leave more than rows of one, by a tenth of the peak. With a fixed MALLOC_MMAP_THRESHOLD_ there
are none, for more time spent on pages."""
_SLICE = 1 << 24
"""Logits that a causal loss makes at once."""


@dataclass(frozen=True)
class Memory:
    """Bytes while training.

    Attributes:
        fixed: the process by itself.
        weights, adapter: of the model as it is kept, and of the adapter.
        gradients, optimiser: of what moves; AdamW keeps two numbers for each.
        activations: what the forward pass leaves for the backward pass.
        passing: beside all of that, at the worst moment; logits are in it.
        holes: what a CPU's heap can't use again.
        peak: the most at once.
    """

    fixed: int
    weights: int
    adapter: int
    gradients: int
    optimiser: int
    activations: int
    passing: int
    holes: int
    peak: int


@dataclass(frozen=True)
class Inference:
    """Bytes while answering; `cache` has the keys and values of all tokens in view."""

    fixed: int
    weights: int
    cache: int
    activations: int
    peak: int


def training_memory(request: DesignRequest, bf16: bool = False, device: Device = "cpu") -> Memory:
    """What a training run needs when every example is as long as `request.length`.

    Args:
        bf16: whether products are computed in bf16.
    """
    numbers = count(request.shape, request.task, request.labels, request.adapter, request.fresh)
    frozen = request.method == "lora"
    weights = numbers.model * (BF16 if frozen and bf16 else FP32)
    learned = numbers.moving - numbers.adapter if frozen else 0
    adapter = (numbers.adapter + learned) * FP32  # what is learned as a whole is a copy of its own
    gradients, optimiser = numbers.moving * FP32, 2 * numbers.moving * FP32
    left = kept(request, bf16, device)
    fixed = FIXED[device] + (_PEFT if frozen else 0)
    stays = fixed + weights + adapter + optimiser
    holes = _holes(request, left) if device == "cpu" else 0
    *during, ends = _moments(request, numbers, left, bf16)
    most = max(*during, ends - holes)
    # The file's float32 weights stay mapped until the last of them is bf16.
    loading = FIXED[device] + numbers.model * (FP32 + BF16 if frozen and bf16 else FP32)
    return Memory(
        fixed=fixed,
        weights=weights,
        adapter=adapter,
        gradients=gradients,
        optimiser=optimiser,
        activations=left.total,
        passing=max(0, most - gradients - left.total),
        holes=holes,
        peak=max(stays + most + holes, loading if device == "cpu" else 0),
    )


def _moments(request: DesignRequest, numbers: Parameters, left: Kept, bf16: bool) -> tuple[int, ...]:
    """Gradients, activations and what passes, at each moment that may be the worst."""
    shape, moves = request.shape, request.method != "lora"
    gradients = numbers.moving * FP32
    before = gradients if request.accumulation > 1 else 0
    words = request.task in ("causal", "masked", "seq2seq")
    matrix = shape.vocabulary * shape.hidden_size * FP32 if moves else 0
    head = matrix if words else 0
    forward, backward = _head(request, bf16)
    layer = _in_layer(request, left)
    # A matrix that head and embedding share gets its gradient when both have theirs.
    shared = head if words and shape.tied else 0
    ends = gradients + shared + (matrix if before else 0)
    return (
        before + left.total + forward,
        before + left.total + backward,
        before + left.total + head + layer,
        ends,
    )


def _holes(request: DesignRequest, left: Kept) -> int:
    block = request.batch * request.length * request.shape.hidden_size * FP32
    if block >= _MAPPED:
        return 0
    goes = request.accumulation > 1
    logits = labelled(request) * request.shape.vocabulary * FP32
    if request.task not in ("masked", "seq2seq") or logits >= _MAPPED:
        logits = 0
    if request.checkpointing:
        return 3 * logits + int((_HOLES_AGAIN + goes * _HOLES_GOES_AGAIN) * left.whole)
    plain = kept(request, bf16=False)  # what passes is float32 in bf16 too
    return 3 * logits + int(_HOLES * (plain.whole + 3 * plain.largest) + goes * _HOLES_GOES * plain.whole)


def _head(request: DesignRequest, bf16: bool) -> tuple[int, int]:
    """Bytes that the head has in hand while it makes the loss, and while it hands back its gradient."""
    shape, moves = request.shape, request.method != "lora"
    labels, matrix = labelled(request), shape.vocabulary * shape.hidden_size
    if request.task == "causal":
        rows = min(labels, max(16, _SLICE // shape.vocabulary))
        logits = rows * shape.vocabulary * (FP32 + BF16 if bf16 else FP32)
        states = labels * shape.hidden_size * FP32
        cast = matrix * BF16 if bf16 and moves else 0
        product = matrix * (BF16 if bf16 else FP32) if moves else 0
        made = matrix * FP32 if moves else 0
        return made + product + cast + logits + states, 2 * made + states
    outputs = shape.vocabulary if request.task in ("masked", "seq2seq") else request.labels
    logits = labels * outputs * (BF16 + FP32 + FP32 if bf16 else FP32 + FP32)
    made = matrix * FP32 if moves and request.task in ("masked", "seq2seq") else 0
    return logits, logits + made


def _in_layer(request: DesignRequest, left: Kept) -> int:
    """Bytes that one layer's backward pass has in hand: the layer itself where it is computed again."""
    shape, tokens = request.shape, request.batch * max(request.length, request.answer_length)
    inner = shape.feed_forward_size * 3 + shape.hidden_size * 3
    tables = 0
    if shape.dropout:
        tables = 2 * request.batch * shape.heads * max(request.length, request.answer_length) ** 2
    again = left.largest if request.checkpointing else 0
    return again + FP32 * (max(tokens * inner, tables) + largest_matrix(shape) * (request.method != "lora"))


def largest_matrix(shape: Shape) -> int:
    """Numbers in the largest matrix of a layer."""
    return shape.hidden_size * max(shape.feed_forward_size, shape.hidden_size)


def inference_memory(
    shape: Shape, numbers: Parameters, length: int, batch: int = 1, bf16: bool = False, device: Device = "cpu"
) -> Inference:
    """What answering needs when `length` tokens are in view.

    Args:
        numbers: of the model; an adapter is taken to be merged.
    """
    size = BF16 if bf16 else FP32
    cached = 0
    if shape.family != "bert":
        layers = shape.layers if shape.family == "gpt" else 2 * shape.decoders
        cached = 2 * layers * shape.kv_heads * shape.width * length * batch * size
    states = batch * length * (4 * shape.hidden_size + 3 * shape.feed_forward_size) * size
    states += batch * shape.vocabulary * FP32
    weights = numbers.model * size
    return Inference(FIXED[device], weights, cached, states, FIXED[device] + weights + cached + states)
