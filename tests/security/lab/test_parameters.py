"""Parameters, seeds and names: what can't be used is refused in a sentence that says what to do."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from security.lab import catalogue, glossary, running, terms
from security.lab.errors import BadParameterError, LabError, NoSuchLessonError, NotHereError
from security.lab.parameters import Choice, Chosen, File, Real, Text, Whole

WHOLE = Whole("n", "n", 4, 1, 10)
REAL = Real("x", "x", 0.5, 0.0, 1.0)
CHOICE = Choice("c", "c", "a", ("a", "b"))
TEXT = Text("t", "t", "hello", most=10, least=1)
FILE = File("f", "f", most=4)


@pytest.mark.parametrize(
    "raw",
    [
        "11",
        "0",
        "-1",
        "--5",
        "-",
        "--5",
        "-",
        "",
        "1.5",
        "1e1",
        "x",
        None,
        True,
        2.5,
        "٣",
        "9" * 30,
        math.nan,
    ],
)
def test_a_number_that_is_none_is_refused(raw: Any) -> None:
    with pytest.raises(BadParameterError, match=r"n: .*1 to 10"):
        WHOLE.parse(raw)


@pytest.mark.parametrize("raw", ["1.1", "-0.1", "nan", "inf", "", "x", None, True, 10**400])
def test_a_real_number_out_of_bounds_is_refused(raw: Any) -> None:
    with pytest.raises(BadParameterError, match="x: give a number from 0 to 1"):
        REAL.parse(raw)


def test_texts_choices_and_files_have_bounds() -> None:
    for parameter, raw in (
        (CHOICE, "z"),
        (TEXT, ""),
        (TEXT, "x" * 11),
        (TEXT, "\ud800"),
        (FILE, b"12345"),
        (TEXT, 3),
    ):
        with pytest.raises(BadParameterError):
            parameter.parse(raw)  # type: ignore[attr-defined]
    assert FILE.parse(b"1234") == b"1234"


@given(st.integers(1, 10))
def test_what_is_within_bounds_is_taken_from_a_shell_and_a_page(value: int) -> None:
    assert WHOLE.parse(value) == WHOLE.parse(str(value)) == WHOLE.parse(float(value)) == value


def test_defaults_stand_where_nothing_was_given_and_unknown_names_are_refused() -> None:
    chosen = Chosen.parse((WHOLE, REAL, CHOICE, TEXT, FILE), {"n": "7"})
    assert (chosen.whole("n"), chosen.real("x"), chosen.text("c"), chosen.file("f")) == (7, 0.5, "a", b"")
    with pytest.raises(BadParameterError, match="there are: n"):
        Chosen.parse((WHOLE,), {"m": 1})
    with pytest.raises(NotHereError, match="language model"):
        chosen.tool("language model")


@pytest.mark.parametrize("seed", ["-1", "x", "", str(2**31), "1.0", "٣"])
def test_a_seed_that_is_none_is_refused(seed: str) -> None:
    with pytest.raises(BadParameterError, match="seed"):
        running.check_seed(seed)


def test_names_that_are_not_there_are_told_with_those_that_are() -> None:
    with pytest.raises(NoSuchLessonError, match="symmetric"):
        catalogue.lesson("nothing")
    with pytest.raises(LabError, match="has no run"):
        catalogue.every()[0].run("nothing")


def test_no_word_is_explained_twice() -> None:
    import importlib
    import pkgutil

    seen: dict[str, str] = dict.fromkeys(glossary._OWN, "glossary")
    for module in pkgutil.iter_modules(terms.__path__):
        for word in importlib.import_module(f"{terms.__name__}.{module.name}").TERMS:
            assert word == word.lower()
            assert word not in seen, f"{word} is in {module.name} and in {seen.get(word)}"
            seen[word] = module.name
