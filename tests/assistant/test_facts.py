"""Findings said as sentences: every one once, with its assertion, never changed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.facts import STATUS, facts_in_words, from_the_text
from assistant.types import Finding

NOTE = (
    "Parkinson's disease. Tremor of both hands. He denies falls. Levodopa 100 mg daily. Mother had dementia."
)


def at(text: str, label: str, assertion: str = "present") -> Finding:
    start = NOTE.index(text)
    return Finding(start, start + len(text), text, label, assertion)  # type: ignore[arg-type]


FOUND = (
    at("Parkinson's disease", "Disease_disorder"),
    at("Tremor", "Sign_symptom"),
    at("falls", "Sign_symptom", "absent"),
    at("Levodopa", "Medication"),
    at("100 mg daily", "Dosage"),
    at("dementia", "Disease_disorder", "family"),
)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        (
            "What diseases are mentioned in this report?",
            "Your text names these conditions: Parkinson's disease. In the family by your text: dementia.",
        ),
        (
            "Highlight the key symptoms in this text.",
            "Your text names these symptoms: Tremor. Not present by your text: falls.",
        ),
        ("What medication does he take?", "Your text names these medicines: Levodopa (100 mg daily)."),
        ("Does he have falls?", "Not present by your text: falls."),
        ("Has he a tremor?", "Your text names Tremor."),
    ],
)
def test_the_text_answers_what_it_is_asked(question: str, answer: str) -> None:
    assert from_the_text(question, NOTE, FOUND) == answer


def test_a_question_for_the_stage_is_answered_by_the_words_of_the_note() -> None:
    assert "stage 2:" in from_the_text("Classify the stage of Parkinson's from this note.", NOTE, FOUND)


def test_a_summary_names_every_kind() -> None:
    said = from_the_text("Summarise this patient's history.", NOTE, FOUND)
    for text in ("Parkinson's disease", "Tremor", "Levodopa", "falls", "dementia"):
        assert text in said


def test_without_a_note_or_findings_nothing_is_said() -> None:
    assert from_the_text("What is gout?", "", FOUND) == ""
    assert from_the_text("Summarise this.", NOTE, ()) == ""


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["gout", "asthma", "cough", "fever"]),
            st.sampled_from(["Disease_disorder", "Sign_symptom", "Medication"]),
            st.sampled_from(["present", *STATUS]),
        )
    )
)
def test_every_finding_is_said_with_its_assertion_and_no_other(items: list[tuple[str, str, str]]) -> None:
    findings = [Finding(n, n + 1, text, label, status) for n, (text, label, status) in enumerate(items)]  # type: ignore[arg-type]
    said = facts_in_words(findings)
    for text, _, status in items:
        if status != "present":
            assert any(part.startswith(STATUS[status]) and text in part for part in said.split(". "))
    for status, title in STATUS.items():
        assert (title in said) == any(item[2] == status for item in items)
