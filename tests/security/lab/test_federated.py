"""Federated learning: the average of gradients, rules that poison can't drag, and records from gradients."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from security.lab import running
from security.lab.errors import BadParameterError
from security.lab.lessons.federated import LESSON
from security.lab.steps import Event, Outcome, Step, outcome_of
from security.lab.workings import clinics, fedavg
from security.lab.workings.clinics import FEATURES, ROSA, Patient

number = st.floats(-5, 5, allow_nan=False)
point = st.lists(number, min_size=len(FEATURES), max_size=len(FEATURES))
weights = st.lists(st.floats(-2, 2), min_size=len(FEATURES) + 1, max_size=len(FEATURES) + 1)


def run(name: str, seed: int = 0, **values: object) -> list[Event]:
    return list(running.work(LESSON, LESSON.run(name), values, seed))


def verdict(name: str, seed: int = 0, **values: object) -> str:
    end = outcome_of(run(name, seed, **values))
    assert end is not None
    return end.verdict


def values(events: list[Event]) -> dict[str, object]:
    return {v.name: v.value for event in events if isinstance(event, Step) for v in event.values}


@given(weights, point, st.sampled_from([0, 1]))
def test_one_patients_gradient_gives_the_record_and_the_label(
    model: list[float], z: list[float], ill: int
) -> None:
    answer = fedavg.recovered(fedavg.gradient(model, [(tuple(z), ill)]))
    assert answer is not None
    assert answer[1] == ill
    assert answer[0] == pytest.approx(z, abs=1e-9)


@given(weights, st.lists(st.tuples(point.map(tuple), st.sampled_from([0, 1])), min_size=1, max_size=6))
def test_the_gradient_is_the_slope_of_the_loss(model: list[float], patients: list[Patient]) -> None:
    slope, small = fedavg.gradient(model, patients), 1e-5
    for at in range(len(model)):
        up = [w + small * (i == at) for i, w in enumerate(model)]
        down = [w - small * (i == at) for i, w in enumerate(model)]
        measured = (fedavg.loss(up, patients) - fedavg.loss(down, patients)) / (2 * small)
        assert measured == pytest.approx(slope[at], abs=1e-4)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32), st.floats(0, 1))
def test_one_local_step_averaged_is_one_step_on_all_records(seed: int, skew: float) -> None:
    # McMahan et al. 2017: with one full local step FedAvg is gradient descent on the pooled data.
    hospitals = clinics.hospitals(random.Random(seed), skew, (6, 5, 4, 3, 2))
    together = fedavg.federated(hospitals, 4, 1)[-1]
    pooled = fedavg.alone([p for h in hospitals for p in h.patients], 4, 1)[-1]
    assert together == pytest.approx(pooled, abs=1e-12)


@given(st.lists(weights, min_size=5, max_size=5), st.randoms())
def test_rules_do_not_mind_the_order_of_hospitals(updates: list[list[float]], order: random.Random) -> None:
    mixed = list(updates)
    order.shuffle(mixed)
    for name in ("median", "trimmed mean"):
        assert fedavg.RULES[name](mixed, [1] * 5) == fedavg.RULES[name](updates, [1] * 5)
    assert fedavg.mean(mixed, [1] * 5) == pytest.approx(fedavg.mean(updates, [1] * 5))
    assert fedavg.krum(mixed, [1] * 5) in updates


@given(
    st.lists(weights, min_size=4, max_size=4),
    st.lists(st.floats(-1e9, 1e9), min_size=5, max_size=5),
    st.integers(0, 4),
)
def test_median_and_trimmed_mean_stay_among_the_honest(
    honest: list[list[float]], evil: list[float], place: int
) -> None:
    updates = [*honest[:place], evil, *honest[place:]]
    for name in ("median", "trimmed mean"):
        for value, column in zip(
            fedavg.RULES[name](updates, [1] * 5), zip(*honest, strict=True), strict=True
        ):
            assert min(column) - 1e-9 <= value <= max(column) + 1e-9


def test_krum_takes_one_of_a_crowd_and_never_the_outlier() -> None:
    crowd = [[0.0, 0.0], [0.1, 0.0], [0.0, 0.1], [0.1, 0.1]]
    assert fedavg.krum([[9.0, 9.0], *crowd], [1] * 5) in crowd
    assert fedavg.krum([*crowd, [-9.0, 4.0]], [1] * 5) in crowd


def test_patients_follow_the_skew_and_rosa_is_rosa() -> None:
    even = clinics.hospitals(random.Random(1), 0.0, (2000,) * 5)
    assert all(abs(hospital.share() - 0.5) < 0.05 for hospital in even)
    uneven = clinics.hospitals(random.Random(1), 1.0, (2000,) * 5)
    wanted = (0.5, 0.8, 0.2, 0.9, 0.1)
    assert all(abs(h.share() - share) < 0.05 for h, share in zip(uneven, wanted, strict=True))
    assert clinics.natural(ROSA[0]) == pytest.approx([67, 6.5, 0.8, 8])


def test_the_model_finds_the_rule_that_made_the_patients() -> None:
    patients = clinics.region(random.Random(2), 3000)
    found = fedavg.trained(fedavg.START, patients, 150)
    # Half ill by choice leaves the slopes of a logistic rule as they are and moves the bias alone.
    assert found[:-1] == pytest.approx(list(clinics.RULE), abs=0.35)


def test_the_sigmoid_does_not_overflow() -> None:
    assert clinics.sigmoid(-1e4) == 0.0
    assert clinics.sigmoid(1e4) == 1.0
    assert math.isclose(clinics.sigmoid(0.3) + clinics.sigmoid(-0.3), 1.0)


@pytest.mark.parametrize(
    ("name", "chosen", "expected"),
    [
        ("poison", {"boost": 1.0}, "held"),
        ("poison", {"boost": 50.0, "evil": 3}, "broken"),
        ("robust", {"rule": "trimmed mean"}, "held"),
        ("robust", {"rule": "Krum"}, "held"),
        ("robust", {"evil": 3}, "broken"),
        ("leakage", {"others": 5}, "held"),
        ("secure-sum", {"tell": 3}, "held"),
        ("secure-sum", {"tell": 4}, "broken"),
        ("show", {"skew": 0.0}, "works"),
        ("show", {"skew": 1.0}, "works"),
    ],
)
def test_other_settings_have_other_verdicts(name: str, chosen: dict[str, object], expected: str) -> None:
    assert verdict(name, **chosen) == expected


def test_the_secure_sum_is_exact_and_masks_differ_from_what_is_masked() -> None:
    shown = values(run("secure-sum"))
    assert shown["sum equals the true one"] is True
    other = values(run("secure-sum", seed=1))
    assert shown["masked"] != other["masked"]


def test_the_table_of_the_leakage_has_rosas_record() -> None:
    tables = [e.table for e in run("leakage") if isinstance(e, Step) and e.table is not None]
    rows = tables[-1].rows
    assert [float(row[2]) for row in rows[:-1]] == [float(row[3]) for row in rows[:-1]] == [67, 6.5, 0.8, 8]
    assert rows[-1][2] == rows[-1][3] == "yes"


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("show", {"rounds": 0}),
        ("show", {"rounds": 41}),
        ("show", {"skew": "nan"}),
        ("poison", {"evil": 4}),
        ("poison", {"boost": "1e999"}),
        ("robust", {"rule": "mean"}),
        ("leakage", {"others": -1}),
        ("secure-sum", {"tell": 5}),
    ],
)
def test_hostile_parameters_are_refused(name: str, raw: dict[str, object]) -> None:
    with pytest.raises(BadParameterError):
        run(name, **raw)


def test_the_largest_settings_end_in_an_outcome() -> None:
    events = run("robust", evil=3, boost=50.0, rounds=40, skew=1.0)
    assert isinstance(events[-1], Outcome)
