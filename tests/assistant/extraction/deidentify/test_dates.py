"""Dates moved by days: the same form, the same intervals."""

import re
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.extraction.deidentify.dates import find_dates, is_day_first, moved
from assistant.extraction.deidentify.forms import written

FORMS = [
    "{Y}-{mm}-{dd}", "{mm}/{dd}/{Y}", "{mm}-{dd}-{Y}", "{B} {d}, {Y}", "{d} {b} {Y}", "{dd}-{bu}-{Y}",
    "{Y}{mm}{dd}", "{th} of {B} {Y}", "{W}, {B} {th}, {Y}", "{dd}{bu}{Y}", "{b} {d} '{y}",
]  # fmt: skip
DAYS = st.dates(date(1940, 3, 1), date(2030, 12, 31))


@pytest.mark.parametrize(
    ("text", "days", "after"),
    [
        ("2021-05-03", 30, "2021-06-02"),
        ("05/03/2021", 1, "05/04/2021"),
        ("5/3/21", -5, "4/28/21"),
        ("3rd of May 2021", 1, "4th of May 2021"),
        ("Monday, March 4, 2019", 1, "Tuesday, March 5, 2019"),
        ("14JAN2020", 20, "03FEB2020"),
        ("May '21", 31, "June '21"),
        ("August 2006", -31, "July 2006"),
        ("March 30", 5, "April 4"),
        ("20210503", 30, "20210602"),
        ("dec 31, 2020", 1, "jan 1, 2021"),
        ("28.02.2020", 2, "01.03.2020"),
    ],
)
def test_a_date_is_moved_in_its_own_form(text: str, days: int, after: str) -> None:
    assert moved(text, days, day_first="." in text) == after


def test_what_is_no_single_day_is_not_guessed() -> None:
    assert moved("3-5 May 2021", 1, False) is None
    assert moved("the third of May", 1, False) is None
    assert moved("99/99/2021", 1, False) is None


def test_the_text_tells_whether_the_day_comes_first() -> None:
    assert is_day_first("Seen 05/03/2021 and 25/03/2021.")
    assert not is_day_first("Seen 05/03/2021 and 03/25/2021.")
    assert not is_day_first("Seen 05/03/2021.")
    assert moved("05/03/2021", 1, day_first=True) == "06/03/2021"


@given(st.dates(date(1950, 1, 1), date(2024, 1, 1)), st.integers(-400, 400), st.sampled_from(FORMS))
def test_every_form_moves_by_exactly_these_days(day: date, days: int, form: str) -> None:
    # Three letters of a month are compared: "May" doesn't tell whether its form writes months in full.
    after = moved(written(day, form), days, False)
    assert after is not None
    assert short(after) == short(written(day + timedelta(days=days), form))


def short(text: str) -> str:
    """With every month cut to three letters."""
    text = re.sub(r"(?<![A-Za-z])([A-Z]{3})[A-Z]+", r"\1", text)
    return re.sub(r"\b([A-Z][a-z]{2})[a-z]*(?<!day)\b", r"\1", text)


@given(DAYS, st.sampled_from(FORMS))
def test_every_form_is_found_whole(day: date, form: str) -> None:
    text = f"Seen {written(day, form)} by the team."
    assert any(text[start:end] == written(day, form) for start, end in find_dates(text))
