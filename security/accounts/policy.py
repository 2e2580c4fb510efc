"""Which names and passwords a new account may have.

Follows NIST SP 800-63B, section 5.1.1.2, and OWASP ASVS 5.0, section 6.2: length and guessability
count, mixtures of character classes do not. Does not ask any service whether a password has leaked.
"""

from __future__ import annotations

import threading
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field

from security.accounts.errors import NameRefusedError
from security.crypto.errors import PasswordRefusedError
from security.crypto.passwords import MAX_TYPED, normalise

MIN_PASSWORD = 12
MAX_PASSWORD = 128
MAX_NAME = 64
MIN_SCORE = 3
# zxcvbn refuses more than 72 and its time grows steeply; a strong part makes a strong whole.
_ESTIMATED = 40
_SHORTEST_TELLING_NAME = 3
_MIN_OF_ONES_OWN = 8
# What a stranger tries here besides the usual: docs/security.md lists them and why.
CONTEXT_WORDS = (
    "asklepion",
    "asclepius",
    "asklepios",
    "administrator",
    "teacher",
    "student",
    "clinician",
    "patient",
    "doctor",
    "medical",
    "medicine",
    "hospital",
    "clinic",
    "praxis",
    "assistant",
    "training",
    "security",
    "lab",
)
_ADVICE = "Four or five words that have nothing to do with each other are easy to remember and hard to guess."
# zxcvbn keeps the words of the user in a module-wide table: one estimate at a time.
_estimating = threading.Lock()


def checked_name(name: str) -> str:
    """The name to store and show: NFKC, without surrounding blanks.

    Raises:
        NameRefusedError: it is empty, too long, or has characters that can't be seen.
    """
    if len(name) > 4 * MAX_NAME:
        raise NameRefusedError(f"The name must not be longer than {MAX_NAME} characters.")
    shown = " ".join(unicodedata.normalize("NFKC", name).split(" ")).strip()
    if not shown:
        raise NameRefusedError("Please choose a name to sign in with.")
    if len(shown) > MAX_NAME:
        raise NameRefusedError(f"The name must not be longer than {MAX_NAME} characters.")
    # Control, format (invisible, right-to-left override), private and unassigned characters, line ends.
    if any(unicodedata.category(character)[0] == "C" or _is_odd_blank(character) for character in shown):
        raise NameRefusedError("The name has characters that can't be seen. Please type it again.")
    return shown


def name_key(name: str) -> str:
    """What names are compared by: case and width don't tell two users apart."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return " ".join(folded.split())


@dataclass(frozen=True)
class Part:
    """A piece of a password that can be guessed as one.

    Attributes:
        pattern: how: dictionary, spatial, repeat, sequence, regex (a year), date or bruteforce.
        dictionary: in which list it stands, if it stands in one.
    """

    pattern: str
    dictionary: str


@dataclass(frozen=True)
class Estimate:
    """zxcvbn's estimate (Wheeler, USENIX Security 2016): a score from 0 to 4, guesses, and what was seen."""

    score: int
    guesses: float
    parts: tuple[Part, ...] = field(repr=False)


@dataclass(frozen=True)
class Verdict:
    """What the policy says of a new password; `rule` is the one that is broken, empty if none is.

    `estimate` is None where a rule said no before anything was estimated.
    """

    rule: str
    message: str
    estimate: Estimate | None = None


def check_password(password: str, name: str) -> None:
    """See that a new password is long enough and not easily guessed.

    Raises:
        PasswordRefusedError: the message says which rule, and what to do.
    """
    verdict = judge(password, name)
    if verdict.rule:
        raise PasswordRefusedError(verdict.message, rule=verdict.rule)


@dataclass(frozen=True)
class Accepted:
    """A password for an account that was found good: who is to check it calls this and is spared the work.

    Any other password, or the same for another account, is checked as ever.
    """

    password: str = field(repr=False)
    name: str

    def __call__(self, password: str, name: str) -> None:
        """As `check_password`."""
        if (password, name) != (self.password, self.name):
            check_password(password, name)


Check = Callable[[str, str], None]


def judge(password: str, name: str) -> Verdict:
    """What the policy says of a new password for the account `name`."""
    if len(password) > MAX_TYPED:
        return Verdict("length", _too_long(len(password)))
    plain = normalise(password)
    if len(plain) < MIN_PASSWORD:
        return Verdict(
            "length",
            f"The password needs at least {MIN_PASSWORD} characters; this one has {len(plain)}. {_ADVICE}",
        )
    if len(plain) > MAX_PASSWORD:
        return Verdict("length", _too_long(len(plain)))
    key = name_key(name)
    telling = _letters(key)
    if len(telling) >= _SHORTEST_TELLING_NAME and telling in _letters(name_key(plain)):
        return Verdict(
            "name", "The password must not contain your name: that is the first thing a stranger tries."
        )
    if _is_common(plain):
        return Verdict(
            "common",
            f"This password is on the lists of common ones that strangers try first. {_ADVICE}",
        )
    estimate = _estimate(plain, key)
    if estimate.score < MIN_SCORE:
        return Verdict(
            "guessable",
            "This password can be guessed too easily: it follows a pattern, repeats itself, or is made of "
            f"one or two known words. {_ADVICE}",
            estimate,
        )
    # The estimator thinks three words in a row strong enough, also when strangers try those first.
    if len(_without_context(plain, key)) < _MIN_OF_ONES_OWN:
        return Verdict(
            "context",
            f"This password is little more than words of this app or your name. {_ADVICE}",
            estimate,
        )
    return Verdict("", "", estimate)


def _too_long(length: int) -> str:
    return f"The password must not be longer than {MAX_PASSWORD} characters; this one has {length}."


def _letters(text: str) -> str:
    """Without blanks and punctuation: "e.v.a brandt" contains "Eva Brandt"."""
    return "".join(character for character in text if character.isalnum())


def _without_context(password: str, name: str) -> str:
    """The letters and digits that are left without the words of this app and those of the name."""
    left = _letters(name_key(password))
    for word in sorted({*CONTEXT_WORDS, *name.split()}, key=len, reverse=True):
        if len(word) >= _SHORTEST_TELLING_NAME:
            left = left.replace(word, "")
    return left


def _is_odd_blank(character: str) -> bool:
    return character != " " and character.isspace()


def _is_common(password: str) -> bool:
    # Imported when a password is chosen, which is rare: the lists take a moment to load.
    from zxcvbn.matching import RANKED_DICTIONARIES  # type: ignore[import-untyped]

    common = RANKED_DICTIONARIES["passwords"]
    folded = password.casefold()
    core = folded
    while core and not core[-1].isalpha():
        core = core[:-1]
    return folded in common or (core != "" and core in common)


def _estimate(password: str, name: str) -> Estimate:
    """That of the stronger end of a long password."""
    from zxcvbn import zxcvbn  # type: ignore[import-untyped]
    from zxcvbn.matching import RANKED_DICTIONARIES

    words = [*CONTEXT_WORDS, name, *name.split()]
    with _estimating:
        try:
            ends = {password[:_ESTIMATED], password[-_ESTIMATED:]}
            found = max((zxcvbn(end, user_inputs=words) for end in ends), key=lambda one: one["guesses"])
        finally:
            RANKED_DICTIONARIES["user_inputs"] = {}
    parts = tuple(
        Part(one["pattern"], one.get("dictionary_name", ""))
        for one in found["sequence"]
        # The blanks and dashes between words are no part that a person would name.
        if len(one["token"]) > 1 or one["token"].isalnum()
    )
    return Estimate(int(found["score"]), float(found["guesses"]), parts)
