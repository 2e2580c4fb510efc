"""Differential privacy: noise against its distribution, guesses against the bound, costs against formulas."""

from __future__ import annotations

import itertools
import math
import random
import tempfile
import threading
from pathlib import Path
from statistics import NormalDist

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from security.crypto.privacy import (
    Budget,
    BudgetSpentError,
    Gaussian,
    Laplace,
    gaussian_deviation,
    renyi_curve,
    total_epsilon,
)
from security.lab import running
from security.lab.errors import BadParameterError
from security.lab.lessons._privacy_shared import noise_of
from security.lab.lessons.privacy import LESSON
from security.lab.steps import Event, Step, outcome_of
from security.lab.workings import clinics, countnoise, dpsgd, fedavg
from security.lab.workings.countnoise import DISCRETE, GAUSSIAN, KINDS, LAPLACE, Noise

DRAWS = 4000
KOLMOGOROV = 1.95  # of sqrt(n) D, passed with probability 0.001 by true samples (Smirnov 1948)


def run(name: str, seed: int = 0, **values: object) -> list[Event]:
    return list(running.work(LESSON, LESSON.run(name), values, seed))


def verdict(name: str, **values: object) -> str:
    end = outcome_of(run(name, **values))
    assert end is not None
    return end.verdict


def shown(events: list[Event]) -> dict[str, object]:
    return {v.name: v.value for event in events if isinstance(event, Step) for v in event.values}


def below(noise: Noise, x: float) -> float:
    """The distribution function, written anew."""
    if noise.kind == GAUSSIAN:
        return NormalDist(0, noise.scale).cdf(x)
    tail = 0.5 * math.exp(-abs(x) / noise.scale)
    return tail if x < 0 else 1 - tail


@pytest.mark.parametrize("kind", [LAPLACE, GAUSSIAN])
@pytest.mark.parametrize("epsilon", [0.1, 1.0, 5.0])
@pytest.mark.parametrize("seed", [0, 1])
def test_noise_passes_a_kolmogorov_smirnov_test(kind: str, epsilon: float, seed: int) -> None:
    noise, rng = noise_of(kind, epsilon), random.Random(f"{kind}:{epsilon}:{seed}")
    drawn = sorted(noise.draw(rng) for _ in range(DRAWS))
    levels = [below(noise, x) for x in drawn]
    away = max(max(p - at / DRAWS, (at + 1) / DRAWS - p) for at, p in enumerate(levels))
    assert math.sqrt(DRAWS) * away < KOLMOGOROV


@pytest.mark.parametrize("epsilon", [0.3, 1.0, 3.0])
def test_discrete_noise_passes_a_chi_square_test(epsilon: float) -> None:
    noise, rng = noise_of(DISCRETE, epsilon), random.Random(f"chi:{epsilon}")
    drawn = [noise.draw(rng) for _ in range(DRAWS)]
    assert all(x == round(x) for x in drawn)
    cells = [x for x in range(-30, 31) if DRAWS * noise.density(x) >= 10]
    expected = [DRAWS * noise.density(x) for x in cells]
    seen = [sum(x == cell for x in drawn) for cell in cells]
    expected.append(DRAWS - math.fsum(expected))
    seen.append(DRAWS - sum(seen))
    score = sum((a - b) ** 2 / b for a, b in zip(seen, expected, strict=True) if b > 1e-6)
    free = len(cells)
    # Wilson and Hilferty 1931: the cube root is about normal; 3.3 is passed with probability 0.0005.
    limit = free * (1 - 2 / (9 * free) + 3.3 * math.sqrt(2 / (9 * free))) ** 3
    assert score < limit


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("epsilon", [0.2, 1.0, 4.0])
def test_densities_errors_and_deviations_agree(kind: str, epsilon: float) -> None:
    noise = noise_of(kind, epsilon)
    reach, step = math.ceil(40 * noise.deviation()), 1.0 if kind == DISCRETE else noise.scale / 50
    grid = [at * step for at in range(-int(reach / step), int(reach / step) + 1)]
    weights = [noise.density(x) * step for x in grid]
    assert math.fsum(weights) == pytest.approx(1, abs=1e-3)
    assert math.fsum(w * abs(x) for w, x in zip(weights, grid, strict=True)) == pytest.approx(
        noise.mean_error(), rel=2e-3
    )
    assert math.fsum(w * x * x for w, x in zip(weights, grid, strict=True)) == pytest.approx(
        noise.deviation() ** 2, rel=2e-3
    )


@settings(max_examples=50)
@given(st.floats(0.05, 5), st.floats(-100, 100), st.sampled_from([LAPLACE, DISCRETE]))
def test_no_answer_is_more_than_e_to_the_epsilon_likelier(epsilon: float, x: float, kind: str) -> None:
    noise = noise_of(kind, epsilon)
    at = float(round(x)) if kind == DISCRETE else x
    here, there = noise.density(at), noise.density(at + 1)
    assert here <= math.exp(epsilon) * there * (1 + 1e-9)
    assert there <= math.exp(epsilon) * here * (1 + 1e-9)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("epsilon", [0.05, 0.5, 2.0, 5.0])
def test_the_best_guess_is_as_good_as_expected_and_within_the_bound(kind: str, epsilon: float) -> None:
    noise, times = noise_of(kind, epsilon), 6000
    bound = countnoise.guess_bound(epsilon, noise.delta)
    assert 0.5 < noise.guess_probability() <= bound + 1e-12
    rate = countnoise.games(random.Random(f"{kind}{epsilon}"), noise, 30, times) / times
    assert abs(rate - noise.guess_probability()) < 4 * math.sqrt(0.25 / times)
    assert rate <= bound + 4 * math.sqrt(0.25 / times)


@given(st.floats(0.01, 8))
def test_the_bound_is_met_by_the_discrete_noise(epsilon: float) -> None:
    noise = Noise(DISCRETE, epsilon, 1 / epsilon)
    shrink = math.exp(-epsilon)
    # Right if Rosa is ill and the noise is 0 or more, or she isn't and it is 0 or less.
    right = math.fsum(noise.density(k) for k in range(2000)) if epsilon > 0.05 else 1 / (1 + shrink)
    assert right == pytest.approx(noise.guess_probability(), abs=1e-9)


def test_averaging_succeeds_more_often_the_more_is_asked() -> None:
    noise, asked = noise_of(LAPLACE, 0.5), [1, 16, 64, 256, 800]
    rates = countnoise.averaged(random.Random(3), noise, asked, 400)
    assert all(a < b for a, b in itertools.pairwise(rates))
    for pairs, rate in zip(asked[1:], rates[1:], strict=True):
        assert rate == pytest.approx(countnoise.averaged_expected(noise, pairs), abs=0.08)


@pytest.mark.parametrize("scale", [0.5, 1.0, 10.0])
def test_the_accountant_has_the_published_curve_of_laplace(scale: float) -> None:
    # Mironov 2017, table II.
    curve = renyi_curve(Laplace(scale))
    for order in (1.5, 2.0, 8.0, 64.0):
        inside = order / (2 * order - 1) * math.exp((order - 1) / scale)
        inside += (order - 1) / (2 * order - 1) * math.exp(-order / scale)
        assert curve[order] == pytest.approx(math.log(inside) / (order - 1), rel=1e-6)


@pytest.mark.parametrize("epsilon", [0.05, 0.5, 2.0, 5.0])
def test_the_analytic_gaussian_is_tight_and_the_librarys(epsilon: float) -> None:
    deviation = gaussian_deviation(epsilon, countnoise.DELTA)
    assert countnoise.gaussian_delta(epsilon, deviation) == pytest.approx(countnoise.DELTA, rel=1e-3)
    assert countnoise.gaussian_delta(epsilon, 0.99 * deviation) > countnoise.DELTA
    # The classic formula (Dwork and Roth 2014, theorem A.1), for epsilon below 1, asks for more.
    if epsilon < 1:
        assert deviation < math.sqrt(2 * math.log(1.25 / countnoise.DELTA)) / epsilon


def test_dp_accounting_itself_says_the_same() -> None:
    from dp_accounting import GaussianDpEvent, LaplaceDpEvent, SelfComposedDpEvent
    from dp_accounting.rdp import RdpAccountant

    for mine, theirs in (
        (Laplace(10.0, 50), LaplaceDpEvent(10.0)),
        (Gaussian(5.0, 50), GaussianDpEvent(5.0)),
    ):
        orders = list(renyi_curve(mine))
        accountant = RdpAccountant(orders).compose(SelfComposedDpEvent(theirs, 50))
        assert total_epsilon([mine], 1e-6) == pytest.approx(accountant.get_epsilon(1e-6), rel=1e-9)


@settings(max_examples=30)
@given(st.floats(0.05, 0.5), st.integers(1, 400))
def test_sums_of_epsilons(epsilon: float, times: int) -> None:
    delta = 1e-6
    assert countnoise.basic(epsilon, times) == pytest.approx(epsilon * times)
    spent = total_epsilon([Laplace(1 / epsilon, times)], delta)
    assert spent <= countnoise.advanced(epsilon, times, delta)
    assert spent <= countnoise.basic(epsilon, times) + math.log(1 / delta) / 500


charges = st.lists(st.sampled_from([0.5, 1.0, 2.0, 8.0]), min_size=1, max_size=12)


@settings(max_examples=12, deadline=None)
@given(charges, st.floats(0.1, 6), st.integers(1, 3))
def test_a_budget_is_never_overspent_by_any_threads(
    scales: list[float], allowed: float, threads: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        ledger = Budget(Path(folder))
        ledger.allow("data", allowed, 1e-6)
        granted: list[float] = []

        def work(mine: list[float]) -> None:
            for scale in mine:
                try:
                    ledger.charge("data", Laplace(scale), "a count")
                except BudgetSpentError:
                    continue
                granted.append(scale)

        crew = [threading.Thread(target=work, args=(scales[at::threads],)) for at in range(threads)]
        for one in crew:
            one.start()
        for one in crew:
            one.join()
        assert len(ledger.entries("data")) == len(granted)
        assert total_epsilon([Laplace(scale) for scale in granted], 1e-6) <= allowed
        assert ledger.spent("data") <= allowed


def test_the_run_shows_the_ledgers_refusal_and_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    events = run("budget")
    refused = [e for e in events if isinstance(e, Step) and "refused" in e.title]
    assert "doesn't suffice" in refused[0].text
    assert 0 < float(str(shown(events)["epsilon spent"])) <= 3.0
    assert not list(tmp_path.iterdir())


@given(st.lists(st.floats(-50, 50), min_size=1, max_size=6), st.floats(0.1, 5))
def test_a_clipped_gradient_keeps_its_direction_and_is_short_enough(slope: list[float], most: float) -> None:
    short = dpsgd.clipped(slope, most)
    before, after = math.hypot(*slope), math.hypot(*short)
    assert after <= most * (1 + 1e-9)
    if before <= most:
        assert short == pytest.approx(slope)
    else:
        assert [a * before / after for a in short] == pytest.approx(slope)


def test_dp_sgd_learns_without_noise_and_repeats() -> None:
    patients = clinics.region(random.Random(5), 300)
    plan = dpsgd.Plan(noise=2.0, clip=1.0, rate=0.1, steps=40)
    assert dpsgd.train(random.Random(1), patients, plan) == dpsgd.train(random.Random(1), patients, plan)
    free = dpsgd.train(random.Random(1), patients, dpsgd.Plan(0.0, 1.0, 0.1, 40))
    loud = dpsgd.train(random.Random(1), patients, dpsgd.Plan(200.0, 1.0, 0.1, 40))
    assert fedavg.accuracy(free, patients) > 0.75
    assert fedavg.loss(loud, patients) > fedavg.loss(free, patients)


def test_dp_sgd_ends_well_for_other_seeds() -> None:
    for seed in (1, 20_261):
        end = outcome_of(run("dp-sgd", seed))
        assert end is not None
        assert end.verdict == "works"


@pytest.mark.parametrize(
    ("name", "chosen", "expected"),
    [
        ("differencing", {"rosa": "does not have HIV"}, "broken"),
        ("differencing", {"least": 200}, "held"),
        ("averaging", {"pairs": 1}, "held"),
        ("averaging", {"rosa": "does not have HIV"}, "broken"),
        ("noise", {"epsilon": 5.0}, "broken"),
        ("noise", {"kind": DISCRETE}, "held"),
        ("noise", {"kind": GAUSSIAN}, "held"),
        ("budget", {"epsilon": 5.0, "allowed": 0.5}, "held"),
        ("show", {"kind": DISCRETE, "epsilon": 5.0}, "works"),
        ("show", {"kind": GAUSSIAN, "epsilon": 0.05}, "works"),
    ],
)
def test_other_settings_have_other_verdicts(name: str, chosen: dict[str, object], expected: str) -> None:
    assert verdict(name, **chosen) == expected


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("show", {"epsilon": 0}),
        ("show", {"epsilon": "inf"}),
        ("show", {"kind": "none"}),
        ("differencing", {"least": 201}),
        ("averaging", {"pairs": 10**9}),
        ("noise", {"games": -1}),
        ("budget", {"allowed": -1}),
        ("dp-sgd", {"clip": 0}),
        ("composition", {"answers": "٣٠"}),
    ],
)
def test_hostile_parameters_are_refused(name: str, raw: dict[str, object]) -> None:
    with pytest.raises(BadParameterError):
        run(name, **raw)
