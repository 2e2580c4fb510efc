"""How good a new password is, in a sentence for whoever is typing it.

Does: say what the policy says, how long a thief would guess, and what the password is made of. Does not:
decide anything; policy.py does, when the form is sent.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from security.accounts.policy import MAX_PASSWORD, MIN_PASSWORD, Part, Verdict, judge
from security.crypto.passwords import MAX_TYPED, normalise

# A thief with the database and the key, against bcrypt or Argon2id.
GUESSES_A_SECOND = 10_000
_UNITS = (("year", 31_557_600), ("month", 2_629_800), ("day", 86_400), ("hour", 3600), ("minute", 60))
_CENTURY = 100 * 31_557_600
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_WORD = "known word", "known words"
_NAMES = "name", "names"
_LISTS = {
    "passwords": ("common password", "common passwords"),
    "english_wikipedia": _WORD,
    "us_tv_and_film": _WORD,
    "female_names": _NAMES,
    "male_names": _NAMES,
    "surnames": _NAMES,
    "user_inputs": ("name that is known here", "names that are known here"),
}
_PATTERNS = {
    "spatial": ("row of keys", "rows of keys"),
    "repeat": ("repetition", "repetitions"),
    "sequence": ("sequence such as abc", "sequences such as abc"),
    "date": ("date", "dates"),
    "regex": ("year", "years"),
}
_OTHERS = "some other characters"


@dataclass(frozen=True)
class Strength:
    """From 0 to 4, whether it may be chosen, and why."""

    score: int
    accepted: bool
    text: str


def appraise(password: str, name: str) -> Strength:
    """How good this password for the account `name` is."""
    if len(password) > MAX_TYPED:
        return Strength(0, False, f"Too long: at most {MAX_PASSWORD} characters.")
    length = len(normalise(password))
    if length > MAX_PASSWORD:
        return Strength(0, False, f"Too long: {_characters(length - MAX_PASSWORD)} fewer.")
    if length < MIN_PASSWORD:
        return Strength(0, False, f"Too short: {_characters(MIN_PASSWORD - length, more=True)}.")
    verdict = judge(password, name)
    return Strength(*_told(verdict))


def _told(verdict: Verdict) -> tuple[int, bool, str]:
    estimate = verdict.estimate
    if estimate is None:
        return 0, False, verdict.message
    after = duration(estimate.guesses / GUESSES_A_SECOND)
    if verdict.rule:
        made = made_of(estimate.parts)
        return estimate.score, False, f"Guessed in {after}: it is {made}. Add words that don't belong to it."
    guessing = f"a thief of the database and the key would guess for {after}"
    if estimate.score == 4:
        return estimate.score, True, f"Strong: {guessing}."
    return estimate.score, True, f"Enough: {guessing}. One more word makes that far longer."


def duration(seconds: float) -> str:
    """Roughly how long that is."""
    if seconds < 1:
        return "less than a second"
    if seconds > _CENTURY:
        return "more than a century"
    for unit, size in _UNITS:
        if seconds >= size:
            count = round(seconds / size)
            return f"about {count} {unit}{'s' if count > 1 else ''}"
    return "less than a minute"


def made_of(parts: tuple[Part, ...]) -> str:
    """The parts, counted, in the order in which they first come."""
    counted = Counter(
        _LISTS.get(part.dictionary, _WORD) if part.pattern == "dictionary" else _PATTERNS.get(part.pattern)
        for part in parts
    )
    told = [
        _OTHERS if kind is None else f"{_number(count)} {kind[count > 1]}" for kind, count in counted.items()
    ]
    return " and ".join([", ".join(told[:-1]), told[-1]] if told[1:] else told or [_OTHERS])


def _number(count: int) -> str:
    return _NUMBERS[count] if count < len(_NUMBERS) else str(count)


def _characters(count: int, *, more: bool = False) -> str:
    return f"{count}{' more' if more else ''} character{'' if count == 1 else 's'}"
