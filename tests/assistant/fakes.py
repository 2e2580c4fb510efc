"""Hand-written stand-ins for what the pipeline is given: facts, passages, checks, engine, store."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Sequence

from assistant.generation.engine import Piece, Sampling
from assistant.page.turns import Turn
from assistant.types import Finding, Message, Passage, SentenceCheck

TREMOR = Passage(1, "Parkinson's disease: Early signs", "Written for a test", "A tremor is often first.", 0.9)


class WordFacts:
    """Finds the words it was given, everywhere."""

    def __init__(self, **labels: str) -> None:
        self.labels = labels
        self.read: list[str] = []

    def findings(self, text: str) -> tuple[Finding, ...]:
        self.read.append(text)
        return tuple(
            Finding(match.start(), match.end(), match[0], label, "present", 0.9)
            for word, label in self.labels.items()
            for match in re.finditer(rf"\b{word}\b", text)
        )


class Shelf:
    """Always finds the same passages; remembers what was asked."""

    def __init__(self, *passages: Passage) -> None:
        self.passages = passages
        self.asked: list[tuple[str, tuple[str, ...]]] = []

    def search(self, question: str, findings_texts: Sequence[str] = (), k: int = 4) -> tuple[Passage, ...]:
        self.asked.append((question, tuple(findings_texts)))
        return self.passages[:k]


class EverySentenceCites:
    """Supports each sentence by the first passage."""

    def check(
        self, answer: str, passages: Sequence[Passage], findings: Sequence[Finding], question: str
    ) -> tuple[SentenceCheck, ...]:
        parts = re.findall(r"[^.]+\.?\s*", answer)
        return tuple(SentenceCheck(part, "passage", (1,) if passages else (), 0.9) for part in parts)


class ScriptedEngine:
    """Says its words one by one. `gate` holds it before each word after the first, if given."""

    name = "Scripted"
    device = "CPU"

    def __init__(
        self, text: str = "A tremor is often first. It comes slowly.", context_tokens: int = 2048
    ) -> None:
        self.words = re.findall(r"\S+\s*", text)
        self.context_tokens = context_tokens
        self.prompts: list[list[Message]] = []
        self.gate: threading.Semaphore | None = None
        self.said_first = threading.Event()
        self.closed = False
        self.error: Exception | None = None

    def count(self, messages: Sequence[Message]) -> int:
        return sum(len(message.content.split()) + 3 for message in messages)

    def stream(
        self, messages: Sequence[Message], sampling: Sampling, stop: threading.Event | None = None
    ) -> Iterator[Piece]:
        self.prompts.append(list(messages))
        if self.error is not None:
            raise self.error
        for number, word in enumerate(self.words, start=1):
            yield Piece(word, number)
            self.said_first.set()
            if self.gate is not None:
                self.gate.acquire(timeout=20)
            if stop is not None and stop.is_set():
                yield Piece("", number, "stop")
                return
        yield Piece("", len(self.words), "end")

    def close(self) -> None:
        self.closed = True


class MemoryStore:
    """Keeps turns in a dict, and every state that was saved."""

    def __init__(self) -> None:
        self.kept: dict[str, tuple[Turn, ...]] = {}
        self.saves = 0
        self.error: Exception | None = None

    def save(self, user: str, turns: Sequence[Turn]) -> None:
        if self.error is not None:
            raise self.error
        self.saves += 1
        self.kept[user] = tuple(turns)

    def load(self, user: str) -> tuple[Turn, ...]:
        return self.kept.get(user, ())

    def delete(self, user: str) -> None:
        self.kept.pop(user, None)
