"""AdamW over what moves, and the rate of every step as a function of its number."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from training.config import OptimiserSettings

if TYPE_CHECKING:
    import torch


def build(weights: Mapping[str, torch.nn.Parameter], settings: OptimiserSettings) -> torch.optim.Optimizer:
    """Decay pulls on matrices only."""
    import torch

    groups = [
        {"params": [v for v in weights.values() if v.dim() > 1], "weight_decay": settings.weight_decay},
        {"params": [v for v in weights.values() if v.dim() <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW([group for group in groups if group["params"]], lr=settings.rate, fused=True)


def rate_at(step: int, steps: int, settings: OptimiserSettings) -> float:
    """The rate of step `step` (from 0) of `steps`."""
    ramp = int(steps * settings.warm_up)
    if step < ramp:
        return settings.rate * (step + 1) / (ramp + 1)
    left = 1 - (step - ramp) / max(1, steps - ramp)
    if settings.schedule == "cosine":
        return settings.rate * 0.5 * (1 - math.cos(math.pi * left))
    return settings.rate * (left if settings.schedule == "linear" else 1.0)


def clip(weights: Iterable[torch.nn.Parameter], most: float) -> float:
    """The gradient's length before it was cut to `most`; 0 leaves it as it is."""
    import torch

    return float(torch.nn.utils.clip_grad_norm_(weights, most or math.inf))
