"""A sentence with its cues, and where in it a cue's reach begins and ends.

Clauses are told by their marks: stop words, commas and conjunctions before a verb, the verbs themselves.
Nothing outside the sentence is looked at, so what follows in a note never changes what stood before it.
"""

from __future__ import annotations

from collections.abc import Sequence

from assistant.extraction import cues
from assistant.extraction.cues import Cue, Hit
from assistant.extraction.sections import VALUES, Sentence, Words, bag
from assistant.types import Assertion

# The furthest a cue reaches, in words: longer than any real list, and it keeps the work linear.
FORWARD, BACK = 80, 40

BOXES = frozenset({"[ ]", "[]", "[x]", "☐", "□", "☑", "☒", "✓", "✔", "✗", "✘"})
BE = bag("is are was were be been being remain remains remained isn't wasn't")
FINITE = bag(
    """is are was were has had have does did i've he's she's they've i'm they're i'd shows showed reveals
    revealed presents presented reports reported complains complained admits endorses develops developed
    feels felt gets got experiences experienced noticed notices states describes described demonstrated
    began started continues continued became worsened appears suffers says said came went remains
    remained takes took smokes smoked drinks hurts comes goes keeps lives works needs wants
    it's that's there's"""
)
_JOINS = bag("; , and or nor / & --")
_PASSIVE = bag(
    """reported noted seen present observed found identified detected elicited described documented
    appreciated heard evident visualized visualised demonstrated there denied absent negative not ruled
    excluded unremarkable"""
)
FILLERS = bag(
    """that he she they i it we you patient the a an there pt whether if any really ever actually currently
    been have has had to having being yet also personally significant recently reported recent known be
    even : not is"""
)
_MARKS = frozenset({":", "--", "=", "|", "(", "?", "-x"})
_CLOSERS = frozenset({"", ",", ";", ".", ")", "|"})
_THEN = bag("call return see take go you we i he she they please then consider it start come seek the")
_LISTS_ON = bag("denies denied deny negative denying")


class Clauses:
    """The words `first` up to `last` of one sentence, their cues, and the clause boundaries between them."""

    def __init__(self, words: Words, sentence: Sentence) -> None:
        self.words = words.words
        self.glued = words.glued
        self.first, self.last = sentence.first, sentence.last
        self.sentence = sentence
        self.hits: Sequence[Hit] = cues.find(words.words, self.first, self.last)
        self.stops = self._stops()
        opening = self.words[self.first + sentence.bullet : self.first + sentence.bullet + 1]
        self.boxes_close = self.words[self.last - 1] in BOXES and not BOXES & set(opening)
        self.joins, self.links = self._joins()

    def word(self, place: int) -> str:
        """The word at `place`, or "" outside the sentence."""
        return self.words[place] if self.first <= place < self.last else ""

    def after_box(self, place: int) -> int:
        """The first word that the tick box at `place` may belong to when boxes stand after their names."""
        start = place
        while start > max(self.first, place - BACK) and self.words[start - 1] not in BOXES:
            start -= 1
        return start

    def _stops(self) -> dict[int, str]:
        """The words where a reach ends: the first word of a stop or affirming cue that counts here."""
        stops: dict[int, str] = {}
        for hit in self.hits:
            if hit.cue.kind in ("stop", "affirm"):
                passive = hit.cue.kind == "affirm" and self.word(hit.first - 1) in BE | {"not", "no"}
                if not passive:
                    stops[hit.first] = hit.cue.kind
        return stops

    def _joins(self) -> tuple[set[int], set[int]]:
        """The commas and conjunctions that open a clause of its own: a verb follows before the next one.

        Second, those before a verb that only says that something was seen: "no edema seen, rash is present".
        """
        joins, links = set(), set()
        verb_ahead = seen_ahead = False
        for place in range(self.last - 1, self.first - 1, -1):
            word = self.words[place]
            if word in _JOINS:
                if verb_ahead and self.word(place + 1) not in {"that", "having"}:
                    joins.add(place)
                if seen_ahead and word not in {"or", "nor", "/"}:
                    links.add(place)
                verb_ahead = seen_ahead = False
            elif self.stops.get(place) == "stop":
                verb_ahead = seen_ahead = False
            elif word in FINITE:
                passive = word in BE | {"has", "have", "had"} and self._participle(place)
                verb_ahead = verb_ahead or not passive
                seen_ahead = seen_ahead or passive
        return joins, links

    def _participle(self, place: int) -> bool:
        """Whether the verb at `place` only says that something was seen or not: "was not present"."""
        return any(self.word(place + step) in _PASSIVE for step in (1, 2))

    def value(self, place: int) -> Assertion | None:
        """What the word at `place` says as the value of the name before it, if it is one: "fever: no"."""
        word, before, after = self.words[place], self.word(place - 1), self.word(place + 1)
        status = VALUES.get(word)
        if status is None or before in BE:
            return None
        if after not in _CLOSERS | {"/", "!"} and before not in {"=", "|", ":"}:
            return None
        if before not in _MARKS and (after in {",", "/"} or word in {"n", "y", "present", "possible"}):
            return None
        if before == ":" and after not in _CLOSERS and self.word(place + 2) != ":":
            return None
        return status

    def is_value(self, hit: Hit) -> bool:
        """Whether a cue is the value of the name before it, and so says nothing of what follows."""
        marked = (
            hit.last == hit.first + 1 and hit.first - 1 > self.first and self.word(hit.first - 1) in _MARKS
        )
        return marked and self.value(hit.first) is not None

    def end(self, hit: Hit) -> int:
        """Where the forward reach of a cue ends (exclusive)."""
        cue = hit.cue
        furthest = min(self.last, hit.last + (cue.limit or FORWARD))
        fresh = True  # nothing but small words since the cue
        seen = False  # the clause has had its verb
        depth = 0
        for place in range(hit.last, furthest):
            word = self.words[place]
            depth += (word == "(") - (word == ")")
            if depth < 0 and place > hit.last:
                return place  # what is said in brackets stays in them
            if self.stops.get(place) == "stop" and not (fresh and (cue.wide or self._reason(hit, place))):
                return place
            if cue.wide:
                if self._condition_over(hit, place):
                    return place
                continue
            if not fresh and (self.stops.get(place) or (word in FINITE and not self._passive(place))):
                return place
            if not fresh and (place in self.joins or (seen and place in self.links)):
                return place
            seen = seen or self._passive(place)
            if self._narrow(hit, place):
                return place
            fresh = fresh and word in FILLERS | {"present", "report", "complain"} | FINITE
        return furthest

    def _reason(self, hit: Hit, place: int) -> bool:
        """Whether the doubt is about the reason: "likely due to dehydration"."""
        return hit.cue.kind == "possible" and self.words[place] in {"due", "secondary", "caused"}

    def _condition_over(self, hit: Hit, place: int) -> bool:
        """Whether what is to be done begins here: "if fever develops, call us"."""
        opens = self.words[hit.first] in {"if", "unless", "should"} and self.words[place] == ","
        return opens and self.word(place + 1) in _THEN

    def _passive(self, place: int) -> bool:
        return self.words[place] in BE and self._participle(place)

    def _narrow(self, hit: Hit, place: int) -> bool:
        """Ends that hold for some cues only."""
        word, cue = self.words[place], hit.cue
        if word == ";":
            return self.words[hit.first] not in _LISTS_ON
        if word == "," and cue.kind == "hypothetical" and self.word(place + 1) in _THEN:
            return True
        if word == "to" and cue.drug and self.words[hit.first] in {"switched", "changed"}:
            return True
        if word == "for" and (cue.kind == "absent" or cue.drug):
            return True
        if word == "with" and cue.kind == "possible":
            return True
        if word in {",", "--"} and (cue.listed or self.words[hit.first] in {"without", "w/o"}):
            ahead = self.words[place + 1 : min(place + 14, self.last)]
            return not ({"or", "nor", "vs", "versus"} & set(ahead)) or (cue.kind == "historical")
        return word == "--" and place > hit.last and cue.kind != "absent"

    def start(self, place: int, *, limit: int = 0) -> int:
        """Where a backward reach from the word at `place` begins."""
        lowest = max(self.first, place - (limit or BACK))
        join = None
        own = True  # still in the verb group of the cue itself
        depth = 0
        for back in range(place - 1, lowest - 1, -1):
            word = self.words[back]
            if own and (
                word in BE | {"has", "have", "had", "been", "also", "all", "both", ":", "--", "now", "since"}
                or word in {"did", "does"}
            ):
                continue
            depth += (word == ")") - (word == "(")
            if depth < 0:
                if own:
                    depth = 0
                    continue
                return back + 1
            own = False
            if back in self.stops or (word in VALUES and self.word(back + 1) in {",", ";", ")"}):
                return (join if join is not None and self.stops.get(back) == "affirm" else back) + 1
            if word in FINITE:
                return (join if join is not None else back) + 1
            if back in self.joins or word == ";":
                return back + 1
            if word == "," and join is None:
                join = back
        return lowest

    def past_start(self, place: int) -> int:
        """A date reaches back over its own clause, verb and all."""
        lowest = max(self.first, place - BACK)
        for back in range(place - 1, lowest - 1, -1):
            if back in self.joins or self.words[back] in {"but", ";", "now", "who", "however"}:
                return back + 1
        return lowest

    def until(self, start: int, place: int) -> int:
        """Where the reach of a date at the words `start` to `place` ends when it opens its clause."""
        return self.end(Hit(start, place, Cue("historical")))
