"""Where a sentence speaks of a relative and not of the patient.

A relative's word counts when the relative has something ("my dad had a stroke"), not when the relative only
tells, brings or notices something ("brought in by his mother with fever").
"""

from __future__ import annotations

from collections.abc import Iterator

from assistant.extraction.clauses import Clauses
from assistant.extraction.sections import Sentence, Words, bag
from assistant.types import Assertion

_WOMEN = bag(
    """mother mom mum mommy mummy sister sisters aunt aunts auntie grandmother grandma granny nan niece
    daughter wife"""
)
_MEN = bag(
    """father dad daddy brother brothers uncle uncles grandfather grandpa grandad granddad nephew son
    husband"""
)
_BOTH = bag(
    """parent parents sibling siblings cousin cousins grandparent grandparents relatives relative twin
    child children daughters sons nieces nephews spouse partner half-brother half-sister grandson
    granddaughter family"""
)
_NOTHING = bag("none nil negative unremarkable noncontributory nad no")
KIN = _WOMEN | _MEN | _BOTH
# "child" and "son" name the patient in a children's ward; they need an owner to be a relative.
_OWNED = bag("child children son daughter twin family partner")
_OWNERS = bag("my his her their our the patient's 's whose")
_HAS = bag(
    """has had have died dies was is were are suffered suffers with got gets developed develops takes took
    passed carries carried experienced diagnosed deceased being having affected who : ( -- 's lives
    lived dying survived also both all healthy smoked drank used"""
)
_TELLS = bag(
    """reports reported says said states stated notes noted noticed notices denies denied describes
    described thinks thought believes worried brought observed saw gave found told tells called recalls
    mentions concerned witnessed calls feels asks asked wants convinced made took drove takes"""
)
_LINKS = bag(
    """and or also maternal paternal & , in law - side of 's on the both older younger elder elderly late '
    aged age great step half his her my our their who now first second"""
)
_BY = bag("by per to via accompanied from for")
_BACK = bag("i've baby i girl pt boy infant patient myself i'm patient's proband")
_NOW = bag("""presents presented presenting complains complained now today currently admits""")


def reaches(clauses: Clauses) -> Iterator[tuple[int, int, int]]:
    """The words that tell of a relative: first, last (exclusive) and the place of the relative's word."""
    place = clauses.first
    while place < clauses.last:
        word = clauses.words[place]
        kin = word.removesuffix("'s")
        if kin not in KIN or not _is_relative(clauses, place, kin):
            place += 1
            continue
        if _said_before(clauses, place):
            yield _clause_start(clauses, place), place, place
        verb = place + 1 if word == kin else place
        while (
            verb < clauses.last
            and (clauses.words[verb] in _LINKS | KIN or clauses.words[verb].isdigit())
            and verb < place + 12
        ):
            verb += 1
        if word != kin:
            follows = not {clauses.word(place + step) for step in range(1, 5)} & _TELLS
        else:
            follows = _has(clauses, place, verb)
        if follows:
            end = _returns(clauses, max(verb, place + 1), kin)
            yield place + 1, end, place
            place = end
        place = max(place + 1, verb)


def _is_relative(clauses: Clauses, place: int, kin: str) -> bool:
    if (
        clauses.word(place + 1) in {"history", "doctor", "physician", "tree", "planning", "medical"}
        and kin == "family"
    ):
        return False
    return kin not in _OWNED or clauses.word(place - 1) in _OWNERS or clauses.word(place - 2) in _OWNERS


def _has(clauses: Clauses, place: int, verb: int) -> bool:
    """Whether the relative is the one who has it: a verb of having follows, not one of telling."""
    if verb >= clauses.last:
        return False
    joined = set(clauses.words[place:verb])
    if "i" in joined or (clauses.words[verb] == "i" and "and" in joined):
        return False
    by = clauses.word(place - 1) in _BY or clauses.word(place - 2) in _BY
    if (
        by
        and clauses.words[verb] in {"with", ",", "who", "("}
        and "born" not in clauses.words[max(0, place - 5) : place]
    ):
        return False
    if clauses.words[verb] in _TELLS:
        return False
    if {clauses.word(verb + 1), clauses.word(verb + 2)} & (_TELLS - {"took", "takes", "found"}):
        return False
    return clauses.words[verb] in _HAS or clauses.words[verb] in {
        "doesn't",
        "didn't",
        "never",
        "hasn't",
        "had",
        "recently",
    }


def _said_before(clauses: Clauses, place: int) -> bool:
    """ "Diabetes in his mother", "cancer on my father's side"."""
    for back in range(place - 1, max(place - 5, clauses.first) - 1, -1):
        word = clauses.words[back]
        if word == "in":
            return clauses.word(back - 1) not in {"brought", "came", "lives", "confided"}
        if word == "on":
            return "side" in {clauses.word(place + 1), clauses.word(place + 2)}
        if word not in _OWNERS | _LINKS | KIN | {"a", "his", "her", "degree"}:
            return False
    return False


def _clause_start(clauses: Clauses, place: int) -> int:
    """How far back "in his mother" reaches: to the verb or the full break before it."""
    for back in range(place - 1, max(place - 20, clauses.first) - 1, -1):
        if clauses.words[back] in {";", ":", "but", "has", "had", "is", "was", "mother", "father"}:
            return back + 1
    return max(place - 20, clauses.first)


def _returns(clauses: Clauses, start: int, kin: str) -> int:
    """Where the patient is the subject again, or the sentence ends."""
    other = {"he", "he's"} if kin in _WOMEN else {"she", "she's"} if kin in _MEN else set()
    for place in range(start, clauses.last):
        word = clauses.words[place]
        if word in _BACK or word in other or word == "but":
            return place
        if word == "my" and clauses.words[place - 1] in {"and", ","} and not _kin_ahead(clauses, place + 1):
            return place
    return clauses.last


def _kin_ahead(clauses: Clauses, place: int) -> bool:
    return any(clauses.word(place + step).removesuffix("'s") in KIN for step in range(3))


def is_empty(words: Words, first: int, last: int) -> bool:
    """Whether a section opens with nothing but "none": what stands after that is not of the section."""
    said = [word for word in words.words[first : min(last, first + 4)] if word not in {".", ":", "--"}]
    return len(said) == 1 and last - first < 4 and said[0] in _NOTHING


def leaves_section(words: Words, sentence: Sentence, status: Assertion) -> bool:
    """Whether a sentence inside a section tells of the patient's present again."""
    opening = words.words[sentence.first : min(sentence.last, sentence.first + 5)]
    if not opening:
        return False
    about = opening[0] in {"he", "she", "i", "patient", "pt", "we"} or opening[:2] == ["the", "patient"]
    if status == "family":
        return about
    if status == "historical":
        return (about and bool(_NOW & set(opening))) or opening[0] in {"now", "today", "currently"}
    return False
