"""Lesson 5: published vectors of each password hash, the rainbow table, salt, and hostile settings."""

from __future__ import annotations

import base64
import random
from typing import Any

import bcrypt
import pytest
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from hypothesis import given, settings
from hypothesis import strategies as st

from security.lab import running
from security.lab.errors import BadParameterError
from security.lab.lessons.passwords import LESSON
from security.lab.steps import Event, Outcome, Step, outcome_of
from security.lab.workings import guessing, rainbow
from security.lab.workings import stored_passwords as ways

SPACE = rainbow.Space("3 digits", "0123456789", 3)
TABLE = rainbow.build(SPACE, 12, random.Random(5))
PLAIN = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
OWN = b"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def go(run: str, seed: int = 0, **values: Any) -> list[Event]:
    return list(running.work(LESSON, LESSON.run(run), values, seed))


def verdict(events: list[Event]) -> str:
    end = outcome_of(events)
    assert isinstance(end, Outcome)
    return end.verdict


def value(events: list[Event], name: str) -> Any:
    return next(v.value for e in events if isinstance(e, Step) for v in e.values if v.name == name)


# Vectors that crypt_blowfish (Openwall) and jBCrypt publish.
@pytest.mark.parametrize(
    ("password", "stored"),
    [
        (b"", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy"),
        (b"U*U*", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"),
        (b"U*U*U", "$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a"),
        (b"abc", "$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i"),
    ],
)
def test_bcrypt_published_vectors(password: bytes, stored: str) -> None:
    tail = stored[29:]
    cost, letters = int(stored[4:6]), stored[7:29]
    assert bcrypt.hashpw(password, stored[:29].encode()).decode() == stored
    # Ours writes 2b, which is the same for passwords under 256 bytes.
    number = sum(OWN.index(letter) << 6 * (21 - at) for at, letter in enumerate(letters.encode())) >> 4
    assert ways.by_bcrypt(password, number.to_bytes(16, "big"), cost).decode()[29:] == tail


@given(st.binary(max_size=40))
def test_bcrypts_base64_is_the_usual_one_in_other_letters(data: bytes) -> None:
    usual = base64.b64encode(data).rstrip(b"=").translate(bytes.maketrans(PLAIN, OWN))
    assert ways.bcrypt64(data) == usual.decode()


def test_scrypt_of_rfc_7914_section_12() -> None:
    first = Scrypt(salt=b"", length=64, n=16, r=1, p=1).derive(b"")
    assert first.hex() == (
        "77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442"
        "fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906"
    )
    # The same N and r as the lesson's, with p = 16.
    second = Scrypt(salt=b"NaCl", length=64, n=1024, r=8, p=16).derive(b"password")
    assert second.hex().startswith("fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162")
    one = Scrypt(salt=b"NaCl", length=32, n=1024, r=8, p=1).derive(b"password")
    assert ways.by_scrypt(b"password", b"NaCl") == one


def test_argon2id_of_rfc_9106_section_5_3() -> None:
    kdf = Argon2id(
        salt=b"\2" * 16, length=32, iterations=3, lanes=4, memory_cost=32, ad=b"\4" * 12, secret=b"\3" * 8
    )
    assert kdf.derive(b"\1" * 32).hex() == "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659"


def test_argon2id_as_the_lesson_stores_it_is_read_back_by_the_library() -> None:
    kept = ways.by_argon2id(b"Levodopa2024", bytes(range(16)))
    assert kept.startswith("$argon2id$v=19$m=1024,t=2,p=1$")
    Argon2id.verify_phc_encoded(b"Levodopa2024", kept)


@given(st.binary(min_size=16, max_size=16), st.binary(min_size=16, max_size=16))
@settings(max_examples=20, deadline=None)
def test_two_salts_tell_equal_passwords_apart_and_one_does_not(one: bytes, other: bytes) -> None:
    for method in ("salted SHA-256", "scrypt", "Argon2id"):
        same = ways.stored(method, b"pass", one, 4) == ways.stored(method, b"pass", other, 4)
        assert same == (one == other)
    assert ways.stored("SHA-256", b"pass", one, 4) == ways.stored("SHA-256", b"pass", other, 4)


@pytest.mark.parametrize(("salt", "cost"), [(b"short", 5), (bytes(17), 5), (bytes(16), 3), (bytes(16), 32)])
def test_a_salt_or_a_cost_that_bcrypt_does_not_have_is_refused(salt: bytes, cost: int) -> None:
    with pytest.raises(ValueError):
        ways.bcrypt_salt(salt, cost)


def test_the_counted_work_doubles_with_each_cost() -> None:
    assert ways.blocks_of(4) == 521 * 33 + 192
    assert all(1.9 < ways.blocks_of(c + 1) / ways.blocks_of(c) < 2.0 for c in range(4, 31))


@given(st.integers(0, SPACE.size - 1))
def test_a_space_numbers_its_texts(number: int) -> None:
    text = SPACE.text(number)
    assert SPACE.has(text)
    assert int(text) == number


def covered() -> set[bytes]:
    return {text for start in TABLE.ends.values() for text, _ in TABLE.chain(start)}


def test_the_table_inverts_all_that_its_chains_cover_and_nothing_else() -> None:
    inside = covered()
    assert len(inside) > SPACE.size / 2
    for number in range(SPACE.size):
        text = SPACE.text(number)
        found = TABLE.find(rainbow.digest(text)).text
        assert found == (text if text in inside else None)


@given(st.integers(0, SPACE.size - 1), st.binary(min_size=1, max_size=16))
def test_the_table_never_inverts_a_salted_hash(number: int, salt: bytes) -> None:
    assert TABLE.find(rainbow.digest(SPACE.text(number), salt)).text is None


def test_the_table_is_smaller_than_the_full_one_and_costs_several_times_its_hashes() -> None:
    assert TABLE.table_bytes * 10 < TABLE.full_bytes
    assert SPACE.size < TABLE.hashes < 7 * SPACE.size


def test_a_chain_without_a_step_is_refused() -> None:
    with pytest.raises(ValueError):
        rainbow.build(SPACE, 0, random.Random(1))


@given(st.integers(0, 2**31))
@settings(max_examples=20)
def test_each_class_has_sixteen_of_twenty_on_the_list(seed: int) -> None:
    people = guessing.a_class(random.Random(seed))
    words = {guess for guess, _ in guessing.candidates(len(guessing.RULES))}
    assert len({one.name for one in people}) == len(people) == 20
    assert sum(one.password in words for one in people) == 16


def test_each_rule_finds_more() -> None:
    got = [value(go("dictionary", rules=rules), "passwords found") for rules in range(5)]
    assert got == [3, 7, 10, 13, 16]


def test_a_budget_ends_the_dictionary_and_a_larger_one_finds_more_behind_bcrypt() -> None:
    assert value(go("dictionary", budget=1_000), "guesses tried") == 1_000
    few = value(go("slow", budget=300_000, cost=4), "passwords found")
    more = value(go("slow", budget=1_500_000, cost=4), "passwords found")
    assert few < more
    spent = go("slow", budget=1_000_000, cost=8)
    assert value(spent, "work spent") <= 1_000_000


def test_slowness_buys_time_and_no_more() -> None:
    events = go("slow", cost=4)
    tries = value(events, "guesses on the list") * 20
    assert value(events, "work for the whole list on all rows") == tries * ways.blocks_of(4)
    assert value(events, "the same at cost 12") == tries * ways.blocks_of(12)
    assert value(events, "passwords that then fall") == 16 > value(events, "passwords found")


def test_a_word_list_of_ones_own_is_tried_first() -> None:
    events = go("dictionary", rules=0, mine="zq-7!", list=b"zq-7!\r\n\nother\n")
    table = next(e.table for e in events if isinstance(e, Step) and e.title == "What she finds")
    assert table is not None
    assert ("You", "zq-7!", "yours") in table.rows


def test_a_word_list_may_hold_what_bcrypt_can_not_take() -> None:
    assert verdict(go("slow", budget=200_000, cost=4, list=b"a\0b\n" + b"x" * 200 + b"\n")) == "held"


def test_a_word_list_that_is_no_text_is_refused() -> None:
    with pytest.raises(BadParameterError, match="UTF-8"):
        go("dictionary", list=b"\xff\xfe\x00")


@pytest.mark.parametrize("password", ["é" * 40, "a\0b", "\U0001f511" * 19])
def test_a_password_that_bare_bcrypt_would_cut_is_refused_with_a_lesson(password: str) -> None:
    with pytest.raises(BadParameterError) as refused:
        go("show", password=password)
    assert refused.value.teaches


@pytest.mark.parametrize("password", ["a" * 72, "é" * 36, " ", "<b>&"])
def test_any_other_password_is_stored_and_recognised(password: str) -> None:
    assert verdict(go("show", password=password, cost=4)) == "works"


def test_without_a_cut_the_old_server_holds() -> None:
    assert verdict(go("truncation", phrase="short ")) == "held"
    assert verdict(go("truncation", hers="same", other="same")) == "held"


@pytest.mark.parametrize("phrase", ["", "\0" * 80, "é" * 150, "\U0001f511" * 200])
def test_the_apps_way_tells_any_two_phrases_apart(phrase: str) -> None:
    assert verdict(go("prehash", phrase=phrase, hers="a", other="b")) == "held"


def test_the_apps_way_takes_two_spellings_of_one_password_for_one() -> None:
    assert verdict(go("prehash", hers="caf\u00e9", other="cafe\u0301")) == "held"


@pytest.mark.parametrize(
    ("run", "values"),
    [
        ("show", {"cost": 12}),
        ("show", {"cost": 3}),
        ("show", {"password": ""}),
        ("cost", {"most": 30}),
        ("rainbow", {"steps": 0}),
        ("rainbow", {"space": "12 letters"}),
        ("rainbow", {"stolen": 10**9}),
        ("slow", {"budget": 10**12}),
        ("truncation", {"phrase": "a" * 10_000}),
        ("prehash", {"phrase": "\ud800"}),
        ("dictionary", {"list": bytes(1_000_000)}),
    ],
)
def test_hostile_settings_are_refused(run: str, values: dict[str, Any]) -> None:
    with pytest.raises(BadParameterError):
        go(run, **values)
