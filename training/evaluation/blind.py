"""Two versions judged blind: their answers to one prompt in an order that is drawn, and the votes on them.

Who reads the votes before the last one is cast knows more than they should; showing them is the page's
decision.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, get_args

from training.errors import BadDataError

Choice = Literal["first", "second", "tie"]


@dataclass(frozen=True)
class Trial:
    """A prompt with one answer of each version; `swapped` if the second version's is shown first."""

    prompt: str
    answers: tuple[str, str]
    swapped: bool
    vote: Choice | None = None

    @property
    def shown(self) -> tuple[str, str]:
        """The answers as they are to be shown, first and second."""
        return (self.answers[1], self.answers[0]) if self.swapped else self.answers

    @property
    def winner(self) -> int | None:
        """Which version was preferred, 0 or 1; None without a vote or with a tie."""
        if self.vote not in ("first", "second"):
            return None
        return int((self.vote == "second") != self.swapped)


@dataclass(frozen=True)
class Verdict:
    """Votes for each version, ties and prompts without a vote; `p` by the exact two-sided sign test."""

    wins: tuple[int, int]
    ties: int
    open: int
    p: float


@dataclass(frozen=True)
class Blind:
    """A comparison of the two versions `names`."""

    names: tuple[str, str]
    trials: tuple[Trial, ...]

    @classmethod
    def of(cls, names: tuple[str, str], pairs: Sequence[tuple[str, str, str]], rng: random.Random) -> Blind:
        """From (prompt, answer of the first version, answer of the second); prompts are shuffled too."""
        trials = [Trial(prompt, (one, two), rng.random() < 0.5) for prompt, one, two in pairs]
        rng.shuffle(trials)
        return cls(names, tuple(trials))

    def voted(self, index: int, choice: Choice) -> Blind:
        """With a vote on the trial at `index`; a later vote replaces an earlier one.

        Raises:
            BadDataError: there is no such trial or choice.
        """
        if not 0 <= index < len(self.trials):
            raise BadDataError(f"There are {len(self.trials)} prompts; number {index + 1} is none of them.")
        if choice not in get_args(Choice):
            raise BadDataError(f"A vote is first, second or tie; it is {choice!r}.")
        trials = list(self.trials)
        trials[index] = replace(trials[index], vote=choice)
        return replace(self, trials=tuple(trials))

    def verdict(self) -> Verdict:
        """The votes so far."""
        winners = [trial.winner for trial in self.trials]
        wins = winners.count(0), winners.count(1)
        ties = sum(trial.vote == "tie" for trial in self.trials)
        return Verdict(wins, ties, len(self.trials) - ties - sum(wins), sign_test(*wins))

    def to_json(self) -> dict[str, Any]:
        """Plain values; `from_json` reads them. They tell which answer is whose."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Blind:
        """What `to_json` made.

        Raises:
            BadDataError: it is something else.
        """
        try:
            first, second = values["names"]
            trials = []
            for value in values["trials"]:
                one, two = value["answers"]
                if value["vote"] not in (None, *get_args(Choice)):
                    raise ValueError(value["vote"])
                trials.append(Trial(value["prompt"], (one, two), value["swapped"], value["vote"]))
            return cls((first, second), tuple(trials))
        except (KeyError, TypeError, ValueError) as error:
            raise BadDataError("This is no blind comparison. Begin a new one.") from error


def sign_test(wins: int, losses: int) -> float:
    """The exact two-sided p value of the sign test: both as likely, ties left out (Conover 1999, ch. 3.4)."""
    count = wins + losses
    tail = sum(math.comb(count, k) for k in range(min(wins, losses) + 1))
    return min(1.0, 2 * tail / (1 << count))
