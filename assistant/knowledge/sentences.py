"""Where the sentences of an answer or a note begin and end.

Pure rules on characters. They know list items, line breaks, decimals, initials, citation markers such as
``[1]`` and the abbreviations of clinical notes. They don't parse grammar: a line break followed by a
capital, a digit or a list mark always ends a sentence.
"""

from __future__ import annotations

import re

Span = tuple[int, int]

_TERMINATOR = re.compile(r"[.!?…]+")
_CLOSERS = re.compile(r"[\"'”’)\]»*_]*")
# The last alternative is a marker that is still arriving; taking it along keeps streaming stable.
_MARKERS = re.compile(r"(?:[ \t]*\[\d+(?:\s*,\s*\d+)*\])*(?:[ \t]*\[[\d,\s]*\Z)?")
_BREAK = re.compile(r"[ \t]*\n\s*")
_WORD_BEFORE = re.compile(r"[\w.]+\Z")
_LIST_NUMBER = re.compile(r"(?:\A|\n)[ \t]*\d{1,3}\Z")

# Never the end of a sentence: something always follows.
_OPEN_WORDS = "dr mr mrs ms prof st vs e.g i.e eg ie cf approx fig ca dept nos resp incl excl sr jr rev"
# May end a sentence, so the next letter decides: a capital begins a new one.
_EITHER_WORDS = """etc a.m p.m b.i.d t.i.d q.i.d q.d p.r.n p.o i.v i.m s.c q.h q.h.s h.s min max hr hrs wk mo
    yr yrs"""
# "vitamin D." ends a sentence while "J. Smith" does not.
_LETTERED_WORDS = "vitamin hepatitis influenza type group stage class grade protein factor"
_OPEN = frozenset(_OPEN_WORDS.split())
_EITHER = frozenset(_EITHER_WORDS.split())
_LETTERED = frozenset(_LETTERED_WORDS.split())


def split(text: str) -> tuple[Span, ...]:
    """Sentences of `text` as (start, end) offsets in code points, end exclusive.

    Spans are trimmed of white space, never empty, in order and without overlap; together they hold every
    character that isn't white space. `split(prefix)[:-1]` is always a beginning of `split(whole)`.
    """
    spans: list[Span] = []
    start = 0
    for end in _boundaries(text):
        _add(text, start, end, spans)
        start = end
    _add(text, start, len(text), spans)
    return tuple(spans)


def completed(text: str) -> tuple[Span, ...]:
    """The sentences that no further text can change: all but the last one that has begun."""
    return split(text)[:-1]


def texts(text: str) -> tuple[str, ...]:
    """The sentences themselves."""
    return tuple(text[start:end] for start, end in split(text))


def _add(text: str, start: int, end: int, spans: list[Span]) -> None:
    piece = text[start:end]
    if stripped := piece.strip():
        begin = start + len(piece) - len(piece.lstrip())
        spans.append((begin, begin + len(stripped)))


def _boundaries(text: str) -> list[int]:
    """Offsets at which a new sentence begins, ascending."""
    found: list[int] = []
    position = 0
    while position < len(text):
        character = text[position]
        if character in ".!?…":
            position, boundary = _after_terminator(text, position)
            if boundary:
                found.append(position)
        elif character == "\n":
            end = _break_end(text, position)
            following = text[end : end + 1]
            if not following.islower() or text.count("\n", position, end) > 1:
                found.append(end)
            position = end
        else:
            position += 1
    return found


def _break_end(text: str, position: int) -> int:
    match = _BREAK.match(text, position)
    return match.end() if match else position + 1


def _after_terminator(text: str, position: int) -> tuple[int, bool]:
    """Where reading goes on after the full stop at `position`, and whether a sentence ends there."""
    match = _TERMINATOR.match(text, position)
    assert match is not None
    end = match.end()
    for pattern in (_CLOSERS, _MARKERS):
        trailing = pattern.match(text, end)
        assert trailing is not None
        end = trailing.end()
    rest = text[end:]
    following = rest.lstrip()[:1]
    if not following or not rest[0].isspace():
        return end, False
    if "\n" in rest[: len(rest) - len(rest.lstrip())]:
        return end, False  # the line break decides
    if match.group() != ".":
        return end, not following.islower()
    return end, _full_stop_ends(text, position, following)


def _full_stop_ends(text: str, position: int, following: str) -> bool:
    if following.islower():
        return False
    before = text[:position]
    if _LIST_NUMBER.search(before[-6:] if len(before) > 6 else before):
        return False
    match = _WORD_BEFORE.search(before[-24:])
    word = match.group() if match else ""
    lowered = word.lower()
    if lowered in _OPEN:
        return False
    if lowered in _EITHER:
        return True
    if lowered == "no" and word == "No":
        return not following.isdigit()
    if len(word) == 1 and word.isupper():
        previous = before[: len(before) - 1].split()[-1:]
        return bool(previous) and (previous[0][0].islower() or previous[0].lower() in _LETTERED)
    return True
