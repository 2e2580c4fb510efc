"""Five hospitals' patients, made up by a seeded generator: four measurements, and Parkinson's or not.

Each patient is (z, ill): z are four standardised numbers in the order of `FEATURES`, ill is 0 or 1. One
logistic rule holds for everybody; it and its numbers are invented and say nothing about real patients.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import TypeAlias

from security.lab import story

Patient: TypeAlias = tuple[tuple[float, ...], int]


@dataclass(frozen=True)
class Feature:
    """A measurement: its name, unit, and the mean and deviation by which it is standardised."""

    name: str
    unit: str
    mean: float
    deviation: float

    def natural(self, z: float) -> float:
        """In its unit, from standardised."""
        return self.mean + self.deviation * z

    def standard(self, value: float) -> float:
        """Standardised, from its unit."""
        return (value - self.mean) / self.deviation


FEATURES = (
    Feature("age", "years", 68.0, 9.0),
    Feature("tremor score", "of 10", 4.0, 2.0),
    Feature("gait speed", "m/s", 1.0, 0.2),
    Feature("symptoms for", "months", 12.0, 6.0),
)
RULE = (0.5, 2.0, -1.5, 0.6)
SIZES = (80, 50, 60, 30, 40)
_SHARE_OFF = (0.0, 0.3, -0.3, 0.4, -0.4)
_SHIFTS = (
    (0.8, 0.0, 0.0, 0.0),
    (0.0, 0.8, 0.0, 0.0),
    (0.0, 0.0, 0.8, 0.0),
    (0.0, 0.0, -0.8, 0.8),
    (-0.8, -0.8, 0.0, 0.0),
)
_NATURAL_ROSA = (67.0, 6.5, 0.8, 8.0)
ROSA: Patient = (tuple(f.standard(v) for f, v in zip(FEATURES, _NATURAL_ROSA, strict=True)), 1)


@dataclass(frozen=True)
class Hospital:
    """A hospital's name and its own patients."""

    name: str
    patients: tuple[Patient, ...]

    def share(self) -> float:
        """Which part of the patients are ill."""
        return sum(ill for _, ill in self.patients) / len(self.patients)


def sigmoid(value: float) -> float:
    """1 / (1 + e^-value), without overflow."""
    if value >= 0:
        return 1 / (1 + math.exp(-value))
    small = math.exp(value)
    return small / (1 + small)


def patient(rng: random.Random, shift: tuple[float, ...], share: float) -> Patient:
    """One, by the rule, of a population with means `shift` deviations off, of which `share` are ill.

    Patients are drawn until one has the wanted illness, so `share` above 0 and below 1 ends.
    """
    wanted = int(rng.random() < share)
    while True:
        z = tuple(rng.gauss(off, 1.0) for off in shift)
        chance = sigmoid(math.fsum(a * b for a, b in zip(RULE, z, strict=True)))
        if int(rng.random() < chance) == wanted:
            return z, wanted


def hospitals(rng: random.Random, skew: float, sizes: tuple[int, ...] = SIZES) -> list[Hospital]:
    """The five of the story. With `skew` 0 all see the same kind of patients; with 1 shares of ill ones
    run from 0.1 to 0.9, and a hospital's means lie 0.8 deviations off."""
    made = []
    for name, size, off, shift in zip(story.HOSPITALS, sizes, _SHARE_OFF, _SHIFTS, strict=True):
        moved = tuple(skew * one for one in shift)
        made.append(Hospital(name, tuple(patient(rng, moved, 0.5 + skew * off) for _ in range(size))))
    return made


def region(rng: random.Random, count: int) -> list[Patient]:
    """Patients of the whole region, half of them ill, for a test: no hospital trains on them."""
    return [patient(rng, (0.0,) * len(FEATURES), 0.5) for _ in range(count)]


def natural(z: tuple[float, ...] | list[float]) -> list[float]:
    """A patient's measurements in their units."""
    return [feature.natural(value) for feature, value in zip(FEATURES, z, strict=True)]
