"""A message is parted into the question and the note it is about."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.intent import DEFAULT_QUESTION, understand

NOTE = "A 67-year-old man with Parkinson's disease. He reports a resting tremor. " * 6


@pytest.mark.parametrize(
    "text",
    [
        "What are the early symptoms of Parkinson's?",
        "I have had a headache for two days and I feel sick.",
        "tremor",
    ],
)
def test_a_short_message_is_all_question(text: str) -> None:
    request = understand(text)
    assert (request.question, request.note) == (text, "")


@pytest.mark.parametrize(
    ("text", "question"),
    [
        (f"Summarise this patient's history.\n\n{NOTE}", "Summarise this patient's history."),
        (
            f"{NOTE}\nWhat diseases are mentioned in this report?",
            "What diseases are mentioned in this report?",
        ),
        (f"Highlight the key symptoms in this text: {NOTE}", "Highlight the key symptoms in this text"),
        (
            f"What diseases are mentioned in this report? {NOTE}",
            "What diseases are mentioned in this report?",
        ),
        (f"{NOTE} Is this serious?", "Is this serious?"),
    ],
)
def test_a_question_beside_a_note_is_found(text: str, question: str) -> None:
    request = understand(text)
    assert request.question == question
    assert "resting tremor" in request.note
    assert question not in request.note


def test_a_note_alone_gets_the_default_question() -> None:
    request = understand(NOTE)
    assert request.question == DEFAULT_QUESTION
    assert request.note == NOTE.strip()


def test_a_separate_note_is_taken_as_it_is() -> None:
    assert understand("What is it?", NOTE).note == NOTE.strip()
    assert understand("", NOTE).question == DEFAULT_QUESTION


@pytest.mark.parametrize("text", ["Hello", "hi there!", "Thank you very much.", "Chat with a patient."])
def test_small_talk_is_known(text: str) -> None:
    assert understand(text).small_talk


@pytest.mark.parametrize(
    "text",
    ["Hello, I have chest pain that spreads to my left arm", "help me, I took 30 pills of paracetamol"],
)
def test_a_greeting_with_a_complaint_is_no_small_talk(text: str) -> None:
    assert not understand(text).small_talk


@given(st.text(max_size=600), st.text(max_size=200))
def test_no_word_is_lost(text: str, note: str) -> None:
    request = understand(text, note)
    together = "".join((request.question + request.note + DEFAULT_QUESTION).split())
    for word in text.split():
        assert word.rstrip(":") in together or set(word) <= set(":")
