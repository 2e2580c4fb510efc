"""The committed weights on real notes: what is found, where, and in texts longer than a window."""

import random

import pytest

from assistant.extraction.extractor import Extractor
from assistant.extraction.tagger import OVERLAP, WINDOW
from assistant.types import Finding

pytestmark = pytest.mark.model

NOTE = (
    "A 72-year-old man with Parkinson's disease presents with a resting tremor of the right hand and "
    "bradykinesia for 18 months. He denies falls. No hallucinations. He takes levodopa 100 mg three times "
    "daily. His mother had a stroke."
)
FILLER = "The visit was pleasant and we spoke about the garden, the weather and the grandchildren. "


@pytest.fixture(scope="module")
def extractor() -> Extractor:
    return Extractor.load()


def of(findings: tuple[Finding, ...], words: str) -> Finding:
    return next(finding for finding in findings if words in finding.text.lower())


def test_every_finding_lies_where_it_says_in_the_note(extractor: Extractor) -> None:
    text = "😀 Café:\r\n" + NOTE
    findings = extractor.findings(text)
    assert findings
    assert all(text[f.start : f.end] == f.text for f in findings)
    assert all(f.text == f.text.strip() and 0 < f.confidence <= 1 for f in findings)
    assert {f.label for f in findings} <= set(extractor.labels)


def test_a_parkinsons_note_is_read_as_a_person_would(extractor: Extractor) -> None:
    findings = extractor.findings(NOTE)
    assert of(findings, "parkinson").assertion == "present"
    assert of(findings, "tremor").assertion == "present"
    assert of(findings, "bradykinesia").assertion == "present"
    assert of(findings, "falls").assertion == "absent"
    assert of(findings, "hallucinations").assertion == "absent"
    assert of(findings, "levodopa").label == "Medication"
    assert of(findings, "stroke").assertion == "family"


def test_a_question_in_everyday_words_is_read_too(extractor: Extractor) -> None:
    findings = extractor.findings("my hands shake with a tremor when i rest but i have no pain")
    assert of(findings, "tremor").assertion == "present"
    assert of(findings, "pain").assertion == "absent"


def test_a_text_of_sixty_thousand_characters_is_read_to_its_end(extractor: Extractor) -> None:
    text = FILLER * (60_000 // len(FILLER)) + "\n\n" + NOTE
    findings = extractor.findings(text)
    late = [f for f in findings if f.start > 59_000]
    assert of(tuple(late), "tremor").assertion == "present"
    assert of(tuple(late), "falls").assertion == "absent"
    assert all(text[f.start : f.end] == f.text for f in findings)


def test_a_finding_is_found_wherever_the_windows_fall(extractor: Extractor) -> None:
    # The shifts move the note over every part of a window and of its overlap with the next.
    found = []
    for shift in range(0, WINDOW + OVERLAP, 41):
        before = "So we went on and on. " * (WINDOW // 7) + "on " * shift + ".\n\n"
        inside = [f for f in extractor.findings(before + NOTE) if f.start >= len(before)]
        found.append({f.text.lower() for f in inside})
    for words in ("tremor", "bradykinesia", "falls", "stroke"):
        assert sum(any(words in text for text in texts) for texts in found) >= len(found) - 1


def test_the_same_text_gives_the_same_findings(extractor: Extractor) -> None:
    assert extractor.findings(NOTE) == extractor.findings(NOTE)


def test_odd_texts_do_no_harm(extractor: Extractor) -> None:
    rng = random.Random(3)
    for _ in range(10):
        text = "".join(rng.choice("no fever😀\u0301头痛\r\n\t[SEP]#.,:?-\x00\u200b") for _ in range(300))
        assert all(text[f.start : f.end] == f.text for f in extractor.findings(text))
    assert extractor.findings("") == ()
    assert isinstance(extractor.findings("x" * 5000), tuple)
