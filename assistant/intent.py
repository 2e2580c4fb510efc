"""What a message asks and which part of it is a note to read. Pure rules; no model.

People paste a report under a question, or a report alone. The generator needs the two apart: the
question to answer and the text it is about.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

LONG = 60
DEFAULT_QUESTION = "Summarise this note in plain words."
GREETING = (
    "Hello, I am Asklepion. Tell me what troubles you, ask about a condition, a symptom or a treatment, or "
    "paste a note. I mark the medical facts in your words and explain them from a small library. "
    "I am no doctor."
)
THANKS = "You are welcome. Is there anything else you would like to know?"
GOODBYE = "Goodbye, and take care."
_THANKS = re.compile(r"(?i)^\W*(?:thanks?|thank you)\b")
_GOODBYE = re.compile(r"(?i)^\W*(?:good)?bye\b")
_SMALL_TALK = re.compile(
    r"(?i)^\W*(?:hi|hello|hey|good (?:morning|afternoon|evening|day)|thanks?(?: you)?"
    r"|thank you(?: very much)?|bye|goodbye|who are you|what are you|what can you do|help|how are you"
    r"|chat with a patient)\b[\s\w,']{0,20}\W*$"
)
_ASKS = re.compile(
    r"(?i)^\W*(?:what|which|who|how|why|when|where|is|are|does|do|did|can|could|should|would|will|has|have"
    r"|explain|classify|summari[sz]e|highlight|list|describe|tell|give|name|extract|find|compare|define"
    r"|show)\b"
)


@dataclass(frozen=True)
class Request:
    """The question to answer, the note it is about (perhaps empty), and whether it is only a greeting."""

    question: str
    note: str
    small_talk: bool = False


def understand(text: str, note: str = "") -> Request:
    """Part a message into question and note.

    A separate note is taken as it is. In a message of more than LONG words, a first or last line (or
    sentence) that asks is the question and the rest is the note; if none asks, all of it is the note.
    """
    text, note = text.strip(), note.strip()
    if note:
        return Request(text or DEFAULT_QUESTION, note)
    if _SMALL_TALK.match(text):
        return Request(text, "", small_talk=True)
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    if len(lines) < 2 and len(text.split()) <= LONG:
        head, colon, tail = text.partition(":")
        if colon and len(tail.split()) > 6 and _ASKS.match(head):
            return Request(head.strip(), tail.strip())
        return Request(text, "")
    if len(lines) > 1:
        if _asks(lines[0]):
            return Request(lines[0].rstrip(":"), "\n".join(lines[1:]))
        if _asks(lines[-1]):
            return Request(lines[-1], "\n".join(lines[:-1]))
    return _by_sentence(text)


def small_talk(words: str) -> str:
    """The reply to a greeting, to thanks and to a goodbye; there is nothing in them to look up."""
    if _THANKS.match(words):
        return THANKS
    return GOODBYE if _GOODBYE.match(words) else GREETING


def _asks(line: str) -> bool:
    return len(line.split()) <= LONG and (line.endswith("?") or _ASKS.match(line) is not None)


def _by_sentence(text: str) -> Request:
    first = re.match(r"(?s).{3,300}?[?:.](?=\s)", text)
    if first and _asks(first[0].rstrip(":")):
        return Request(first[0].rstrip(":"), text[first.end() :].strip())
    last = re.search(r"(?s)(?<=[.!?\n])\s+([^.!?\n]{3,300}\?)\s*$", text)
    if last:
        return Request(last[1], text[: last.start()].strip())
    if len(text.split()) <= LONG:
        return Request(text, "")
    return Request(DEFAULT_QUESTION, text)
