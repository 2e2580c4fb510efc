"""The nouns that travel through the assistant: findings, passages, triage, events.

Plain frozen dataclasses, so that the tab, the shell and the tests consume one stream.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Literal

Assertion = Literal["present", "absent", "possible", "hypothetical", "historical", "family"]
TriageLevel = Literal["emergency", "urgent", "routine"]
SupportKind = Literal["passage", "finding", "unsupported", "neutral"]


@dataclass(frozen=True)
class Finding:
    """One span of the text.

    `start` and `end` are offsets in code points of the original text, end exclusive;
    `confidence` is the mean token probability, 0 to 1.
    """

    start: int
    end: int
    text: str
    label: str
    assertion: Assertion = "present"
    confidence: float = 1.0

    def as_json(self) -> dict[str, object]:
        """The finding as the documented JSON object."""
        return asdict(self)


@dataclass(frozen=True)
class Passage:
    """A piece of the corpus that was found for a question. `id` is the citation number shown, from 1."""

    id: int
    title: str
    source: str
    text: str
    score: float = 0.0

    def as_json(self) -> dict[str, object]:
        """The passage as the documented JSON object (without its score)."""
        return {"id": self.id, "title": self.title, "source": self.source, "text": self.text}


@dataclass(frozen=True)
class Triage:
    """How urgent the words are by the red-flag rules, with the reasons and the advice to show first."""

    level: TriageLevel = "routine"
    reasons: tuple[str, ...] = ()
    advice: str = ""


@dataclass(frozen=True)
class Message:
    """One turn of a conversation as a chat template takes it."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True)
class SentenceCheck:
    """One sentence of the answer and what carries it: citation numbers, or nothing."""

    text: str
    kind: SupportKind
    citations: tuple[int, ...] = ()
    score: float = 0.0


@dataclass(frozen=True)
class Timings:
    """Seconds from the question to the first token, and tokens a second after it."""

    first_token_s: float = 0.0
    tokens_per_s: float = 0.0
    tokens: int = 0


@dataclass(frozen=True)
class Triaged:
    """Event: the red-flag rules have spoken. Always first."""

    triage: Triage


@dataclass(frozen=True)
class Extracted:
    """Event: the facts of the question (and the note), offsets into `text`."""

    text: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Retrieved:
    """Event: the passages that the answer may cite."""

    passages: tuple[Passage, ...]


@dataclass(frozen=True)
class Token:
    """Event: the next piece of the answer."""

    text: str


@dataclass(frozen=True)
class Checked:
    """Event: the answer sentence by sentence, each with its support."""

    sentences: tuple[SentenceCheck, ...]


@dataclass(frozen=True)
class Done:
    """Event: the whole answer. `stopped` is true when the person pressed Stop."""

    answer: str
    model: str
    timings: Timings
    stopped: bool = False
    notices: tuple[str, ...] = field(default=())


Event = Triaged | Extracted | Retrieved | Token | Checked | Done
