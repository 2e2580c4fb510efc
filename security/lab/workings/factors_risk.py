"""What several factors are worth together, if they fall independently or have a cause in common."""

from __future__ import annotations

import itertools
from collections.abc import Sequence


def combinations(chances: Sequence[float], shared: float) -> dict[tuple[bool, ...], float]:
    """The probability of each combination of fallen (True) and standing factors; they sum to 1.

    With probability `shared` one cause decides all: a blow strong enough for a strong factor fells every
    weaker one too. Otherwise each falls by itself. Either way factor i falls with probability chances[i].
    """
    found = {}
    for fallen in itertools.product((False, True), repeat=len(chances)):
        alone = 1.0
        for chance, down in zip(chances, fallen, strict=True):
            alone *= chance if down else 1 - chance
        # One number u from 0 to 1 strikes all: factor i falls if u is below its chance.
        up_to = min((c for c, down in zip(chances, fallen, strict=True) if down), default=1.0)
        from_ = max((c for c, down in zip(chances, fallen, strict=True) if not down), default=0.0)
        found[fallen] = shared * max(0.0, up_to - from_) + (1 - shared) * alone
    return found


def all_fall(chances: Sequence[float], shared: float) -> float:
    """The probability that every one of these factors falls."""
    return combinations(chances, shared)[(True,) * len(chances)]
