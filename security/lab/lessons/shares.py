"""Multi-party computation: secrets in parts, sums and products of them, a comparison, and how it goes wrong."""

from __future__ import annotations

from security.lab.lesson import Lesson, Run, program
from security.lab.lessons import _shares_attacks as attacks
from security.lab.lessons import _shares_shows as shows
from security.lab.lessons import _shares_words as words
from security.lab.parameters import Choice, Text, Whole

_CASES = Text("cases", "Cases of three to five hospitals", "12, 7, 31", most=60, least=1)
_NEEDED = Whole("needed", "Shares needed (k)", 3, 2, 5)
_WEEKS = (
    Whole("first", "Cases in week 1 (known)", 12, 0, 1_000_000),
    Whole("second", "Cases in week 2", 19, 0, 1_000_000),
)
_FORGE = (
    Whole("parties", "Hospitals", 4, 3, 5),
    Whole("needed", "Shares needed (k)", 3, 2, 5),
    Whole("shift", "By how much to lie", -20, -100, 100),
)
_BITS = Whole("bits", "Bits that are guessed", 8, 1, 14)
_FLAW = Choice("flaw", "The mistake", attacks.DATED, (attacks.DATED, attacks.REUSED))
_COMMITMENTS = Choice("commitments", "Commitments", attacks.PEDERSEN, (attacks.PEDERSEN, attacks.FELDMAN))

LESSON = Lesson(
    id="shares",
    number=12,
    topic="Computing on secrets",
    title="Multi-party computation",
    question="How can hospitals compute a sum that none of them may see the parts of?",
    story=words.STORY,
    goals=words.GOALS,
    runs=(
        Run("sum", "show", "Add up without showing", words.SUM, shows.additive, (_CASES,)),
        Run("shamir", "show", "Any three of five", words.SHAMIR, shows.shamir, (_NEEDED, Whole("parties", "Holders (n)", 5, 2, 8))),
        Run("beaver", "show", "Multiply shared numbers", words.BEAVER, shows.beaver, (Whole("patients", "Patients (x)", 48, 0, 1_000_000), Whole("price", "Price of a test (y)", 315, 0, 1_000_000))),
        Run("compare", "show", "Who has more cases?", words.COMPARE, shows.compare, (Whole("bits", "Bits of a number", 4, 1, 16), Whole("first", "Cases at St. Damian", 11, 0, 65_535), Whole("second", "Cases at Northgate", 7, 0, 65_535))),
        Run("app-sum", "show", "The app's own sum", words.APP_SUM, shows.app_sum, (_CASES,), megabytes=4096),
        Run("collude", "attack", "Collude against bad random numbers", words.COLLUDE, attacks.collude, (_FLAW, *_WEEKS)),
        Run("forged-share", "attack", "Hand in a false share", words.FORGED, attacks.forged_share, _FORGE),
        Run("too-few-random", "attack", "Guess small coefficients", words.SMALL, attacks.too_few_random, (_NEEDED, _BITS)),
        Run("fresh", "cure", "Fresh random numbers", words.FRESH, attacks.fresh, _WEEKS, ("collude",)),
        Run("verifiable", "cure", "Check every share", words.VERIFIABLE, attacks.verifiable, (*_FORGE, _COMMITMENTS), ("forged-share",)),
        Run("uniform", "cure", "Coefficients from the whole field", words.UNIFORM, attacks.uniform, (_NEEDED, _BITS), ("too-few-random",)),
    ),
    quiz=words.QUIZ,
    code=program("shares"),
    uses=words.USES,
    not_covered=words.NOT_COVERED,
    sources=words.SOURCES,
    teacher=words.TEACHER,
)  # fmt: skip
