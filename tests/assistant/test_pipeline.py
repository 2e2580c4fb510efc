"""Assistant.answer(): the order of events, what the generator is given, and when it is not asked at all."""

from __future__ import annotations

import threading

import pytest

from assistant.errors import BadInputError
from assistant.pipeline import NOTHING_FOUND, Assistant, Question
from assistant.types import Checked, Done, Event, Extracted, Message, Retrieved, Token, Triaged
from tests.assistant.fakes import TREMOR, EverySentenceCites, ScriptedEngine, Shelf, WordFacts


class Clock:
    """Each look takes a quarter of a second."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 0.25
        return self.now


def an_assistant(
    engine: ScriptedEngine | None = None, *, facts: WordFacts | None = None, shelf: Shelf | None = None
) -> Assistant:
    return Assistant(
        facts or WordFacts(tremor="Sign_symptom"),
        Shelf(TREMOR) if shelf is None else shelf,
        EverySentenceCites(),
        engine or ScriptedEngine(),
        Clock(),
    )


def answered(assistant: Assistant, question: Question) -> list[Event]:
    return list(assistant.answer(question))


def test_events_come_in_their_order_and_the_answer_is_its_tokens() -> None:
    events = answered(an_assistant(), Question("What is a tremor?"))
    kinds = [type(event) for event in events]
    assert kinds[:3] == [Triaged, Extracted, Retrieved]
    assert kinds[-2:] == [Checked, Done]
    done = events[-1]
    assert isinstance(done, Done)
    assert "".join(event.text for event in events if isinstance(event, Token)).strip() == done.answer
    assert done.answer.endswith("A tremor is often first. It comes slowly.")
    assert done.timings.first_token_s > 0
    assert done.timings.tokens_per_s > 0


def test_a_finished_sentence_is_checked_before_the_next_one_is_whole() -> None:
    events = answered(an_assistant(), Question("What is a tremor?"))
    first_check = next(index for index, event in enumerate(events) if isinstance(event, Checked))
    assert any(isinstance(event, Token) for event in events[first_check:])


def test_the_generator_sees_facts_and_passages() -> None:
    engine = ScriptedEngine()
    answered(an_assistant(engine), Question("What helps?", "He has a tremor."))
    prompt = "\n".join(message.content for message in engine.prompts[0])
    assert "tremor" in prompt
    assert TREMOR.text in prompt
    assert "What helps?" in prompt


def test_text_and_note_are_both_read_and_offsets_are_their_own() -> None:
    note = "For a year, a tremor."
    events = answered(an_assistant(), Question("Is a tremor serious?", note))
    read = [event for event in events if isinstance(event, Extracted)]
    assert [event.text for event in read] == ["Is a tremor serious?", note]
    for event in read:
        for finding in event.findings:
            assert event.text[finding.start : finding.end] == finding.text


def test_without_facts_or_passages_the_model_is_not_asked() -> None:
    engine = ScriptedEngine()
    events = answered(
        an_assistant(engine, facts=WordFacts(), shelf=Shelf()), Question("What is the capital of France?")
    )
    assert isinstance(events[-1], Done)
    assert events[-1].answer == NOTHING_FOUND
    assert engine.prompts == []


def test_a_question_for_a_dose_is_refused_by_rule() -> None:
    engine = ScriptedEngine()
    events = answered(an_assistant(engine), Question("How much levodopa should I take for my tremor?"))
    assert isinstance(events[-1], Done)
    assert events[-1].model == "rules"
    assert engine.prompts == []


def test_an_emergency_is_said_before_anything_else() -> None:
    events = answered(
        an_assistant(), Question("I have crushing chest pain going down my left arm and I am sweating")
    )
    assert isinstance(events[0], Triaged)
    assert events[0].triage.level == "emergency"
    assert events[0].triage.advice


def test_stop_ends_within_a_token_and_keeps_what_was_said() -> None:
    stop = threading.Event()
    events: list[Event] = []
    for event in an_assistant().answer(Question("What is a tremor?"), stop):
        events.append(event)
        if isinstance(event, Token):
            stop.set()
    done = events[-1]
    assert isinstance(done, Done)
    assert done.stopped
    assert done.answer
    assert sum(isinstance(event, Token) for event in events) <= 2


def test_a_long_conversation_loses_its_oldest_turns_and_never_the_facts() -> None:
    engine = ScriptedEngine(context_tokens=700)
    history = tuple(
        message
        for number in range(40)
        for message in (
            Message("user", f"question {number} " + "word " * 30),
            Message("assistant", "answer " * 30),
        )
    )
    answered(an_assistant(engine), Question("What helps a tremor?", history=history))
    prompt = engine.prompts[0]
    assert TREMOR.text in "\n".join(message.content for message in prompt)
    assert prompt[-1].role == "user"
    assert "What helps a tremor?" in prompt[-1].content
    assert not any("question 0 " in message.content for message in prompt)


def test_a_follow_up_that_finds_nothing_alone_is_looked_up_with_what_came_before() -> None:
    class OnlyParkinsons(Shelf):
        def search(self, question: str, findings_texts: object = (), k: int = 4):  # type: ignore[no-untyped-def, override]
            return (TREMOR,) if "Parkinson" in question else ()

    history = (Message("user", "What is Parkinson's?"), Message("assistant", "A disease of movement."))
    events = answered(
        an_assistant(facts=WordFacts(), shelf=OnlyParkinsons()),
        Question("And how is it treated?", history=history),
    )
    retrieved = next(event for event in events if isinstance(event, Retrieved))
    assert retrieved.passages == (TREMOR,)


@pytest.mark.parametrize(
    ("text", "note"), [("", ""), ("  \n", " "), ("x" * 300_000, ""), ("What?", "x" * 300_000)]
)
def test_what_cannot_be_answered_is_refused_before_anything_starts(text: str, note: str) -> None:
    with pytest.raises(BadInputError):
        Question(text, note)
