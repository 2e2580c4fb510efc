"""Rules and the learned head together: text -> identifiers that share no character.

What either finds is taken; where they disagree on the kind, a sure rule wins. The head's numbers and dates
are a second opinion: they must hold digits, and a year alone or a blood pressure is not taken.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from assistant.extraction import scheme
from assistant.extraction.deidentify import names
from assistant.extraction.deidentify.head import LABELS
from assistant.extraction.deidentify.identifiers import Identifier, trimmed, without_overlaps
from assistant.extraction.deidentify.patterns import BEHIND_FAX, NEAR_PHONE, is_phone, ranked_by_rules
from assistant.extraction.deidentify.words import among
from assistant.extraction.encoding import Encoded

LEAN = 0.5
"""How much (in log-probability) is taken off "no identifier" before the best tags are read: recall first."""
SURE = 0.9
LIKELY, UNSURE = 0.8, 0.97
"""Below the first an abbreviation is no name; below the second, what signs are named after is none."""
_DATE_WORD = re.compile(
    r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*|(?:mon|tues|wednes|thurs|fri|satur|sun)day|"
    r"\b(?:first|second|third|\w+th)\b",
    re.IGNORECASE,
)
_DATE_FIGURES = re.compile(
    r"\D{0,12}\d{1,2}(?:[/-]\d{1,2}|([/.-])\d{1,2}\1\d{2,4})|\d{4}[/.-]\d{1,2}(?:[/.-]\d{1,2})?"
)
_NO_DATE = re.compile(
    r"(?:(?:19|20)\d\d(?:\s?(?:-|–|to|and)\s?(?:19|20)?\d\d)?|"
    r"\d{2,3}/\d{2,3}|\d|\d\d|\d+[.,]\d+|[\d\s:-]+|\d+/10|\d/[5679]|10/7|\d/52)\D*",
    re.IGNORECASE,
)


_FIELD = re.compile(
    r"(?:city|state|zip|street|address|county|country|town|"
    r"social security|health plan|hospital|clinic|school|surgery|"
    r"post\s?code|phone|location|ward|department|health|\W|\w*ciary)+",
    re.IGNORECASE,
)
_FIELD_END = re.compile(r"\s?(?:no\.?|number)?\s?[:/]")
_NO_NUMBER = re.compile(r"[^*].*\*.*|\d\d?:\d\d|\d{1,3}/\d{1,3}")
_ZIP_BEHIND = re.compile(r"[,\s]{1,3}(\d{5}(?:-\d{4})?)(?![\d/.-])")
_OLD_BEHIND = re.compile(r"\s?[(,]\s?(9\d|10\d)(?=\s?[),])")


class WordScorer(Protocol):
    """What is needed of a learned head."""

    def encode(self, text: str) -> Encoded:
        """The text in pieces and words."""

    def scores(self, text: str, encoded: Encoded) -> NDArray[np.float32]:
        """(words, tags) log-probabilities."""


def find(text: str, head: WordScorer | None) -> list[Identifier]:
    """Every identifier, in text order; rules alone where there is no head."""
    ranked = ranked_by_rules(text)
    if head is not None:
        ranked = _merged(ranked, list(by_model(text, head)))
    found = without_overlaps(text, ranked)
    taken = [(one.start, one.end) for one in found]
    people = [one.text for one in found if one.kind == "NAME" and one.confidence >= 0.8]
    repeated = [
        Identifier(start, end, text[start:end], "NAME", "rule", 0.8)
        for start, end in names.again(text, people, taken)
    ]
    found = without_overlaps(text, [*found, *repeated])
    return _right_behind(text, found)


def _merged(rules: list[Identifier], model: list[Identifier]) -> list[Identifier]:
    """Sure rules, then the head, then the rest of the rules."""
    sure = [one for one in rules if one.confidence >= SURE and one.kind != "NAME"]
    rest = [one for one in rules if one.confidence < SURE or one.kind == "NAME"]
    whole = [one for one in rest if one.kind == "ID"]
    # A number that the head saw a part of is taken as the rule has it.
    model = [
        one
        for one in model
        if one.kind == "NAME"
        or not any(number.start <= one.start and one.end <= number.end for number in whole)
    ]
    return [*sure, *model, *rest]


def by_model(text: str, head: WordScorer) -> Iterator[Identifier]:
    """What the learned head marks, with its own confidence."""
    encoded = head.encode(text)
    if not encoded.words:
        return
    table = head.scores(text, encoded).copy()
    table[:, 0] -= LEAN
    path = scheme.best_path(table, LABELS)
    table[:, 0] += LEAN
    spans = _joined(text, encoded, scheme.runs(path, LABELS))
    for first, last, label in spans:
        chance = round(float((1.0 - np.exp(table[first:last, 0])).mean()), 4)
        for start, end in _lines(text, encoded.words[first][1], encoded.words[last - 1][2]):
            start, end = _widened(text, start, end, label)  # noqa: PLW2901
            kind = _kind(text, start, end, label, chance)
            if kind is not None:
                yield Identifier(start, end, text[start:end], kind, "model", chance)


def _lines(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """A span line by line: nothing that identifies goes on over a line's end."""
    for match in re.finditer(r"[^\n\t]+", text[start:end]):
        part = trimmed(text, start + match.start(), start + match.end())
        if part[0] < part[1]:
            yield part


def _joined(text: str, encoded: Encoded, spans: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Neighbours of one label with nothing but a space, a dot, a comma or a hyphen between them are one."""
    out: list[tuple[int, int, str]] = []
    for first, last, label in spans:
        if out and out[-1][2] == label:
            between = text[encoded.words[out[-1][1] - 1][2] : encoded.words[first][1]]
            if label == "LOCATION" and re.fullmatch(r"[ ,.'&-]{1,3}|\s(?:and|of|de|du|the)\s", between):
                out[-1] = (out[-1][0], last, label)
                continue
            if re.fullmatch(r"[ .,'’-]{0,2}", between) and (
                label != "NAME" or between.strip() != "," or _family_first(text, encoded, out[-1])
            ):
                out[-1] = (out[-1][0], last, label)
                continue
        out.append((first, last, label))
    return out


def _family_first(text: str, encoded: Encoded, span: tuple[int, int, str]) -> bool:
    """Whether what stands before a comma is one word, as in "Last, First"."""
    return " " not in text[encoded.words[span[0]][1] : encoded.words[span[1] - 1][2]].strip()


def _widened(text: str, start: int, end: int, label: str) -> tuple[int, int]:
    """To whole words: a name cut inside by the tokenizer is taken to its end, but for "'s"."""
    if label != "NAME":
        while end < len(text) and unicodedata.combining(text[end]):
            end += 1
        return start, end
    while start > 0 and (text[start - 1].isalpha() or unicodedata.combining(text[start - 1])):
        start -= 1
    while end < len(text) and (text[end].isalpha() or unicodedata.combining(text[end])):
        end += 1
    while (more := re.compile(r"['’`-](?!s\b)[^\W\d_]{2,}").match(text, end)) is not None:
        end = more.end()
    while (lead := re.compile(r"([^\W\d_]+)\.?\s+(?=\w)").match(text, start)) and lead.end() < end:
        if len(lead[1]) == 1 or lead[1].lower() not in among("no_name"):
            break
        start = lead.end()
    own = re.search(r"['’]s?$", text[start:end])
    return start, end - len(own[0]) if own else end


def _kind(text: str, start: int, end: int, label: str, chance: float) -> str | None:
    """The kind of a span of the head, None for what can't be one."""
    found = text[start:end]
    digits = sum(char.isdigit() for char in found)
    if label == "NAME":
        return "NAME" if _may_be_name(text, start, end, chance) else None
    if label == "DATE":
        likely = _DATE_WORD.search(found) or _DATE_FIGURES.fullmatch(found)
        return "DATE" if likely and not _NO_DATE.fullmatch(found) else None
    if label == "LOCATION":
        if digits == len(found.strip()) == 5:
            return "ZIP"
        if _FIELD.fullmatch(found) and _FIELD_END.match(text, end):
            return None
        return "LOCATION" if any(char.isalpha() for char in found) or digits > 3 else None
    if "@" in found:
        return "EMAIL"
    if _NO_NUMBER.fullmatch(found) or re.match(r"[/:.]\d", text[end : end + 2]):
        return None  # an allele, a time or a ratio; part of a pressure
    return _number_kind(text, start, found, digits, label)


def _may_be_name(text: str, start: int, end: int, chance: float) -> bool:
    found = text[start:end]
    if not any(char.isalpha() for char in found) or found.lower().strip(" .,") in among("no_name"):
        return False
    if chance < LIKELY and (found.islower() or len(found) == 1 or (found.isupper() and len(found) <= 4)):
        return False  # an abbreviation or an everyday word
    return not (names.is_of_disease(text, end) or names.is_eponym(text, start, end, chance >= UNSURE))


def _number_kind(text: str, start: int, found: str, digits: int, label: str) -> str | None:
    """PHONE or FAX by form or by the words before, else ID; None for too few digits or a year."""
    before = text[max(0, start - 60) : start]
    if label == "CONTACT" and digits >= 4 and (is_phone(found) or NEAR_PHONE.search(before)):
        return "FAX" if BEHIND_FAX.search(before) else "PHONE"
    if digits < (4 if label == "CONTACT" else 3) or re.fullmatch(r"(?:19|20)\d\d", found):
        return None
    return "ID"


def _right_behind(text: str, found: list[Identifier]) -> list[Identifier]:
    """An age over 89 right behind a name ("Anna Kerr (93)") and a postcode right behind a place."""
    more = []
    for one in found:
        form, kind = {"NAME": (_OLD_BEHIND, "AGE"), "LOCATION": (_ZIP_BEHIND, "ZIP")}.get(
            one.kind, (None, "")
        )
        match = form.match(text, one.end) if form else None
        if match:
            more.append(Identifier(match.start(1), match.end(1), match[1], kind, "rule", 0.8))
    return without_overlaps(text, [*found, *more])
