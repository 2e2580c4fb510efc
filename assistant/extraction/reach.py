"""What the cues of a sentence reach: every word that a cue covers is marked with its assertion."""

from __future__ import annotations

import re
from collections.abc import Sequence

from assistant.extraction.clauses import BE, BOXES, Clauses
from assistant.extraction.cues import Cue, Hit
from assistant.extraction.sections import bag
from assistant.types import Assertion

_TURNS = bag(", . ; : ! ? ) and or but in on at by with because given for to of as though | -- after now") | {
    ""
}
_ONSET = bag("diagnosed began started since onset start beginning")
_UNITS = bag(
    """day days week weeks month months year years hour hours hr hrs wk wks yr yrs mo d minute minutes
    decade decades long longstanding short brief standing chronic"""
)
_SINCE_WHEN = bag("in until around during late early")
_ASKERS = bag("what what's why how when where which who should")
# A sentence of more words ends in "?" by grammar, not by doubt.
_DOUBT = 6


class Reach:
    """For every word, the first word of the cue that covers it, by assertion; -1 where none does."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._marks: dict[tuple[Assertion, bool], list[int]] = {}

    def mark(self, status: Assertion, first: int, last: int, cue: int, *, drug: bool = False) -> None:
        """Cover the words `first` up to `last` (exclusive)."""
        marks = self._marks.get((status, drug))
        if marks is None:  # not setdefault: it would build a list for every mark
            marks = self._marks[status, drug] = [-1] * self._size
        for place in range(max(first, 0), min(last, self._size)):
            if marks[place] < 0 or cue < marks[place]:
                marks[place] = cue

    def at(self, place: int, *, drug: bool) -> dict[Assertion, int]:
        """What covers the word at `place`, and by which cue. `drug`: cues for medication count too."""
        found: dict[Assertion, int] = {}
        for (status, only_drug), marks in self._marks.items():
            if marks[place] >= 0 and (drug or not only_drug):
                found[status] = min(marks[place], found.get(status, marks[place]))
        return found


def status_of(cue: Cue) -> Assertion | None:
    """The assertion that a cue gives, if it gives one."""
    kind = cue.kind
    if kind == "pseudo" or kind == "stop" or kind == "affirm":  # noqa: PLR1714 - so that types narrow
        return None
    return kind


def mark_cues(clauses: Clauses, reach: Reach, *, answered: bool) -> None:
    """Mark what the sentence's cues cover. `answered`: it is a question, and the next sentence settles it."""
    for hit in clauses.hits:
        status = status_of(hit.cue)
        if status is None or (answered and clauses.words[hit.first] == "?") or _counts(clauses, hit):
            continue
        if clauses.words[hit.first] in BOXES and clauses.boxes_close:
            reach.mark(status, clauses.after_box(hit.first), hit.first, hit.first)
        elif _turns_back(clauses, hit):
            _mark_backward(clauses, reach, hit, status)
        elif _doubts(clauses, hit):
            end = clauses.end(Hit(hit.first, hit.last, Cue("possible", limit=_DOUBT, listed=True)))
            reach.mark(status, hit.last, end, hit.first)
        elif hit.cue.reach != "before" and not clauses.is_value(hit):
            _mark_forward(clauses, reach, hit, status)


def _counts(clauses: Clauses, hit: Hit) -> bool:
    """Whether "versus" stands between two numbers and doubts nothing."""
    return clauses.words[hit.first] in {"vs", "versus"} and clauses.word(hit.last)[:1].isdigit()


def _turns_back(clauses: Clauses, hit: Hit) -> bool:
    """Whether the cue speaks of what stands before it."""
    word, before, after = clauses.words[hit.first], clauses.word(hit.first - 1), clauses.word(hit.last)
    at_end = hit.last >= clauses.last
    if hit.cue.reach == "before":
        return word != "?" or (hit.first > clauses.first and at_end and not _asks(clauses))
    if word in {"vs", "versus"}:
        return hit.first > clauses.first
    if hit.cue.reach == "after" or hit.first == clauses.first:
        return False
    if before == "-" and word in {"negative", "positive"}:
        return True
    if before in BE and after == "to":
        return False
    return at_end or after in _TURNS


def _asks(clauses: Clauses) -> bool:
    """Whether the sentence's question mark is one of grammar and not of doubt, as that of "asthma?" is."""
    return clauses.last - clauses.first > _DOUBT or clauses.words[clauses.first] in _ASKERS


def _doubts(clauses: Clauses, hit: Hit) -> bool:
    """Whether a question mark stands before what is in doubt: "?TIA", "impression: ? pneumonia"."""
    glued = hit.last < clauses.last and clauses.glued(hit.last)
    return clauses.words[hit.first] == "?" and (
        glued or clauses.word(hit.first - 1) in {"", ":", ",", ";", "(", "--"}
    )


def _mark_forward(clauses: Clauses, reach: Reach, hit: Hit, status: Assertion) -> None:
    if status == "historical" and lasting(clauses.words, hit, clauses.first):
        return
    if hit.cue.drug and clauses.word(hit.last) in {",", ";", "and"}:
        return  # "metformin stopped, insulin started"
    end = clauses.end(hit)
    if status == "absent" and (over := _any_more(clauses, hit.last, min(end, hit.last + 20))) is not None:
        status, end = "historical", over
    reach.mark(status, hit.last, end, hit.first, drug=hit.cue.drug)


def lasting(words: Sequence[str], hit: Hit, first: int) -> bool:
    """Whether "history of" only gives a duration: "3-day history of cough" is of now."""
    if not words[hit.first].startswith(("hist", "hx")):
        return False
    return any(words[place] in _UNITS for place in range(max(hit.first - 3, first), hit.first))


def _any_more(clauses: Clauses, first: int, last: int) -> int | None:
    """Where "anymore", or "any more" at the end of its clause, stands between two words."""
    for place in range(first, last):
        if clauses.words[place] == "anymore":
            return place
        if clauses.words[place] == "any" and clauses.word(place + 1) in {"more", "longer"}:
            after = clauses.word(place + 2)
            if after in _TURNS or place + 2 in clauses.stops:
                return place
    return None


def _mark_backward(clauses: Clauses, reach: Reach, hit: Hit, status: Assertion) -> None:
    before = clauses.word(hit.first - 1)
    if before in {"not", "n't"} and status == "historical":
        return
    start = clauses.start(hit.first, limit=hit.cue.limit)
    if hit.cue.limit and before == "-":
        start = max(start, hit.first - 1 - hit.cue.limit)
    reach.mark(status, start, hit.first, hit.first, drug=hit.cue.drug)
    if clauses.words[hit.first] in {"vs", "versus"}:
        reach.mark(status, hit.last, min(hit.last + hit.cue.limit, clauses.last), hit.first)


def mark_dates(clauses: Clauses, reach: Reach) -> None:
    """Dates far back: "in 2015", "ten years ago", "at age 12". The start of something lasting is not past."""
    if _ONSET & set(clauses.words[clauses.first : clauses.last]):
        return
    for place in range(clauses.first, clauses.last):
        start = _date_start(clauses, place)
        if start is None:
            continue
        if start <= clauses.first + 1 or clauses.word(start - 1) == ",":
            reach.mark("historical", place + 1, clauses.until(start, place + 1), start)
        reach.mark("historical", clauses.past_start(start), start, start)


def _date_start(clauses: Clauses, place: int) -> int | None:
    """The first word of the date far back that ends at `place`, if one does."""
    word, before = clauses.words[place], clauses.word(place - 1)
    if word == "ago" and before in {"years", "decades", "yrs"}:
        return place - 2
    if re.fullmatch(r"(?:19|20)\d\d", word) and before in _SINCE_WHEN:
        return place - 1
    if word.isdigit() and before in {"age", "aged"} and clauses.word(place - 2) == "at":
        return place - 2
    return None
