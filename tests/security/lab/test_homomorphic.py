"""Lesson 14: sums of ciphertexts are exact, every change is shown, and the end of the depth is told."""

from __future__ import annotations

import functools
import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from security.lab import running
from security.lab.errors import BadParameterError, LabError
from security.lab.lessons.homomorphic import LESSON
from security.lab.steps import Outcome, Step, Value, outcome_of
from security.lab.workings import ckks, linear_tags, paillier

FEW = settings(max_examples=40, deadline=None)


@functools.cache
def key() -> paillier.PrivateKey:
    return paillier.key_pair(256, random.Random(1))


HALF = (key().public.n - 1) // 2
MESSAGES = st.integers(-HALF, HALF)
SMALL = st.integers(-(2**60), 2**60)
SEEDS = st.integers(0, 2**32)


def sealed(message: int, seed: int) -> int:
    return key().public.encrypt(message, key().public.randomness(random.Random(seed)))


def end(run: str, seed: int = 0, **values: object) -> Outcome:
    found = outcome_of(list(running.work(LESSON, LESSON.run(run), values, seed)))
    assert isinstance(found, Outcome)
    return found


def values_of(run: str, **values: object) -> dict[str, Value]:
    return {
        value.name: value
        for event in running.work(LESSON, LESSON.run(run), values, 0)
        if isinstance(event, Step)
        for value in event.values
    }


# --- Paillier ----------------------------------------------------------------------------------------------


def test_a_key_small_enough_to_check_by_hand() -> None:
    # p = 3, q = 5: n = 15, n² = 225, lambda = lcm(2, 4) = 4, and 4 · 4 = 16 = 1 modulo 15.
    own = paillier.PrivateKey(paillier.PublicKey(15), 4, 4)
    assert own.public.encrypt(2, 2) == (1 + 2 * 15) * 2**15 % 225 == 158
    for message in range(-7, 8):
        for r in (r for r in range(1, 15) if math.gcd(r, 15) == 1):
            assert own.decrypt(own.public.encrypt(message, r)) == message


@given(MESSAGES, SEEDS)
@FEW
def test_what_is_encrypted_is_decrypted(message: int, seed: int) -> None:
    assert key().decrypt(sealed(message, seed)) == message


@pytest.mark.parametrize("message", [0, 1, -1, HALF, -HALF])
def test_the_ends_of_the_range_are_in_it(message: int) -> None:
    assert key().decrypt(sealed(message, 1)) == message


@pytest.mark.parametrize("message", [HALF + 1, -HALF - 1, 10**100])
def test_a_message_that_would_wrap_around_is_refused(message: int) -> None:
    with pytest.raises(ValueError, match="from -n/2 to n/2"):
        sealed(message, 1)


@given(st.lists(SMALL, max_size=8), SEEDS)
@FEW
def test_a_product_of_ciphertexts_holds_the_sum(messages: list[int], seed: int) -> None:
    total = key().public.add(sealed(message, seed + at) for at, message in enumerate(messages))
    assert key().decrypt(total) == sum(messages)


@given(SMALL, SMALL, st.integers(-(2**30), 2**30), SEEDS)
@FEW
def test_known_numbers_can_be_added_and_multiplied(message: int, more: int, factor: int, seed: int) -> None:
    public = key().public
    changed = public.add_plain(public.scale(sealed(message, seed), factor), more)
    assert key().decrypt(changed) == factor * message + more


@given(SMALL, SEEDS)
@FEW
def test_equal_messages_look_different(message: int, seed: int) -> None:
    assert sealed(message, seed) != sealed(message, seed + 1)


@pytest.mark.parametrize("wrong", [0, -1, "n", "n²", "p"])
def test_what_is_no_ciphertext_is_refused(wrong: int | str) -> None:
    n = key().public.n
    number = {"n": n, "n²": n * n, "p": 7 * n}.get(wrong, wrong) if isinstance(wrong, str) else wrong
    assert isinstance(number, int)
    with pytest.raises(ValueError, match="not a ciphertext"):
        key().decrypt(number)


@pytest.mark.parametrize("bits", [-2, 0, 15, 17, 255])
def test_a_strange_length_of_key_is_refused(bits: int) -> None:
    with pytest.raises(ValueError, match="bits"):
        paillier.key_pair(bits, random.Random(1))


def test_an_unfit_r_is_refused() -> None:
    with pytest.raises(ValueError, match="no factor"):
        key().public.encrypt(1, key().public.n)


# --- tags --------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 10**6), min_size=2, max_size=8), SEEDS)
@FEW
def test_tags_fit_the_true_sum_alone(numbers: list[int], seed: int) -> None:
    tags = linear_tags.TagKey.parse(random.Random(seed).randbytes(48))
    names = [str(at) for at in range(len(numbers))]
    total, tagged = sum(numbers), sum(map(tags.tag, names, numbers))
    assert tags.fits(names, total, tagged)
    assert not tags.fits(names, total + 1, tagged)
    assert not tags.fits(names, total + 1, tagged + 1)
    assert not tags.fits(names, 2 * total, 2 * tagged)
    assert not tags.fits(names[1:], total, tagged)
    assert not tags.fits(names, total - numbers[0], tagged - tags.tag(names[0], numbers[0]))


def test_tags_of_another_day_do_not_fit() -> None:
    tags = linear_tags.TagKey.parse(random.Random(9).randbytes(48))
    march, april = (["patient 1, " + day, "patient 2, " + day] for day in ("2026-03-02", "2026-04-02"))
    old = sum(map(tags.tag, march, (70, 80)))
    assert tags.fits(march, 150, old)
    assert not tags.fits(april, 150, old)


def test_a_tag_key_has_one_length() -> None:
    with pytest.raises(ValueError, match="48 bytes"):
        linear_tags.TagKey.parse(bytes(47))


# --- CKKS --------------------------------------------------------------------------------------------------


def test_mean_and_weighted_sum_are_near_and_the_cloud_cannot_read() -> None:
    numbers, weights = [6.8, 7.4, 5.9, 20.0], [0.5, 0.25, -1.0, 0.125]
    own = ckks.context(ckks.SHALLOW, rotations=True)
    theirs = ckks.for_the_cloud(ckks.public_part(own))
    vector = ckks.received(theirs, ckks.encrypt(own, numbers).serialize())
    with pytest.raises(ValueError, match="secret_key"):
        vector.decrypt()
    mean = ckks.received(own, (vector.sum() * 0.25).serialize()).decrypt()[0]
    weighted = ckks.received(own, vector.dot(weights).serialize()).decrypt()[0]
    assert mean == pytest.approx(10.025, abs=1e-4)
    assert weighted == pytest.approx(1.85, abs=1e-4)


@pytest.mark.parametrize("setting", ckks.SETTINGS[:2], ids=lambda setting: setting.name)
def test_the_end_of_the_depth_is_told_and_teaches(setting: ckks.Setting) -> None:
    levels: list[ckks.Level] = []
    with pytest.raises(LabError, match="none is left") as caught:
        levels.extend(ckks.squared_again(setting, 1.02))
    assert isinstance(caught.value, ckks.DepthError)
    found: list[ckks.Level] = []
    steps = ckks.squared_again(setting, 1.02)
    while len(found) <= setting.depth:
        found.append(next(steps))
    assert found[-1].squarings == setting.depth
    assert found[0].error < found[-1].error < 0.1
    assert found[-1].size < found[0].size


def test_the_settings_keep_to_the_bounds_of_the_standard() -> None:
    for setting in (ckks.SHALLOW, *ckks.SETTINGS):
        assert sum(setting.bits) <= ckks.MOST_BITS[setting.degree]


@pytest.mark.parametrize("setting", [setting.name for setting in ckks.SETTINGS])
def test_each_setting_squares_as_often_as_it_says(setting: str) -> None:
    assert end("noise", setting=setting, value=1.1).verdict == "works"


def test_stopping_before_the_end_is_no_failure() -> None:
    assert end("noise", squarings=1).verdict == "works"


# --- runs --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bits", "values"), [("512", "20.0 3.0"), ("512", " ".join(["20.0"] * 40)), ("1024", "7 8")]
)
def test_the_mean_is_exact(bits: str, values: str) -> None:
    numbers = [float(word) for word in values.split()]
    shown = values_of("show", bits=bits, values=values)
    assert shown["mean HbA1c"].value == pytest.approx(sum(numbers) / len(numbers), abs=1e-12)
    assert shown["mean blood sugar"].value == pytest.approx(28.7 * sum(numbers) / len(numbers) - 46.7)


@pytest.mark.parametrize("add", [-30, 1, 20, 100])
def test_a_change_alters_the_value_and_a_signature_finds_it(add: int) -> None:
    shown = values_of("malleable", add=add, bits="512")
    tenths = 68 + add
    assert shown["value"].value == f"{tenths // 10}.{tenths % 10} %"
    assert end("malleable", add=add, bits="512").verdict == ("broken" if tenths >= 75 else "held")
    assert end("signed", add=add, bits="512").verdict == "held"


@pytest.mark.parametrize(
    ("randomness", "ends"),
    [("none (r is always 1)", "broken"), ("one r for all", "broken"), ("a new r each time", "held")],
)
def test_the_randomness_decides(randomness: str, ends: str) -> None:
    shown = values_of("small-messages", randomness=randomness, bits="512")
    assert shown["values read"].value == (8 if ends == "broken" else 0)
    assert end("small-messages", randomness=randomness, bits="512").verdict == ends


@pytest.mark.parametrize("lie", ["leaves the two highest out", "sends a mean of 6.0", "takes 0.5 off each"])
def test_each_lie_works_without_tags_and_none_with_them(lie: str) -> None:
    for values in ("6.8 7.4", "20.0 3.0 3.0 3.1 9.9"):
        seen = end("malicious-cloud", lie=lie, bits="512", values=values)
        # Without the two highest these means lie below 3.0, which Ines doesn't believe.
        assert seen.verdict == ("held" if lie.startswith("leaves") else "broken")
        assert ("No HbA1c is like that" in seen.text) is lie.startswith("leaves")
        tagged = end("tagged", lie=lie, bits="512", values=values)
        assert tagged.verdict == "held" and "tags don't fit" in tagged.text
    assert end("malicious-cloud", lie=lie, bits="512").verdict == "broken"
    assert end("tagged", lie=lie, bits="512").verdict == "held"


def test_a_mean_that_can_be_is_believed_at_both_ends() -> None:
    lie = "takes 0.5 off each"
    assert end("malicious-cloud", lie=lie, bits="512", values="3.5 3.5").verdict == "broken"
    assert end("malicious-cloud", lie=lie, bits="512", values="3.5 3.4").verdict == "held"
    assert (
        end("malicious-cloud", lie="sends a mean of 6.0", bits="512", values="3.0 20.0").verdict == "broken"
    )


def test_a_lie_that_is_true_harms_nobody() -> None:
    assert end("malicious-cloud", lie="sends a mean of 6.0", bits="512", values="6 6").verdict == "held"


@pytest.mark.parametrize(
    "values",
    [
        "",
        "6.8",
        "6.8 2.9",
        "6.8 20.1",
        "6.85 7.0",
        "6,8 7,0",
        "-6.8 7.0",
        "nan 7.0",
        "1e1 7.0",
        "٦.٨ 7.0",
        " ".join(["7"] * 41),
    ],
)
def test_values_that_a_device_must_not_send_are_refused(values: str) -> None:
    for run in ("show", "ckks", "tagged"):
        with pytest.raises(BadParameterError):
            list(running.work(LESSON, LESSON.run(run), {"values": values}, 0))
