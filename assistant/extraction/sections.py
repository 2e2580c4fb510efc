"""The layout of a note or a message: words with offsets, sentences, and sections by their headers.

Every pass is one scan from left to right. It does not know what any sentence means, and it does not parse
tables beyond their separators. Offsets are code points of the text as given.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass

from assistant.types import Assertion


def bag(words: str) -> frozenset[str]:
    """The set of the words in a string."""
    return frozenset(words.split())


_TOKEN = re.compile(
    r"\[[ xX]?\]|(?<!\w)[+−–-]ve\b|\b[A-Za-z]/[A-Za-z]\b|\b(?:e\.g|i\.e)\b"
    r"|[^\W\d_]+(?:['’][^\W\d_]+)*|\d+(?:[.,]\d+)*|[^\w\s]|_"
)
_DASHES = frozenset("-−–—")
_BULLETS = frozenset("-−–—*•●▪◦·‣")
_ABBREVIATIONS = bag("dr mr mrs ms prof vs fig figs approx pt st resp e.g i.e hx dx cf al")
_LEADS_ON = bag(
    """and or nor of no not with without the a an any to for in from by has have had denies denied is was ,"""
) | {","}
# What a form says of the name before it.
VALUES: dict[str, Assertion] = {
    **dict.fromkeys(
        ("no", "none", "nil", "negative", "absent", "denied", "denies", "neg", "n", "nope", "never"), "absent"
    ),
    **dict.fromkeys(("yes", "y", "present", "positive", "yeah", "yep", "pos"), "present"),
    **dict.fromkeys(("possible", "unknown", "unsure", "maybe", "unclear"), "possible"),
}
# A line shorter than this was ended on purpose; a longer one may have been wrapped by an editor.
_WRAPPED = 45

_HEADERS: dict[str, Assertion | None] = {
    "family": "family",
    "past": "historical",
    "hypothetical": "hypothetical",
    "possible": "possible",
    "absent": "absent",
    "other": None,
}
_NAMES = {
    "family": r"family (?:medical )?history|family hx|fh|fhx|fmhx|fam hx",
    "past": r"(?:past|previous|prior) (?:medical|surgical|psychiatric|obstetric|ocular)? ?(?:history|hx)"
    r"|past medical and surgical history|(?:medical|surgical|psychiatric) (?:history|hx)|pmhx?|pshx?|pmsh"
    r"|(?:past|resolved|previous) (?:problems|illnesses|conditions|diagnoses)",
    "hypothetical": r"return precautions|(?:discharge |safety.net(?:ting)? )?(?:instructions|advice)"
    r"|safety net|precautions|(?:possible )?side effects|risks(?: and benefits)?",
    "possible": r"differential(?: diagnos[ie]s)?|ddx|rule out|r/o|suspected diagnos[ie]s|query",
    "absent": r"(?:pertinent |relevant )?negatives",
    "other": r": r|(?:chief|presenting) complaints?|cc|history|review of systems|ros|social history|sh"
    r"|shx|allerg(?:y|ies)|(?:current |home )?medications?|meds|physical exam(?:ination)?"
    r"|exam(?:ination)?|o/e|pe(?=:)|vitals?(?: signs)?|labs?|laboratory (?:data|results)|imaging|results"
    r"|investigations|findings|impression|assessment(?: and plan)?|a/p|plan|diagnos[ie]s|discussion"
    r"|conclusions?|case(?: report| presentation)?|subjective|objective|hospital course|procedures?"
    r"|treatment|follow.?up|(?:pertinent )?positives|symptoms|signs|indication|summary|problem list",
}
_HEADER = re.compile(
    r"(?im)(?:^[ \t]{0,8}(?:[#*>•-]{1,6}[ \t]{0,4}|\d{1,2}[.)][ \t]{0,4})?|(?<=[.;,])[ \t]{1,4})(?:"
    + "|".join(f"(?P<{kind}>{names})" for kind, names in _NAMES.items())
    + r")[ \t]{0,4}\*{0,2}(?::|[ \t]{0,4}$|[ \t][-–—][ \t])"
)
# Any other line that is a title by its looks closes the section before it.
_TITLE = re.compile(
    r"(?m)^[ \t]{0,8}(?:[A-Z][A-Za-z/&-]{1,20}+[ \t]?){1,5}+:[ \t]*$|^[A-Z][A-Z /&-]{3,40}:|^#{1,6}[ \t]"
)
_BLANK = re.compile(r"\n[ \t]*(?=\n)")


@dataclass(frozen=True)
class Section:
    """Text from the end of a header to `end`, and what the header says of the problems listed there."""

    start: int
    end: int
    status: Assertion | None


@dataclass(frozen=True)
class Sentence:
    """Words `first` up to `last` (exclusive). `bullet`: it opens with a list mark. `gap`: breaks before."""

    first: int
    last: int
    bullet: bool
    gap: int


class Words:
    """The words of a text in lower case with straight apostrophes, and where each starts and ends.

    A dash is told apart by its spaces: "-" inside a word, "--" between two, "-x" before one, "x-" after one.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.words: list[str] = []
        self.starts: list[int] = []
        self.ends: list[int] = []
        self.breaks: list[int] = []
        end = 0
        for match in _TOKEN.finditer(text):
            start = match.start()
            self.words.append(_plain(text, match))
            self.starts.append(start)
            self.breaks.append(text.count("\n", end, start))
            end = match.end()
            self.ends.append(end)

    def __len__(self) -> int:
        return len(self.words)

    def word(self, index: int) -> str:
        """The word at `index`, or "" beyond either end."""
        return self.words[index] if 0 <= index < len(self.words) else ""

    def between(self, start: int, end: int) -> tuple[int, int]:
        """The words that touch the characters from `start` to `end`: first, last exclusive."""
        first = bisect_right(self.ends, start)
        return first, max(first, bisect_left(self.starts, end))

    def glued(self, index: int) -> bool:
        """Whether no space stands before the word at `index`."""
        return 0 < index < len(self.words) and self.ends[index - 1] == self.starts[index]


def _plain(text: str, match: re.Match[str]) -> str:
    word = match[0].lower().replace("’", "'")
    if word.endswith("ve") and word[0] in _DASHES:
        return "-ve"
    if word not in _DASHES:
        return word
    before = text[match.start() - 1] if match.start() else " "
    after = text[match.end()] if match.end() < len(text) else " "
    loose_before = before.isspace() or before in "(,;:"
    loose_after = after.isspace() or after in "),;:.?!"
    if loose_before and loose_after:
        return "-x" if before == "(" else "--"
    if word in "–—" and not (before.isdigit() and after.isdigit()):
        return "--"
    if loose_before:
        return "-x"
    return "x-" if loose_after else "-"


def sentences(words: Words) -> list[Sentence]:
    """The sentences and list items in order; together they hold every word."""
    found: list[Sentence] = []
    first = 0
    line = 0
    for index in range(1, len(words) + 1):
        if index == len(words) or _ends_before(words, index, line):
            found.append(Sentence(first, index, _lists(words, first), words.breaks[first] if first else 2))
            first = index
        if index < len(words) and words.breaks[index]:
            line = index
    return found


def _lists(words: Words, first: int) -> bool:
    """Whether the sentence from `first` opens with a list mark: a bullet, or a number at the line's start."""
    if words.words[first] in _BULLETS | {"--"}:
        return True
    opens = first == 0 or words.breaks[first] > 0
    return (
        opens
        and words.words[first].isdigit()
        and words.word(first + 1) in {".", ")"}
        and words.glued(first + 1)
    )


def _ends_before(words: Words, index: int, line: int) -> bool:
    """Whether a sentence ends before the word at `index`; `line` is where the line before it began."""
    last = words.words[index - 1]
    if words.breaks[index]:
        return _line_ends(words, index, line)
    if words.glued(index):
        return last == "." and _no_space(words, index)
    if last == "?":
        return words.glued(index - 1)
    if last == "!":
        return True
    if last != "." or not words.glued(index - 1):
        return last == "|" and words.words[index] not in VALUES
    before = words.word(index - 2)
    if before in _ABBREVIATIONS or (index - 2 == line and before.isdigit()):
        return False
    return not (len(before) == 1 and before.isalpha() and words.text[words.starts[index]].islower())


def _no_space(words: Words, index: int) -> bool:
    """Whether only a space is missing before the next sentence: "no fever.Cough for two days"."""
    before = words.word(index - 2)
    return len(before) > 2 and before.isalpha() and words.text[words.starts[index]].isupper()


def _line_ends(words: Words, index: int, line: int) -> bool:
    """Whether a line break is an end, or only where an editor wrapped the line."""
    last, following = words.words[index - 1], words.words[index]
    if words.breaks[index] > 1 or following in _BULLETS | {"--", "+", "-x", "[ ]", "[]", "[x]"}:
        return True
    if last in _LEADS_ON:
        return last in VALUES and _is_answer(words, index, line)
    if any(words.word(index + ahead) == ":" for ahead in (1, 2, 3)):
        return True
    wrapped = words.ends[index - 1] - words.starts[line] >= _WRAPPED
    return not (wrapped and last not in {".", "!", "?", ":"} and words.text[words.starts[index]].islower())


def _is_answer(words: Words, index: int, line: int) -> bool:
    """Whether a line ends in a form's answer ("diabetes: no") and not in the middle of "has no / fever"."""
    if words.word(index - 2) in {":", "=", "|", "--", "-", "?"}:
        return True
    short = words.ends[index - 1] - words.starts[line] < _WRAPPED
    return short and index - line > 1 and words.text[words.starts[index]].isupper()


def headers(text: str) -> list[tuple[int, int]]:
    """(start, end) of the headers that are known by name ("Medication:"), in order."""
    return [match.span() for match in _HEADER.finditer(text)]


def sections(text: str) -> list[Section]:
    """The sections in order: each from its header to the next header, title or blank line."""
    headers = list(_HEADER.finditer(text))
    closers = sorted(
        [match.start() for match in headers]
        + [match.start() for match in _TITLE.finditer(text)]
        + [match.start() for match in _BLANK.finditer(text)]
    )
    found = []
    for match in headers:
        start = match.end()
        # A blank line straight after the header belongs to the header.
        content = start + len(text[start : start + 200]) - len(text[start : start + 200].lstrip())
        place = bisect_right(closers, max(content - 1, start))
        end = closers[place] if place < len(closers) else len(text)
        found.append(Section(start, end, _HEADERS[match.lastgroup or "other"]))
    return found
