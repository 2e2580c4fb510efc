"""Patience, health, and what to change when the memory didn't suffice."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.training import tiny
from training.errors import RunError
from training.watch import Health, Patience, out_of_memory


@given(st.lists(st.floats(0, 10), min_size=1, max_size=30), st.integers(1, 5))
def test_patience_ends_after_as_many_evaluations_without_a_new_best(losses: list[float], most: int) -> None:
    patience = Patience(most)
    told = 0
    for step, loss in enumerate(losses, start=1):
        patience.tell(step, loss)
        told = step
        if patience.over:
            break
    seen = losses[:told]
    assert patience.best == min(seen)
    assert patience.best_step == seen.index(min(seen)) + 1
    assert patience.over == (told - patience.best_step >= most)


def test_without_patience_it_never_ends() -> None:
    patience = Patience(0)
    for step in range(100):
        patience.tell(step, float(step))
    assert not patience.over


def test_a_loss_that_is_no_number_is_left_out_twice_and_ends_the_third_time() -> None:
    health = Health()
    assert "left out" in health.tell(math.nan, 1.0)
    assert "left out" in health.tell(1.0, math.inf)
    assert health.tell(1.0, 1.0) == ""
    health.tell(math.nan, 1.0)
    health.tell(math.nan, 1.0)
    with pytest.raises(RunError, match=r"3 steps in a row.*Lower optimiser\.rate"):
        health.tell(math.nan, 1.0)


def test_a_loss_that_climbs_is_said_once_and_one_that_falls_is_not() -> None:
    health = Health()
    assert not any(health.tell(3.0 - step / 50, 1.0) for step in range(100))
    assert sum(bool(health.tell(9.0, 1.0)) for _ in range(50)) == 1


def test_what_to_change_can_be_taken_as_it_is_and_keeps_the_effective_batch() -> None:
    config = tiny.config("gpt", batch_size=8, accumulation=3, context=128)
    for _ in range(3):
        config = replace(config, **out_of_memory(config, "full").changes)
        assert config.batch_size * config.accumulation == 24
    assert config.batch_size == 1
    config = replace(config, **out_of_memory(config, "full").changes)
    assert config.gradient_checkpointing
    config = replace(config, **out_of_memory(config, "full").changes)
    assert config.context == 64
    tokens = tiny.config("gpt", batch_tokens=256, context=64)
    changes = out_of_memory(tokens, "full").changes
    assert changes == {"batch_tokens": 128, "accumulation": 4}
    smallest = tiny.config("gpt", batch_size=1, gradient_checkpointing=True, context=8)
    assert out_of_memory(smallest, "full").changes == {}
