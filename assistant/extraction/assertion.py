"""Whether the words of a text say that a finding is there: present, absent, possible, and so on.

Rules in the manner of NegEx (Chapman et al. 2001, J Biomed Inform 34:301) and ConText (Harkema et al.
2009, J Biomed Inform 42:839): a cue reaches over the words after or before it until the clause ends, and the
findings in its reach take its assertion. Added to that: lists, section headers, forms ("fever: no"), tick
boxes, plus and minus marks, answered questions, relatives, and cues inside the finding itself.

Choices: "unlikely" and "cannot be excluded" are possible (as in the i2b2 2010 guideline); what was resolved
or stopped, and "not any more", is historical; "for three days" keeps a history present; "in 2015" makes a
finding historical, "diagnosed in 2015" does not. Labels that qualify a finding (dose, date, age, part of the
body) are always present. It does not parse grammar, resolve pronouns or read any language but English.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from assistant.extraction import forms, reach, relatives
from assistant.extraction.clauses import BE, FILLERS, Clauses
from assistant.extraction.cues import Hit
from assistant.extraction.sections import Section, Sentence, Words, bag, sections, sentences
from assistant.types import Assertion

PROBLEMS = bag(
    """Sign_symptom Activity Clinical_event
    Disease_disorder Disease History Family_history Lab_value Problem Symptom Sign
    Condition"""
)
DRUGS = frozenset({"Medication", "Chemical", "Drug"})

_ORDER: tuple[Assertion, ...] = ("absent", "family", "hypothetical", "possible", "historical")
_POINTED = bag("my his her their our this these")
_TAKING = bag("on taking takes took using uses")


class _Reader:
    """One pass over a text: marks what every cue reaches."""

    def __init__(self, text: str) -> None:
        self.words = Words(text)
        self.reach = reach.Reach(len(self.words))
        self.inside: dict[int, list[Hit]] = {}
        self.lead: list[Assertion] = []
        every = sentences(self.words)
        self.starts = [sentence.first for sentence in every]
        for number, sentence in enumerate(every):
            following = every[number + 1] if number + 1 < len(every) else None
            self._read(sentence, following)
        self._sections(sections(text), every)

    def _read(self, sentence: Sentence, following: Sentence | None) -> None:
        clauses = Clauses(self.words, sentence)
        for hit in clauses.hits:
            self.inside.setdefault(hit.first, []).append(hit)
        said = forms.answer(self.words, sentence, following)
        reach.mark_cues(clauses, self.reach, answered=said is not None)
        forms.mark_values(clauses, self.reach)
        forms.mark_signs(clauses, self.reach, self.words)
        reach.mark_dates(clauses, self.reach)
        if said and said != "present":
            self.reach.mark(said, sentence.first, sentence.last, sentence.first)
        for start, end, cue in relatives.reaches(clauses):
            self.reach.mark("family", start, end, cue)
        self._list_under(sentence, clauses.hits)

    def _list_under(self, sentence: Sentence, hits: Sequence[Hit]) -> None:
        """ "Denies:" and "return if:" reach over the list items below."""
        if sentence.gap > 1 or not (sentence.bullet or self.lead):
            self.lead = []
        if self.lead and sentence.bullet:
            for lent in self.lead:
                self.reach.mark(lent, sentence.first, sentence.last, sentence.first)
            return
        self.lead = []
        if self.words.words[sentence.last - 1] == ":":
            self.lead = [
                status
                for hit in hits
                if hit.cue.reach != "before" and not hit.cue.drug and (status := reach.status_of(hit.cue))
            ]

    def _sections(self, found: Sequence[Section], every: Sequence[Sentence]) -> None:
        number = 0
        for section in found:
            if section.status is None:
                continue
            first, last = self.words.between(section.start, section.end)
            while number < len(every) and every[number].last <= first:
                number += 1
            step = number
            if step < len(every) and relatives.is_empty(self.words, first, every[step].last):
                continue
            while step < len(every) and every[step].first < last:
                sentence = every[step]
                if sentence.first >= first and relatives.leaves_section(self.words, sentence, section.status):
                    last = sentence.first
                step += 1
            self.reach.mark(section.status, first, last, len(self.words))

    def status(self, start: int, end: int, label: str) -> Assertion:
        """The assertion of the span of characters `start` to `end`."""
        drug = label in DRUGS
        if not drug and label not in PROBLEMS:
            return "present"
        first, last = self.words.between(start, end)
        if first >= last:
            return "present"
        found = self.reach.at(first, drug=drug)
        size = len(self.words)
        if drug:
            found = {status: cue for status, cue in found.items() if cue < size and self._of_drug(cue, first)}
        for status, cue in self.reach.at(last - 1, drug=drug).items():
            if cue >= last and (not drug or (cue < size and self._of_drug(cue, first))):
                found.setdefault(status, cue)
        found.update(self._own(first, last))
        if self.words.word(first - 1) == "-" and self.words.word(first - 2) == "non":
            found["absent"] = first - 2
        if self.words.word(first - 1) in _POINTED:
            found = {status: cue for status, cue in found.items() if not self._grants(status, cue, first)}
        return _decide(found, label)

    def _of_drug(self, cue: int, first: int) -> bool:
        """Whether a cue reaches the medication at the word `first`: not in "no fever on aspirin"."""
        if self.words.word(cue) in {"vs", "versus", "?"}:
            return False  # neither a comparison of treatments nor a question says that it isn't taken
        if self.words.word(first - 1) not in _TAKING or cue >= first:
            return True
        after = max(hit.last for hit in self.inside[cue]) if cue in self.inside else cue + 1
        return set(self.words.words[after : first - 1]) <= FILLERS | BE

    def _own(self, first: int, last: int) -> dict[Assertion, int]:
        """What the finding's own words say: "no chest pain", "fever: none"."""
        found: dict[Assertion, int] = {}
        for place in (first, *range(max(first + 1, last - 3), last)):
            for hit in self.inside.get(place, ()):
                status = reach.status_of(hit.cue)
                whole = hit.first == first and hit.last >= last
                if status is None or whole or hit.cue.named or hit.cue.drug or hit.last > last:
                    continue
                opens = place == first and hit.cue.reach != "before"
                closes = place > first and hit.last == last and hit.cue.reach != "after"
                begun = self.starts[bisect_right(self.starts, hit.first) - 1]
                if closes or (opens and not reach.lasting(self.words.words, hit, begun)):
                    found[status] = hit.first
        return found

    def _grants(self, status: Assertion, cue: int, first: int) -> bool:
        """Whether a question only takes the finding for granted: "what causes my tremor?"."""
        if status == "possible":
            return self.words.word(cue) == "?"
        wide = any(hit.cue.wide for hit in self.inside.get(cue, ()))
        return status == "hypothetical" and cue < first and not wide


def _decide(found: dict[Assertion, int], label: str) -> Assertion:
    """One assertion of all that reach the span: a condition around a denial wins over it, then the order."""
    if "absent" in found and found.get("hypothetical", found["absent"]) < found["absent"]:
        return "hypothetical"
    for status in _ORDER:
        if status in found:
            return status
    if label == "Family_history":
        return "family"
    return "historical" if label == "History" else "present"


def assign(text: str, spans: Sequence[tuple[int, int, str]]) -> list[Assertion]:
    """The assertion of each span (start, end, label), in the order given.

    Offsets are code points of `text`, end exclusive; spans may overlap. A Family_history span is family and a
    History span historical unless something else is said of it. Work is linear in the length of the text.
    """
    if not any(label in PROBLEMS or label in DRUGS for _, _, label in spans):
        return ["present"] * len(spans)
    reader = _Reader(text)
    return [reader.status(start, end, label) for start, end, label in spans]
