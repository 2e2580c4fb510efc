"""Recovery codes: made of true randomness, read as people type them, hashed for one owner."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from security.crypto.recovery import ALPHABET, CODES, hashed, new_codes, normalised
from tests.security.crypto.fakes import Counter, Script

KEY = bytes(range(32))
CODE = "0123456789ABCDEFGHJKMNPQ"
OLD_CODE = CODE[:16]


def normal(code: str) -> str:
    read = normalised(code)
    assert read is not None
    return read


def test_there_are_ten_codes_of_six_groups_of_four() -> None:
    codes = new_codes()
    assert len(codes) == CODES == 10
    assert all([len(group) for group in code.split("-")] == [4] * 6 for code in codes)


def test_the_alphabet_is_crockfords_without_look_alikes() -> None:
    assert len(set(ALPHABET)) == 32
    assert not set("ILOU") & set(ALPHABET)
    assert {letter for code in new_codes(count=50) for letter in code} <= set(ALPHABET) | {"-"}


def test_a_thousand_codes_are_all_different_and_use_the_whole_alphabet() -> None:
    codes = new_codes(count=1000)
    assert len(set(codes)) == 1000
    assert set("".join(codes)) == set(ALPHABET) | {"-"}


def test_all_120_bits_of_the_randomness_are_in_the_code() -> None:
    for bit in range(120):
        (code,) = new_codes(Script((1 << bit).to_bytes(15, "big")), count=1)
        number = 0
        for letter in code.replace("-", ""):
            number = 32 * number + ALPHABET.index(letter)
        assert number == 1 << bit


def test_codes_come_from_the_randomness_that_is_passed_in() -> None:
    assert new_codes(Counter(), 2) == tuple(f"{'0000-' * 5}000{number}" for number in (1, 2))


@given(st.binary(min_size=15, max_size=15))
def test_every_code_that_is_made_can_be_read_back(raw: bytes) -> None:
    (code,) = new_codes(Script(raw), count=1)
    assert normalised(code) == code.replace("-", "")


@pytest.mark.parametrize(
    "entry",
    [
        "0123456789abcdefghjkmnpq",
        "0123-4567-89AB-CDEF-GHJK-MNPQ",
        " 0123 4567 89ab cdef ghjk mnpq ",
        "o123-4567-89ab-cdef-ghjk-mnpq",
        "Oi23-4567-89AB-CDEF-GHJK-MNPQ",
        "0L23-4567-89AB-CDEF-GHJK-MNPQ",
        "0l23456789ABCDEFGHJKMNPQ",
        "0-1-2-3-4-5-6-7-8-9-A-B-C-D-E-F-G-H-J-K-M-N-P-Q",
    ],
)
def test_case_spaces_hyphens_and_look_alikes_do_not_matter(entry: str) -> None:
    assert normalised(entry) == CODE


def test_a_code_of_before_is_still_read() -> None:
    assert normalised("o123-4567-89ab-cdef") == OLD_CODE
    assert hashed(OLD_CODE, KEY, "ada") != hashed(CODE, KEY, "ada")


@pytest.mark.parametrize(
    "entry",
    [
        "",
        "0123456789ABCDE",
        "0123456789ABCDEF0",
        "U123456789ABCDEF",
        "0123456789ABCDE!",
        "0123456789ABCDE\0",
        "0123456789ABCDEF\n0123456789ABCDEF",
        "\uff10123456789ABCDEF",
        "0123456789\u0410BCDEF",
        "\u0131123456789ABCDEF",
        "0123456789ABCDE\u017f",
        "0123456789ABCDEF" + " " * 49,
        "0123456789ABCDEFGHJKMNP",
        "0123456789ABCDEFGHJKMNPQR",
        "0123456789ABCDEFGHJKMNPU",
    ],
)
def test_what_can_not_be_a_code_is_none(entry: str) -> None:
    assert normalised(entry) is None


@given(st.text(max_size=80))
def test_reading_is_stable_and_never_fails(entry: str) -> None:
    read = normalised(entry)
    if read is not None:
        assert normalised(read) == read
        assert len(read) in (16, 24)
        assert set(read) <= set(ALPHABET)


def test_the_hash_is_hmac_sha256_over_owner_and_code() -> None:
    expected = hmac.new(KEY, b"ada\0" + CODE.encode("ascii"), hashlib.sha256).digest()
    assert hashed(CODE, KEY, "ada") == expected


def test_the_same_code_of_another_owner_has_another_hash() -> None:
    assert hashed(CODE, KEY, "ada") != hashed(CODE, KEY, "bob")


def test_an_owner_whose_name_runs_into_the_code_is_still_another() -> None:
    owners = ["ada", "ada\0", "ada\0" + CODE, "", "\0", CODE]
    assert len({hashed(CODE, KEY, owner) for owner in owners}) == len(owners)


def test_without_the_key_a_code_can_not_be_tried_against_its_hash() -> None:
    assert hashed(CODE, KEY, "ada") != hashed(CODE, bytes(32), "ada")


@pytest.mark.parametrize(
    "code", ["", "0123-4567-89AB-CDEF-GHJK-MNPQ", CODE.lower(), "O" + CODE[1:], CODE + "0", CODE + " "]
)
def test_only_a_code_in_its_normal_form_is_hashed(code: str) -> None:
    with pytest.raises(ValueError, match="normalised"):
        hashed(code, KEY, "ada")
