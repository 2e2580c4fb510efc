"""Rules that a document must pass, each with a reason that a person can check.

The thresholds are for clinical text: shorthand, figures, tables and the names of body parts pass. They find
rubbish, not untruth. Tagged sentences are not judged: their tags say what they are for.
"""

from __future__ import annotations

import functools
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from training.corpus.language import UNKNOWN, language_of
from training.corpus.records import Record
from training.corpus.settings import QualityLimits

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_NO_LETTERS = re.compile(r"[\W_]+")
_SENTENCE_END = re.compile(r"[.!?]\s+|\n+")
_LINK = re.compile(r"\W*(https?://|www\.)\S", re.IGNORECASE)
_SAMPLE = 20_000
_ADVERTISING = (
    *("click here", "buy now", "order now", "act now", "limited-time offer", "limited time offer"),
    *("money-back guarantee", "money back guarantee", "100% free", "free shipping", "subscribe now"),
    *("subscribe today", "special promotion", "lowest price", "no prescription needed", "earn $"),
    *("no prescription required", "work from home", "you have been selected", "you have won", "claim your"),
    *("online casino", "miracle cure", "lorem ipsum", "accept cookies", "accept all cookies", "add to cart"),
    "unsubscribe",
)
# Words of abuse that no anatomy, diagnosis or history needs. A patient's one quoted curse passes: what
# counts is how thick they come.
_ABUSE_WORDS = (
    "fuck fucks fucked fucker fuckers fucking motherfucker shithead bullshit asshole assholes bitch "
    "bitches cunt cunts dickhead wanker wankers twat slut sluts whore whores faggot faggots nigger niggers "
    "chink spic kike tranny"
)
_ABUSE = frozenset(_ABUSE_WORDS.split())


@dataclass(frozen=True)
class Facts:
    """What the rules look at, worked out once."""

    record: Record
    limits: QualityLimits

    @functools.cached_property
    def text(self) -> str:
        """The document's text."""
        return self.record.content

    @functools.cached_property
    def words(self) -> list[str]:
        """The words of its beginning, in lower case."""
        return _WORD.findall(self.text[:_SAMPLE].lower())

    @functools.cached_property
    def language(self) -> str:
        """The language of its text."""
        return language_of(self.text, self.words)


def too_short(facts: Facts) -> str | None:
    """Fewer characters than a sentence of findings has."""
    if facts.record.kind == "text" and len(facts.text.strip()) < facts.limits.min_characters:
        return "too short"
    return None


def symbols(facts: Facts) -> str | None:
    """Mostly characters that are neither letters nor figures."""
    sample = facts.text[:_SAMPLE]
    visible = sum(map(len, sample.split()))
    letters = len(_NO_LETTERS.sub("", sample))
    return "mostly symbols" if visible - letters > facts.limits.max_symbols * visible else None


def garbled(facts: Facts) -> str | None:
    """Characters that could not be decoded, or long strings without a space, such as encoded pictures."""
    sample = facts.text[:_SAMPLE]
    if sample.count("\ufffd") > 0.02 * len(sample):
        return "garbled characters"
    unbroken = sum(len(word) for word in sample.split() if len(word) > 80 and not _LINK.match(word))
    return "mostly unbroken strings" if unbroken > 0.5 * len(sample) else None


def repeated(facts: Facts) -> str | None:
    """The same sentences or lines again and again."""
    sample = facts.text[:_SAMPLE]
    if len(sample) < 200:
        return None
    pieces = Counter(
        piece.strip().lower() for piece in _SENTENCE_END.split(sample) if len(piece.strip()) > 15
    )
    again = sum(len(piece) * (count - 1) for piece, count in pieces.items())
    if again > facts.limits.max_repeated * len(sample):
        return "repeats itself"
    encoded = sample.encode()
    if len(encoded) >= 500 and len(zlib.compress(encoded, 1)) < facts.limits.min_variety * len(encoded):
        return "repeats itself"
    return None


def language(facts: Facts) -> str | None:
    """A language that was not asked for; a text too terse to tell passes."""
    if facts.limits.languages and facts.language not in (*facts.limits.languages, UNKNOWN):
        return f"language {facts.language}"
    return None


def spam(facts: Facts) -> str | None:
    """Advertising, or more links than text."""
    if not facts.limits.spam:
        return None
    sample = facts.text[:_SAMPLE]
    linked = sum(len(word) for word in sample.split() if _LINK.match(word))
    if linked > 0.5 * len(sample):
        return "mostly links"
    lower = sample.lower()
    phrases = [lower.count(phrase) for phrase in _ADVERTISING if phrase in lower]
    thick = sum(phrases) * 60 > len(facts.words)
    return "advertising" if len(phrases) >= 2 and thick else None


def offensive(facts: Facts) -> str | None:
    """Abuse, where it comes thick."""
    if not facts.limits.offensive:
        return None
    abuse = sum(word in _ABUSE for word in facts.words)
    return "offensive" if abuse >= 2 and abuse * 50 > len(facts.words) else None


RULES: tuple[Callable[[Facts], str | None], ...] = (
    too_short,
    garbled,
    symbols,
    repeated,
    language,
    spam,
    offensive,
)


def fault(facts: Facts, rules: Iterable[Callable[[Facts], str | None]] = RULES) -> str | None:
    """Why the document should go, by the first rule that it breaks; None if it may stay."""
    if facts.record.kind == "tagged":
        return None
    return next((reason for reason in (rule(facts) for rule in rules) if reason is not None), None)
