"""The layout of a note: words, sentences, list items, sections and what they lend to their findings."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.extraction.assertion import assign
from assistant.extraction.sections import Words, sections, sentences
from tests.assistant.extraction.marked import marked

LAYOUT = [
    "PMH: {diabetes|historical}, {hypertension|historical}",
    "Past medical history: {asthma|historical}.",
    "Denies:\n- {fever|absent}\n- {chills|absent}\n- {cough|absent}",
    "Return if:\n- {fever|hypothetical}\n- {vomiting|hypothetical}",
    "Denies:\n- {fever|absent}\n\nReports:\n- {cough|present}",
    "Assessment: {pneumonia|present}",
    "Differential diagnosis: {PE|possible}, {MI|possible}, {pneumonia|possible}.",
    "Differential: {PE|possible}",
    "Impression: No {acute fracture|absent}.",
    "Discharge instructions: {fever|hypothetical}, {chills|hypothetical}.",
    "Pertinent negatives: {fever|absent}, {chills|absent}.",
    "HPI: {cough|present}\nPMH: {asthma|historical}\nExam: {wheezing|present}",
    (
        "PAST MEDICAL "
        "HISTORY:\n{hypertension|historical}\n{diabetes|historical}\n\nMEDICATIONS:\n{metformin|present|Medication}"
    ),
    "patient denies {fever|absent}\nreports {cough|present}",
    "No {fever|absent}\n{Cough|present}",
    "* no {fever|absent}\n* {cough|present}",
    "1. No {fever|absent}\n2. {Cough|present}",
    "Positives:\n- {fever|present}\nNegatives:\n- {cough|absent}",
    "PMH: {asthma|historical}, on {albuterol|present|Medication}",
    "No {fever|absent}, no {cough|absent}.\nHas {rash|present}.",
    "Denies {chest pain|absent}, {palpitations|absent}\n{Shortness of breath|present} on exertion",
    "CARDIOVASCULAR: No {chest pain|absent}, {palpitations|absent}.\nRESPIRATORY: {Cough|present}.",
    (
        "Constitutional: Negative for {fever|absent} and "
        "{chills|absent}.\nRespiratory: Positive for {cough|present}."
    ),
    "Physical exam: No {edema|absent}. {Murmur|present} heard.",
    "Past history of {TB|historical}.",
    "Medical history includes {gout|historical}, {asthma|historical} and {GERD|historical}.",
    "PMHx significant for {CHF|historical}, {COPD|historical}. Presents with {dyspnea|present}.",
    "PMH: {HTN|historical}. No {DM|absent}.",
    "HX OF {ASTHMA|historical}",
    "Differential includes {PD|possible}, {essential tremor|possible} and {MSA|possible}.",
    "DDx: {PD|possible} vs {ET|possible}",
    "Side effects: {nausea|hypothetical}, {headache|hypothetical}.",
    "Denied:\n- {fever|absent}\n- {chills|absent}",
    "Negative for:\n• {fever|absent}\n• {chills|absent}",
    "Denies:\n1. {fever|absent}",
    "Patient denies the following:\n* {fever|absent}\n* {cough|absent}\nHe has {rash|present}.",
    "No {fever|absent},\n{cough|absent} or {rash|absent}.",
    (
        "The patient has had no recent {fever|absent},\r\n{chills|absent}, or "
        "{cough|absent}.\r\n\r\n{Rash|present}."
    ),
    "Denies {fever|absent}, {chills|absent},\nand {cough|absent}.",
    (
        "Patient denies any recent {fever|absent}, chills, nausea or\nvomiting, "
        "{diarrhea|absent} or {constipation|absent}."
    ),
    "No\n{fever|absent}",
    "no \n\n{fever|present}",
    "No {fever|absent}.\n\n{Cough|present}",
    "PAST MEDICAL HISTORY\n{Hypertension|historical}\n{Diabetes|historical}\n\n{Cough|present}",
    (
        "## Past Medical History\n- {Hypertension|historical}\n- "
        "{Diabetes|historical}\n\n## Assessment\n- {Cough|present}"
    ),
    "Past Medical History: {HTN|historical}, {DM|historical}. Social History: {smoker|present}.",
    "Past surgical history: {appendicitis|historical}",
    "1. Past medical history: {HTN|historical}\n2. Medications: {lisinopril|present|Medication}",
    "Past medical history: {asthma|historical}. Today he presents with {cough|present}.",
    "History: {cough|present} for 3 days",
    "PMH: None.\n{cough|present} for 2 days",
    "Assessment:\n1. {Pneumonia|present}\n2. {Asthma|present}\nPlan:\nReturn if {fever|hypothetical}",
    "Return precautions: {fever|hypothetical}, {chest pain|hypothetical}",
    "Pertinent negatives: {fever|absent}\nPertinent positives: {cough|present}",
    "Rule out: {PE|possible}",
    "Differential Diagnosis:\n1. {PE|possible}\n2. {MI|possible}\n\nPlan: treat {pain|present}",
    "Side effects:\n- {nausea|hypothetical}\n- {rash|hypothetical}",
    "SYMPTOMS: {fever|present}",
    "{Diabetes|absent}\tno\n{Asthma|present}\tyes",
]


@pytest.mark.parametrize("case", LAYOUT)
def test_lists_and_sections_say_it_of_what_stands_in_them(case: str) -> None:
    text, spans, assertions = marked(case)
    assert assign(text, spans) == assertions


anything = st.one_of(st.text(max_size=200), st.text("ab1.,;:!?-–()|\n\r •*", max_size=200))


@given(anything)
def test_words_are_in_order_and_lie_where_they_say(text: str) -> None:
    words = Words(text)
    at = 0
    for index in range(len(words)):
        assert at <= words.starts[index] < words.ends[index] <= len(text)
        at = words.ends[index]
        assert not text[words.starts[index] : at].isspace()


@given(anything)
def test_sentences_together_hold_every_word_once(text: str) -> None:
    words = Words(text)
    held = [place for sentence in sentences(words) for place in range(sentence.first, sentence.last)]
    assert held == list(range(len(words)))


@given(anything, st.integers(-5, 210), st.integers(1, 50))
def test_the_words_between_two_offsets_are_those_that_touch_them(text: str, start: int, length: int) -> None:
    words = Words(text)
    first, last = words.between(start, start + length)
    touching = [i for i in range(len(words)) if words.ends[i] > start and words.starts[i] < start + length]
    assert list(range(first, last)) == touching


@given(anything)
def test_sections_follow_each_other(text: str) -> None:
    at = 0
    for section in sections(f"PMH: a\n{text}\nFamily history: b"):
        assert at <= section.start <= section.end
        at = section.end


def split(text: str) -> list[str]:
    words = Words(text)
    return [text[words.starts[s.first] : words.ends[s.last - 1]] for s in sentences(words)]


def test_sentences_end_at_their_marks_and_not_at_abbreviations_or_numbers() -> None:
    assert split("Dr. Smith saw 1.5 mg. No fever! Cough? yes") == [
        "Dr. Smith saw 1.5 mg.",
        "No fever!",
        "Cough?",
        "yes",
    ]


def test_a_line_wrapped_by_an_editor_goes_on_and_a_short_one_ends() -> None:
    wrapped = "The patient denies any fever, chills, nausea or\nvomiting."
    assert split(wrapped) == [wrapped]
    assert split("No fever\nCough") == ["No fever", "Cough"]


def test_a_missing_space_after_the_full_stop_still_ends_a_sentence() -> None:
    assert split("No fever.Cough since Monday.") == ["No fever.", "Cough since Monday."]
    assert split("Seen at example.Com, U.S.A today") == ["Seen at example.", "Com, U.S.A today"]


def test_dashes_are_told_apart_by_their_spaces() -> None:
    assert Words("non-tender -cough fever- a - b").words == [
        "non", "-", "tender", "-x", "cough", "fever", "x-", "a", "--", "b",
    ]  # fmt: skip


def test_a_header_needs_its_line_or_its_colon() -> None:
    assert [s.status for s in sections("PMH: a\nFamily history: b\nPlan: c")] == [
        "historical",
        "family",
        None,
    ]
    assert sections("He has no family history of note.") == []
    assert sections("1. PE\n2. MI") == []
