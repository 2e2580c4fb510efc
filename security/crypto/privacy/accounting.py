"""How much privacy mechanisms cost together, and how much noise reaches a target.

Rényi accounting (Mironov 2017; for sampled Gaussians Mironov, Talwar and Zhang 2019), computed by Google's
dp-accounting. Rényi bounds add up even where each mechanism is chosen after seeing what those before it said
(Feldman and Zrnic 2021), as people choose their next training run; so the budget counts by them. The
numerical accountant (privacy loss distributions, Koskela et al. 2020; Doroshenko et al. 2022) is tighter,
for mechanisms that were all fixed in advance.
"""

from __future__ import annotations

import functools
import logging
import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from security.crypto.privacy.mechanisms import Gaussian, Laplace, Mechanism, PrivacyError, SampledGaussian

_ORDERS = (
    *(1.25 + 0.25 * step for step in range(39)),
    *(float(order) for order in (*range(11, 33), 40, 48, 64, 96, 128, 256, 512)),
)
_TOLERANCE = 1e-4
_MOST_NOISE = 1e6


def epsilon_of(noise: float, rate: float, steps: int, delta: float) -> float:
    """Epsilon of DP-SGD at `delta`; the parameters are those of `SampledGaussian`.

    Raises:
        PrivacyError: one is out of range.
    """
    return total_epsilon([SampledGaussian(noise, rate, steps)], delta)


def noise_for(epsilon: float, delta: float, rate: float, steps: int) -> float:
    """The least noise multiplier, to 1e-4 and rounded up, with which DP-SGD costs at most `epsilon`.

    Raises:
        PrivacyError: a parameter is out of range, or no noise up to a million suffices.
    """
    _check_epsilon(epsilon)
    high = 1.0
    while epsilon_of(high, rate, steps, delta) > epsilon:
        high *= 2
        if high > _MOST_NOISE:
            raise PrivacyError(
                f"No noise makes {steps} steps at rate {rate:g} cost at most epsilon {epsilon:g} at delta "
                f"{delta:g}. Allow a larger epsilon, or take fewer steps.",
                epsilon=epsilon,
            )
    low = high / 2 if high > 1 else 0.0
    while high - low > _TOLERANCE * max(1.0, low):
        middle = (low + high) / 2
        if epsilon_of(middle, rate, steps, delta) > epsilon:
            low = middle
        else:
            high = middle
    return high


def total_epsilon(mechanisms: Iterable[Mechanism], delta: float) -> float:
    """Epsilon at `delta` of all mechanisms on the same records, however each was chosen; 0 for none.

    Raises:
        PrivacyError: `delta` is out of range.
    """
    from dp_accounting.rdp import compute_epsilon  # type: ignore[import-untyped]

    _check_delta(delta)
    curves = [_curve(mechanism) for mechanism in mechanisms]
    if not curves:
        return 0.0
    sums = [math.fsum(costs) for costs in zip(*curves, strict=True)]
    return float(compute_epsilon(_ORDERS, sums, delta)[0])


def renyi_curve(mechanism: Mechanism) -> dict[float, float]:
    """Order -> Rényi divergence, for a plot; infinite where the library finds no bound."""
    return dict(zip(_ORDERS, _curve(mechanism), strict=True))


def numerical_epsilon(mechanisms: Iterable[Mechanism], delta: float) -> float:
    """Epsilon at `delta` by privacy loss distributions: tighter, but for mechanisms fixed in advance only.

    Takes seconds.

    Raises:
        PrivacyError: `delta` is out of range.
    """
    from dp_accounting.pld import PLDAccountant  # type: ignore[import-untyped]

    _check_delta(delta)
    accountant = PLDAccountant()
    for mechanism in mechanisms:
        accountant.compose(_event(mechanism))
    return float(accountant.get_epsilon(delta))


def laplace_scale(epsilon: float, sensitivity: float = 1.0) -> float:
    """The scale of Laplace noise that costs `epsilon` (and no delta) at an L1 sensitivity.

    Raises:
        PrivacyError: a parameter is out of range.
    """
    _check_epsilon(epsilon)
    return sensitivity / epsilon


def gaussian_deviation(epsilon: float, delta: float, sensitivity: float = 1.0) -> float:
    """The least standard deviation of Gaussian noise that costs `epsilon` at `delta`.

    By the analytic Gaussian mechanism (Balle and Wang 2018), which is exact for one release alone; the
    budget's Rényi bound of the same release is a little higher.

    Raises:
        PrivacyError: a parameter is out of range.
    """
    from dp_accounting import get_sigma_gaussian  # type: ignore[import-untyped]

    _check_epsilon(epsilon)
    _check_delta(delta)
    return sensitivity * float(get_sigma_gaussian(epsilon, delta))


@functools.lru_cache(maxsize=1024)
def _curve(mechanism: Mechanism) -> tuple[float, ...]:
    from dp_accounting.rdp import RdpAccountant

    accountant = RdpAccountant(_ORDERS)
    with _without_words():
        accountant.compose(_event(mechanism))
    return tuple(float(cost) for cost in accountant.rdp)


def _event(mechanism: Mechanism) -> Any:
    import dp_accounting as dp

    match mechanism:
        case SampledGaussian(noise, rate, steps):
            once: Any = dp.PoissonSampledDpEvent(rate, dp.GaussianDpEvent(noise))
            return dp.SelfComposedDpEvent(once, steps)
        case Gaussian(noise, times):
            return dp.SelfComposedDpEvent(dp.GaussianDpEvent(noise), times)
        case Laplace(scale, times):
            return dp.SelfComposedDpEvent(dp.LaplaceDpEvent(scale), times)


@contextmanager
def _without_words() -> Iterator[None]:
    """The library says on standard error which orders it leaves out; that makes a bound looser, not wrong."""
    logger = logging.getLogger("absl")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _check_epsilon(epsilon: float) -> None:
    if not (math.isfinite(epsilon) and epsilon > 0):
        raise PrivacyError(f"epsilon must be above 0 and finite; it is {epsilon}.", epsilon=epsilon)


def _check_delta(delta: float) -> None:
    if not 0 < delta < 1:
        raise PrivacyError(f"delta must be above 0 and below 1; it is {delta}.", delta=delta)
