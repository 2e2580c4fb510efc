"""A watermark in text: at each word the writer prefers a secret half of the words (Kirchenbauer et al. 2023).

Which half is green follows from a key and the word before, by HMAC-SHA-256. The writer here has no model: it
draws from words that are equally likely, so that the arithmetic can be followed.
"""

from __future__ import annotations

import hashlib
import hmac
import itertools
import math
import random
from collections.abc import Sequence

_TEXT = """\
rest walk sleep drink water tea hand left right slow calm warm light early late daily tremor gait dose note
ward nurse visit week month plan check call bring keep
"""
WORDS = tuple(_TEXT.split())


def is_green(key: bytes, before: str, word: str) -> bool:
    """Whether `word` is in the half that the key prefers after `before`."""
    return hmac.digest(key, f"{before} {word}".encode(), hashlib.sha256)[0] % 2 == 0


def write(rng: random.Random, count: int, key: bytes, percent: int) -> list[str]:
    """`count` words after a first one; at `percent` of 100 places a green word is drawn, else any word."""
    words = [rng.choice(WORDS)]
    for _ in range(count):
        green = [word for word in WORDS if is_green(key, words[-1], word)]
        prefers = rng.randrange(100) < percent and bool(green)
        words.append(rng.choice(green if prefers else WORDS))
    return words


def count_green(key: bytes, words: Sequence[str]) -> int:
    """Places whose word is green after the one before."""
    return sum(is_green(key, before, word) for before, word in itertools.pairwise(words))


def score(green: int, places: int) -> float:
    """How many standard deviations above chance (half of the places) it is."""
    return (green - places / 2) / math.sqrt(places / 4)


def reworded(rng: random.Random, words: Sequence[str], percent: int) -> list[str]:
    """The words, with `percent` of 100 of them drawn anew."""
    return [rng.choice(WORDS) if rng.randrange(100) < percent else word for word in words]
