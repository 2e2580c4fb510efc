"""A turn as it grows, and its HTML: nothing of a text becomes markup, nothing that was said is lost."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import replace
from html import escape, unescape
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.page.turns import Turn, html
from assistant.types import (
    Checked,
    Done,
    Extracted,
    Finding,
    Passage,
    Retrieved,
    SentenceCheck,
    Timings,
    Token,
    Triage,
    Triaged,
    TriageLevel,
)

ANSWER = "A tremor is often first. It comes slowly. Nobody knows why."
CHECKS = (
    SentenceCheck("A tremor is often first.", "passage", (1, 2), 0.9),
    SentenceCheck("It comes slowly.", "finding", (), 0.8),
    SentenceCheck("Nobody knows why.", "unsupported", (), 0.1),
)
PASSAGES = (
    Passage(1, "Early signs", "Written for a test", "A tremor is often first."),
    Passage(2, "Tremor", "Written for a test", "There are many tremors."),
    Passage(3, "Gout", "Written for a test", "Gout hurts."),
)
DONE = Done("A tremor is often first. It comes slowly.", "SmolLM2", Timings(1.26, 54.4, 40))
WHOLE = Turn("t1", "What is a tremor?", passages=PASSAGES, answer=ANSWER, checks=CHECKS, done=DONE, status="")

# Text that tries to leave the place it is put in.
hostile = st.lists(
    st.sampled_from(
        [
            "<script>",
            "</article>",
            '"',
            "'",
            "<img src=x onerror=alert(1)>",
            "&lt;",
            "&",
            "-->",
            "<!--",
            "]]>",
        ]
    )
    | st.text(max_size=6),
    max_size=5,
).map("".join)
ALLOWED_TAGS = {
    "article",
    "section",
    "h3",
    "h4",
    "div",
    "p",
    "span",
    "mark",
    "del",
    "button",
    "details",
    "summary",
    "ol",
    "ul",
    "li",
    "dl",
    "dt",
    "dd",
    "footer",
}
ALLOWED_ATTRIBUTES = {
    "class",
    "data-turn",
    "data-passage",
    "data-source",
    "data-act",
    "aria-label",
    "role",
    "tabindex",
    "title",
    "type",
    "open",
}


class Tags(HTMLParser):
    """Collects the tags, the attributes and the text of a page, and sees that every tag is closed in turn."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: dict[str, list[str]] = {}
        self.text = ""
        self.open: list[str] = []
        self.other: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.open.append(tag)
        for name, value in attrs:
            self.attributes.setdefault(name, []).append(value or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        self.other.append(data)

    def handle_decl(self, decl: str) -> None:
        self.other.append(decl)

    def unknown_decl(self, data: str) -> None:
        self.other.append(data)

    def handle_pi(self, data: str) -> None:
        self.other.append(data)


def said(turn: Turn) -> str:
    """The answer as it reads, without chips and marks."""
    match = re.search(r'(?s)<div class="said">(.*?)</div>', html(turn))
    assert match is not None
    without = re.sub(
        r"(?s)<button.*?</button>|<span class=\"(?:from-text|unsupported-tag)\".*?</span>", "", match[1]
    )
    return unescape(re.sub(r"<[^>]+>", "", without))


def filled(text: Iterator[str], level: TriageLevel) -> Turn:
    """A turn with every text of it taken from `text`."""
    question, first, second = next(text), next(text), next(text)
    finding = Finding(0, len(question), question, next(text), "absent", 0.5)
    return Turn(
        id=next(text),
        question=question,
        note=next(text),
        note_name=next(text),
        triage=Triage(level, (next(text), next(text)), next(text)),
        extracted=(Extracted(question, (finding,) if question else ()),),
        passages=(Passage(1, next(text), next(text), next(text)),),
        answer=first + second + next(text),
        checks=(SentenceCheck(first, "passage", (1,)), SentenceCheck(second, "unsupported")),
        done=Done(first + next(text), next(text), Timings(1.0, 2.0, 3), notices=(next(text),)),
        status=next(text),
    )


def assert_harmless(turn: Turn, other: str) -> None:
    """Nothing but our own markup in it, at any stage of the turn."""
    running = replace(turn, done=None)
    for shown in (
        turn,
        running,
        replace(turn, checks=()),
        replace(running, checks=(), answer=""),
        replace(turn, checks=(replace(turn.checks[0], kind="finding"), turn.checks[1])),
        replace(turn, error=other or "x"),
    ):
        page = Tags(html(shown, other))
        assert page.open == []
        assert page.other == []
        assert set(page.tags) <= ALLOWED_TAGS
        assert page.attributes.keys() <= ALLOWED_ATTRIBUTES
        assert page.attributes["data-turn"] == [unescape(escape(turn.id))]


@pytest.mark.parametrize("level", ["emergency", "urgent", "routine"])
@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", '" onclick="alert(1)', "' x='", "</article><b>", "<!--"]
)
def test_markup_in_every_text_at_once_stays_text(text: str, level: TriageLevel) -> None:
    assert_harmless(filled(itertools.repeat(text), level), text)


@given(
    st.lists(hostile, min_size=18, max_size=18), st.sampled_from(["emergency", "urgent", "routine"]), hostile
)
def test_no_text_of_any_field_becomes_markup(texts: list[str], level: TriageLevel, other: str) -> None:
    assert_harmless(filled(iter(texts), level), other)


@given(st.lists(hostile.map(str.strip).filter(bool), min_size=1, max_size=4))
def test_hostile_sentences_read_as_they_were_said(sentences: list[str]) -> None:
    answer = " ".join(sentences)
    checks = tuple(SentenceCheck(sentence, "passage", (1,)) for sentence in sentences)
    assert said(replace(WHOLE, answer=answer, checks=checks, done=None)) == answer.strip()
    assert said(replace(WHOLE, checks=checks, done=replace(DONE, answer=answer))) == answer.strip()


def test_every_citation_is_a_chip_and_every_source_can_be_opened_by_its_number() -> None:
    page = Tags(html(WHOLE))
    assert page.attributes["data-passage"] == ["1", "2"]
    assert page.attributes["data-source"] == ["1", "2", "3"]
    assert "Show source 1" in page.attributes["aria-label"]


def test_the_sources_say_how_many_were_read_and_cited() -> None:
    page = html(WHOLE)
    assert "3 passages read, 2 cited" in page
    assert page.count(">cited<") == 2
    assert "1 passage read, 0 cited" in html(replace(WHOLE, passages=PASSAGES[2:], checks=()))


def test_sources_wait_for_the_answer() -> None:
    waiting = replace(WHOLE, answer="", checks=(), done=None)
    assert 'class="sources"' not in html(waiting)
    assert 'class="sources"' in html(replace(waiting, answer="A tremor"))


@pytest.mark.parametrize("passages", [None, ()])
def test_without_passages_there_are_no_sources(passages: tuple[Passage, ...] | None) -> None:
    assert 'class="sources"' not in html(replace(WHOLE, passages=passages))


def test_an_unsupported_sentence_is_marked_while_it_comes_and_has_no_chip() -> None:
    check = SentenceCheck("Take ten tablets.", "unsupported", (1,), 0.1)
    page = html(replace(WHOLE, answer=check.text, checks=(check,), done=None))
    assert '<span class="unsupported-tag"' in page
    assert ">unsupported</span>" in page
    assert "Don't rely on it." in unescape(page)
    assert 'class="chip"' not in page


def test_a_finished_answer_leaves_out_what_nothing_supports_and_says_so() -> None:
    assert said(WHOLE) == "A tremor is often first. It comes slowly."
    page = unescape(html(WHOLE))
    assert "1 sentence left out, because nothing supports it" in page
    assert '<li class="unsupported">Nobody knows why.</li>' in page
    assert "Don't rely on it." in page


def test_when_nothing_is_supported_the_answer_says_that() -> None:
    alone = replace(WHOLE, checks=CHECKS[2:], done=replace(DONE, answer="I give none."))
    assert said(alone) == "I give none."


def test_a_supported_or_neutral_sentence_is_not_marked_unsupported() -> None:
    checks = (CHECKS[0], CHECKS[1], SentenceCheck("Nobody knows why.", "neutral"))
    page = html(replace(WHOLE, checks=checks, done=replace(DONE, answer=ANSWER)))
    assert "unsupported" not in page
    assert page.count(">your text</span>") == 1


def test_what_the_checks_have_not_reached_is_shown_as_it_is() -> None:
    growing = replace(WHOLE, checks=CHECKS[:1], done=None)
    assert said(growing) == ANSWER
    assert html(growing).count('class="s"') == 1


def test_a_sentence_that_the_checks_passed_over_is_not_lost() -> None:
    assert said(replace(WHOLE, checks=(CHECKS[0], CHECKS[2]), done=None)) == ANSWER


def test_line_breaks_between_checked_sentences_stay() -> None:
    answer = "Early signs:\n- a tremor\n- stiffness"
    checks = tuple(SentenceCheck(line, "passage", (1,)) for line in answer.split("\n"))
    assert said(replace(WHOLE, answer=answer, checks=checks, done=replace(DONE, answer=answer))) == answer


def test_a_sentence_said_twice_is_shown_twice() -> None:
    twice = SentenceCheck("Rest.", "neutral")
    growing = replace(WHOLE, answer="Rest. Rest. Rest", checks=(twice, twice), done=None)
    assert said(growing) == "Rest. Rest. Rest"


@pytest.mark.parametrize(
    ("level", "title"), [("emergency", "This may be an emergency"), ("urgent", "See a doctor soon")]
)
def test_the_banner_comes_before_the_answer_with_advice_and_reasons(level: TriageLevel, title: str) -> None:
    triage = Triage(level, ("chest pain", "arm pain"), "Call 112 now.")
    page = html(replace(WHOLE, triage=triage))
    assert title in page
    assert "Call 112 now." in page
    assert "Because of: chest pain, arm pain" in page
    assert 'role="alert"' in page
    assert page.index("Call 112 now.") < page.index("A tremor is often first.")


def test_a_routine_question_has_no_banner() -> None:
    assert 'class="banner' not in html(replace(WHOLE, triage=Triage("routine", ("x",), "y")))


def test_the_banner_is_there_before_anything_else_has_happened() -> None:
    turn = Turn("t1", "Chest pain!").after(Triaged(Triage("emergency", (), "Call 112 now.")))
    assert "Call 112 now." in html(turn)


def test_an_answer_that_was_stopped_says_so() -> None:
    assert "Stopped by you." in html(replace(WHOLE, done=replace(DONE, stopped=True)))
    assert "Stopped by you." not in html(WHOLE)


def test_the_state_line_names_model_device_and_speed() -> None:
    assert "SmolLM2 on CPU · 54 tokens/s · first word after 1.3 s" in html(WHOLE, "CPU")
    assert "SmolLM2 · 54 tokens/s" in html(WHOLE)


def test_a_rule_that_answered_does_not_pass_as_a_model() -> None:
    page = html(replace(WHOLE, done=Done(ANSWER, "rules", Timings(0.01))), "CPU")
    assert "Answered by a rule, not by the model." in page
    assert "tokens/s" not in page


def test_the_end_says_who_else_had_a_part_in_it() -> None:
    done = replace(DONE, notices=("Facts marked by <genes> too.",))
    assert "first word after 1.3 s · Facts marked by &lt;genes&gt; too." in html(replace(WHOLE, done=done))
    ruled = replace(done, model="rules")
    assert "not by the model. Facts marked by &lt;genes&gt; too." in html(replace(WHOLE, done=ruled))


def test_a_speed_that_is_not_known_is_not_shown() -> None:
    assert "tokens/s" not in html(replace(WHOLE, done=replace(DONE, timings=Timings(0.5))))


def test_an_unfinished_turn_has_a_caret_and_no_buttons() -> None:
    page = html(replace(WHOLE, done=None))
    assert 'class="caret"' in page
    assert "data-act" not in page


def test_a_finished_turn_can_be_asked_again_edited_and_copied() -> None:
    page = Tags(html(WHOLE))
    assert page.attributes["data-act"] == ["retry", "edit", "copy"]
    assert "caret" not in page.attributes["class"]


def test_an_error_is_shown_in_place_of_the_answer_and_offers_nothing_to_copy() -> None:
    page = Tags(html(replace(WHOLE, done=None, checks=()).failed("The model failed. Press Retry.")))
    assert "The model failed. Press Retry." in page.text
    assert page.attributes["data-act"] == ["retry", "edit"]


def test_the_events_of_an_answer_fold_into_the_turn() -> None:
    turn = Turn("t1", "What is a tremor?")
    assert (turn.finished, turn.status) == (False, "Reading…")
    facts = Extracted("What is a tremor?", ())
    for event, status in (
        (Triaged(Triage("urgent", (), "Go.")), "Reading…"),
        (facts, "Looking it up…"),
        (facts, "Looking it up…"),
        (Retrieved(PASSAGES), "Thinking…"),
        (Token("A tremor "), "Answering…"),
        (Token("is often first."), "Answering…"),
        (Checked(CHECKS[:1]), "Answering…"),
    ):
        turn = turn.after(event)
        assert turn.status == status
        assert not turn.finished
    turn = turn.after(DONE)
    assert turn.finished
    assert (turn.status, turn.answer, turn.checks) == ("", "A tremor is often first.", CHECKS[:1])
    assert (turn.extracted, turn.passages, turn.done) == ((facts, facts), PASSAGES, DONE)


def test_an_event_does_not_change_the_turn_before_it() -> None:
    before = Turn("t1", "What is a tremor?")
    before.after(Token("A tremor"))
    assert before == Turn("t1", "What is a tremor?")


def test_while_nothing_is_said_yet_the_state_is_shown() -> None:
    assert "Thinking…" in html(Turn("t1", "What?").after(Retrieved(PASSAGES)))


def test_facts_of_the_question_and_of_the_note_do_not_hide_each_other() -> None:
    # Both begin at the first character, each of its own text.
    turn = Turn("t1", "tremor?", "gout and more").after(
        Extracted("tremor?", (Finding(0, 6, "tremor", "Sign_symptom"),))
    )
    turn = turn.after(Extracted("gout and more", (Finding(0, 4, "gout", "Disease_disorder"),)))
    page = html(turn)
    assert "2 facts found" in page
    assert page.count("<mark") == 2


def test_the_note_carries_its_name_or_is_called_a_note() -> None:
    assert '<div class="note-name">letter.pdf</div>' in html(Turn("t1", "?", "Words.", "letter.pdf"))
    assert '<div class="note-name">Note</div>' in html(Turn("t1", "?", "Words."))
    assert 'class="note-name"' not in html(Turn("t1", "?"))
