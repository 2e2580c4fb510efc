"""The one path from a question to its answer, as typed events. The tab, the shell and tests all take it.

BERT extracts, GPT explains, BERT checks: the answer begins with what the person's own text says, the
generator never sees a question without the facts and passages, and every sentence it says is held against
them. What nothing supports is marked and is no part of the answer; when too little is left, the library is
quoted instead. No page, no files, no history in here.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from assistant.documents import within_limit
from assistant.draft import ChecksSentences, Draft
from assistant.errors import BadInputError
from assistant.facts import from_the_text
from assistant.generation.engine import Engine, Sampling
from assistant.generation.grounding import GROUNDED_SAMPLING, grounded_messages
from assistant.generation.prompt import fit
from assistant.intent import Request, small_talk, understand
from assistant.knowledge import sentences
from assistant.safety import dosing_request, triage
from assistant.types import (
    Checked,
    Done,
    Event,
    Extracted,
    Finding,
    Message,
    Passage,
    Retrieved,
    SentenceCheck,
    Timings,
    Token,
    Triaged,
)

NOTHING_FOUND = (
    "My library has nothing on this, and I found no medical facts in what you wrote, so anything I said "
    "would be a guess. Ask about a condition, a symptom or a treatment, or paste a note."
)
PROBLEMS = ("Disease_disorder", "Disease")


class FindsFacts(Protocol):
    """What the pipeline needs of an extractor."""

    def findings(self, text: str) -> tuple[Finding, ...]:
        """The facts of a text, in its order."""


class FindsPassages(Protocol):
    """What the pipeline needs of an index."""

    def search(self, question: str, findings_texts: Sequence[str] = (), k: int = 4) -> tuple[Passage, ...]:
        """The passages nearest to a question, best first; none when nothing is near."""


@dataclass(frozen=True)
class Question:
    """What somebody asks: words, perhaps a note to read, and the turns before.

    Raises:
        BadInputError: it is empty or too long.
    """

    text: str
    note: str = ""
    history: tuple[Message, ...] = ()

    def __post_init__(self) -> None:
        if not self.text.strip() and not self.note.strip():
            raise BadInputError("There is no question yet. Type one, or paste or attach a note.")
        within_limit(self.text, "Your message")
        within_limit(self.note, "The note")


class Assistant:
    """Answers questions. Safe to share between threads; `engine` is public so that its owner can close it."""

    def __init__(
        self,
        facts: FindsFacts,
        passages: FindsPassages,
        checker: ChecksSentences,
        engine: Engine,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.engine = engine
        self._facts = facts
        self._passages = passages
        self._checker = checker
        self._clock = clock

    def answer(
        self, question: Question, stop: threading.Event | None = None, sampling: Sampling = GROUNDED_SAMPLING
    ) -> Iterator[Event]:
        """Triaged, Extracted (once for each text given), Retrieved, then Token and Checked in turn, and Done.

        `Checked` comes with every finished sentence and holds all so far. Done holds the answer without the
        sentences that nothing supports. Set `stop`, or close the iterator, to end early; with `stop` the
        part answered is checked and Done says so.

        Raises:
            BadInputError: facts and question alone don't fit into the model.
            EngineError: the model failed.
        """
        began = self._clock()
        request = understand(question.text, question.note)
        urgency = triage("\n".join(filter(None, (request.question, request.note))))
        yield Triaged(urgency)
        extracted = []
        for text in filter(None, (question.text, question.note)):
            extracted.append(Extracted(text, self._facts.findings(text)))
            yield extracted[-1]
        findings = tuple(finding for event in extracted for finding in event.findings)
        passages = self._search(request, findings, question.history)
        yield Retrieved(passages)
        said = self._by_rule(request, findings, passages)
        if said:
            yield Token(said)
            yield Checked(tuple(SentenceCheck(text, "neutral") for text in sentences.texts(said)))
            yield Done(said, "rules", Timings(round(self._clock() - began, 3)))
            return
        draft = Draft(request.question, findings, passages, self._checker)
        yield from draft.state(
            from_the_text(request.question, request.note, _of_note(request, extracted[-1]))
        )
        messages = fit(
            grounded_messages(request.question, request.note, findings, passages, question.history),
            self.engine.context_tokens - sampling.max_new_tokens,
            self.engine.count,
        )
        yield from self._generate(messages, draft, stop, sampling, began)

    def _by_rule(self, request: Request, findings: Sequence[Finding], passages: Sequence[Passage]) -> str:
        """What is said without the generator: a refusal, a greeting, or that there is nothing to say."""
        refusal = dosing_request(request.question)
        if refusal or request.small_talk:
            return refusal or small_talk(request.question)
        return "" if findings or passages else NOTHING_FOUND

    def _search(
        self, request: Request, findings: Sequence[Finding], history: Sequence[Message]
    ) -> tuple[Passage, ...]:
        if request.small_talk:
            return ()
        named = [finding for finding in findings if finding.assertion != "absent"]
        # A note has many findings; its conditions say best what it is about.
        about = [finding for finding in named if finding.label in PROBLEMS] if request.note else []
        terms = [finding.text for finding in about or named]
        found = self._passages.search(request.question, terms)
        if not found and history:
            # "And how is it treated?" says nothing alone: it is asked of what was asked before.
            before = next(message.content for message in reversed(history) if message.role == "user")
            found = self._passages.search(f"{before} {request.question}", terms)
        return found

    def _generate(
        self,
        messages: Sequence[Message],
        draft: Draft,
        stop: threading.Event | None,
        sampling: Sampling,
        began: float,
    ) -> Iterator[Event]:
        first, tokens, stopped = 0.0, 0, False
        for piece in self.engine.stream(messages, sampling, stop):
            if piece.text:
                first = first or self._clock()
                yield Token(piece.text)
            tokens, stopped = piece.tokens, piece.finish == "stop"
            if draft.add(piece.text):
                yield draft.checked()
            if draft.over:
                break
        seconds = self._clock() - first if first else 0.0
        draft.finish()
        if not stopped:
            yield from draft.quote()
        yield draft.checked()
        timings = Timings(
            first_token_s=round((first or self._clock()) - began, 3),
            tokens_per_s=round((tokens - 1) / seconds, 1) if tokens > 1 and seconds > 0 else 0.0,
            tokens=tokens,
        )
        yield Done(draft.answer(), self.engine.name, timings, stopped)


def _of_note(request: Request, last: Extracted) -> tuple[Finding, ...]:
    """The findings of the note alone: those of the question's own words say nothing of anybody."""
    begin = last.text.find(request.note)
    end = begin + len(request.note)
    return tuple(finding for finding in last.findings if begin <= finding.start and finding.end <= end)
