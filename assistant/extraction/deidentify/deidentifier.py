"""Take the identifiers out of a text: mask them, write others in their place, or move the dates.

Looks for the 18 kinds that the HIPAA Safe Harbor rule names, as far as text holds them. It misses some: a
name without any context, a nickname, a rare occupation, a month or weekday alone, a holiday, an event that
the news told of. The result is *less identifying*, never anonymous, and nothing here decides that it may be
shared.
"""

from __future__ import annotations

import secrets
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from assistant.errors import BadInputError
from assistant.extraction.deidentify import finder
from assistant.extraction.deidentify.dates import is_day_first, moved
from assistant.extraction.deidentify.head import WEIGHTS, IdentifierHead
from assistant.extraction.deidentify.identifiers import MODES, Deidentified, Identifier, Mode
from assistant.extraction.deidentify.surrogates import Surrogates, shift_of


class Deidentifier:
    """The one way from a text to a text without what was found. Safe to share between threads."""

    def __init__(self, head: finder.WordScorer | None = None) -> None:
        """With a learned head, or by the rules alone (then few names and places are found)."""
        self._head = head
        self._lock = threading.Lock()

    @classmethod
    def load(cls, folder: Path = WEIGHTS) -> Deidentifier:
        """With the weights of a folder (the committed ones by default).

        Raises:
            WeightsError: a file is missing, damaged or not the one on record.
        """
        return cls(IdentifierHead(folder))

    def find(self, text: str) -> tuple[Identifier, ...]:
        """Every identifier found, in text order, none over another."""
        if self._head is None:
            return tuple(finder.find(text, None))
        with self._lock:
            return tuple(finder.find(text, self._head))

    def apply(self, text: str, mode: Mode, key: bytes = b"") -> Deidentified:
        """The text with every identifier replaced.

        mode: "mask" writes `[NAME]`, `[DATE]`, ...; "surrogate" writes other names, places and numbers and
            moves the dates; "shift" moves the dates and masks the rest.
        key: decides surrogates and days; one key a patient keeps their documents consistent. An empty key is
            replaced by a fresh one, so that only this document is consistent in itself.

        Raises:
            BadInputError: the mode is none of the three.
        """
        if mode not in MODES:
            raise BadInputError(f"mode must be one of {', '.join(MODES)}; it is {mode!r}.")
        found = self.find(text)
        write = _writer(text, found, mode, key or secrets.token_bytes(32))
        out, at = [], 0
        for one in found:
            out.append(text[at : one.start])
            out.append(write(one))
            at = one.end
        out.append(text[at:])
        return Deidentified("".join(out), found, dict(Counter(one.kind for one in found)))

    def rewriter(self, mode: Mode = "mask", key: bytes = b"") -> Callable[[str], tuple[str, dict[str, int]]]:
        """Text -> (text, counts by kind), as preparing a corpus asks for. One key for all texts."""
        whole = key or secrets.token_bytes(32)

        def rewrite(text: str) -> tuple[str, dict[str, int]]:
            done = self.apply(text, mode, whole)
            return done.text, done.counts

        return rewrite


def _writer(text: str, found: tuple[Identifier, ...], mode: Mode, key: bytes) -> Callable[[Identifier], str]:
    if mode == "mask":
        return lambda one: f"[{one.kind}]"
    if mode == "surrogate":
        return Surrogates(key, text, found).of
    days, day_first = shift_of(key), is_day_first(text)

    def shift(one: Identifier) -> str:
        if one.kind != "DATE":
            return f"[{one.kind}]"
        return moved(one.text, days, day_first) or "[DATE]"

    return shift
