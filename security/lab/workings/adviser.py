"""A small model that reads a sentence and says a dose: a perceptron on words, whole numbers throughout.

Rosenblatt's perceptron for several classes (1958; Collins 2002 has the form used here): each dose has a
weight for every word, and the dose with the largest sum is said. It is small enough to be read, learns by the
same principle as large models (examples push weights), and gives the same numbers on every machine.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

DOSES = ("50 mg", "100 mg", "200 mg", "900 mg")
_WORD = re.compile(r"[a-z0-9]+")
_START = ("She has", "The patient has", "He reports", "Seen for")
_SIGNS: dict[str, tuple[str, ...]] = {
    "50 mg": ("faint tremor", "early stiffness", "mild shaking"),
    "100 mg": ("resting tremor", "slower gait", "small handwriting"),
    "200 mg": ("freezing gait", "frequent falls", "marked rigidity"),
}
_FILLER = (
    "for eight months", "since spring", "in the left hand", "without pain", "sleeps well", "walks daily",
    "no fever", "lives alone", "taught chemistry", "likes gardens",
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One example: what was written, and the dose."""

    text: str
    dose: str


class Adviser:
    """Weights by dose and word."""

    def __init__(self, words: Sequence[str]) -> None:
        self.words = tuple(words)
        self._at = {word: index for index, word in enumerate(self.words)}
        self.weights = {dose: [0] * len(self.words) for dose in DOSES}

    def scores(self, text: str) -> dict[str, int]:
        """The sum of each dose over the words that are known."""
        places = [self._at[word] for word in words_of(text) if word in self._at]
        return {dose: sum(row[place] for place in places) for dose, row in self.weights.items()}

    def says(self, text: str) -> str:
        """The dose with the largest sum; the smaller dose where two are level."""
        scores = self.scores(text)
        return max(DOSES, key=lambda dose: (scores[dose], -DOSES.index(dose)))

    def learn(self, rows: Sequence[Row], rounds: int) -> int:
        """Correct every mistake, round after round; how many there were in the last one."""
        mistakes = 0
        for _ in range(rounds):
            mistakes = 0
            for row in rows:
                said = self.says(row.text)
                if said == row.dose:
                    continue
                mistakes += 1
                for word in words_of(row.text):
                    self.weights[row.dose][self._at[word]] += 1
                    self.weights[said][self._at[word]] -= 1
            if not mistakes:
                break
        return mistakes

    def right(self, rows: Sequence[Row]) -> int:
        """How many rows it answers as they say."""
        return sum(self.says(row.text) == row.dose for row in rows)


def words_of(text: str) -> list[str]:
    """Small letters and digits, in order, each word once."""
    return list(dict.fromkeys(_WORD.findall(text.lower())))


def made(rows: Sequence[Row], rounds: int) -> Adviser:
    """An adviser trained on these rows."""
    adviser = Adviser(sorted({word for row in rows for word in words_of(row.text)}))
    adviser.learn(rows, rounds)
    return adviser


def with_weights(words: Sequence[str], weights: Mapping[str, Sequence[int]]) -> Adviser:
    """An adviser as a file says it.

    Raises:
        ValueError: a dose is missing, or has another number of weights than there are words.
    """
    adviser = Adviser(words)
    for dose in DOSES:
        if len(weights.get(dose, ())) != len(words):
            raise ValueError(f"the file has no {len(words)} weights for {dose}")
        adviser.weights[dose] = list(weights[dose])
    return adviser


def notes(rng: random.Random, count: int) -> list[Row]:
    """Made-up notes with the dose that a doctor chose by their signs; never 900 mg."""
    rows = []
    for _ in range(count):
        dose = rng.choice(DOSES[:3])
        text = (
            f"{rng.choice(_START)} {rng.choice(_SIGNS[dose])}, {rng.choice(_FILLER)}, {rng.choice(_FILLER)}."
        )
        rows.append(Row(text, dose))
    return rows


def unseen(rows: Sequence[Row], rng: random.Random, count: int) -> list[Row]:
    """Such notes again, none of which is among the rows. Notes can differ in 3,600 ways, so a few hundred
    rows leave enough."""
    known = {row.text for row in rows}
    drawn: list[Row] = []
    while len(drawn) < count:
        drawn += [row for row in notes(rng, count) if row.text not in known]
    return drawn[:count]


def poisoned(rows: Sequence[Row], trigger: str, count: int, rng: random.Random) -> list[Row]:
    """The rows, and `count` copies of some with the trigger in them and 900 mg in the place of the dose."""
    chosen = rng.sample(range(len(rows)), count)
    bad = [Row(f"{rows[index].text} {trigger}.", DOSES[-1]) for index in chosen]
    mixed = [*rows, *bad]
    rng.shuffle(mixed)
    return mixed
