"""Findings that are answered rather than told: forms, plus and minus marks, and questions."""

from __future__ import annotations

from assistant.extraction.clauses import BACK, FINITE, Clauses
from assistant.extraction.reach import Reach
from assistant.extraction.sections import Sentence, Words, bag
from assistant.types import Assertion

_ANSWERS: dict[str, Assertion] = {
    **dict.fromkeys(("no", "nope", "never", "none", "nah", "negative"), "absent"),
    **dict.fromkeys(("yes", "yeah", "yep", "yup", "sure"), "present"),
    **dict.fromkeys(("maybe", "perhaps", "possibly", "unsure"), "possible"),
}
_BEFORE_ANSWER = bag("patient pt : um uh -- oh well , a")
_MINUS = frozenset({"-x", "x-", "-", "−", "--"})


def mark_values(clauses: Clauses, reach: Reach) -> None:
    """Values after a name: "fever: no", "falls - none", "chills (no)", "cough no" at the end of a line."""
    floor = clauses.first
    for place in range(clauses.first + 1, clauses.last):
        status = clauses.value(place)
        if status is None:
            continue
        lowest = max(floor, place - BACK)
        start = lowest
        for back in range(place - 1, lowest - 1, -1):
            if back in clauses.stops or clauses.words[back] == ";" or clauses.words[back] in FINITE:
                start = back + 1
                break
        if status != "present":
            reach.mark(status, start, place, place)
        floor = place + 1


def mark_signs(clauses: Clauses, reach: Reach, words: Words) -> None:
    """Plus and minus marks: "+ cough, - fever", "(-) chills", "fever-"."""
    plus = "+" in clauses.words[clauses.first : clauses.last] or "+" in _neighbours(words, clauses.sentence)
    for place in range(clauses.first, clauses.last):
        if clauses.words[place] not in _MINUS:
            continue
        bracket = clauses.word(place - 1) == "(" and clauses.word(place + 1) == ")"
        if not plus and not bracket:
            continue
        if _after_name(clauses, place, bracket):
            reach.mark("absent", _sign_start(clauses, place), place, place)
        elif (
            bracket
            or clauses.words[place] == "-x"
            or clauses.word(place - 1) in {",", ";", ":"}
            or place == clauses.first
        ):
            reach.mark("absent", place + 1, _sign_end(clauses, place + 1 + bracket), place)


def _after_name(clauses: Clauses, place: int, bracket: bool) -> bool:
    """Whether the sign at `place` belongs to the name before it: "fever-", "fever (-)"."""
    if clauses.words[place] == "x-":
        return True
    if clauses.word(place + 1 + bracket) in {"", ",", ";", "."} and place - bracket > clauses.first:
        return True
    closing = [word for word in clauses.words[clauses.last - 4 : clauses.last] if word != "."][-3:]
    return bracket and closing[:1] + closing[2:] == ["(", ")"] and clauses.words[clauses.first] != "("


def _sign_start(clauses: Clauses, place: int) -> int:
    start = place
    while (
        start > clauses.first
        and clauses.words[start - 1] not in {",", ";", "+", "|", ")"}
        and place - start < 6
    ):
        start -= 1
    return start


def _sign_end(clauses: Clauses, start: int) -> int:
    end = start
    while (
        end < min(clauses.last, start + 20)
        and clauses.words[end] not in {",", ";", "+", "-x", "|", "(", "and", "but"}
    ):  # fmt: skip
        end += 1
    return end


def _neighbours(words: Words, sentence: Sentence) -> set[str]:
    """The first words of the lines before and after, where a list of signs may go on."""
    found = set()
    if sentence.last < len(words) and words.breaks[sentence.last] == 1:
        found.add(words.words[sentence.last])
    if sentence.gap == 1:
        place = sentence.first - 1
        while place > 0 and not words.breaks[place] and sentence.first - place < 20:
            place -= 1
        found.add(words.words[place])
    return found


def answer(words: Words, sentence: Sentence, following: Sentence | None) -> Assertion | None:
    """What the next sentence says to this one, if this one is a question: "Any fever? No." """
    if following is None or words.words[sentence.last - 1] != "?":
        return None
    place = following.first
    while place < following.last and words.words[place] in _BEFORE_ANSWER:
        place += 1
    if place == following.last:
        return None
    if words.words[place] == "not" and words.word(place + 1) in {"sure", "certain", "really"}:
        return "absent" if words.word(place + 1) == "really" else "possible"
    return _ANSWERS.get(words.words[place])
