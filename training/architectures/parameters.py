"""How many parameters a shape has, exactly: with each task's head, and an adapter's.

A model is listed as its parts, each a matrix, a vector or a table; everything else (counts, FLOPs, what an
adapter adds) is summed over that one list.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from training.architectures.shapes import Shape
from training.config import LoraSettings, Task
from training.errors import BadConfigError

Group = Literal["embeddings", "attention", "feed_forward", "norms", "head"]


@dataclass(frozen=True)
class Part:
    """Some weights that occur `times` times.

    Attributes:
        name: of the module, as an adapter's targets name it.
        outputs, inputs: rows and columns of a matrix; a vector has no inputs.
        bias: a matrix with a vector of `outputs` beside it.
        linear: hidden states are multiplied with it, and an adapter can sit on it.
        fresh: what it is called when it is new to a pretrained base; "" for what every base has.
        stack: "decoder" for what works on the answer of T5, "encoder" for all else.
    """

    name: str
    group: Group
    outputs: int
    inputs: int = 0
    bias: bool = False
    times: int = 1
    linear: bool = False
    fresh: str = ""
    stack: Literal["encoder", "decoder"] = "encoder"

    @property
    def size(self) -> int:
        """Parameters of one."""
        return self.outputs * (self.inputs or 1) + (self.outputs if self.bias else 0)

    @property
    def count(self) -> int:
        """Parameters of all."""
        return self.size * self.times


@dataclass(frozen=True)
class Parameters:
    """How many there are.

    Attributes:
        embeddings, attention, feed_forward, norms, head: of the model; a matrix that the head shares with
            the embedding counts as embedding.
        adapter: of the low-rank adapter, beside the model.
        moving: those that are trained.
    """

    embeddings: int
    attention: int
    feed_forward: int
    norms: int
    head: int
    adapter: int
    moving: int

    @property
    def model(self) -> int:
        """All of the model, without the adapter."""
        return self.embeddings + self.attention + self.feed_forward + self.norms + self.head


@lru_cache(maxsize=64)
def parts(shape: Shape, task: Task, labels: int = 2) -> tuple[Part, ...]:
    """Everything that the model of a shape for a task is made of.

    Args:
        labels: of tagging and classification.

    Raises:
        BadConfigError: the family can't do the task.
    """
    able = _TASKS[shape.family]
    if task not in able:
        raise BadConfigError(
            f"task must be {', '.join(able[:-1])} or {able[-1]} for family {shape.family}; it is {task}."
        )
    makers = {"llama": _rotary, "qwen2": _rotary, "gpt2": _gpt2, "bert": _bert, "t5": _t5}
    return tuple(makers[shape.model_type](shape, task, labels))


_TASKS: dict[str, tuple[Task, ...]] = {
    "gpt": ("causal", "tagging", "classification"),
    "bert": ("masked", "tagging", "classification"),
    "t5": ("seq2seq", "tagging", "classification"),
}


def _linear(name: str, group: Group, outputs: int, inputs: int, times: int, *, bias: bool) -> Part:
    return Part(name, group, outputs, inputs, bias, times, linear=True)


def _head(name: str, outputs: int, inputs: int, *, bias: bool = True) -> Part:
    return Part(name, "head", outputs, inputs, bias, linear=True, fresh="head")


def _rotary(shape: Shape, task: Task, labels: int) -> Iterator[Part]:
    wide, layers, biased = shape.hidden_size, shape.layers, shape.query_bias
    queries, keys = shape.heads * shape.width, shape.kv_heads * shape.width
    yield Part("embed_tokens", "embeddings", shape.vocabulary, wide)
    yield _linear("q_proj", "attention", queries, wide, layers, bias=biased)
    yield _linear("k_proj", "attention", keys, wide, layers, bias=biased)
    yield _linear("v_proj", "attention", keys, wide, layers, bias=biased)
    yield _linear("o_proj", "attention", wide, queries, layers, bias=False)
    yield _linear("gate_proj", "feed_forward", shape.feed_forward_size, wide, layers, bias=False)
    yield _linear("up_proj", "feed_forward", shape.feed_forward_size, wide, layers, bias=False)
    yield _linear("down_proj", "feed_forward", wide, shape.feed_forward_size, layers, bias=False)
    yield Part("norm", "norms", wide, times=2 * layers + 1)
    if task == "causal":
        yield from _word_head("lm_head", shape)
    else:
        yield _head("score", labels, wide, bias=task == "tagging")


def _gpt2(shape: Shape, task: Task, labels: int) -> Iterator[Part]:
    wide, layers = shape.hidden_size, shape.layers
    yield Part("wte", "embeddings", shape.vocabulary, wide)
    yield Part("wpe", "embeddings", shape.context, wide)
    yield _linear("c_attn", "attention", 3 * wide, wide, layers, bias=True)
    yield _linear("c_proj", "attention", wide, wide, layers, bias=True)
    yield _linear("c_fc", "feed_forward", shape.feed_forward_size, wide, layers, bias=True)
    yield _linear("c_proj", "feed_forward", wide, shape.feed_forward_size, layers, bias=True)
    yield Part("ln", "norms", wide, times=2 * (2 * layers + 1))
    if task == "causal":
        yield from _word_head("lm_head", shape)
    elif task == "tagging":
        yield _head("classifier", labels, wide)
    else:
        yield _head("score", labels, wide, bias=False)


def _bert(shape: Shape, task: Task, labels: int) -> Iterator[Part]:
    wide, layers = shape.hidden_size, shape.layers
    for name, entries in (
        ("word_embeddings", shape.vocabulary),
        ("position_embeddings", shape.context),
        ("token_type_embeddings", shape.segments),
    ):
        yield Part(name, "embeddings", entries, wide)
    for name in ("query", "key", "value", "dense"):
        yield _linear(name, "attention", wide, wide, layers, bias=True)
    yield _linear("dense", "feed_forward", shape.feed_forward_size, wide, layers, bias=True)
    yield _linear("dense", "feed_forward", wide, shape.feed_forward_size, layers, bias=True)
    yield Part("LayerNorm", "norms", wide, times=2 * (2 * layers + 1))
    if task == "masked":
        yield _head("dense", wide, wide)
        yield Part("LayerNorm", "head", wide, times=2, fresh="head")
        yield Part("bias", "head", shape.vocabulary)
        if not shape.tied:
            yield Part("decoder", "head", shape.vocabulary, wide, bias=True)
        return
    if task == "classification":
        yield Part("dense", "head", wide, wide, bias=True, linear=True, fresh="pooler")
    yield _head("classifier", labels, wide)


def _t5(shape: Shape, task: Task, labels: int) -> Iterator[Part]:
    yield Part("shared", "embeddings", shape.vocabulary, shape.hidden_size)
    yield from _t5_stack(shape, "encoder")
    if task != "tagging":
        yield from _t5_stack(shape, "decoder")
    if task == "seq2seq":
        yield from _word_head("lm_head", shape)
    elif task == "tagging":
        yield _head("classifier", labels, shape.hidden_size)
    else:
        yield _head("dense", shape.hidden_size, shape.hidden_size)
        yield _head("out_proj", labels, shape.hidden_size)


def _t5_stack(shape: Shape, stack: Literal["encoder", "decoder"]) -> Iterator[Part]:
    wide, inner = shape.hidden_size, shape.heads * shape.width
    layers = shape.layers if stack == "encoder" else shape.decoders
    attentions = layers if stack == "encoder" else 2 * layers
    for name in ("q", "k", "v"):
        yield Part(name, "attention", inner, wide, times=attentions, linear=True, stack=stack)
    yield Part("o", "attention", wide, inner, times=attentions, linear=True, stack=stack)
    yield Part("relative_attention_bias", "embeddings", shape.buckets, shape.heads, stack=stack)
    for name in ("wi_0", "wi_1") if shape.gated else ("wi",):
        forward = shape.feed_forward_size
        yield Part(name, "feed_forward", forward, wide, times=layers, linear=True, stack=stack)
    yield Part("wo", "feed_forward", wide, shape.feed_forward_size, times=layers, linear=True, stack=stack)
    yield Part("layer_norm", "norms", wide, times=attentions + layers + 1, stack=stack)


def _word_head(name: str, shape: Shape) -> Iterator[Part]:
    if not shape.tied:
        yield Part(name, "head", shape.vocabulary, shape.hidden_size)


def learned_whole(task: Task, fresh: frozenset[str]) -> frozenset[str]:
    """Which parts are trained as a whole beside an adapter: the new ones, and every classifier."""
    return fresh | {"head"} if task in ("tagging", "classification") else fresh


def adapted(every: tuple[Part, ...], lora: LoraSettings, whole: frozenset[str]) -> Iterator[Part]:
    """Those that an adapter sits on."""
    targets = {name.strip() for name in lora.targets.split(",")}
    for part in every:
        wanted = part.linear and (lora.targets == "all-linear" or part.name in targets)
        if wanted and part.fresh not in whole:
            yield part


def count(
    shape: Shape,
    task: Task,
    labels: int = 2,
    lora: LoraSettings | None = None,
    fresh: frozenset[str] = frozenset({"head"}),
) -> Parameters:
    """Every parameter of the model, exactly.

    Args:
        lora: the adapter, or None where all weights move.
        fresh: what the pretrained base lacks: "head", "pooler", both or nothing.

    Raises:
        BadConfigError: the family can't do the task.
    """
    every = parts(shape, task, labels)
    sums: dict[str, int] = dict.fromkeys(("embeddings", "attention", "feed_forward", "norms", "head"), 0)
    for part in every:
        sums[part.group] += part.count
    moving, adapter = sum(sums.values()), 0
    if lora is not None:
        whole = learned_whole(task, fresh)
        for part in adapted(every, lora, whole):
            each = lora.rank * (part.inputs + part.outputs) + (part.outputs if lora.dora else 0)
            adapter += each * part.times
        moving = adapter + sum(part.count for part in every if part.fresh in whole)
    return Parameters(**sums, adapter=adapter, moving=moving)
