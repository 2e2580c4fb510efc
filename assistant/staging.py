"""Which Hoehn and Yahr stage a note's words fit: rules that name the words they rest on.

The modified scale (Hoehn and Yahr 1967; Goetz et al. 2004, Movement Disorders 19:1020). A stage is a
clinician's judgement at an examination; this only says which stage the written words describe. It
doesn't weigh the severity of single signs and does not follow a patient over time.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from assistant.extraction.assertion import assign
from assistant.types import Assertion

# Wolff-Parkinson-White is a disorder of the heart.
_PARKINSON = re.compile(r"(?i)(?<!wolff[-–\s])\bparkinson")
_NUMBER = r"(?:1\.5|2\.5|[1-5])(?![.,]?\d|/(?!5\b)\d|\s?(?:years?|months?|weeks?|days?)\b)\b"
_SCALE = r"\b(?:hoehn\s{0,3}(?:and|&|-|–)\s{0,3}yahr|h\s?&\s?y|h/y)\b"
# Every gap is bounded, or a line of spaces would take minutes.
_STATED = re.compile(
    rf"(?i){_SCALE}(?:\s{{0,3}}\(h\s?[&/]\s?y\))?[\s:,]{{0,3}}(?:scale)?[\s:,]{{0,3}}"
    rf"(?:(?:stage)?[\s:,]{{0,3}}(?P<after>{_NUMBER})|stage[\s:,]{{0,3}}(?P<roman>i{{1,3}}|iv|v)\b)"
    rf"|\bstage\s{{0,3}}(?P<before>{_NUMBER})\s{{1,3}}(?:on|of|by|in)\s(?:the\s)?(?:modified\s)?{_SCALE}"
)
# Where an editor wrapped a line; a space in its place leaves the offsets as they are.
_WRAP = re.compile(r"(?<=\S)\n(?=[a-z])")
_ROMAN = {"i": "1", "ii": "2", "iii": "3", "iv": "4", "v": "5"}
# From the highest stage down; the first cue that holds decides.
_CUES: tuple[tuple[str, str, str], ...] = (
    (
        "5",
        "needs a wheelchair or stays in bed",
        r"wheel-?chair(?:[ -]bound)?|bed-?(?:bound|ridden)|confined to (?:a )?bed",
    ),
    (
        "4",
        "severe disability, still able to stand or walk",
        r"(?:needs|requires|with) (?:much |a lot of )?(?:help|assistance) (?:with|for|in) "
        r"(?:most|all|dressing|washing|eating|walking)"
        r"(?: [\w-]+){0,3}|severe(?:ly)? disab\w+|(?:walks|stands) only with (?:help|assistance)",
    ),
    (
        "3",
        "balance is impaired",
        r"postural instability|balance (?:is |was )?(?:impaired|poor|lost)"
        r"|(?:impaired|poor|loss of) (?:balance|postural reflexes)"
        r"|(?<!pressure )(?:frequent |recurrent |repeated |several )?falls\b(?! asleep)"
        r"|(?:would|does) fall(?: unless (?:caught|held))?(?= on| if| unless)"
        r"|positive pull[- ]test|pull[- ]test (?:is |was )?(?:positive|abnormal)"
        r"|(?:does|did) not recover on (?:the )?pull[- ]test",
    ),
)
_RECOVERS = re.compile(
    r"(?i)\bpull[- ]test[^.\n]{0,40}\b(?:recovers?|recovered)\b(?:[^.\n]{0,20}(?<=\w)(?!\w))?"
    r"|\b(?:recovers?|recovered)\b[^.\n]{0,40}\bpull[- ]test\b"
)
_BOTH = re.compile(
    r"(?i)\b(?:bilateral(?:ly)?|both (?:sides|hands|arms|legs|wrists|feet)"
    r"|on both|left and right|right and left)\b"
)
_ONE = re.compile(
    r"(?i)\b(?:unilateral(?:ly)?|one side"
    r"|(?:right|left)(?:[ -](?:sided|hand|arm|leg|foot|side|upper|lower|wrist))(?: (?:limb|extremity))?)\b"
    r"(?! (?:side )?(?:(?:is|are|was|were) )?(?:normal|unaffected|spared|healthy|fine)\b)"
)
# "Does not need a wheelchair": the assertion rules know findings, and a need is none.
_NOT_NEEDED = re.compile(
    r"(?i)(?:\b(?:not|never|no longer|without)|n['’]t)\s(?:yet\s)?"
    r"(?:need|requir|us|confined)\w{0,3}\s(?:(?:a|an|any|the|to)\s)?$"
)
_AXIAL = re.compile(r"(?i)\b(?:axial|neck rigidity|rigidity of the neck|stooped|masked? face|hypomimia)\b")


@dataclass(frozen=True)
class Stage:
    """A stage ("1" to "5", with "1.5" and "2.5"), why, and the words of the note that say so."""

    stage: str
    reason: str
    words: tuple[str, ...]
    stated: bool = False

    def sentence(self) -> str:
        """For people, with the words in quotes."""
        quoted = " and ".join(f"“{word}”" for word in self.words)
        if self.stated:
            return f"The note itself gives Hoehn and Yahr stage {self.stage} ({quoted})."
        return (
            f"By its words the note fits Hoehn and Yahr stage {self.stage}: {self.reason} ({quoted}). "
            "Only an examination can decide the stage."
        )


def stage_of(note: str) -> Stage | None:
    """The stage that a note's words fit; None when it is not about Parkinson's or says too little."""
    if all(status in {"absent", "family"} for _, status in _read(note, _PARKINSON)):
        return None
    stated = _stated(note)
    if stated is not None:
        return stated
    for stage, reason, pattern in _CUES:
        words = _present(note, re.compile(rf"(?i)\b(?:{pattern})"))
        if words:
            return Stage(stage, reason, words[:2])
    return _of_sides(note)


def _of_sides(note: str) -> Stage | None:
    """Stages 1 to 2.5: which sides of the body the signs are on."""
    one = _present(note, _ONE)
    both = _present(note, _BOTH)[:1] or _right_and_left(one)
    recovers = _present(note, _RECOVERS)
    if both and recovers:
        return Stage("2.5", "signs on both sides, and recovery on the pull test", (*both, recovers[0]))
    if both:
        return Stage("2", "signs on both sides, and no sign of impaired balance", both)
    axial = _present(note, _AXIAL)
    if one and axial:
        return Stage("1.5", "signs on one side and along the body's axis", (one[0], axial[0]))
    if one:
        return Stage("1", "signs on one side only", (one[0],))
    return None


def _right_and_left(one: Sequence[str]) -> tuple[str, ...]:
    """The first words of either side, if each side is named by itself."""
    right = [word for word in one if word.lower().startswith("right")]
    left = [word for word in one if word.lower().startswith("left")]
    return (right[0], left[0]) if right and left else ()


def _stated(note: str) -> Stage | None:
    """The stage that the note gives, of the patient: the present one, or else one from the history."""
    given = _read(note, _STATED)
    for wanted in ("present", "possible", "historical"):
        for match, status in given:
            if status == wanted:
                stage = match["after"] or match["before"] or _ROMAN[match["roman"].lower()]
                return Stage(stage, "stated", (_words(match),), stated=True)
    return None


def _present(note: str, pattern: re.Pattern[str]) -> tuple[str, ...]:
    """Matches that the note asserts of the patient now, not denied, feared or of somebody else."""
    return tuple(
        _words(match)
        for match, status in _read(note, pattern)
        if status == "present" and not _NOT_NEEDED.search(note[max(0, match.start() - 40) : match.start()])
    )


def _read(note: str, pattern: re.Pattern[str]) -> list[tuple[re.Match[str], Assertion]]:
    """Every match with what the note asserts of it."""
    matches = list(pattern.finditer(_WRAP.sub(" ", note)))
    assertions = assign(note, [(match.start(), match.end(), "Sign_symptom") for match in matches])
    return list(zip(matches, assertions, strict=True))


def _words(match: re.Match[str]) -> str:
    return " ".join(match[0].split())
