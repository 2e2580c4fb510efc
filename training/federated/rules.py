"""Many updates -> one: the mean, and rules that a few poisoned clients can't drag far.

Coordinate-wise median and trimmed mean after Yin et al. 2018, Krum and multi-Krum after Blanchard et al.
2017. All but the mean count every client once: how many examples it has is only what it says. No order of
the updates changes the result. An update with a number that is none (NaN, infinite) is left out by all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from training.errors import RunError
from training.federated.config import RuleSettings
from training.federated.updates import Update, added

if TYPE_CHECKING:
    import torch

    from training.federated.updates import Weights


@dataclass(frozen=True, eq=False)
class Combined:
    """The weights after the round, and by index which updates had no part in them."""

    weights: dict[str, torch.Tensor]
    left_out: tuple[int, ...] = ()


def aggregate(weights: Weights, updates: Sequence[Update], rule: RuleSettings) -> Combined:
    """Move `weights` by what the rule makes of the updates.

    Raises:
        RunError: too few updates are usable for the rule, or one is of another model.
    """
    for number, update in enumerate(updates, start=1):
        _check_shape(weights, update, number)
    usable = [index for index, update in enumerate(updates) if _is_finite(update)]
    chosen = usable
    if rule.rule == "krum":
        chosen = [usable[at] for at in closest([updates[index] for index in usable], rule)]
    elif not usable:
        raise RunError("Not one client sent an update that can be used: all have numbers that are none.")
    some = [updates[index] for index in chosen]
    if rule.rule in ("median", "trimmed"):
        cut = (len(some) - 1) // 2 if rule.rule == "median" else int(rule.trim * len(some))
        delta = trimmed_mean(some, cut)
    else:
        delta = mean(some, [1 if rule.rule == "krum" else update.examples for update in some])
    left = tuple(index for index in range(len(updates)) if index not in chosen)
    return Combined(added(weights, delta), left)


def mean(updates: Sequence[Update], shares: Sequence[float]) -> dict[str, torch.Tensor]:
    """Weighted by `shares`, in float64."""
    import torch

    total = sum(shares)
    if total <= 0:
        raise RunError("The clients have no examples, so there is nothing to weigh their updates by.")
    means = {}
    for name, first in updates[0].delta.items():
        means[name] = torch.zeros_like(first, dtype=torch.float64)
        for update, share in zip(updates, shares, strict=True):
            means[name].add_(update.delta[name].double(), alpha=share / total)
    return means


def trimmed_mean(updates: Sequence[Update], cut: int) -> dict[str, torch.Tensor]:
    """For each coordinate the mean without its `cut` least and `cut` greatest values."""
    import torch

    kept = slice(cut, len(updates) - cut)
    return {
        name: torch.stack([one.delta[name].double() for one in updates]).sort(dim=0).values[kept].mean(dim=0)
        for name in updates[0].delta
    }


def closest(updates: Sequence[Update], rule: RuleSettings) -> list[int]:
    """The `keep` updates that are nearest to their n - f - 2 nearest others, by index.

    Raises:
        RunError: there are fewer than 2f + 3.
    """
    import torch

    count = len(updates)
    if count < 2 * rule.poisoned + 3:
        raise RunError(
            f"Krum needs {2 * rule.poisoned + 3} usable updates to withstand {rule.poisoned}; there are "
            f"{count}."
        )
    flat = [torch.cat([one.delta[name].double().flatten() for name in sorted(one.delta)]) for one in updates]
    scores = []
    for at, one in enumerate(flat):
        apart = sorted(float((one - other).square().sum()) for i, other in enumerate(flat) if i != at)
        # Where two are equally near, what they say decides, not which came first.
        tie = hashlib.sha256(one.numpy().tobytes()).digest()
        scores.append((sum(apart[: count - rule.poisoned - 2]), tie, at))
    return sorted(at for _, _, at in sorted(scores)[: rule.keep])


def _is_finite(update: Update) -> bool:
    return all(bool(one.isfinite().all()) for one in update.delta.values())


def _check_shape(weights: Weights, update: Update, number: int) -> None:
    if {name: one.shape for name, one in update.delta.items()} != {n: o.shape for n, o in weights.items()}:
        raise RunError(
            f"The update of client {number} is of another model: its weights have other names or shapes."
        )
