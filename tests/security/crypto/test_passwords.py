"""Passwords: all of a password counts, one way of writing it, and a stored hash that is read strictly."""

from __future__ import annotations

import base64
import hashlib
import hmac
import unicodedata

import bcrypt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from security.crypto.errors import CryptoError, StoredHashError
from security.crypto.passwords import MAX_TYPED, PasswordHasher

PEPPER = bytes(range(32))
HASHER = PasswordHasher(PEPPER, rounds=4)
SALT = b"$2b$04$abcdefghijklmnopqrstuu"


def by_hand(password: str, pepper: bytes = PEPPER, salt: bytes = SALT) -> str:
    """The documented construction with bcrypt and hmac alone."""
    typed = unicodedata.normalize("NFKC", password).encode("utf-8")
    prehash = base64.b64encode(hmac.new(pepper, typed, hashlib.sha384).digest())
    return "hmac-sha384+bcrypt:" + bcrypt.hashpw(prehash, salt).decode("ascii")


@pytest.mark.parametrize("password", ["correct horse", "", "p\u0430ssw\u00f6rd \U0001f511", "x" * 200])
def test_a_hash_computed_by_hand_as_documented_is_verified(password: str) -> None:
    assert HASHER.verify(password, by_hand(password))


def test_a_new_hash_is_the_documented_construction_over_its_own_salt() -> None:
    stored = HASHER.hash("correct horse")
    salt = stored.removeprefix("hmac-sha384+bcrypt:")[:29].encode("ascii")
    assert stored == by_hand("correct horse", salt=salt)


@settings(max_examples=25)
@given(st.text(max_size=100), st.text(max_size=100))
def test_a_password_fits_its_own_hash_and_no_other(password: str, other: str) -> None:
    stored = HASHER.hash(password)
    assert HASHER.verify(password, stored)
    same = unicodedata.normalize("NFKC", password) == unicodedata.normalize("NFKC", other)
    assert HASHER.verify(other, stored) == same


@pytest.mark.parametrize("shared", [54, 71, 72, 73, 127, 1023])
def test_a_difference_behind_any_length_still_counts(shared: int) -> None:
    assert not HASHER.verify("a" * shared + "b", HASHER.hash("a" * shared + "c"))


def test_bytes_beyond_the_72nd_of_a_text_with_long_characters_count() -> None:
    assert not HASHER.verify("\U0001f511" * 18 + "b", HASHER.hash("\U0001f511" * 18 + "c"))


def test_a_longer_password_is_not_the_shorter_one() -> None:
    assert not HASHER.verify("a" * 73, HASHER.hash("a" * 72))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("caf\u00e9", "cafe\u0301"),
        ("\uff50\uff41\uff53\uff53", "pass"),
        ("\ufb01ne", "fine"),
        ("\u212bngstr\u00f6m", "\u00c5ngstro\u0308m"),
    ],
)
def test_the_same_password_from_another_keyboard_is_the_same(one: str, other: str) -> None:
    assert HASHER.verify(other, HASHER.hash(one))


@pytest.mark.parametrize(
    "other", ["Correct horse", "correct horse ", " correct horse", "correct  horse", "correct h\u043erse"]
)
def test_case_spaces_and_look_alikes_count(other: str) -> None:
    assert not HASHER.verify(other, HASHER.hash("correct horse"))


@pytest.mark.parametrize(
    ("one", "other"), [("a\0b", "a\0c"), ("a\0b", "a"), ("\0", ""), ("\0" * 2, "\0"), ("a", "a\0")]
)
def test_a_nul_byte_does_not_end_a_password(one: str, other: str) -> None:
    stored = HASHER.hash(one)
    assert HASHER.verify(one, stored)
    assert not HASHER.verify(other, stored)


def test_half_a_character_is_a_password_like_any_other() -> None:
    stored = HASHER.hash("a\ud800")
    assert HASHER.verify("a\ud800", stored)
    assert not HASHER.verify("a\ud801", stored)


def test_as_many_characters_as_may_be_typed_still_fit() -> None:
    password = "x" * MAX_TYPED
    assert HASHER.verify(password, HASHER.hash(password))


@pytest.mark.parametrize("length", [MAX_TYPED + 1, 100_000])
def test_more_characters_than_may_be_typed_never_fit_not_even_their_own_hash(length: int) -> None:
    password = "x" * length
    assert not HASHER.verify(password, HASHER.hash(password))


def test_the_same_password_is_stored_differently_each_time() -> None:
    assert len({HASHER.hash("correct horse") for _ in range(10)}) == 10


def test_without_the_pepper_a_stolen_hash_is_of_no_use() -> None:
    assert not PasswordHasher(bytes(32), rounds=4).verify("correct horse", HASHER.hash("correct horse"))


@settings(max_examples=25)
@given(st.text(max_size=40))
def test_no_password_fits_the_decoy(password: str) -> None:
    assert not HASHER.verify(password, HASHER.decoy())


@pytest.mark.parametrize("rounds", [4, 5, 12])
def test_the_decoy_costs_what_a_real_hash_costs(rounds: int) -> None:
    hasher = PasswordHasher(PEPPER, rounds=rounds)
    prefix = f"hmac-sha384+bcrypt:$2b${rounds:02d}$"
    assert hasher.decoy().startswith(prefix)
    assert len(hasher.decoy()) == len(by_hand(""))
    assert not hasher.needs_rehash(hasher.decoy())


def test_a_hash_carries_the_cost_it_was_asked_for() -> None:
    assert PasswordHasher(PEPPER, rounds=5).hash("x").startswith("hmac-sha384+bcrypt:$2b$05$")


@pytest.mark.parametrize(("rounds", "needed"), [(4, False), (5, True), (12, True)])
def test_a_hash_is_made_anew_when_it_was_cheaper_than_today(rounds: int, needed: bool) -> None:
    assert PasswordHasher(PEPPER, rounds=rounds).needs_rehash(by_hand("x")) is needed


def test_a_hash_that_cost_more_than_today_stays_and_is_verified() -> None:
    stored = PasswordHasher(PEPPER, rounds=5).hash("correct horse")
    assert not HASHER.needs_rehash(stored)
    assert HASHER.verify("correct horse", stored)


GOOD = by_hand("x")
BODY = GOOD.removeprefix("hmac-sha384+bcrypt:")


@pytest.mark.parametrize(
    "stored",
    [
        "",
        "x",
        BODY,
        f"bcrypt:{BODY}",
        GOOD.upper(),
        f" {GOOD}",
        f"{GOOD}\n",
        f"{GOOD}.",
        GOOD[:-1],
        GOOD.replace("$2b$", "$2a$"),
        GOOD.replace("$2b$", "$2y$"),
        GOOD.replace("$04$", "$4$"),
        GOOD.replace("$04$", "$03$"),
        GOOD.replace("$04$", "$00$"),
        GOOD.replace("$04$", "$32$"),
        GOOD.replace("$04$", "$99$"),
        GOOD.replace("$04$", "$\u0660\u0664$"),
        GOOD.replace("stuu", "stux"),  # bits in the salt's last character that no salt can have
        GOOD.replace("abc", "a\0c"),
        GOOD.replace("abc", "a\u00e9c"),
    ],
)
def test_a_stored_hash_of_another_form_is_refused_in_the_family(stored: str) -> None:
    with pytest.raises(StoredHashError):
        HASHER.verify("x", stored)
    with pytest.raises(StoredHashError):
        HASHER.needs_rehash(stored)


@settings(max_examples=40)
@given(st.integers(len("hmac-sha384+bcrypt:$2b$04$"), len(GOOD) - 1), st.sampled_from("./AZaz09Oeu"))
def test_a_stored_hash_with_another_character_fits_or_is_refused_but_never_crashes(
    place: int, character: str
) -> None:
    changed = GOOD[:place] + character + GOOD[place + 1 :]
    try:
        fits = HASHER.verify("x", changed)
    except StoredHashError:
        fits = False
    assert fits is (changed == GOOD)


@pytest.mark.parametrize("length", [0, 16, 31])
def test_a_short_pepper_is_refused(length: int) -> None:
    with pytest.raises(CryptoError, match="32 bytes"):
        PasswordHasher(bytes(length))


@pytest.mark.parametrize("rounds", [-1, 0, 3, 32])
def test_a_cost_that_bcrypt_does_not_know_is_refused(rounds: int) -> None:
    with pytest.raises(CryptoError, match="4 to 31"):
        PasswordHasher(PEPPER, rounds=rounds)


def test_no_repr_shows_the_pepper() -> None:
    shown = repr(HASHER)
    assert "hidden" in shown
    assert PEPPER.hex() not in shown
    assert repr(PEPPER)[2:18] not in shown
