"""What one forward pass leaves in memory for the backward pass, layer by layer.

The sums follow from what each operation keeps: a product keeps its input, a norm its input and its scale, a
dropout its mask. The tests check them against what autograd really keeps. Steps in between are not here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from training.architectures.parameters import Part, adapted, learned_whole, parts
from training.architectures.request import DesignRequest
from training.architectures.shapes import Shape

Device = Literal["cpu", "cuda"]
FP32, BF16 = 4, 2
"""Bytes of a number."""
_MASKED = 0.15
_OUTSIDE = {"gpt": (2, 1), "bert": (2, 2), "t5": (5, 4)}
"""Hidden states kept outside the layers: where all moves, and where the base is frozen."""


@dataclass(frozen=True)
class Kept:
    """Bytes that are kept for the backward pass.

    Attributes:
        layers: by all layers; with checkpointing their inputs alone.
        whole: by all layers, if all of it is kept.
        largest: by the largest layer, if all of it is kept.
        rest: by embeddings, last norms and the head, without logits.
        casts: bf16 copies of float32 weights and of the adapter.
    """

    layers: int
    whole: int
    largest: int
    rest: int
    casts: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.layers + self.rest + self.casts


@dataclass(frozen=True)
class Bytes:
    """Bytes of one number, by what it is for, and how the trainer computes.

    Attributes:
        product: what matrices are multiplied in.
        stream: hidden states between layers.
        mask: in a dropout's mask; a CPU's is as long as what is dropped.
        attention: in queries, keys and values when all pairs of tokens are tabled; a CPU does it in float32.
        tables: how many tables of all pairs each head keeps.
        frozen: the base doesn't move.
        fused: the adapter is computed in one step.
    """

    product: int
    stream: int
    mask: int
    attention: int
    tables: int
    frozen: bool
    fused: bool

    @classmethod
    def of(cls, request: DesignRequest, bf16: bool, device: Device) -> Bytes:
        """As the trainer computes `request`."""
        shape, frozen = request.shape, request.method == "lora"
        product = BF16 if bf16 else FP32
        dropped, biased = shape.dropout > 0, shape.family == "t5"
        on_cpu = device == "cpu"
        tables = 3 if on_cpu and dropped else int(biased and not frozen)
        return cls(
            product=product,
            stream=product if frozen else FP32,
            mask=product if on_cpu else 1,
            attention=FP32 if on_cpu and tables else product,
            tables=tables,
            frozen=frozen,
            fused=frozen and not request.lora.dora and shape.model_type != "gpt2",
        )

    def rows(self, width: int, readers: int) -> int:
        """What `readers` products keep of the normed hidden states that they all read, a token."""
        if self.frozen:
            return width * self.product if self.fused else 0
        return width * self.product * (readers if self.product == BF16 else 1)


def labelled(request: DesignRequest) -> int:
    """Tokens of a batch that bear a label."""
    tokens = request.batch * request.length
    if request.task == "masked":
        return max(1, round(tokens * _MASKED))
    if request.task == "seq2seq":
        return request.batch * request.answer_length
    return request.batch if request.task == "classification" else tokens


def kept(request: DesignRequest, bf16: bool, device: Device = "cpu") -> Kept:
    """What one forward pass of `request.batch` examples leaves, all as long as `request.length`."""
    size = Bytes.of(request, bf16, device)
    shape = request.shape
    every = parts(shape, request.task, request.labels)
    layers = whole = largest = rest = 0
    for decoder, count, tokens in (
        (False, shape.layers, request.batch * request.length),
        (True, shape.decoders, request.batch * request.answer_length),
    ):
        if not tokens or not count:
            continue
        one = _LAYERS[shape.model_type](request, size, decoder) + _adapters(request, size, every, decoder)
        hidden = tokens * shape.hidden_size
        layers += count * (hidden * size.stream if request.checkpointing else one)
        whole += count * one
        largest = max(largest, one)
        rest += hidden * _OUTSIDE[shape.family][size.frozen] * size.stream
    states = 4 if request.task == "masked" else 1
    rest += labelled(request) * shape.hidden_size * states * FP32
    return Kept(
        layers, whole, largest, rest, 0 if request.checkpointing or not bf16 else _casts(request, every)
    )


def _casts(request: DesignRequest, every: tuple[Part, ...]) -> int:
    if request.method != "lora":
        return BF16 * sum(part.count for part in every if part.linear)
    whole = learned_whole(request.task, request.fresh)
    low = sum((part.inputs + part.outputs) * part.times for part in adapted(every, request.lora, whole))
    return BF16 * request.lora.rank * low


def _rotary(request: DesignRequest, size: Bytes, _: bool) -> int:
    shape, tokens = request.shape, request.batch * request.length
    wide, queries, keys = shape.hidden_size, shape.heads * shape.width, shape.kv_heads * shape.width
    # Each norm: its input, and the scaled input where its weight moves.
    norms = 2 * wide * FP32 * (1 if size.frozen else 2)
    inputs = size.rows(wide, 3) + size.rows(wide, 2)
    forward = shape.feed_forward_size * size.product * (3 + (size.fused or not size.frozen))
    attention = 2 * (queries + keys) * size.product + shape.heads * FP32
    table = _tables(size, shape, request.batch, request.length, request.length)
    return tokens * (norms + inputs + forward + attention) + table


def _gpt2(request: DesignRequest, size: Bytes, _: bool) -> int:
    shape, tokens = request.shape, request.batch * request.length
    wide = shape.hidden_size
    norms = 2 * wide * size.stream
    inputs = 2 * size.rows(wide, 1)
    # GELU by its tanh formula keeps four tensors of the inner width, the product after it one.
    forward = shape.feed_forward_size * size.product * (4 + (not size.frozen))
    attention = 3 * wide * size.attention + (0 if size.frozen and size.tables else wide * size.product)
    masks = 2 * wide * size.mask * (shape.dropout > 0)
    table = _tables(size, shape, request.batch, request.length, request.length)
    return tokens * (norms + inputs + forward + attention + masks) + table


def _bert(request: DesignRequest, size: Bytes, _: bool) -> int:
    shape, tokens = request.shape, request.batch * request.length
    wide = shape.hidden_size
    norms = 2 * wide * size.stream
    inputs = size.rows(wide, 3) + size.rows(wide, 1)
    forward = shape.feed_forward_size * size.product * (1 + (size.fused or not size.frozen))
    attention = 3 * wide * size.attention + (wide * size.product if size.fused or not size.frozen else 0)
    masks = 2 * wide * size.mask * (shape.dropout > 0)
    table = _tables(size, shape, request.batch, request.length, request.length)
    return tokens * (norms + inputs + forward + attention + masks) + table


def _t5(request: DesignRequest, size: Bytes, decoder: bool) -> int:
    shape, batch = request.shape, request.batch
    asked, said = request.length, request.answer_length
    own = said if decoder else asked
    wide, inner = shape.hidden_size, shape.heads * shape.width
    # Frozen and in bf16, a norm keeps its input as it came and in float32.
    twice = BF16 if size.frozen and size.product == BF16 else 0 if size.frozen else FP32
    norm = wide * (FP32 + twice)
    dropped = wide * size.mask * (shape.dropout > 0)
    out = inner * size.product if size.fused or not size.frozen else 0
    attention = norm + size.rows(wide, 3) + 3 * inner * size.attention + out + dropped
    tensors = (4 + 2 if shape.gated else 1) + (shape.dropout > 0)
    tensors += size.fused or not size.frozen
    forward = (
        norm + size.rows(wide, 1 + shape.gated) + tensors * shape.feed_forward_size * size.product + dropped
    )
    total = batch * own * (attention + forward) + _tables(size, shape, batch, own, own)
    if decoder:
        across = norm + size.rows(wide, 1) + inner * size.attention + out + dropped
        # In bf16 each layer casts the encoder's states anew, twice.
        states = 2 * wide * BF16 if not size.frozen and size.product == BF16 else 0
        total += batch * (said * across + asked * (2 * inner * size.attention + states))
        total += _tables(size, shape, batch, said, asked)
    return total


_LAYERS: dict[str, Callable[[DesignRequest, Bytes, bool], int]] = {
    "llama": _rotary,
    "qwen2": _rotary,
    "gpt2": _gpt2,
    "bert": _bert,
    "t5": _t5,
}


def _tables(size: Bytes, shape: Shape, batch: int, queries: int, keys: int) -> int:
    return batch * shape.heads * queries * keys * size.tables * size.attention


def _adapters(request: DesignRequest, size: Bytes, every: tuple[Part, ...], decoder: bool) -> int:
    """What the adapters of one layer keep beside their base."""
    if not size.frozen:
        return 0
    stack = "decoder" if decoder else "encoder"
    count = request.shape.decoders if decoder else request.shape.layers
    whole = learned_whole(request.task, request.fresh)
    total = 0
    for part in adapted(every, request.lora, whole):
        if part.stack != stack or part.group == "head":
            continue
        lengths = [request.answer_length if decoder else request.length] * (part.times // count)
        if decoder and part.name in ("k", "v"):
            lengths[-1] = request.length
        each, once = _adapter(request, size, part)
        total += sum(request.batch * length * each + once for length in lengths)
    return total


def _adapter(request: DesignRequest, size: Bytes, part: Part) -> tuple[int, int]:
    """Bytes a token, and bytes besides."""
    lora = request.lora
    inner = lora.rank * size.product
    if size.fused:
        return inner + (part.inputs if lora.dropout else 0), 0
    mask = FP32 if size.mask > 1 else 1
    each = inner + part.inputs * (size.product + (mask if lora.dropout else 0))
    if not lora.dora:
        return each, 0
    # The length of each row of weights is found through a unit matrix, which is kept.
    return each + 2 * part.outputs * size.product, part.inputs**2 * size.product
