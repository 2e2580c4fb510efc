"""How sure a difference of two losses is: the paired bootstrap over rows (Efron and Tibshirani 1993)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

_AT_ONCE = 1 << 20


@dataclass(frozen=True)
class Interval:
    """95 of 100 resampled differences (after less before) lie from `low` to `high`; `rows` were compared."""

    low: float
    high: float
    rows: int

    @property
    def certain(self) -> bool:
        """Whether all of it lies on one side of 0."""
        return self.low > 0 or self.high < 0


def loss_difference(
    before: Mapping[int, tuple[float, int]],
    after: Mapping[int, tuple[float, int]],
    seed: int = 0,
    resamples: int = 2000,
) -> Interval | None:
    """The interval of the mean loss of a label, after less before; None with fewer than two common rows.

    Args:
        before, after: {row: (sum of its losses in nats, its labels)}.
        seed: of the resampling.
        resamples: how often rows are drawn with replacement.
    """
    common = sorted(before.keys() & after.keys())
    if len(common) < 2:
        return None
    table = np.array([(*before[row], *after[row]) for row in common], dtype=np.float64)
    rng = np.random.default_rng(seed)
    drawn = []
    step = max(1, _AT_ONCE // len(common))
    for at in range(0, resamples, step):
        chosen = rng.integers(len(common), size=(min(step, resamples - at), len(common)))
        old, old_labels, new, new_labels = (table[chosen, column].sum(1) for column in range(4))
        drawn.append(new / new_labels - old / old_labels)
    low, high = np.quantile(np.concatenate(drawn), (0.025, 0.975))
    return Interval(float(low), float(high), len(common))
