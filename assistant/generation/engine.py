"""What a language-model engine is: settings for sampling, pieces of an answer, one protocol.

No engine lives here and nothing heavy is imported; the pipeline and its tests need only this file.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from assistant.errors import BadInputError
from assistant.types import Message

Finish = Literal["end", "length", "stop"]


def _require(holds: bool, name: str, rule: str, given: object) -> None:
    if not holds:
        raise BadInputError(f"{name} must be {rule}; it is {given!r}.")


@dataclass(frozen=True)
class Sampling:
    """How the next token is chosen. The same field means the same in every engine.

    Attributes:
        max_new_tokens: 1 to 2048 tokens.
        temperature: 0 to 2; 0 takes the likeliest token every time (greedy).
        top_p: above 0, to 1; the smallest set of tokens whose probabilities reach it is kept.
        top_k: 0 to 1000 tokens kept; 0 keeps all.
        repetition_penalty: 1 to 2; logits of tokens already in prompt or answer are divided by it
            when positive and multiplied when negative (Keskar et al. 2019, CTRL, section 4.1).
            It also punishes quoting the passages, so it should stay close to 1.
        frequency_penalty: 0 to 2; taken from a token's logit once for every time the answer has it.
            It leaves the prompt's own words alone. OpenVINO adds it where a logit is negative, so a
            strong one can bring an old word back in a long answer.
        seed: 0 to 2**32 - 1 repeats a sampled answer on the same engine and machine; None draws anew.
        stop: up to 8 texts that end the answer and are not part of it.

    Raises:
        BadInputError: a field is out of its range; the message names field and range.
    """

    max_new_tokens: int = 256
    temperature: float = 0.2
    top_p: float = 0.9
    top_k: int = 40
    repetition_penalty: float = 1.1
    frequency_penalty: float = 0.0
    seed: int | None = None
    stop: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        whole = (self.max_new_tokens, self.top_k, 0 if self.seed is None else self.seed)
        for name, value in zip(("max_new_tokens", "top_k", "seed"), whole, strict=True):
            _require(isinstance(value, int) and not isinstance(value, bool), name, "a whole number", value)
        for name in ("temperature", "top_p", "repetition_penalty", "frequency_penalty"):
            value = getattr(self, name)
            number = isinstance(value, int | float) and not isinstance(value, bool)
            _require(number and math.isfinite(value), name, "a number", value)
        _require(1 <= self.max_new_tokens <= 2048, "max_new_tokens", "1 to 2048", self.max_new_tokens)
        _require(0 <= self.temperature <= 2, "temperature", "0 to 2", self.temperature)
        _require(0 < self.top_p <= 1, "top_p", "above 0 and at most 1", self.top_p)
        _require(0 <= self.top_k <= 1000, "top_k", "0 to 1000", self.top_k)
        _require(1 <= self.repetition_penalty <= 2, "repetition_penalty", "1 to 2", self.repetition_penalty)
        _require(0 <= self.frequency_penalty <= 2, "frequency_penalty", "0 to 2", self.frequency_penalty)
        _require(self.seed is None or 0 <= self.seed < 2**32, "seed", "0 to 2**32 - 1", self.seed)
        texts = isinstance(self.stop, tuple) and all(isinstance(text, str) and text for text in self.stop)
        _require(texts and len(self.stop) <= 8, "stop", "a tuple of up to 8 non-empty texts", self.stop)


@dataclass(frozen=True)
class Piece:
    """The next piece of an answer.

    Attributes:
        text: whole characters, never half of one; may be empty in the last piece.
        tokens: tokens generated so far, the end token not counted.
        finish: None until the last piece; then "end" (the model was done, or a stop text came),
            "length" (max_new_tokens or the context ran out) or "stop" (the caller's event was set).
    """

    text: str
    tokens: int
    finish: Finish | None = None


class Engine(Protocol):
    """A language model that continues a conversation. Safe to use from several threads at once."""

    @property
    def name(self) -> str:
        """The model's name for people, for example `SmolLM2-135M-Instruct`."""

    @property
    def device(self) -> str:
        """Where it runs and by what, for example `CPU (OpenVINO)`."""

    @property
    def context_tokens(self) -> int:
        """The most tokens that prompt and answer may have together."""

    def count(self, messages: Sequence[Message]) -> int:
        """Tokens of the conversation after the model's chat template, the answer's opening included."""

    def stream(
        self, messages: Sequence[Message], sampling: Sampling, stop: threading.Event | None = None
    ) -> Iterator[Piece]:
        """The answer, piece by piece; the last piece carries `finish`.

        Generation stops within one token of `stop` being set, and when the iterator is closed.

        Raises:
            BadInputError: at the call: the prompt leaves no room for an answer.
            EngineError: while iterating: the engine failed or was closed.
        """

    def close(self) -> None:
        """Free the model. Running streams end with EngineError. Closing twice is harmless."""
