"""The accountant against published numbers and formulas written anew, the noise, and the ledger."""

from __future__ import annotations

import math
import multiprocessing
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from security.crypto.errors import CryptoError
from security.crypto.privacy import (
    Allowance,
    Budget,
    BudgetError,
    BudgetSpentError,
    Gaussian,
    Laplace,
    Mechanism,
    PrivacyError,
    SampledGaussian,
    SecretStream,
    epsilon_of,
    gaussian_deviation,
    laplace_scale,
    noise_for,
    numerical_epsilon,
    renyi_curve,
    total_epsilon,
)

DATA, OTHER = "a" * 64, "b" * 64
SLOW = settings(max_examples=6, deadline=None)
NOISES = st.floats(0.6, 8)
RATES = st.floats(0.001, 0.3)
STEPS = st.integers(1, 2000)


def sampled_renyi(noise: float, rate: float, order: int) -> float:
    """Mironov, Talwar and Zhang 2019, section 3.3, for whole orders."""
    terms = [
        math.comb(order, k) * (1 - rate) ** (order - k) * rate**k * math.exp((k * k - k) / (2 * noise**2))
        for k in range(order + 1)
    ]
    return math.log(math.fsum(terms)) / (order - 1)


@pytest.mark.parametrize(("noise", "rate"), [(1.1, 256 / 60000), (0.7, 0.05), (4.0, 0.5)])
def test_the_cost_of_a_step_is_the_published_sum(noise: float, rate: float) -> None:
    curve = renyi_curve(SampledGaussian(noise, rate, 10))
    for order in (2, 3, 8, 20):
        assert curve[order] == pytest.approx(10 * sampled_renyi(noise, rate, order), rel=1e-9)


# TensorFlow Privacy's MNIST tutorial: noise, epochs, epsilon at delta 1e-5; batches of 256 of 60000. The
# published numbers are by the older conversion (Mironov 2017), the ones here by a tighter one.
PUBLISHED = [(1.3, 15, 1.19), (1.1, 60, 3.01), (0.7, 45, 7.10)]


@pytest.mark.parametrize(("noise", "epochs", "published"), PUBLISHED)
def test_the_numbers_of_the_mnist_tutorial(noise: float, epochs: int, published: float) -> None:
    rate, delta, steps = 256 / 60000, 1e-5, epochs * 60000 // 256
    curve = renyi_curve(SampledGaussian(noise, rate, steps))
    older = min(cost - math.log(delta) / (order - 1) for order, cost in curve.items())
    assert older == pytest.approx(published, abs=0.02)
    assert 0.75 * published < epsilon_of(noise, rate, steps, delta) < published


def test_the_numerical_accountant_is_tighter_and_no_less_than_what_one_release_costs() -> None:
    mechanism = SampledGaussian(2.0, 0.05, 50)
    assert numerical_epsilon([mechanism], 1e-5) < total_epsilon([mechanism], 1e-5)
    assert numerical_epsilon([Gaussian(1.0)], 1e-5) == pytest.approx(
        4.3771, abs=2e-3
    )  # Balle and Wang, eq. 6


@SLOW
@given(NOISES, RATES, STEPS, st.floats(1.05, 2))
def test_more_noise_costs_less_and_more_use_costs_more(
    noise: float, rate: float, steps: int, more: float
) -> None:
    epsilon = epsilon_of(noise, rate, steps, 1e-5)
    assert epsilon >= 0
    assert epsilon_of(noise * more, rate, steps, 1e-5) <= epsilon
    assert epsilon_of(noise, min(1, rate * more), steps, 1e-5) >= epsilon
    assert epsilon_of(noise, rate, steps + 100, 1e-5) >= epsilon
    assert epsilon_of(noise, rate, steps, 1e-7) >= epsilon


@SLOW
@given(st.floats(0.3, 20), RATES, STEPS)
def test_the_noise_for_a_target_reaches_it_and_is_the_least(epsilon: float, rate: float, steps: int) -> None:
    noise = noise_for(epsilon, 1e-5, rate, steps)
    assert epsilon_of(noise, rate, steps, 1e-5) <= epsilon
    assert epsilon_of(noise * 0.99, rate, steps, 1e-5) > epsilon * 0.999


MECHANISMS = st.one_of(
    st.builds(SampledGaussian, st.sampled_from([0.8, 1.5]), st.sampled_from([0.01, 0.1]), st.just(100)),
    st.builds(Gaussian, st.sampled_from([2.0, 5.0]), st.integers(1, 3)),
    st.builds(Laplace, st.sampled_from([1.0, 4.0]), st.integers(1, 3)),
)


@given(st.lists(MECHANISMS, min_size=1, max_size=4))
@settings(max_examples=40, deadline=None)
def test_together_they_cost_no_more_than_their_sum_and_no_less_than_any(mechanisms: list[Mechanism]) -> None:
    alone = [total_epsilon([mechanism], 1e-5) for mechanism in mechanisms]
    together = total_epsilon(mechanisms, 1e-5)
    assert max(alone) - 1e-9 <= together <= sum(alone) + 1e-9
    assert together == total_epsilon(mechanisms[::-1], 1e-5)


def test_many_small_ones_cost_far_less_than_their_sum() -> None:
    one = Gaussian(20.0)
    assert total_epsilon([one] * 64, 1e-5) < 0.2 * 64 * total_epsilon([one], 1e-5)
    assert total_epsilon([one] * 64, 1e-5) == pytest.approx(total_epsilon([Gaussian(20.0, 64)], 1e-5))


@given(st.floats(0.05, 10), st.sampled_from([1e-3, 1e-5, 1e-9]), st.floats(0.1, 5))
@settings(max_examples=40, deadline=None)
def test_gaussian_noise_is_the_least_that_costs_so_much(
    epsilon: float, delta: float, sensitivity: float
) -> None:
    deviation = gaussian_deviation(epsilon, delta, sensitivity)

    def delta_of(scale: float) -> float:  # Balle and Wang 2018, theorem 8
        def below(x: float) -> float:
            return math.erfc(-x / math.sqrt(2)) / 2

        near, far = sensitivity / (2 * scale), epsilon * scale / sensitivity
        return below(near - far) - math.exp(epsilon) * below(-near - far)

    assert delta_of(deviation) == pytest.approx(delta, rel=1e-3)
    assert delta_of(deviation * 0.98) > delta


def test_laplace_noise_costs_what_it_says() -> None:
    scale = laplace_scale(0.5, sensitivity=3.0)
    assert scale == 6.0
    # Pure epsilon is the limit of the Rényi bound.
    assert 0.45 < total_epsilon([Laplace(scale / 3.0)], 1e-9) <= 0.55


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: SampledGaussian(0.0, 0.1, 1), "noise must be above 0"),
        (lambda: SampledGaussian(math.nan, 0.1, 1), "noise must be above 0"),
        (lambda: SampledGaussian(1.0, 1.5, 1), "rate must be above 0 and at most 1"),
        (lambda: SampledGaussian(1.0, 0.1, 0), "steps must be at least 1"),
        (lambda: Laplace(-1.0), "scale must be above 0"),
        (lambda: Gaussian(1.0, 0), "times must be at least 1"),
        (lambda: total_epsilon([], 0.0), "delta must be above 0"),
        (lambda: noise_for(0.0, 1e-5, 0.1, 1), "epsilon must be above 0"),
        (lambda: noise_for(1e-7, 1e-12, 1.0, 10**9), "No noise makes 1000000000 steps"),
        (lambda: Allowance(-1.0, 1e-5), "allowed epsilon must be 0 or above"),
    ],
)
def test_a_number_out_of_range_is_named(call: object, words: str) -> None:
    with pytest.raises(PrivacyError, match=words):
        call()  # type: ignore[operator]


def test_nothing_costs_nothing() -> None:
    assert total_epsilon([], 1e-5) == 0


# The noise


def test_the_key_stream_is_chacha20() -> None:
    """RFC 8439, appendix A.1, vector 1: an all-zero key and nonce."""
    published = bytes.fromhex("76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7")
    bits = np.frombuffer(published, dtype="<u8")
    drawn = SecretStream(bytes(32), 0, 0).uniform(4)
    assert drawn.tolist() == [((int(word) >> 11) + 1) / 2**53 for word in bits]


def test_the_same_place_draws_the_same_and_no_other_does() -> None:
    draws = [
        SecretStream(secret * 32, purpose, place).normal(1000)
        for secret in (b"a", b"b")
        for purpose in (0, 1)
        for place in (0, 1, 2**32)
    ]
    again = SecretStream(b"a" * 32, 0, 0).normal(1000)
    assert (draws[0] == again).all()
    for index, one in enumerate(draws):
        assert not any(np.isin(one, other).any() for other in draws[:index])


def test_normal_noise_is_normal() -> None:
    scipy_stats = pytest.importorskip("scipy.stats")
    drawn = SecretStream(bytes(range(32)), 2, 7).normal(200_001)
    assert len(drawn) == 200_001
    assert scipy_stats.kstest(drawn, "norm").pvalue > 1e-3
    assert drawn.mean() == pytest.approx(0, abs=0.01)
    assert drawn.std() == pytest.approx(1, abs=0.01)
    half = len(drawn) // 2  # the two of a pair
    assert np.corrcoef(drawn[:half], drawn[half + 1 :])[0, 1] == pytest.approx(0, abs=0.01)
    assert np.corrcoef(drawn[:half] ** 2, drawn[half + 1 :] ** 2)[0, 1] == pytest.approx(0, abs=0.01)


def test_a_long_draw_has_no_seam() -> None:
    drawn = SecretStream(bytes(32), 0, 1).normal((1 << 20) + 3)
    assert np.isfinite(drawn).all()
    assert len(np.unique(drawn)) == len(drawn)


def test_a_secret_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        SecretStream(b"short", 0, 0)


# The ledger

ONE = Gaussian(5.0)
COST = total_epsilon([ONE], 1e-5)


def test_charges_are_composed_and_refused_when_too_little_is_left(tmp_path: Path) -> None:
    budget = Budget(tmp_path, now=lambda: datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    budget.allow(DATA, 2.0, 1e-5)
    count = 0
    with pytest.raises(BudgetSpentError) as refused:
        while True:
            budget.charge(DATA, ONE, f"run {count}")
            count += 1
    assert count > 2.0 / COST  # more than plain sums would allow
    assert budget.spent(DATA) == total_epsilon([ONE] * count, 1e-5) <= 2.0
    assert total_epsilon([ONE] * (count + 1), 1e-5) > 2.0
    assert budget.left(DATA) == pytest.approx(2.0 - budget.spent(DATA))
    assert f"epsilon {budget.left(DATA):.2f} of 2 is left at delta 1e-05" in str(refused.value)
    assert "Ask for less, or let the data's owner allow more." in str(refused.value)
    assert isinstance(refused.value, CryptoError)
    assert refused.value.evidence["left"] == pytest.approx(budget.left(DATA))
    entries = Budget(tmp_path / "privacy.sqlite").entries(DATA)
    assert [entry.what for entry in entries] == [f"run {number}" for number in range(count)]
    assert {entry.mechanism for entry in entries} == {ONE}
    assert entries[0].time == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    budget.allow(DATA, 3.0, 1e-5)
    budget.charge(DATA, ONE, "more")


def test_sets_don_t_share_a_budget_and_an_unknown_one_has_the_default(tmp_path: Path) -> None:
    budget = Budget(tmp_path / "deep" / "ledger", default=Allowance(1.0, 1e-6))
    assert (budget.spent(DATA), budget.left(DATA), budget.entries(DATA)) == (0.0, 1.0, ())
    assert not budget.path.exists()
    budget.allow(DATA, 0.0, 1e-5)
    with pytest.raises(BudgetSpentError, match=r"epsilon 0\.00 of 0 is left"):
        budget.charge(DATA, ONE, "refused")
    budget.charge(OTHER, ONE, "fine")
    assert budget.entries(DATA) == ()
    assert budget.allowance(OTHER) == Allowance(1.0, 1e-6)
    assert budget.path.stat().st_mode & 0o077 == 0


def test_every_mechanism_comes_back_as_it_was(tmp_path: Path) -> None:
    budget = Budget(tmp_path, default=Allowance(100.0, 1e-5))
    mechanisms = (SampledGaussian(1.25, 0.1, 7), Gaussian(3.0, 2), Laplace(1.5, 3))
    for mechanism in mechanisms:
        budget.charge(DATA, mechanism, "x")
    assert tuple(entry.mechanism for entry in budget.entries(DATA)) == mechanisms


def test_a_charge_with_a_key_is_made_once(tmp_path: Path) -> None:
    budget = Budget(tmp_path)
    for _ in range(3):
        budget.charge(DATA, ONE, "run", key="k")
    assert len(budget.entries(DATA)) == 1
    with pytest.raises(BudgetError, match="names another charge"):
        budget.charge(DATA, Gaussian(9.0), "run", key="k")
    with pytest.raises(BudgetError, match="names another charge"):
        budget.charge(OTHER, ONE, "run", key="k")


@pytest.mark.parametrize(
    "what", ["DELETE FROM charges", "UPDATE charges SET data = 'x'", "DELETE FROM allowances"]
)
def test_the_ledger_is_only_added_to(tmp_path: Path, what: str) -> None:
    budget = Budget(tmp_path)
    budget.allow(DATA, 5.0, 1e-5)
    budget.charge(DATA, ONE, "run")
    database = sqlite3.connect(budget.path)
    with pytest.raises(sqlite3.IntegrityError, match="added to, never changed"):
        database.execute(what)
    database.close()
    assert len(budget.entries(DATA)) == 1


def test_a_file_that_is_no_ledger_is_named(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(BudgetError, match="ledger can't be read, so nothing can be charged"):
        Budget(path).spent(DATA)
    with pytest.raises(BudgetError, match="can't be written"):
        Budget(path).charge(DATA, ONE, "x")


def _charge_until_refused(path: Path, gate: object, name: str) -> None:
    budget = Budget(path)
    gate.wait()  # type: ignore[attr-defined]
    try:
        for number in range(50):
            budget.charge(DATA, ONE, f"{name} {number}")
    except BudgetSpentError:
        return


def test_processes_that_race_never_spend_too_much(tmp_path: Path) -> None:
    total_epsilon([ONE], 1e-5)  # so that each child has it
    budget = Budget(tmp_path)
    budget.allow(DATA, 2.0, 1e-5)
    context = multiprocessing.get_context("fork")
    gate = context.Event()
    children = [
        context.Process(target=_charge_until_refused, args=(tmp_path, gate, str(number)))
        for number in range(4)
    ]
    for child in children:
        child.start()
    gate.set()
    for child in children:
        child.join(60)
    assert [child.exitcode for child in children] == [0] * 4
    entries = budget.entries(DATA)
    assert total_epsilon([ONE] * len(entries), 1e-5) <= 2.0 < total_epsilon([ONE] * (len(entries) + 1), 1e-5)
    assert len({entry.what for entry in entries}) == len(entries)
