"""Repairs that change how a text is written and never what it says; lines that recur."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.corpus.boilerplate import Boilerplate
from training.corpus.cleaning import repaired

FOOTER = "Copyright 2024 General Hospital, all rights reserved."


@pytest.mark.parametrize(
    ("broken", "whole"),
    [
        ("GrÃ¶ÃŸe 1,80 m, 5 Âµg/kg", "Größe 1,80 m, 5 µg/kg"),
        ("patientâ€™s cough", "patient’s cough"),
        ("de\u0301ja\u0300 vu", "déjà vu"),
        ("SpO2 &lt; 90 &amp; falling", "SpO2 < 90 & falling"),
        ("a\r\nb\rc\x0bd\u2028e", "a\nb\nc\nd\ne"),
        ("hyper\u00adtension\u200b \ufeffok\x00\x07", "hypertension ok"),
        ("BP\xa0120/80\u2009mmHg", "BP 120/80 mmHg"),
        ("\uf0b7 fever", "• fever"),
        ("de\ufb01brillation", "defibrillation"),
        ("a  \n\n\n\n\nb\t\n", "a\n\nb"),
        ("Na\t138\tmmol/L", "Na\t138\tmmol/L"),
    ],
)
def test_repairs(broken: str, whole: str) -> None:
    assert repaired(broken) == whole


@pytest.mark.parametrize(
    "text",
    [
        "T 37.8 °C, ±0.5, ≥ 3 × ULN, β-blocker",
        "Na+ 138; SpO2 <90% @ 2L; “quoted”",
        "| K | 4.2 | mmol/L |",
        "体温 37.8",
    ],
)
def test_clinical_signs_stay(text: str) -> None:
    assert repaired(text) == text


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_repairing_twice_changes_nothing_more(text: str) -> None:
    once = repaired(text)
    assert repaired(once) == once
    assert not any(ord(char) < 32 and char not in "\n\t" for char in once)


def notes(count: int) -> list[str]:
    return [
        f"{FOOTER}\nHISTORY OF PRESENT ILLNESS:\nNote {number} of cough and fever.\nPage 1 of 2"
        for number in range(count)
    ]


def test_what_most_documents_hold_goes_and_headings_stay() -> None:
    boilerplate = Boilerplate(0.5)
    for note in notes(10):
        boilerplate.count(note)
    assert boilerplate.without(notes(1)[0]) == "HISTORY OF PRESENT ILLNESS:\nNote 0 of cough and fever."
    assert boilerplate.removed[FOOTER] == 1


def test_too_few_documents_show_no_boilerplate_and_counts_can_be_taken_back() -> None:
    boilerplate = Boilerplate(0.5)
    for note in notes(8):
        boilerplate.count(note)
    for note in notes(4):
        boilerplate.count(note, by=-1)
    assert FOOTER in boilerplate.without(notes(1)[0])


def test_a_line_of_few_documents_stays() -> None:
    boilerplate = Boilerplate(0.5)
    for number in range(20):
        boilerplate.count(
            "Alert and oriented, no acute distress." if number < 8 else f"Something else entirely {number}."
        )
    assert boilerplate.without("Alert and oriented, no acute distress.")
