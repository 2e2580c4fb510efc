"""What an identifier is: its kinds, where it stands, and who said so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Source = Literal["rule", "model"]
Mode = Literal["mask", "surrogate", "shift"]
MODES: tuple[Mode, ...] = ("mask", "surrogate", "shift")

KINDS = (
    "NAME", "DATE", "AGE", "PHONE", "FAX", "EMAIL", "URL", "IP", "SSN", "MRN", "PLAN", "ACCOUNT", "LICENCE",
    "VEHICLE", "DEVICE", "ID", "LOCATION", "ZIP",
)  # fmt: skip
"""Of the 18 Safe Harbor identifiers (45 CFR 164.514(b)(2)) all that text can hold but biometric ones and
pictures; ID is "any other unique number". AGE is an age over 89."""


@dataclass(frozen=True)
class Identifier:
    """Something in a text that tells who it is about. Offsets are code points; confidence from 0 to 1."""

    start: int
    end: int
    text: str
    kind: str
    source: Source
    confidence: float

    def as_json(self) -> dict[str, object]:
        """For `--json`."""
        return {
            "start": self.start, "end": self.end, "text": self.text, "kind": self.kind, "source": self.source,
            "confidence": self.confidence,
        }  # fmt: skip


@dataclass(frozen=True)
class Deidentified:
    """A text after de-identification, what was found in the original, and how many of each kind.

    Not anonymous: what was missed is still there, and what is left can tell who somebody is.
    """

    text: str
    identifiers: tuple[Identifier, ...]
    counts: dict[str, int]


def without_overlaps(text: str, ranked: Iterable[Identifier]) -> list[Identifier]:
    """Earlier ones keep their characters; of later ones the rest is kept where it holds a letter or digit.

    Returns:
        Identifiers in text order that share no character; together they cover all that was covered.
    """
    owner: list[int | None] = [None] * len(text)
    every = list(ranked)
    for index, one in enumerate(every):
        for at in range(one.start, one.end):
            if owner[at] is None:
                owner[at] = index
    out: list[Identifier] = []
    at = 0
    while at < len(text):
        whose = owner[at]
        if whose is None:
            at += 1
            continue
        end, one = at, every[whose]
        while end < len(text) and owner[end] == whose:
            end += 1
        whole = (at, end) == (one.start, one.end)
        start, stop = (at, end) if whole else trimmed(text, at, end)
        if _is_enough(text[start:stop], one):
            out.append(Identifier(start, stop, text[start:stop], one.kind, one.source, one.confidence))
        at = end
    return out


def _is_enough(left: str, one: Identifier) -> bool:
    """Whether what others left of an identifier is still one: of a number or a date a digit at least."""
    if left == one.text:
        return True
    if one.kind in ("NAME", "LOCATION"):
        return any(char.isalnum() for char in left)
    return any(char.isdigit() for char in left)


def trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """The span without the spaces and marks at its ends (a closing dot or bracket is left out too)."""
    while start < end and not text[start].isalnum() and text[start] not in "+(*":
        start += 1
    while end > start and not text[end - 1].isalnum():
        end -= 1
    return start, end
