"""Rates and decay."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from training.config import OptimiserSettings
from training.optimiser import build, clip, rate_at

SETTINGS = OptimiserSettings(rate=1.0, warm_up=0.1)


@given(st.integers(1, 300), st.sampled_from(("cosine", "linear", "constant")), st.floats(0, 0.9))
def test_the_rate_rises_then_never_rises_again(steps: int, schedule: str, warm_up: float) -> None:
    settings = replace(SETTINGS, schedule=schedule, warm_up=warm_up)  # type: ignore[arg-type]
    rates = [rate_at(step, steps, settings) for step in range(steps)]
    top = rates.index(max(rates))
    assert all(0 < rate <= 1 for rate in rates)
    assert max(rates) == 1
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)


def test_schedules_end_where_they_should() -> None:
    half = {
        kind: rate_at(55, 100, replace(SETTINGS, schedule=kind)) for kind in ("cosine", "linear", "constant")
    }  # type: ignore[arg-type]
    assert half == pytest.approx({"cosine": 0.5, "linear": 0.5, "constant": 1.0})
    assert rate_at(99, 100, replace(SETTINGS, schedule="linear")) == pytest.approx(1 / 90)


def test_decay_pulls_on_matrices_only() -> None:
    weights = {"w": torch.nn.Parameter(torch.ones(2, 2)), "b": torch.nn.Parameter(torch.ones(2))}
    optimiser = build(weights, replace(SETTINGS, weight_decay=0.5))
    for value in weights.values():
        value.grad = torch.zeros_like(value)
    optimiser.step()
    assert weights["w"].tolist() == [[0.5, 0.5], [0.5, 0.5]]
    assert weights["b"].tolist() == [1.0, 1.0]


def test_a_gradient_is_cut_to_its_length_or_left() -> None:
    weight = torch.nn.Parameter(torch.zeros(2))
    for most, left in ((1.0, [0.6, 0.8]), (0.0, [3.0, 4.0])):
        weight.grad = torch.tensor([3.0, 4.0])
        assert clip([weight], most) == 5
        assert weight.grad.tolist() == pytest.approx(left)
