"""The secure sum: exact in sum, noise alone, and clear about whoever is missing."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

from security.crypto.secure_sum import (
    FixedPoint,
    Masked,
    MissingPartyError,
    Party,
    SecureSumError,
    unmasked_sum,
)

POINT = FixedPoint()


def party(number: int) -> Party:
    return Party(hashlib.sha256(f"party {number}".encode()).digest())


def sent(rows: list[list[float]], context: str = "sum") -> tuple[list[Masked], list[bytes]]:
    """What parties with these numbers send."""
    parties = [party(number) for number in range(len(rows))]
    keys = [one.public for one in parties]
    return [
        one.mask(POINT.encode(np.array(row), len(rows)), keys, context)
        for one, row in zip(parties, rows, strict=True)
    ], keys


numbers = st.floats(-1e6, 1e6)
tables = st.integers(1, 5).flatmap(
    lambda width: st.lists(st.lists(numbers, min_size=width, max_size=width), min_size=2, max_size=5)
)


@settings(deadline=None, max_examples=60)
@given(tables, st.randoms(use_true_random=False))
def test_the_sum_is_the_plain_one_to_the_rounding(rows: list[list[float]], random: st.DataObject) -> None:
    messages, keys = sent(rows)
    random.shuffle(messages)  # type: ignore[attr-defined]
    random.shuffle(keys)  # type: ignore[attr-defined]
    total = POINT.decode(unmasked_sum(messages, keys, "sum"))
    assert np.abs(total - np.array(rows).sum(axis=0)).max() <= len(rows) * 2.0**-25 + 1e-9
    plain = sum((POINT.encode(np.array(row), len(rows)) for row in rows), np.zeros(len(rows[0]), np.uint64))
    assert (unmasked_sum(messages, keys, "sum") == plain).all()  # exact, in the whole numbers


def byte_statistic(words: npt.NDArray[np.uint64]) -> float:
    counts = np.bincount(np.frombuffer(words.tobytes(), np.uint8), minlength=256)
    expected = counts.sum() / 256
    return float(((counts - expected) ** 2 / expected).sum())


@pytest.mark.parametrize("value", [0.0, 1.0, -7.5e5])
def test_one_masked_update_is_uniform_whatever_it_holds(value: float) -> None:
    """Chi-square over bytes, 255 degrees of freedom; the numbers are fixed, so it never fails by chance."""
    (masked, *_), _ = sent([[value] * 20_000, [0.0] * 20_000, [3.0] * 20_000])
    assert chi2.cdf(byte_statistic(masked.words), 255) < 0.999
    bare = POINT.encode(np.full(20_000, value), 3)
    assert chi2.cdf(byte_statistic(bare), 255) > 0.999  # the test can fail


def test_the_noise_says_nothing_of_what_is_under_it() -> None:
    """Twice in one session would show how two messages differ; in another session it is other noise."""
    ((one, *_), _), ((other, *_), _) = sent([[1.0], [2.0]], "a"), sent([[5.0], [2.0]], "a")
    assert POINT.decode(other.words - one.words) == [4.0]
    ((third, *_), _) = sent([[5.0], [2.0]], "b")
    assert abs(POINT.decode(third.words - one.words)[0]) > 1e3


def test_all_but_one_learn_nothing_of_two_others() -> None:
    """What the collector gets from three parties is as likely for other numbers with the same sum."""
    data = np.random.default_rng(0).normal(size=4_000)
    (first, second, third), _ = sent([list(data), [0.0] * 4_000, list(-data)])
    for partial in (first.words + second.words, second.words + third.words):
        assert chi2.cdf(byte_statistic(partial), 255) < 0.999
        seen = POINT.decode(partial)
        assert abs(np.corrcoef(seen, data)[0, 1]) < 0.06


def test_a_missing_party_is_named() -> None:
    messages, keys = sent([[1.0], [2.0], [3.0]])
    with pytest.raises(MissingPartyError, match="1 of 3 parties sent nothing") as error:
        unmasked_sum(messages[:2], keys, "sum")
    assert error.value.evidence["missing"] == [keys[2].hex()]


def test_what_does_not_belong_together_is_refused() -> None:
    messages, keys = sent([[1.0], [2.0], [3.0]])
    with pytest.raises(SecureSumError, match="another session"):
        unmasked_sum(messages, keys, "another")
    with pytest.raises(SecureSumError, match="two messages"):
        unmasked_sum([*messages, messages[0]], keys, "sum")
    with pytest.raises(SecureSumError, match="none of the parties"):
        unmasked_sum(messages, keys[:2], "sum")
    longer, _ = sent([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]])
    with pytest.raises(SecureSumError, match="differ in length"):
        unmasked_sum([*messages[:2], longer[2]], keys, "sum")


def test_bad_keys_and_numbers_are_refused() -> None:
    words = POINT.encode(np.zeros(2), 2)
    mine, other = party(0), party(1)
    with pytest.raises(SecureSumError, match="own public key is not among"):
        mine.mask(words, [other.public, party(2).public], "sum")
    with pytest.raises(SecureSumError, match="each once"):
        mine.mask(words, [mine.public, mine.public], "sum")
    with pytest.raises(SecureSumError, match="each once"):
        mine.mask(words, [mine.public], "sum")
    with pytest.raises(SecureSumError, match="public key is none"):  # the point of order 1
        mine.mask(words, [mine.public, bytes(32)], "sum")
    with pytest.raises(SecureSumError, match="has 32 bytes, not 5"):
        Party(b"short")
    for value in (float("nan"), float("inf"), 1e15):
        with pytest.raises(SecureSumError, match="finite and at most"):
            POINT.encode(np.array([value]), 3)


def test_the_largest_numbers_that_are_taken_do_not_run_over() -> None:
    most = 2.0**62 / 2**24 / 3
    messages, keys = sent([[most, -most]] * 3)
    assert POINT.decode(unmasked_sum(messages, keys, "sum")) == pytest.approx([3 * most, -3 * most])


def test_a_party_keeps_its_key_to_itself() -> None:
    secret = bytes(range(32))
    assert secret.hex() not in repr(Party(secret))
    assert Party.fresh(lambda count: secret[:count]).public == Party(secret).public
