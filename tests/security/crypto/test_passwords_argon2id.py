"""Argon2id in the place of bcrypt: the same pre-hash, its own form, and each scheme reads the other's."""

from __future__ import annotations

import base64
import hashlib
import hmac
import unicodedata
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from hypothesis import given, settings
from hypothesis import strategies as st

from security.crypto.errors import CryptoError, StoredHashError
from security.crypto.passwords import ARGON2ID, BCRYPT, MAX_TYPED, Argon2Cost, PasswordHasher, scheme_of

PEPPER = bytes(range(32))
CHEAP = Argon2Cost(memory=64, passes=1, lanes=1)
HASHER = PasswordHasher(PEPPER, 4, ARGON2ID, CHEAP)
OLDER = PasswordHasher(PEPPER, 4)


def by_hand(password: str, salt: bytes = bytes(range(16))) -> str:
    """The documented construction with hmac and the library's Argon2id alone, put together here."""
    typed = unicodedata.normalize("NFKC", password).encode("utf-8")
    prehash = base64.b64encode(hmac.new(PEPPER, typed, hashlib.sha384).digest())
    key = Argon2id(salt=salt, length=32, iterations=1, lanes=1, memory_cost=64).derive(prehash)
    told = [base64.b64encode(part).decode().rstrip("=") for part in (salt, key)]
    return f"hmac-sha384+argon2id:$argon2id$v=19$m=64,t=1,p=1${told[0]}${told[1]}"


@pytest.mark.parametrize("password", ["correct horse", "", "pässwörd \U0001f511", "x" * 200, "a\0b"])
def test_a_hash_computed_by_hand_as_documented_is_verified(password: str) -> None:
    assert HASHER.verify(password, by_hand(password))
    assert not HASHER.verify(password + "x", by_hand(password))


def test_a_new_hash_is_the_documented_construction_over_its_own_salt() -> None:
    stored = HASHER.hash("correct horse")
    salt = base64.b64decode(stored.split("$")[4] + "==")
    assert stored == by_hand("correct horse", salt)
    assert len({HASHER.hash("correct horse") for _ in range(10)}) == 10


def test_the_default_is_that_of_rfc_9106_with_one_lane_and_fits_its_column() -> None:
    stored = PasswordHasher(PEPPER, scheme=ARGON2ID).decoy()
    assert "$m=65536,t=3,p=1$" in stored
    widest = PasswordHasher(PEPPER, scheme=ARGON2ID, argon2=Argon2Cost(1_048_576, 16)).decoy()
    assert len(widest) <= 128


@settings(max_examples=25)
@given(st.text(max_size=100), st.text(max_size=100))
def test_a_password_fits_its_own_hash_and_no_other(password: str, other: str) -> None:
    stored = HASHER.hash(password)
    assert HASHER.verify(password, stored)
    same = unicodedata.normalize("NFKC", password) == unicodedata.normalize("NFKC", other)
    assert HASHER.verify(other, stored) == same
    assert not HASHER.verify(password, HASHER.decoy())


@pytest.mark.parametrize("shared", [54, 71, 72, 73, 127, 1023])
def test_a_difference_behind_any_length_still_counts(shared: int) -> None:
    assert not HASHER.verify("a" * shared + "b", HASHER.hash("a" * shared + "c"))


def test_more_characters_than_may_be_typed_never_fit() -> None:
    assert HASHER.verify("x" * MAX_TYPED, HASHER.hash("x" * MAX_TYPED))
    assert not HASHER.verify("x" * (MAX_TYPED + 1), HASHER.hash("x" * (MAX_TYPED + 1)))


def test_each_reads_the_others_hashes_and_makes_them_anew() -> None:
    for here, there in ((HASHER, OLDER), (OLDER, HASHER)):
        stored = there.hash("correct horse")
        assert here.verify("correct horse", stored) and not here.verify("wrong", stored)
        assert here.needs_rehash(stored) and not there.needs_rehash(stored)
    assert scheme_of(HASHER.hash("x")) == scheme_of(OLDER.decoy(ARGON2ID)) == ARGON2ID
    assert scheme_of(OLDER.hash("x")) == scheme_of(HASHER.decoy(BCRYPT)) == BCRYPT


@pytest.mark.parametrize(
    ("cost", "needed"),
    [
        (CHEAP, False),
        (Argon2Cost(65, 1), True),
        (Argon2Cost(64, 2), True),
        (Argon2Cost(32, 2), True),
        (Argon2Cost(32, 1), False),
    ],
)
def test_a_hash_is_made_anew_when_it_was_cheaper_than_today(cost: Argon2Cost, needed: bool) -> None:
    today = PasswordHasher(PEPPER, 4, ARGON2ID, cost)
    assert today.needs_rehash(by_hand("x")) is needed
    assert today.verify("x", by_hand("x"))
    assert not today.needs_rehash(today.decoy())


GOOD = by_hand("x")


@pytest.mark.parametrize(
    "stored",
    [
        GOOD.removeprefix("hmac-sha384+argon2id:"),
        GOOD.replace("hmac-sha384+argon2id:", "hmac-sha384+bcrypt:"),
        GOOD.replace("argon2id$v", "argon2i$v"),
        GOOD.replace("v=19", "v=16"),
        GOOD.replace("m=64", "m=064"),
        GOOD.replace("m=64", "m=7"),  # fewer than eight blocks a lane
        GOOD.replace("m=64", "m=1048577"),
        GOOD.replace("m=64", "m=99999999"),
        GOOD.replace("t=1", "t=0"),
        GOOD.replace("t=1", "t=17"),
        GOOD.replace("p=1", "p=2"),
        GOOD.replace("m=64,t=1", "t=1,m=64"),
        GOOD + "A",
        GOOD + "\n",
        GOOD[:-1],
        GOOD[:-1] + "B",  # bits in the last character that no hash has
    ],
)
def test_a_stored_hash_of_another_form_or_beyond_the_bounds_is_refused(stored: str) -> None:
    for ask in (
        lambda: HASHER.verify("x", stored),
        lambda: HASHER.needs_rehash(stored),
        lambda: scheme_of(stored),
    ):
        with pytest.raises(StoredHashError):
            ask()


def test_every_changed_character_of_a_stored_hash_fits_or_is_refused_but_never_crashes() -> None:
    for place in range(len("hmac-sha384+argon2id:$argon2id$v=19$m=64,t=1,p=1$"), len(GOOD)):
        for character in "+Ag9$":
            changed = GOOD[:place] + character + GOOD[place + 1 :]
            try:
                fits = HASHER.verify("x", changed)
            except StoredHashError:
                fits = False
            assert fits is (changed == GOOD)


@pytest.mark.parametrize(
    "cost", [(7, 1, 1), (65536, 0, 1), (65536, 17, 1), (65536, 1, 0), (65536, 1, 2), (1_048_577, 1, 1)]
)
def test_a_cost_out_of_bounds_is_refused(cost: tuple[int, int, int]) -> None:
    with pytest.raises(CryptoError, match="must be"):
        Argon2Cost(*cost)


def test_a_scheme_that_is_not_known_is_refused_and_the_pepper_is_not_shown() -> None:
    with pytest.raises(CryptoError, match="must be one of"):
        PasswordHasher(PEPPER, scheme="md5")
    assert "hidden" in repr(HASHER) and repr(PEPPER)[2:18] not in repr(HASHER)


def test_two_at_once_do_not_wait_for_each_other() -> None:
    hasher = PasswordHasher(PEPPER, scheme=ARGON2ID)
    with ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(hasher.verify, "x", hasher.decoy()) for _ in range(4)]
        assert [job.result(60) for job in jobs] == [False] * 4
