"""Sentences of made-up medical words, and small tokenizers trained on them."""

from __future__ import annotations

import random
from typing import Any

from tests.training import tiny
from training.tokenizers import TokenizerSettings, train_tokenizer

KINDS = ("bpe", "wordpiece", "unigram")
STEMS = (
    "cardi",
    "hepat",
    "nephr",
    "gastr",
    "neur",
    "oste",
    "derm",
    "pulmon",
    "myel",
    "arthr",
    "thyr",
    "lymph",
)
ENDS = ("itis", "ology", "opathy", "oma", "ectomy", "algia", "osis", "ograph", "oscopy", "omegaly")


def sentences(count: int = 400, seed: int = 0) -> list[str]:
    """Sentences of medical words made of stems and endings."""
    rng = random.Random(seed)

    def word() -> str:
        return rng.choice(STEMS) + rng.choice(ENDS)

    return [
        f"The patient, aged {rng.randint(20, 90)}, has {word()} with {word()} and denies {word()}. "
        f"{rng.choice(tiny.WORDS).capitalize()} {rng.randint(1, 500)} mg for {word()} was {word()} after "
        + "".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(3, 9)))
        for _ in range(count)
    ]


TEXTS = sentences()


def trained() -> dict[str, Any]:
    """One of each kind, by its kind, of 1000 entries."""
    return {kind: train_tokenizer(TEXTS, TokenizerSettings(kind, 1000)) for kind in KINDS}  # type: ignore[arg-type]
