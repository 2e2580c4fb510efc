"""The mechanisms that a budget can be charged for, by the parameters that decide what they cost.

Two data sets are neighbours when one has one record more than the other (add or remove one). What a record
is (a document, a patient, a hospital) is the caller's to say.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from security.crypto.errors import CryptoError


class PrivacyError(CryptoError):
    """A parameter is out of range, or no noise reaches what is asked for."""


@dataclass(frozen=True)
class SampledGaussian:
    """DP-SGD: sums over random samples, with Gaussian noise.

    Attributes:
        noise: the noise's standard deviation over the sum's L2 sensitivity (the clipping norm).
        rate: with which probability each record, by itself, is in a sample (Poisson sampling).
        steps: how many sums.
    """

    noise: float
    rate: float
    steps: int

    def __post_init__(self) -> None:
        _check("noise", self.noise, 0.0)
        if not 0 < self.rate <= 1:
            raise PrivacyError(f"rate must be above 0 and at most 1; it is {self.rate}.", rate=self.rate)
        _check_count("steps", self.steps)


@dataclass(frozen=True)
class Gaussian:
    """Numbers of everybody with Gaussian noise; `noise` is its standard deviation over the L2 sensitivity."""

    noise: float
    times: int = 1

    def __post_init__(self) -> None:
        _check("noise", self.noise, 0.0)
        _check_count("times", self.times)


@dataclass(frozen=True)
class Laplace:
    """Numbers of everybody with Laplace noise; `scale` is the noise's scale over the L1 sensitivity."""

    scale: float
    times: int = 1

    def __post_init__(self) -> None:
        _check("scale", self.scale, 0.0)
        _check_count("times", self.times)


Mechanism = SampledGaussian | Gaussian | Laplace
_KINDS: dict[str, type[SampledGaussian | Gaussian | Laplace]] = {
    "sampled gaussian": SampledGaussian,
    "gaussian": Gaussian,
    "laplace": Laplace,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}


def to_plain(mechanism: Mechanism) -> dict[str, Any]:
    """What JSON can hold."""
    return {"kind": _NAMES[type(mechanism)], **asdict(mechanism)}


def from_plain(values: Mapping[str, Any]) -> Mechanism:
    """What `to_plain` made.

    Raises:
        PrivacyError: it is no mechanism that this version knows.
    """
    given = dict(values)
    name = str(given.pop("kind", "none"))
    try:
        return _KINDS[name](**given)
    except (KeyError, TypeError) as error:
        raise PrivacyError(f"{name!r} is no mechanism that this version knows.", kind=name) from error


def _check(option: str, value: float, above: float) -> None:
    if not (math.isfinite(value) and value > above):
        raise PrivacyError(f"{option} must be above {above:g} and finite; it is {value}.", value=value)


def _check_count(option: str, value: int) -> None:
    if value < 1:
        raise PrivacyError(f"{option} must be at least 1; it is {value}.", value=value)
