"""Federated averaging of logistic regression, rules against poison, and what a gradient gives away.

Spelled out in plain Python to be seen, and the same to the last shown digit everywhere; the app's own is
`training/federated`. Weights are the four features' and, last, the bias. McMahan et al. 2017 (FedAvg); Yin
et al. 2018 (median, trimmed mean); Blanchard et al. 2017 (Krum); Zhu, Liu and Han 2019 (leakage).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import median
from typing import TypeAlias

from security.lab.workings.clinics import FEATURES, Hospital, Patient, sigmoid

Weights: TypeAlias = list[float]
Rule: TypeAlias = Callable[[Sequence[Weights], Sequence[int]], Weights]
Send: TypeAlias = Callable[[int, Weights, Weights], Weights]
"""What hospital number i sends, given the round's first weights and the ones it trained."""

RATE = 0.3
START = (0.0,) * (len(FEATURES) + 1)
_TINY = 1e-12


def chance(weights: Sequence[float], z: Sequence[float]) -> float:
    """The model's probability that this patient is ill."""
    total = weights[-1]
    for weight, value in zip(weights, z, strict=False):
        total += weight * value
    return sigmoid(total)


def gradient(weights: Sequence[float], patients: Sequence[Patient]) -> Weights:
    """Of the mean log loss: the mean over patients of (p - y) x, and of (p - y) for the bias."""
    total = [0.0] * len(weights)
    for z, ill in patients:
        error = chance(weights, z) - ill
        for at, value in enumerate(z):
            total[at] += error * value
        total[-1] += error
    return [value / len(patients) for value in total]


def trained(weights: Sequence[float], patients: Sequence[Patient], steps: int, rate: float = RATE) -> Weights:
    """After `steps` steps of gradient descent over all patients."""
    now = list(weights)
    for _ in range(steps):
        slope = gradient(now, patients)
        now = [weight - rate * one for weight, one in zip(now, slope, strict=True)]
    return now


def accuracy(weights: Sequence[float], patients: Sequence[Patient]) -> float:
    """The share of patients whose illness the model tells rightly."""
    return sum((chance(weights, z) >= 0.5) == bool(ill) for z, ill in patients) / len(patients)


def missed(weights: Sequence[float], patients: Sequence[Patient]) -> int:
    """How many ill patients the model calls healthy."""
    return sum(ill and chance(weights, z) < 0.5 for z, ill in patients)


def loss(weights: Sequence[float], patients: Sequence[Patient]) -> float:
    """The mean log loss, in nats; a probability counts as at least 1e-12."""
    return -math.fsum(math.log(max(_TINY, abs(1 - ill - chance(weights, z)))) for z, ill in patients) / len(
        patients
    )


def mean(updates: Sequence[Weights], counts: Sequence[int]) -> Weights:
    """FedAvg's: each hospital counts by its patients."""
    every = sum(counts)
    return [
        math.fsum(c * w for c, w in zip(counts, column, strict=True)) / every for column in _columns(updates)
    ]


def middle(updates: Sequence[Weights], _: Sequence[int]) -> Weights:
    """The median of each weight."""
    return [median(column) for column in _columns(updates)]


def trimmed(updates: Sequence[Weights], _: Sequence[int]) -> Weights:
    """The mean of each weight without its largest and its smallest value; three updates or more."""
    return [math.fsum(sorted(column)[1:-1]) / (len(column) - 2) for column in _columns(updates)]


def krum(updates: Sequence[Weights], _: Sequence[int], evil: int = 1) -> Weights:
    """The one update whose n - `evil` - 2 nearest neighbours are nearest to it; the first of equals."""
    near = max(1, len(updates) - evil - 2)
    scores = []
    for mine in updates:
        away = sorted(math.dist(mine, other) ** 2 for other in updates if other is not mine)
        scores.append(math.fsum(away[:near]))
    return list(updates[scores.index(min(scores))])


RULES: dict[str, Rule] = {"mean": mean, "median": middle, "trimmed mean": trimmed, "Krum": krum}


def honest(_: int, __: Weights, after: Weights) -> Weights:
    """Send what was trained."""
    return after


def reversing(evil: Sequence[int], boost: float) -> Send:
    """Hospitals of these numbers send their update turned round and `boost` times as long."""

    def send(number: int, before: Weights, after: Weights) -> Weights:
        if number not in evil:
            return after
        return [b - boost * (a - b) for a, b in zip(after, before, strict=True)]

    return send


def federated(
    hospitals: Sequence[Hospital], rounds: int, steps: int, rule: Rule = mean, send: Send = honest
) -> list[Weights]:
    """The server's weights before the first round and after each: `rounds` + 1 of them."""
    now = list(START)
    every = [now]
    counts = [len(hospital.patients) for hospital in hospitals]
    for _ in range(rounds):
        updates = [send(i, now, trained(now, h.patients, steps)) for i, h in enumerate(hospitals)]
        now = rule(updates, counts)
        every.append(now)
    return every


def alone(patients: Sequence[Patient], rounds: int, steps: int) -> list[Weights]:
    """As many steps on one's own patients: weights before the first round and after each."""
    every: list[Weights] = [list(START)]
    for _ in range(rounds):
        every.append(trained(every[-1], patients, steps))
    return every


def recovered(slope: Sequence[float]) -> tuple[list[float], int] | None:
    """(z, ill) of the one patient whose gradient this is: x = dW / db, and ill if db is below 0.

    Of several patients' gradient the answer is a mixture of them; None where db is too small to divide by.
    """
    error = slope[-1]
    if abs(error) < _TINY:
        return None
    return [value / error for value in slope[:-1]], int(error < 0)


def _columns(updates: Sequence[Weights]) -> list[tuple[float, ...]]:
    return list(zip(*updates, strict=True))
