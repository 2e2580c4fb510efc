"""How well identifiers are found: `python -m assistant score-deid --seed N --count M [--json]`.

A span counts as found when every one of its letters and digits is covered, by whatever kind: what matters is
that it is gone; "same_kind" asks for its own group too. A prediction is right when at least half of its
characters lie in an identifier of its group; what stands over a State of the USA counts neither way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from assistant.extraction.deidentify.identifiers import Identifier
from assistant.extraction.deidentify.rendering import Gold, Sample

GROUPS = {
    "names": ("NAME",),
    "dates": ("DATE",),
    "phones": ("PHONE", "FAX"),
    "record numbers": ("MRN",),
    "other numbers": ("SSN", "PLAN", "ACCOUNT", "LICENCE", "VEHICLE", "DEVICE", "ID"),
    "places": ("LOCATION", "ZIP"),
    "e-mail, URL, IP": ("EMAIL", "URL", "IP"),
    "ages over 89": ("AGE",),
}
REQUIRED = ("names", "dates", "phones", "record numbers")
NUMBERS = ("record numbers", "other numbers")


def group_of(kind: str) -> str:
    """The group that a kind is counted in; "" for a State."""
    return next((group for group, kinds in GROUPS.items() if kind in kinds), "")


@dataclass
class Score:
    """Counts of one group."""

    gold: int = 0
    found: int = 0
    same_kind: int = 0
    predicted: int = 0
    right: int = 0

    def as_json(self) -> dict[str, float | int | None]:
        """Counts and shares; a share of nothing is None."""
        return {
            "spans": self.gold,
            "recall": round(self.found / self.gold, 4) if self.gold else None,
            "recall_same_kind": round(self.same_kind / self.gold, 4) if self.gold else None,
            "predicted": self.predicted,
            "precision": round(self.right / self.predicted, 4) if self.predicted else None,
        }


@dataclass
class Result:
    """Scores by group, and how much of what is no identifier was taken out."""

    groups: dict[str, Score] = field(default_factory=lambda: {group: Score() for group in GROUPS})
    documents: int = 0
    characters: int = 0
    innocent: int = 0
    taken: int = 0
    missed: list[tuple[str, Gold]] = field(default_factory=list)
    wrong: list[tuple[str, Identifier]] = field(default_factory=list)

    def as_json(self) -> dict[str, object]:
        """For `--json`."""
        return {
            "documents": self.documents,
            "characters": self.characters,
            "groups": {group: score.as_json() for group, score in self.groups.items()},
            "innocent_characters_taken": round(self.taken / max(1, self.innocent), 5),
        }


def score(samples: Iterable[Sample], find: Callable[[str], Sequence[Identifier]]) -> Result:
    """Compare what `find` finds with what was put in."""
    result = Result()
    for sample in samples:
        _add(result, sample, find(sample.text))
    return result


def _add(result: Result, sample: Sample, found: Sequence[Identifier]) -> None:
    text = sample.text
    truth, said = _groups(text, sample.spans), _groups(text, found)
    result.documents += 1
    result.characters += len(text)
    result.innocent += sum(group is None for group in truth)
    result.taken += sum(theirs is None and ours is not None for theirs, ours in zip(truth, said, strict=True))
    for gold in sample.spans:
        group = group_of(gold.kind)
        if not group:
            continue
        places = [at for at in range(gold.start, gold.end) if text[at].isalnum()]
        count = result.groups[group]
        count.gold += 1
        covered = all(said[at] is not None for at in places)
        count.found += covered
        count.same_kind += covered and all(_same(said[at], group) for at in places)
        if not covered:
            result.missed.append((text, gold))
    for one in found:
        group = group_of(one.kind)
        inside = Counter(truth[at] for at in range(one.start, one.end))
        if inside[""] * 2 >= one.end - one.start:
            continue
        count = result.groups[group]
        count.predicted += 1
        right = sum(inside[other] for other in GROUPS if _same(other, group)) * 2 >= one.end - one.start
        count.right += right
        if not right:
            result.wrong.append((text, one))


def _same(one: str | None, other: str) -> bool:
    """Record numbers and other numbers are told apart by a cue alone, so either passes for the other."""
    return one == other or (one in NUMBERS and other in NUMBERS)


def _groups(text: str, spans: Iterable[Gold | Identifier]) -> list[str | None]:
    out: list[str | None] = [None] * len(text)
    for span in spans:
        out[span.start : span.end] = [group_of(span.kind)] * (span.end - span.start)
    return out
