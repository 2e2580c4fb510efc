"""Scores of a face camera: made-up likenesses from 0 to 1, a threshold, and the two kinds of error.

A score is a sum of uniform numbers, close to a normal distribution and the same on every machine.
"""

from __future__ import annotations

import bisect
import random
from collections.abc import Sequence
from dataclasses import dataclass

_UNIFORMS = 12  # the sum of 12 has a variance of 1
SAME = (0.72, 0.09)
STRANGER = (0.34, 0.08)


def score(kind: tuple[float, float], rng: random.Random) -> float:
    """One likeness, about normal with this mean and standard deviation, kept between 0 and 1."""
    mean, spread = kind
    drawn = mean + spread * (sum(rng.random() for _ in range(_UNIFORMS)) - _UNIFORMS / 2)
    return min(1.0, max(0.0, drawn))


@dataclass(frozen=True)
class Scores:
    """Sorted likenesses of a person with her own picture, and of strangers with others'."""

    same: Sequence[float]
    strangers: Sequence[float]

    def false_accepts(self, threshold: float) -> float:
        """The share of strangers who reach the threshold; it falls as the threshold rises."""
        return 1 - bisect.bisect_left(self.strangers, threshold) / len(self.strangers)

    def false_rejects(self, threshold: float) -> float:
        """The share of rightful persons who don't reach it; it rises with the threshold."""
        return bisect.bisect_left(self.same, threshold) / len(self.same)

    def equal_error(self, steps: int = 200) -> tuple[float, float]:
        """(threshold, error) where the two errors are closest, on a grid of `steps`."""
        grid = [at / steps for at in range(steps + 1)]
        best = min(grid, key=lambda t: abs(self.false_accepts(t) - self.false_rejects(t)))
        return best, (self.false_accepts(best) + self.false_rejects(best)) / 2


def measured(same: int, strangers: int, rng: random.Random) -> Scores:
    """So many scores of each kind."""
    rightful = sorted(score(SAME, rng) for _ in range(same))
    return Scores(rightful, sorted(score(STRANGER, rng) for _ in range(strangers)))


def histogram(scores: Sequence[float], bins: int) -> list[int]:
    """How many scores lie in each of `bins` equal parts of 0 to 1."""
    counts = [0] * bins
    for one in scores:
        counts[min(bins - 1, int(one * bins))] += 1
    return counts


def any_of(chance: float, count: int) -> float:
    """The chance that at least one of `count` independent tries succeeds."""
    return float(1 - (1 - chance) ** count)
