"""Noise on a count, how well the best attacker guesses through it, and how epsilons add up.

Spelled out to be seen, with a `random.Random` so that a class sees the same numbers: never use it for
real answers. The app's own noise comes from `security.crypto.privacy.noise`, and its costs from
`accounting`. A count changes by at most 1 when one patient's status changes, so its sensitivity is 1.

Dwork, McSherry, Nissim and Smith 2006 (Laplace); Ghosh, Roughgarden and Sundararajan 2009 (discrete
Laplace); Balle and Wang 2018 (Gaussian); Dwork, Rothblum and Vadhan 2010 (composition).
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

LAPLACE, DISCRETE, GAUSSIAN = "Laplace", "discrete Laplace", "Gaussian"
KINDS = (LAPLACE, DISCRETE, GAUSSIAN)
DELTA = 1e-5
_NORMAL = NormalDist()


@dataclass(frozen=True)
class Noise:
    """One kind of noise. `scale` is the Laplace scale (1 / epsilon), or the Gaussian's standard deviation;
    `delta` is 0 but for the Gaussian."""

    kind: str
    epsilon: float
    scale: float
    delta: float = 0.0

    def draw(self, rng: random.Random) -> float:
        """One value."""
        if self.kind == GAUSSIAN:
            return rng.gauss(0.0, self.scale)
        if self.kind == DISCRETE:
            return float(_geometric(rng, self.epsilon) - _geometric(rng, self.epsilon))
        size = -self.scale * math.log(1 - rng.random())
        return size if rng.random() < 0.5 else -size

    def density(self, x: float) -> float:
        """The density at x; of the discrete one the probability of the whole number nearest to x."""
        if self.kind == GAUSSIAN:
            return _NORMAL.pdf(x / self.scale) / self.scale
        if self.kind == DISCRETE:
            shrink = math.exp(-self.epsilon)
            return (1 - shrink) / (1 + shrink) * shrink ** abs(round(x))
        return math.exp(-abs(x) / self.scale) / (2 * self.scale)

    def mean_error(self) -> float:
        """The mean of the absolute value."""
        if self.kind == GAUSSIAN:
            return self.scale * math.sqrt(2 / math.pi)
        if self.kind == DISCRETE:
            shrink = math.exp(-self.epsilon)
            return 2 * shrink / (1 - shrink * shrink)
        return self.scale

    def deviation(self) -> float:
        """The standard deviation."""
        if self.kind == GAUSSIAN:
            return self.scale
        if self.kind == DISCRETE:
            shrink = math.exp(-self.epsilon)
            return math.sqrt(2 * shrink) / (1 - shrink)
        return math.sqrt(2) * self.scale

    def guess_probability(self) -> float:
        """How often the best attacker, who knows all others, is right about a status that a coin decided."""
        if self.kind == GAUSSIAN:
            return _NORMAL.cdf(1 / (2 * self.scale))
        if self.kind == DISCRETE:
            return guess_bound(self.epsilon)
        return 1 - math.exp(-self.epsilon / 2) / 2


def laplace(epsilon: float) -> Noise:
    """Laplace noise for a count."""
    return Noise(LAPLACE, epsilon, 1 / epsilon)


def _geometric(rng: random.Random, epsilon: float) -> int:
    """k with probability proportional to e^(-epsilon k), k from 0."""
    return math.floor(-math.log(1 - rng.random()) / epsilon)


def guess_bound(epsilon: float, delta: float = 0.0) -> float:
    """No attacker is right more often, whatever the mechanism: (e^epsilon + delta) / (1 + e^epsilon)."""
    grown = math.exp(epsilon)
    return (grown + delta) / (1 + grown)


def gaussian_delta(epsilon: float, deviation: float) -> float:
    """The delta that one Gaussian release costs at `epsilon`, exactly (Balle and Wang 2018, theorem 8)."""
    half, tilt = 1 / (2 * deviation), epsilon * deviation
    return _NORMAL.cdf(half - tilt) - math.exp(epsilon) * _NORMAL.cdf(-half - tilt)


def likelier(noise: Noise, answer: float, others: int) -> bool:
    """The likelihood test: is `answer` likelier of `others` + 1 ill patients than of `others`?"""
    return noise.density(answer - others - 1) > noise.density(answer - others)


def games(rng: random.Random, noise: Noise, others: int, times: int) -> int:
    """How often the likelihood test is right in `times` games, in each of which a coin decides the status."""
    right = 0
    for _ in range(times):
        status = rng.random() < 0.5
        right += likelier(noise, others + status + noise.draw(rng), others) == status
    return right


def differences(rng: random.Random, noise: Noise, everybody: int, others: int, times: int) -> list[float]:
    """The mean difference of the two noisy counts after 1, 2, ... `times` pairs of questions."""
    total, means = 0.0, []
    for asked in range(1, times + 1):
        total += everybody + noise.draw(rng) - others - noise.draw(rng)
        means.append(total / asked)
    return means


def averaged(rng: random.Random, noise: Noise, asked: Sequence[int], trials: int) -> list[float]:
    """For each number of pairs in `asked` (rising, from 1), the share of `trials` attacks whose averaged
    difference is nearer to the true one than to the other."""
    right = [0] * len(asked)
    for _ in range(trials):
        status = rng.random() < 0.5
        means = differences(rng, noise, int(status), 0, asked[-1])
        for at, pairs in enumerate(asked):
            right[at] += (means[pairs - 1] > 0.5) == status
    return [one / trials for one in right]


def averaged_expected(noise: Noise, pairs: int) -> float:
    """The same share for many pairs, by the central limit theorem."""
    return _NORMAL.cdf(0.5 * math.sqrt(pairs / 2) / noise.deviation())


def basic(epsilon: float, times: int) -> float:
    """Epsilon of `times` answers: the sum."""
    return epsilon * times


def advanced(epsilon: float, times: int, delta: float) -> float:
    """Epsilon of `times` answers at `delta` by advanced composition (Dwork, Rothblum and Vadhan 2010)."""
    return epsilon * math.sqrt(2 * times * math.log(1 / delta)) + times * epsilon * (math.exp(epsilon) - 1)
