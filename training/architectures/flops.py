"""How many floating-point operations a shape takes, and so how long an epoch takes on some hardware."""

from __future__ import annotations

from dataclasses import replace

from training.architectures.accelerators import Accelerator
from training.architectures.activations import labelled
from training.architectures.parameters import Part, adapted, learned_whole, parts
from training.architectures.request import DesignRequest


def training_flops(request: DesignRequest) -> float:
    """Of one batch of examples of `request.length` tokens, forwards and backwards.

    A product costs two operations a weight and token forwards, as much again for the gradient of its input,
    and once more for that of its weight, if it moves. Attention's part grows with the square of the length.
    """
    shape, frozen = request.shape, request.method == "lora"
    every = parts(shape, request.task, request.labels)
    asked, said = request.batch * request.length, request.batch * request.answer_length
    labels = labelled(request)
    layers = sum(_product(part, asked, said) for part in every if part.linear and part.group != "head")
    heads = sum(
        2.0 * part.size * part.times * labels for part in every if part.linear and part.group == "head"
    )
    if request.task in ("causal", "masked", "seq2seq"):
        heads += 2.0 * shape.vocabulary * shape.hidden_size * labels
    pairs = _pairs(request)
    total = (2 if frozen else 3) * (layers + heads) + 3 * pairs
    if frozen:
        total += 3 * _adapter(request, every, asked, said)
    return total + (layers + pairs if request.checkpointing else 0.0)


def epoch_seconds(request: DesignRequest, accelerator: Accelerator, bf16: bool) -> tuple[float, float]:
    """The least and the most that an epoch takes; (0, 0) if `request.examples` is 0."""
    if not request.examples:
        return 0.0, 0.0
    length = min(request.tokens, request.length)
    answer = min(request.tokens, request.answer) if request.answer else 0
    one = replace(request, batch=1, length=max(8, length), answer=answer)
    work = training_flops(one) * request.examples / accelerator.rate(bf16)
    low, high = accelerator.utilisation
    return work / high, work / low


def _product(part: Part, asked: int, said: int) -> float:
    tokens = said if part.stack == "decoder" else asked
    if part.stack == "decoder" and part.name in ("k", "v"):  # half of them read what was asked
        tokens = (said + asked) // 2
    return 2.0 * part.outputs * part.inputs * part.times * tokens


def _pairs(request: DesignRequest) -> float:
    """Products of queries with keys, and of what comes of it with values; a decoder sees what came before."""
    shape, batch = request.shape, request.batch
    asked, said = request.length, request.answer_length
    wide = 4.0 * shape.heads * shape.width * batch
    own = wide * shape.layers * asked**2 * (0.5 if shape.family == "gpt" else 1.0)
    return own + wide * shape.decoders * (said**2 * 0.5 + said * asked)


def _adapter(request: DesignRequest, every: tuple[Part, ...], asked: int, said: int) -> float:
    whole = learned_whole(request.task, request.fresh)
    return sum(
        2.0 * request.lora.rank * (part.inputs + part.outputs) * part.times * max(asked, said)
        for part in adapted(every, request.lora, whole)
        if part.group != "head"
    )
