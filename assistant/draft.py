"""An answer in the making: what the person's text says, what the generator says with its checks, quotations.

Sentences of the generator that nothing supports stay among the checks, where the page marks them, and are no
part of the answer. It doesn't run a model and keeps no time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Protocol

from assistant.knowledge import sentences
from assistant.knowledge.quote import quotes
from assistant.types import Checked, Event, Finding, Passage, SentenceCheck, Token

NOTHING_SUPPORTED = "I have nothing that supports an answer to this, so I give none."
ASTRAY = 3
"""Unsupported sentences in a row after which the generator is stopped: a small model does not find back."""
ENOUGH = 2
"""Supported sentences of the generator from which on the library need not be quoted."""
_LOOP = re.compile(r"(?s)(.{6,90}?)\1\1$")
LOOKED_BACK = 300


class ChecksSentences(Protocol):
    """What a draft needs of a checker."""

    def check(
        self, answer: str, passages: Sequence[Passage], findings: Sequence[Finding], question: str
    ) -> tuple[SentenceCheck, ...]:
        """Each sentence of the answer with what carries it."""


class Draft:
    """Grows by `state`, `add` and `quote`; `answer` is what may be said of it."""

    def __init__(
        self,
        question: str,
        findings: Sequence[Finding],
        passages: Sequence[Passage],
        checker: ChecksSentences,
    ) -> None:
        self._question = question
        self._findings = findings
        self._passages = passages
        self._checker = checker
        self._lead: tuple[SentenceCheck, ...] = ()
        self._generated = ""
        self._checks: tuple[SentenceCheck, ...] = ()
        self._checked_to = 0
        self._quoted: tuple[SentenceCheck, ...] = ()

    def state(self, lead: str) -> Iterator[Event]:
        """Begin with sentences made of the findings: they need no check, for nothing was added to them."""
        if lead:
            self._lead = tuple(SentenceCheck(text, "finding", (), 1.0) for text in sentences.texts(lead))
            yield Token(f"{lead}\n\n")
            yield self.checked()

    def add(self, text: str) -> bool:
        """Take a piece of the generator's; True when a sentence is complete and has been checked."""
        self._generated += text
        whole = sentences.completed(self._generated)
        if not whole or whole[-1][1] <= self._checked_to:
            return False
        self._checked_to = whole[-1][1]
        self._check(self._generated[: self._checked_to])
        return True

    @property
    def over(self) -> bool:
        """Whether nothing good is to be expected any more: it repeats itself, or has gone astray."""
        last = [check.kind for check in self._checks[-ASTRAY:]]
        return self.repeats or last == ["unsupported"] * ASTRAY

    @property
    def repeats(self) -> bool:
        """Whether the generator says a sentence or a phrase over and over, as small models do."""
        said = [" ".join(check.text.lower().split()) for check in self._checks]
        return (len(said) > 1 and said[-1] in said[:-1]) or self._loops()

    def finish(self) -> None:
        """Check what has come, the last unfinished sentence included, but nothing of a repetition."""
        said = [" ".join(check.text.lower().split()) for check in self._checks]
        if len(said) > 1 and said[-1] in said[:-1]:
            self._checks = self._checks[:-1]
        elif not self._loops():
            self._check(self._generated)

    def quote(self) -> Iterator[Event]:
        """Quote the library when neither the text nor the generator has said enough that is supported."""
        supported = sum(check.kind in ("passage", "finding") for check in self._checks)
        if supported >= ENOUGH or self._lead or not self._passages:
            return
        said = [check.text for check in self._checks if check.kind == "passage"]
        self._quoted = tuple(
            SentenceCheck(text, "passage", (number,), 1.0)
            for number, text in quotes(self._question, self._passages, said)
        )
        if self._quoted:
            yield Token("\n\n" + " ".join(check.text for check in self._quoted))

    def checked(self) -> Checked:
        """All checks so far."""
        return Checked((*self._lead, *self._checks, *self._quoted))

    def answer(self) -> str:
        """What is supported, or says nothing that needs support."""
        quoted = " ".join(check.text for check in self._quoted)
        lead = " ".join(check.text for check in self._lead)
        return "\n\n".join(filter(None, (lead, self._kept(), quoted))) or NOTHING_SUPPORTED

    def _kept(self) -> str:
        """The generator's sentences without the unsupported ones, its line breaks kept."""
        kept = ""
        reached = 0
        for check in self._checks:
            at = max(self._generated.find(check.text, reached), reached)
            gap = self._generated[reached:at]
            reached = at + len(check.text)
            if check.kind != "unsupported":
                kept += ("\n" if "\n" in gap else " ") + check.text.strip()
        return kept.strip()

    def _loops(self) -> bool:
        return _LOOP.search(self._generated[self._checked_to :][-LOOKED_BACK:]) is not None

    def _check(self, text: str) -> None:
        checks = self._checker.check(text, self._passages, self._findings, self._question)
        # After the lead, a sentence that only repeats findings tells nobody anything.
        self._checks = tuple(check for check in checks if not (self._lead and check.kind == "finding"))
