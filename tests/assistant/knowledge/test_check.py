"""Sentences of an answer against passages and findings, with the real encoder."""

from __future__ import annotations

import pytest

from assistant.knowledge.check import Checker, check
from assistant.knowledge.corpus import read_corpus
from assistant.knowledge.encoder import SentenceEncoder
from assistant.knowledge.polarity import conflict, negated
from assistant.types import Finding, Passage, SentenceCheck
from tests.assistant.knowledge.pairs import PAIRS

pytestmark = pytest.mark.model

EARLY = Passage(
    1, "Parkinson's disease: Early signs", "Ours", "A tremor in one hand at rest is an early sign."
)
ASTHMA = Passage(
    2, "Asthma: Symptoms", "Ours", "The main symptoms of asthma are wheeze, cough and a tight chest."
)


def finding(text: str, assertion: str = "present") -> Finding:
    return Finding(0, len(text), text, "Sign_symptom", assertion)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def checker(encoder: SentenceEncoder) -> Checker:
    return Checker(encoder)


def one(checker: Checker, sentence: str, *findings: Finding, question: str = "") -> SentenceCheck:
    (verdict,) = checker.check(sentence, (EARLY, ASTHMA), findings, question)
    return verdict


def test_true_and_false_sentences_are_told_apart_on_the_half_not_tuned_on(checker: Checker) -> None:
    texts = {chunk.title: chunk.text for chunk in read_corpus()}
    held_out = [pair for number, pair in enumerate(PAIRS) if number % 4 >= 2]
    right = sum(
        (checker.check(sentence, (Passage(1, title, "", texts[title]),), (), "")[0].kind == "passage")
        == supported
        for sentence, title, supported in held_out
    )
    assert right / len(held_out) >= 0.9  # 21 of 22 when written


def test_a_supported_sentence_cites_its_passage_and_no_other(checker: Checker) -> None:
    verdict = one(checker, "Wheeze, cough and a tight chest are the main symptoms of asthma.")
    assert (verdict.kind, verdict.citations) == ("passage", (2,))
    assert verdict.score > 0.7


def test_a_marker_that_its_passage_does_not_carry_is_not_believed(checker: Checker) -> None:
    assert one(checker, "The main symptoms of asthma are wheeze and cough. [1]").citations == (2,)
    assert one(checker, "The main symptoms of asthma are wheeze and cough. [2]").citations == (2,)
    assert one(checker, "Asthma is cured by honey. [2]").kind == "unsupported"


def test_words_that_a_passage_denies_are_not_gathered_to_say_the_opposite(checker: Checker) -> None:
    passage = Passage(
        1,
        "Parkinson's disease: Diagnosis",
        "Ours",
        "Parkinson's disease is diagnosed from the history and a physical examination. "
        "No single blood test or scan can prove it.",
    )
    (verdict,) = checker.check(
        "Parkinson's disease is diagnosed from the history, a physical examination and a blood test or scan.",
        (passage,),
        (),
        "",
    )
    assert verdict.kind == "unsupported"


def test_a_number_that_nothing_holds_is_unsupported(checker: Checker) -> None:
    assert (
        one(checker, "A tremor in one hand at rest is an early sign in 70% of people.").kind == "unsupported"
    )
    assert one(checker, "Please see a doctor and take 200 mg.").kind == "unsupported"


@pytest.mark.parametrize(
    ("sentence", "assertion", "kind"),
    [
        ("You have a fever.", "present", "finding"),
        ("You do not have a fever.", "absent", "finding"),
        ("You have a fever.", "absent", "unsupported"),
        ("You do not have a fever.", "present", "unsupported"),
        ("The patient denies fever.", "absent", "finding"),
        ("The patient has a fever.", "family", "unsupported"),
        ("The patient has a family history of fever.", "family", "finding"),
        ("The patient has a fever.", "historical", "unsupported"),
        ("The patient had a fever in the past.", "historical", "finding"),
        ("You may have a fever.", "possible", "finding"),
        ("You have a fever.", "possible", "unsupported"),
    ],
)
def test_a_sentence_about_findings_must_agree_with_their_assertion(
    checker: Checker, sentence: str, assertion: str, kind: str
) -> None:
    assert one(checker, sentence, finding("fever", assertion)).kind == kind


def test_a_new_diagnosis_beside_a_true_finding_is_not_let_through(checker: Checker) -> None:
    sentence = "You have a fever because of malaria and leukaemia."
    assert one(checker, sentence, finding("fever")).kind == "unsupported"


def test_a_mixed_list_of_findings_is_judged_each_by_its_own_assertion(checker: Checker) -> None:
    both = (finding("fever"), finding("cough", "absent"))
    assert one(checker, "You have a fever but no cough.", *both).kind == "finding"
    assert one(checker, "You have a fever and a cough.", *both).kind == "unsupported"


@pytest.mark.parametrize(
    "sentence",
    [
        "Hello!",
        "Please see a doctor.",
        "I am not a doctor.",
        "Here are the signs:",
        "How long have you had it?",
    ],
)
def test_greetings_advice_to_see_a_doctor_and_questions_are_neutral(checker: Checker, sentence: str) -> None:
    assert one(checker, sentence).kind == "neutral"


def test_every_sentence_gets_one_verdict_with_its_own_text(checker: Checker) -> None:
    answer = "Hello! A tremor at rest is an early sign. [1]\n- Honey cures it."
    verdicts = checker.check(answer, (EARLY,), (), "")
    assert [verdict.text for verdict in verdicts] == [
        "Hello!",
        "A tremor at rest is an early sign. [1]",
        "- Honey cures it.",
    ]
    assert [verdict.kind for verdict in verdicts] == ["neutral", "passage", "unsupported"]


def test_an_answer_without_evidence_or_words_is_handled(checker: Checker, encoder: SentenceEncoder) -> None:
    assert checker.check("", (), (), "") == ()
    assert check("Tremor is a sign.", (), (), "", encoder)[0].kind == "unsupported"


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("There is a cure.", "There is no cure yet.", True),
        ("There is no cure.", "There is no cure yet.", False),
        ("Balance is impaired.", "Balance is intact.", True),
        ("It raises the risk.", "It lowers the risk.", True),
        ("A tremor is common.", "A tremor is common, but not everyone has one.", False),
    ],
)
def test_denials_and_opposites_conflict(first: str, second: str, expected: bool) -> None:
    assert conflict(first, second) is expected
    assert conflict(second, first) is expected


def test_a_denial_ends_with_its_clause() -> None:
    assert negated("no chest pain but has fever") >= {"chest", "pain"}
    assert "fever" not in negated("no chest pain but has fever")
