"""An answer in the making: facts first, unsupported sentences left out, loops cut, the library quoted."""

from __future__ import annotations

from collections.abc import Sequence

from assistant.draft import NOTHING_SUPPORTED, Draft
from assistant.knowledge.quote import MOST, quotes
from assistant.knowledge.sentences import texts
from assistant.types import Event, Finding, Passage, SentenceCheck, Token

LIBRARY = Passage(
    1,
    "Gout: Treatment",
    "Ours",
    "Rest the joint. Cold eases pain. Tablets calm an attack. Water helps. Losing weight helps later.",
)


class KnowsTrue:
    """Supports every sentence with the word "true"."""

    def check(
        self, answer: str, passages: Sequence[Passage], findings: Sequence[Finding], question: str
    ) -> tuple[SentenceCheck, ...]:
        return tuple(
            SentenceCheck(text, "passage", (1,)) if "true" in text else SentenceCheck(text, "unsupported")
            for text in texts(answer)
        )


def a_draft(
    *pieces: str, lead: str = "", passages: tuple[Passage, ...] = (LIBRARY,)
) -> tuple[Draft, list[Event]]:
    draft = Draft("What eases pain?", (), passages, KnowsTrue())
    events = list(draft.state(lead))
    for piece in pieces:
        draft.add(piece)
        if draft.repeats:
            break
    draft.finish()
    events += draft.quote()
    return draft, events


def test_what_nothing_supports_is_checked_and_is_no_part_of_the_answer() -> None:
    draft, _ = a_draft("A is true. ", "B is made up. ", "C is true.")
    assert draft.answer() == "A is true. C is true."
    assert [check.kind for check in draft.checked().sentences] == ["passage", "unsupported", "passage"]


def test_the_lead_comes_first_and_counts_as_the_persons_text() -> None:
    draft, events = a_draft("A is true. B is true.", lead="Your text names these symptoms: cough.")
    assert isinstance(events[0], Token)
    assert draft.answer() == "Your text names these symptoms: cough.\n\nA is true. B is true."
    assert draft.checked().sentences[0].kind == "finding"


def test_when_too_little_is_supported_the_library_is_quoted_with_its_number() -> None:
    draft, events = a_draft("A is made up. B is true.")
    assert draft.answer().startswith("B is true.\n\nRest the joint. Cold eases pain.")
    assert draft.checked().sentences[-1].citations == (1,)
    assert isinstance(events[-1], Token)


def test_enough_support_or_a_lead_needs_no_quotation() -> None:
    assert a_draft("A is true. B is true.")[0].answer() == "A is true. B is true."
    assert a_draft("Nothing.", lead="Your text says so.")[0].answer() == "Your text says so."


def test_without_library_and_support_nothing_is_claimed() -> None:
    assert a_draft("A is made up.", passages=())[0].answer() == NOTHING_SUPPORTED


def test_a_sentence_that_comes_again_ends_the_answer() -> None:
    draft, _ = a_draft(*["A is true. ", "B is true. ", "A is true. ", "Z is true. "])
    assert draft.answer() == "A is true. B is true."


def test_a_phrase_that_goes_round_ends_the_answer_and_its_sentence_is_dropped() -> None:
    draft, _ = a_draft("A is true. B is true. ", *[", and it is true"] * 40)
    assert draft.answer() == "A is true. B is true."


def test_three_unsupported_sentences_in_a_row_are_enough() -> None:
    draft = Draft("What eases pain?", (), (LIBRARY,), KnowsTrue())
    for piece in ("A is true. ", "B is made up. ", "C is made up. "):
        draft.add(piece)
        assert not draft.over
    draft.add("D is made up. ")
    draft.add("E")
    assert draft.over


def test_line_breaks_of_a_list_are_kept() -> None:
    assert a_draft("- A is true\n- B is made up\n- C is true\n")[0].answer() == "- A is true\n- C is true"


def test_quotes_are_the_passages_own_sentences_in_its_order_those_with_the_questions_words_first() -> None:
    chosen = quotes("Does losing weight help?", [LIBRARY])
    assert len(chosen) == MOST
    assert (1, "Losing weight helps later.") in chosen
    assert all(number == 1 and text in LIBRARY.text for number, text in chosen)
    places = [LIBRARY.text.index(text) for _, text in chosen]
    assert places == sorted(places)


def test_quotes_leave_out_what_was_said() -> None:
    assert (1, "Rest the joint.") not in quotes("Pain?", [LIBRARY], ["Rest the joint."])
    assert quotes("Pain?", []) == []
