"""How updates become one: what a few poisoned clients can and can't do."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from security.crypto.secure_sum import Party
from training.errors import RunError
from training.federated.config import Rule, RuleSettings
from training.federated.rules import aggregate
from training.federated.secure import hidden_update, secure_mean
from training.federated.updates import Update

ROBUST = [RuleSettings("median"), RuleSettings("trimmed", trim=0.34), RuleSettings("krum", poisoned=1)]
ROBUST += [RuleSettings("krum", poisoned=2), RuleSettings("krum", poisoned=1, keep=3)]
EVERY = [RuleSettings("mean"), *ROBUST]


def update(values: list[float], examples: int = 1) -> Update:
    flat = torch.tensor(values, dtype=torch.float32)
    return Update({"a": flat[:1], "b": flat[1:].reshape(1, -1)}, examples)


def zeros(size: int) -> dict[str, torch.Tensor]:
    return {"a": torch.zeros(1), "b": torch.zeros(1, size - 1)}


def combined(updates: list[Update], rule: RuleSettings) -> torch.Tensor:
    weights = zeros(1 + updates[0].delta["b"].numel())
    after = aggregate(weights, updates, rule).weights
    return torch.cat([after["a"], after["b"].flatten()])


def values(size: int, most: float = 1.0) -> st.SearchStrategy[list[float]]:
    return st.lists(st.floats(-most, most, width=32), min_size=size, max_size=size)


def vectors(count: int, most: float = 1.0) -> st.SearchStrategy[list[list[float]]]:
    return st.lists(values(3, most), min_size=count, max_size=count)


@settings(deadline=None, max_examples=60)
@given(vectors(7), st.lists(st.integers(1, 50), min_size=7, max_size=7), st.permutations(range(7)), st.data())
def test_no_order_of_the_clients_changes_the_result(
    rows: list[list[float]], examples: list[int], order: list[int], data: st.DataObject
) -> None:
    rule = data.draw(st.sampled_from(EVERY))
    updates = [update(row, count) for row, count in zip(rows, examples, strict=True)]
    one = combined(updates, rule)
    other = combined([updates[index] for index in order], rule)
    assert torch.allclose(one, other, atol=1e-6)


@settings(deadline=None, max_examples=60)
@given(vectors(5), vectors(2, 1e6), st.data())
def test_two_poisoned_of_seven_stay_within_the_honest_hull(
    honest: list[list[float]], poisoned: list[list[float]], data: st.DataObject
) -> None:
    """Coordinate by coordinate: no poisoned client pulls the result out of what the honest ones say."""
    rule = data.draw(st.sampled_from([ROBUST[0], ROBUST[1], ROBUST[3]]))
    updates = [update(row) for row in [*honest, *poisoned]]
    result = combined(updates, rule)
    if rule.rule == "krum":  # it picks one of them; a poisoned one only if it is as close as the honest are
        centre = torch.tensor(honest).mean(dim=0)
        widest = max(float((torch.tensor(row) - centre).norm()) for row in honest)
        assert float((result - centre).norm()) <= 8 * widest + 1e-6
    else:
        low, high = torch.tensor(honest).amin(dim=0), torch.tensor(honest).amax(dim=0)
        assert bool(((result >= low - 1e-6) & (result <= high + 1e-6)).all())


@settings(deadline=None, max_examples=30)
@given(vectors(6), values(3).filter(lambda row: any(abs(one) > 0.1 for one in row)))
def test_one_poisoned_client_drags_the_mean_where_it_likes(
    honest: list[list[float]], direction: list[float]
) -> None:
    goal = 1000 * torch.tensor(direction)
    lie = (7 * goal - torch.tensor(honest).sum(dim=0)).tolist()
    updates = [update(row) for row in [*honest, lie]]
    assert torch.allclose(combined(updates, RuleSettings("mean")), goal, atol=1e-1)
    centre = torch.tensor(honest).mean(dim=0)
    for rule in ROBUST[:3]:
        assert float((combined(updates, rule) - centre).norm()) < 4  # honest coordinates are within 1


@settings(deadline=None, max_examples=40)
@given(vectors(5), st.sampled_from(EVERY), st.floats(-2, 2, width=32))
def test_shifting_all_updates_shifts_the_result(
    rows: list[list[float]], rule: RuleSettings, shift: float
) -> None:
    assume(rule.poisoned < 2)
    kept = [[round(value, 3) for value in row] for row in rows]
    here = combined([update(row) for row in kept], rule)
    there = combined([update([value + shift for value in row]) for row in kept], rule)
    if rule.rule == "krum" and not torch.allclose(there, here + shift, atol=1e-4):
        return  # two were as close, and rounding chose
    assert torch.allclose(there, here + shift, atol=1e-4)


def test_the_mean_is_weighted_by_examples_and_the_others_are_not() -> None:
    updates = [update([0.0, 0.0], 1), update([0.0, 1.0], 1), update([4.0, 8.0], 2)]
    assert combined(updates, RuleSettings("mean")).tolist() == [2.0, 4.25]
    assert combined(updates, RuleSettings("median")).tolist() == [0.0, 1.0]
    assert combined(updates, RuleSettings("trimmed", trim=0.34)).tolist() == [0.0, 1.0]


def test_krum_tells_which_it_left_out() -> None:
    rows = [[0.0, 0.1], [0.1, 0.0], [0.0, 0.0], [0.1, 0.1], [9.0, 9.0]]
    updates = [update(row) for row in rows]
    found = aggregate(zeros(2), updates, RuleSettings("krum", poisoned=1, keep=4))
    assert found.left_out == (4,)
    assert torch.allclose(found.weights["a"], torch.tensor([0.05]))
    assert len(aggregate(zeros(2), updates, RuleSettings("krum", poisoned=1)).left_out) == 4


@pytest.mark.parametrize("rule", ["mean", "median", "trimmed"])
def test_an_update_that_is_no_number_is_left_out(rule: Rule) -> None:
    updates = [update([1.0, 2.0]), update([math.nan, 0.0]), update([1.0, 2.0])]
    found = aggregate(zeros(2), updates, RuleSettings(rule))
    assert found.left_out == (1,)
    assert found.weights["a"].item() == 1.0
    with pytest.raises(RunError, match="all have numbers that are none"):
        aggregate(zeros(2), [updates[1]], RuleSettings(rule))


def test_what_cannot_be_put_together_is_refused() -> None:
    with pytest.raises(RunError, match="Krum needs 5 usable updates to withstand 1; there are 4"):
        combined([update([0.0, 0.0])] * 4, RuleSettings("krum"))
    with pytest.raises(RunError, match="client 2 is of another model"):
        aggregate(zeros(2), [update([0.0, 0.0]), update([0.0, 0.0, 0.0])], RuleSettings())
    with pytest.raises(RunError, match="no examples"):
        combined([update([0.0, 0.0], 0)], RuleSettings())


@settings(deadline=None, max_examples=30)
@given(vectors(4), st.lists(st.integers(1, 1000), min_size=4, max_size=4))
def test_the_secure_mean_is_the_mean(rows: list[list[float]], examples: list[int]) -> None:
    updates = [update(row, count) for row, count in zip(rows, examples, strict=True)]
    parties = [Party.fresh() for _ in updates]
    keys = [party.public for party in parties]
    messages: list[Any] = [
        hidden_update(one, party, keys, "round 1") for one, party in zip(updates, parties, strict=True)
    ]
    after = secure_mean(zeros(3), messages, keys, "round 1")
    plain = combined(updates, RuleSettings("mean"))
    assert torch.allclose(torch.cat([after["a"], after["b"].flatten()]), plain, atol=1e-6)
