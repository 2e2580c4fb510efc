"""DP-SGD (Abadi et al. 2016) of a logistic regression, spelled out: sample, clip each gradient, add noise.

The noise is the app's own (`SecretStream`), from a secret that the lesson's seed gives. The app trains its
models with `training/private.py`.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from security.crypto.privacy.noise import SecretStream
from security.lab.workings.clinics import Patient
from security.lab.workings.fedavg import START, Weights, gradient

_PURPOSE = 1


@dataclass(frozen=True)
class Plan:
    """`noise` is the deviation over the clipping norm `clip`; a patient is in a step with chance `rate`."""

    noise: float
    clip: float
    rate: float
    steps: int
    speed: float = 1.0


def clipped(slope: Sequence[float], most: float) -> Weights:
    """The gradient, shortened to a length of at most `most`."""
    length = math.sqrt(math.fsum(value * value for value in slope))
    factor = min(1.0, most / length) if length else 1.0
    return [value * factor for value in slope]


def train(rng: random.Random, patients: Sequence[Patient], plan: Plan) -> Weights:
    """The weights after all steps."""
    secret = rng.randbytes(32)
    weights = list(START)
    expected = plan.rate * len(patients)
    for step in range(plan.steps):
        total = [0.0] * len(weights)
        for one in patients:
            if rng.random() < plan.rate:
                slope = clipped(gradient(weights, [one]), plan.clip)
                total = [a + b for a, b in zip(total, slope, strict=True)]
        if plan.noise:
            drawn = SecretStream(secret, _PURPOSE, step).normal(len(total))
            total = [a + plan.noise * plan.clip * float(b) for a, b in zip(total, drawn, strict=True)]
        weights = [w - plan.speed * a / expected for w, a in zip(weights, total, strict=True)]
    return weights
