"""Shares, products, checked shares and the comparison: what they must give, and what they must not tell."""

from __future__ import annotations

import random
from itertools import combinations, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from security.lab import running
from security.lab.errors import BadParameterError
from security.lab.lessons import _shares_attacks as attacks
from security.lab.lessons.shares import LESSON
from security.lab.steps import Outcome, Step, outcome_of
from security.lab.workings import committed, garbled, sharing
from security.lab.workings.sharing import MERSENNE, ORDER, Share, SharingError

NUMBERS = st.integers(0, MERSENNE - 1)
SEEDS = st.integers(0, 2**32)


def verdict(run: str, seed: int = 0, **values: object) -> str:
    end = list(running.work(LESSON, LESSON.run(run), values, seed))[-1]
    assert isinstance(end, Outcome)
    return end.verdict


@given(st.lists(NUMBERS, min_size=2, max_size=6), SEEDS)
@settings(deadline=None)
def test_additive_shares_add_up(secrets: list[int], seed: int) -> None:
    rng = random.Random(seed)
    rows = [sharing.split(secret, len(secrets), MERSENNE, rng) for secret in secrets]
    assert [sum(row) % MERSENNE for row in rows] == secrets
    partial = [sum(column) for column in zip(*rows, strict=True)]
    assert sum(partial) % MERSENNE == sum(secrets) % MERSENNE


@given(st.integers(0, ORDER - 1), st.integers(1, 5), st.integers(0, 3), SEEDS)
@settings(max_examples=40, deadline=None)
def test_any_k_of_n_shares_give_the_secret(secret: int, needed: int, more: int, seed: int) -> None:
    rng = random.Random(seed)
    shares = sharing.shares_of(sharing.polynomial(secret, needed, ORDER, rng), needed + more, ORDER)
    for group in combinations(shares, needed):
        assert sharing.joined(group, ORDER) == secret
    assert sharing.joined(shares[::-1], ORDER) == secret


@pytest.mark.parametrize("needed", [2, 3])
def test_k_minus_1_shares_say_nothing(needed: int) -> None:
    # Exhaustively: whatever the values of k - 1 shares, each secret has equally many curves.
    prime = 7
    for places in combinations(range(1, 5), needed - 1):
        for values in product(range(prime), repeat=needed - 1):
            known = [Share(at, value) for at, value in zip(places, values, strict=True)]
            assert sharing.possible_secrets(known, needed, prime) == [1] * prime


def test_k_shares_say_all() -> None:
    shares = sharing.shares_of([5, 3, 6], 4, 7)
    counts = sharing.possible_secrets(shares[1:], 3, 7)
    assert counts == [0, 0, 0, 0, 0, 1, 0]


def test_a_curve_worked_out_by_hand() -> None:
    # 4 + 2 x + 3 x^2 mod 11: 9, 9 (20), 4 (37), 5 (60)
    assert [share.value for share in sharing.shares_of([4, 2, 3], 4, 11)] == [9, 9, 4, 5]
    assert sharing.weights([1, 2, 3], 11) == [3, 8, 1]  # 3, -3, 1
    assert sharing.joined([Share(1, 9), Share(2, 9), Share(3, 4)], 11) == 4


def test_shares_that_make_no_sense() -> None:
    rng = random.Random(1)
    with pytest.raises(SharingError):
        sharing.joined([Share(1, 5), Share(1, 6)], ORDER)
    with pytest.raises(SharingError):
        sharing.joined([Share(ORDER, 5)], ORDER)
    with pytest.raises(SharingError):
        sharing.joined([], ORDER)
    with pytest.raises(SharingError):
        sharing.shares_of([1, 2, 3], 2, ORDER)
    with pytest.raises(SharingError):
        sharing.split(5, 1, MERSENNE, rng)
    with pytest.raises(SharingError):
        sharing.split(MERSENNE, 3, MERSENNE, rng)


@given(NUMBERS, NUMBERS, st.integers(2, 5), SEEDS)
@settings(deadline=None)
def test_beaver_products_are_right(x: int, y: int, parties: int, seed: int) -> None:
    rng = random.Random(seed)
    xs, ys = sharing.split(x, parties, MERSENNE, rng), sharing.split(y, parties, MERSENNE, rng)
    done = sharing.multiply(xs, ys, sharing.deal(parties, MERSENNE, rng), MERSENNE)
    assert sum(done.shares) % MERSENNE == x * y % MERSENNE


@given(st.integers(0, ORDER - 1), st.integers(1, 4), st.integers(1, ORDER - 1), SEEDS)
@settings(max_examples=25, deadline=None)
def test_commitments_refuse_every_forged_share(secret: int, needed: int, off: int, seed: int) -> None:
    rng = random.Random(seed)
    coefficients = sharing.polynomial(secret, needed, ORDER, rng)
    blinds = [rng.randrange(ORDER) for _ in coefficients]
    shares, blind_shares = (sharing.shares_of(one, 5, ORDER) for one in (coefficients, blinds))
    plain, hiding = committed.feldman(coefficients), committed.pedersen(coefficients, blinds)
    for share, blind in zip(shares, blind_shares, strict=True):
        false = Share(share.at, (share.value + off) % ORDER)
        elsewhere = Share(share.at % 5 + 1, share.value)
        assert committed.fits(share, plain)
        assert committed.fits(share, hiding, blind)
        assert not committed.fits(false, plain)
        assert not committed.fits(false, hiding, blind)
        assert needed == 1 or not committed.fits(elsewhere, plain)


def test_the_group_is_that_of_ed25519() -> None:
    # The base point of RFC 8032, section 5.1, is (x, 4/5) with even x: 0x58, then 31 times 0x66.
    assert committed.times(1).hex() == "58" + "66" * 31
    assert committed.times(ORDER) == committed.times(0) == committed.IDENTITY
    point = committed.times(7)
    assert committed.plus(point, committed.IDENTITY) == point
    assert committed.minus(point, point) == committed.IDENTITY
    assert committed.plus(committed.times(5), committed.times(2)) == point
    assert committed.times(ORDER - 1, committed.second_base()) == committed.minus(
        committed.IDENTITY, committed.second_base()
    )
    assert committed.guessed(point, 8) == 7
    assert committed.guessed(point, 7) is None


def test_the_comparator_is_right_for_all_pairs() -> None:
    rng = random.Random(12)
    made = [garbled.garble(4, rng) for _ in range(4)]
    for a, b in product(range(16), repeat=2):
        one = made[(a + b) % 4]
        first = [pair[bit] for pair, bit in zip(one.first, garbled.bits_of(a, 4), strict=True)]
        second = [pair[bit] for pair, bit in zip(one.second, garbled.bits_of(b, 4), strict=True)]
        assert garbled.evaluate(one.circuit, first, second).greater == (a > b)


@given(st.integers(1, 12), st.integers(0), st.integers(0), SEEDS)
@settings(max_examples=20, deadline=None)
def test_the_whole_comparison_is_right(bits: int, a: int, b: int, seed: int) -> None:
    a, b = a % 2**bits, b % 2**bits
    assert garbled.greater(a, b, bits, random.Random(seed)) == (a > b)


@given(st.booleans(), SEEDS)
@settings(max_examples=20, deadline=None)
def test_a_transfer_gives_the_label_that_was_chosen(bit: bool, seed: int) -> None:
    rng = random.Random(seed)
    pair = rng.randbytes(16), rng.randbytes(16)
    done = garbled.transfer(pair, int(bit), 3, rng)
    assert done.opened == pair[bit]
    assert not {*done.locked} & {*pair}


def test_a_number_too_long_for_its_wires() -> None:
    with pytest.raises(ValueError, match="fit"):
        garbled.bits_of(16, 4)
    with pytest.raises(BadParameterError, match="width"):
        list(running.work(LESSON, LESSON.run("compare"), {"bits": 3, "first": 8, "second": 1}, 0))


@pytest.mark.parametrize("cases", ["", "1,2", "1,2,3,4,5,6", "1,-2,3", "1,2,x", "1,2,³", "1,2,9999999", ","])
@pytest.mark.parametrize("run", ["sum", "app-sum"])
def test_cases_that_cannot_be_added(run: str, cases: str) -> None:
    with pytest.raises(BadParameterError, match="cases"):
        list(running.work(LESSON, LESSON.run(run), {"cases": cases}, 0))


@pytest.mark.parametrize("run", ["shamir", "forged-share", "verifiable"])
def test_more_shares_needed_than_there_are(run: str) -> None:
    with pytest.raises(BadParameterError, match="come together"):
        list(running.work(LESSON, LESSON.run(run), {"needed": 5, "parties": 3}, 0))


@pytest.mark.parametrize("flaw", [attacks.DATED, attacks.REUSED])
def test_bad_random_numbers_give_the_number_away(flaw: str) -> None:
    assert verdict("collude", 3, flaw=flaw, first=5, second=41) == "broken"


@pytest.mark.parametrize("needed", [2, 3, 4, 5])
def test_small_coefficients_at_every_threshold(needed: int) -> None:
    assert verdict("too-few-random", 4, needed=needed, bits=6) == "broken"
    assert verdict("uniform", 4, needed=needed, bits=6) == "held"


def test_a_false_share_is_named_and_the_sum_saved() -> None:
    events = list(running.work(LESSON, LESSON.run("verifiable"), {"parties": 5, "needed": 4, "shift": 9}, 2))
    shown = {v.name: v.value for event in events if isinstance(event, Step) for v in event.values}
    assert shown["named"] == "Hillcrest"
    assert shown["sum"] == shown["true sum"] == shown["sum that comes out"] - 9  # type: ignore[operator]


def test_without_a_spare_share_there_is_no_sum_but_no_false_one() -> None:
    assert verdict("verifiable", parties=3, needed=3) == "held"


@pytest.mark.parametrize(("parties", "spare"), [(3, False), (4, True)])
def test_only_a_spare_share_would_show_the_lie(parties: int, spare: bool) -> None:
    end = outcome_of(
        list(running.work(LESSON, LESSON.run("forged-share"), {"parties": parties, "needed": 3}, 2))
    )
    assert end is not None and end.verdict == "broken"
    assert ("one more would show" in end.text) is spare


def test_no_lie_is_no_attack() -> None:
    assert verdict("forged-share", shift=0) == "held"
    assert verdict("verifiable", shift=0) == "held"


def test_feldman_names_the_liar_and_tells_a_small_number() -> None:
    assert verdict("verifiable", commitments=attacks.FELDMAN) == "broken"
