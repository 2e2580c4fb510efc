"""What a client sends back: how far its weights moved, over how many examples. No word of how it travels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    Weights = Mapping[str, torch.Tensor]

Metrics = dict[str, float | None]


@dataclass(frozen=True, eq=False)
class Update:
    """One client's work of one round.

    Attributes:
        delta: its weights less those that the round began with, by name.
        examples: that it trains on; how much it weighs in a mean.
        metrics: what it tells of its work; None where it has nothing to tell.
    """

    delta: dict[str, torch.Tensor]
    examples: int
    metrics: Metrics = field(default_factory=dict)


def length_of(delta: Weights) -> float:
    """The L2 norm over all of it."""
    import torch

    squares = [one.double().square().sum() for one in delta.values()]
    return float(torch.stack(squares).sum().sqrt()) if squares else 0.0


def added(weights: Weights, delta: Weights) -> dict[str, torch.Tensor]:
    """`weights` moved by `delta`, rounded once."""
    return {name: (one.double() + delta[name].double()).to(one.dtype) for name, one in weights.items()}


def moved(after: Weights, before: Weights) -> dict[str, torch.Tensor]:
    """How far `after` is from `before`."""
    return {name: (one.double() - before[name].double()).to(one.dtype) for name, one in after.items()}
