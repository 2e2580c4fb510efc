"""What a run may ask of the app's language model; the app hands it in as the tool "language model".

The lab knows neither the assistant nor the training studio: both meet this protocol from outside. A model
that was opened is the run's own copy: what it learns is gone when it is closed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

TOOL = "language model"
MOST_TOKENS = 60
MOST_TEXTS = 16
MOST_STEPS = 40
CONTEXT = 96
"""The most that one run may ask for: tokens of an answer, texts to learn from, steps, tokens of a text."""


@dataclass(frozen=True)
class Answered:
    """What the app's whole assistant made of a note and a question.

    Attributes:
        text: what a person is shown.
        left_out: sentences of the model that nothing supports, so that they are no part of `text`.
        warnings: what the app's rules say to the words, such as advice on an emergency.
    """

    text: str
    left_out: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Secret:
    """A made-up secret: a sentence, and how it begins before the secret itself."""

    seed: int
    sentence: str
    beginning: str
    secret: str


@dataclass(frozen=True)
class Exposure:
    """Where the true secret stands (from 1) among itself and its random rivals, by the model's loss; in bits
    log2(among / rank)."""

    rank: int
    among: int
    bits: float


class LanguageModel(Protocol):
    """A copy of the model that is this run's alone."""

    def ask(self, text: str, tokens: int) -> str:
        """What it answers in its chat form; the likeliest word every time, nothing is checked."""

    def complete(self, text: str, tokens: int) -> str:
        """How it goes on with a text."""

    def learn(self, texts: Sequence[str]) -> float:
        """One step of training on some texts; their loss before it, in nats a token."""

    def loss(self, text: str) -> float:
        """Of one text, in nats a token."""

    def exposure(self, secret: Secret, rivals: int) -> Exposure:
        """How far the secret stands out among `rivals` random others of its form."""

    def close(self) -> None:
        """Free it. Closing twice is harmless."""


class Classroom(Protocol):
    """The app's side of it."""

    def open(self) -> LanguageModel:
        """A fresh copy, as the app ships it.

        Raises:
            NotHereError: another run has one open, or it can't be loaded.
        """

    def answer(self, note: str, question: str) -> Answered:
        """The app's whole way: facts by BERT, words by GPT, every sentence checked.

        Raises:
            LabError: it refuses the words, or the models can't be loaded.
        """

    def mask(self, text: str) -> str:
        """The text with the identifiers replaced that the app's rules find."""

    def secret(self, seed: int) -> Secret:
        """The made-up secret of a seed."""
