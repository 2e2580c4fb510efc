"""Challenges of passkeys: one use, a few minutes, one purpose, one session, and no way to fill memory."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from security.accounts.challenges import LIFE_S, Challenges, Purpose
from security.accounts.errors import BusyError

NOW = 1_800_000_000.5
ALONE = Purpose.ALONE


@pytest.fixture
def challenges() -> Challenges:
    return Challenges()


def test_a_challenge_is_good_once(challenges: Challenges) -> None:
    made = challenges.make(ALONE, "", NOW)
    assert challenges.use(made, ALONE, "", NOW + 1)
    assert not challenges.use(made, ALONE, "", NOW + 1)
    assert not challenges.use(made, ALONE, "", NOW + LIFE_S - 2)


def test_a_clock_set_back_brings_no_used_one_to_life(challenges: Challenges) -> None:
    made = challenges.make(ALONE, "", NOW)
    assert challenges.use(made, ALONE, "", NOW + 1)
    later = challenges.make(ALONE, "", NOW + LIFE_S + 5)
    assert challenges.use(later, ALONE, "", NOW + LIFE_S + 5)
    assert not challenges.use(made, ALONE, "", NOW + 2)


@pytest.mark.parametrize("late", [LIFE_S, LIFE_S + 1, 10 * LIFE_S, -2, -LIFE_S])
def test_a_challenge_is_good_for_five_minutes(challenges: Challenges, late: float) -> None:
    assert not challenges.use(challenges.make(ALONE, "", NOW), ALONE, "", NOW + late)


@pytest.mark.parametrize("purpose", [one for one in Purpose if one is not ALONE])
def test_a_challenge_is_good_for_its_purpose(challenges: Challenges, purpose: Purpose) -> None:
    made = challenges.make(ALONE, "", NOW)
    assert not challenges.use(made, purpose, "", NOW)
    assert challenges.use(made, ALONE, "", NOW), "an attempt elsewhere does not use it up"


def test_a_challenge_is_good_for_its_session(challenges: Challenges) -> None:
    made = challenges.make(Purpose.CONFIRM, "hers", NOW)
    for bound in ("his", "", "hers ", "\ud800"):
        assert not challenges.use(made, Purpose.CONFIRM, bound, NOW)
    assert challenges.use(made, Purpose.CONFIRM, "hers", NOW)


def test_another_process_takes_none_of_ours(challenges: Challenges) -> None:
    assert not Challenges().use(challenges.make(ALONE, "", NOW), ALONE, "", NOW)


def test_no_bit_can_be_changed(challenges: Challenges) -> None:
    made = challenges.make(ALONE, "", NOW)
    for place in range(len(made) * 8):
        changed = bytearray(made)
        changed[place // 8] ^= 1 << place % 8
        assert not challenges.use(bytes(changed), ALONE, "", NOW), place
    for changed in (made[:-1], made + b"\0", b""):
        assert not challenges.use(bytes(changed), ALONE, "", NOW)


@given(st.binary(max_size=100))
def test_what_was_not_made_here_is_not_good(made_up: bytes) -> None:
    assert not Challenges().use(made_up, ALONE, "", NOW)


def test_challenges_cannot_be_told_from_each_other(challenges: Challenges) -> None:
    made = {challenges.make(ALONE, "", NOW)[:32] for _ in range(100)}
    assert len(made) == 100


def test_of_200_threads_one_wins(challenges: Challenges) -> None:
    made = challenges.make(ALONE, "", NOW)
    start, won = threading.Barrier(200), []

    def use() -> None:
        start.wait()
        won.append(challenges.use(made, ALONE, "", NOW))

    threads = [threading.Thread(target=use) for _ in range(200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(won), sum(won)) == (200, 1)


def test_a_flood_of_sign_in_pages_pushes_nobody_out() -> None:
    challenges = Challenges(used_max=1)
    mine = challenges.make(ALONE, "", NOW)
    for _ in range(20_000):
        challenges.make(ALONE, "", NOW)
    assert challenges.use(mine, ALONE, "", NOW)


def test_what_is_only_looked_at_stays_good_and_fills_nothing() -> None:
    challenges = Challenges(used_max=1)
    mine = challenges.make(ALONE, "", NOW)
    for _ in range(100):
        assert challenges.fits(challenges.make(ALONE, "", NOW), ALONE, "", NOW)
        assert challenges.fits(mine, ALONE, "", NOW)
    for wrong in (bytes(72), mine[:-1], b""):
        assert not challenges.fits(wrong, ALONE, "", NOW)
    assert not challenges.fits(mine, Purpose.CONFIRM, "", NOW)
    assert not challenges.fits(mine, ALONE, "", NOW + LIFE_S)
    assert challenges.use(mine, ALONE, "", NOW)


def test_at_the_bound_none_is_taken_and_none_forgotten() -> None:
    challenges = Challenges(used_max=3)
    first = [challenges.make(ALONE, "", NOW) for _ in range(3)]
    assert all(challenges.use(one, ALONE, "", NOW) for one in first)
    with pytest.raises(BusyError):
        challenges.use(challenges.make(ALONE, "", NOW), ALONE, "", NOW)
    assert not any(challenges.use(one, ALONE, "", NOW) for one in first)
    # What is no challenge of ours does not get that far.
    assert not challenges.use(bytes(72), ALONE, "", NOW)
    later = NOW + 2 * LIFE_S
    assert challenges.use(challenges.make(ALONE, "", later), ALONE, "", later)
