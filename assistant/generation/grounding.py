"""Question, facts and passages -> the messages that the generator sees; a question never goes without them.

A small model copies a pattern better than it follows orders: two worked exchanges show it how an answer is
made from a text, and the text to use stands in the last message, right before the question. The exchanges
are the same every time, so an engine with a prefix cache reads them once.
"""

from __future__ import annotations

from collections.abc import Sequence

from assistant.facts import facts_in_words
from assistant.generation.engine import Sampling
from assistant.types import Finding, Message, Passage

GROUNDED_SAMPLING = Sampling(
    max_new_tokens=160, temperature=0.0, repetition_penalty=1.0, stop=("Question:", "Answer in a few")
)
NOTE_WORDS = 200
CLOSE = 0.92
"""A second passage is shown when it scores at least this share of the first and is of another condition."""

RULES = "You answer questions in a few plain sentences, using only the text that is given."
# About conditions that the library doesn't have, so that a sentence copied from here finds no support there.
_WORKED = (
    (
        "Gout is a painful form of arthritis. It happens when uric acid forms sharp crystals in a joint. "
        "The big toe is hit most often. An attack starts suddenly, often at night. The joint becomes "
        "hot, red and very sore.",
        "What is gout?",
        "Gout is a painful form of arthritis. Uric acid forms sharp crystals in a joint, most often the "
        "big toe. An attack starts suddenly, often at night, and the joint becomes hot, red and very sore.",
    ),
    (
        "Antiviral tablets can shorten shingles when they are started within three days. "
        "Painkillers ease the pain. Cool cloths can calm the rash. Keep the rash clean and dry. The rash "
        "usually heals within four weeks.",
        "What can I do about shingles?",
        "Antiviral tablets can shorten shingles when they are started within three days. Painkillers ease "
        "the pain, and cool cloths can calm the rash. The rash usually heals within four weeks.",
    ),
)


def grounded_messages(
    question: str,
    note: str,
    findings: Sequence[Finding],
    passages: Sequence[Passage],
    history: Sequence[Message],
) -> list[Message]:
    """The rules, two worked exchanges, the turns before, and last the text to use with the question."""
    messages = [Message("system", RULES)]
    for text, asked, answer in _WORKED:
        messages += [Message("user", _asked(text, asked)), Message("assistant", answer)]
    text = "\n".join(_evidence(note, findings, passages))
    return [*messages, *history, Message("user", _asked(text, question))]


def shown_passages(passages: Sequence[Passage]) -> list[Passage]:
    """The passages that the generator reads: the best, and one of another condition that is as near."""
    best = list(passages[:1])
    for passage in passages[1:]:
        other = passage.title.partition(":")[0] != best[0].title.partition(":")[0]
        if other and passage.score >= CLOSE * best[0].score:
            return [*best, passage]
    return best


def excerpt(note: str) -> str:
    """The note, or its beginning and end when it is long; the facts come from all of it."""
    words = note.split()
    if len(words) <= NOTE_WORDS:
        return note.strip()
    head, tail = NOTE_WORDS * 2 // 3, NOTE_WORDS // 3
    return f"{' '.join(words[:head])} … {' '.join(words[-tail:])}"


def _asked(text: str, question: str) -> str:
    return f"{text}\n\nQuestion: {question}\nAnswer in a few plain sentences, only with what the text says."


def _evidence(note: str, findings: Sequence[Finding], passages: Sequence[Passage]) -> list[str]:
    facts = facts_in_words(findings)
    parts = [f"The patient. {facts}"] if facts else []
    if note and not passages:
        parts.append(excerpt(note))
    return parts + [passage.text for passage in shown_passages(passages)]
