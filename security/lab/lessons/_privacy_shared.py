"""What the runs of the lesson on differential privacy share: the hospital's list, the noise, how sure is sure."""

from __future__ import annotations

import random

from security.lab.parameters import Choice, Real, Whole
from security.lab.workings import countnoise
from security.lab.workings.countnoise import Noise

SURE = 0.9
"""An attack counts as successful if it is right at least so often; a coin is right one time in two."""

HIV_SHARE = 0.15
PATIENTS = Whole("patients", "Patients in the hospital", 200, 10, 1000)
EPSILON = Real("epsilon", "Epsilon of one answer", 0.5, 0.05, 5.0, "small: much noise")
ROSA = Choice(
    "rosa", "Rosa's true status", "has HIV", ("has HIV", "does not have HIV"), "the attacker doesn't know it"
)
KIND = Choice("kind", "Noise", countnoise.LAPLACE, countnoise.KINDS)


def statuses(rng: random.Random, patients: int) -> list[bool]:
    """Who has HIV."""
    return [rng.random() < HIV_SHARE for _ in range(patients)]


def with_rosa(rng: random.Random, patients: int, rosa: str) -> list[bool]:
    """Who has HIV; the first is Rosa, whose status is given in words."""
    return [rosa == told(True), *statuses(rng, patients - 1)]


def noise_of(kind: str, epsilon: float) -> Noise:
    """As much as `epsilon` asks for, by the app's own formulas; the Gaussian at delta 1e-5."""
    from security.crypto.privacy.accounting import gaussian_deviation, laplace_scale

    if kind == countnoise.GAUSSIAN:
        scale = gaussian_deviation(epsilon, countnoise.DELTA)
        return Noise(kind, epsilon, scale, countnoise.DELTA)
    return Noise(kind, epsilon, laplace_scale(epsilon))


def told(status: bool) -> str:
    """A status in words."""
    return "has HIV" if status else "does not have HIV"
