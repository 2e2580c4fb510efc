"""Scores of what has labels: entities in tagged words, and classes. Pure counting, no model.

An entity counts only if both its ends and its label are right. Tags are IOB2; an I that goes on with
nothing begins an entity, as in the CoNLL evaluation (Tjong Kim Sang and De Meulder 2003).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from assistant.extraction.scoring import Score

Entity = tuple[int, int, str]
"""First word, last word exclusive, label."""


@dataclass(frozen=True)
class Confusion:
    """`counts[i][j]`: how often what is `labels[i]` was called `labels[j]`."""

    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


def entities(tags: Sequence[str]) -> set[Entity]:
    """The entities that tags mark."""
    found: set[Entity] = set()
    start, open_label = 0, ""
    for at, tag in enumerate([*tags, "O"]):
        prefix, _, name = tag.partition("-")
        label = "" if tag == "O" else name or prefix
        if open_label and (label != open_label or prefix == "B"):
            found.add((start, at, open_label))
            open_label = ""
        if label and not open_label:
            start, open_label = at, label
    return found


def entity_scores(
    sentences: Iterable[tuple[Sequence[str], Sequence[str]]],
) -> tuple[Score, dict[str, Score]]:
    """Strict scores of (true tags, said tags) together (micro), and by label."""
    right: Counter[str] = Counter()
    found: Counter[str] = Counter()
    support: Counter[str] = Counter()
    for true, said in sentences:
        gold, guess = entities(true), entities(said)
        for counter, spans in ((right, gold & guess), (found, guess), (support, gold)):
            counter.update(label for _, _, label in spans)
    by_label = {
        label: Score.of(right[label], found[label], support[label]) for label in sorted(found | support)
    }
    return Score.of(right.total(), found.total(), support.total()), by_label


def confusion(true: Sequence[int], said: Sequence[int], labels: Sequence[str]) -> Confusion:
    """Counts of every true label against every label said."""
    counts = Counter(zip(true, said, strict=True))
    size = range(len(labels))
    return Confusion(tuple(labels), tuple(tuple(counts[i, j] for j in size) for i in size))


def class_scores(table: Confusion) -> dict[str, Score]:
    """Scores of each label that occurs or was said."""
    scores = {}
    for at, label in enumerate(table.labels):
        support, found = sum(table.counts[at]), sum(row[at] for row in table.counts)
        if support or found:
            scores[label] = Score.of(table.counts[at][at], found, support)
    return scores


def macro_f1(scores: Iterable[Score]) -> float:
    """The mean F1 over labels, each counting the same."""
    values = [score.f1 for score in scores]
    return sum(values) / len(values) if values else 0.0
