"""Text -> findings: every span that the tagger's heads mark, with label, assertion and confidence.

A tagger of somebody's own may stand beside the house's; where both mark a word, its finding is kept. Offsets
are code points of the text as given. No triage, no retrieval, and no limit on length here.
"""

from __future__ import annotations

import threading
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from assistant.extraction import scheme
from assistant.extraction.assertion import assign
from assistant.extraction.encoding import Encoded
from assistant.extraction.scheme import Head
from assistant.extraction.sections import headers
from assistant.extraction.tagger import STYLES, WEIGHTS, Scores, Tagger
from assistant.types import Finding

CONTAINERS = ("History", "Family_history")
DISEASE = "Disease"
PROBLEMS = frozenset({"Sign_symptom", "Disease_disorder", DISEASE})
# Which head knows a kind of text's idea of a disease. The rest of the heads speak for themselves.
DISEASE_HEADS = {"bc5cdr": "abstracts", "ncbi-disease": "genetics", "maccrobat": "joint"}
CHEMICALS = Head("chemicals", ("Chemical",))
DISEASES = Head("diseases", (DISEASE,))


class WordScorer(Protocol):
    """What the extractor needs of a tagger."""

    @property
    def heads(self) -> tuple[Head, ...]:
        """The heads that `scores` speaks for."""

    def encode(self, text: str) -> Encoded:
        """The text in pieces and words."""

    def scores(self, encoded: Encoded) -> Scores:
        """What each head says of each word."""


class MarksSpans(Protocol):
    """What the extractor needs of a tagger of somebody's own. Safe to share between threads."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Every label a finding of it can have."""

    def findings(self, text: str) -> tuple[Finding, ...]:
        """What it marks, flat and in the text's order, without assertion."""


def mixed_diseases(scores: Scores, heads: Sequence[Head]) -> NDArray[np.float32]:
    """(words, 3) log-probabilities of O, B-Disease, I-Disease: the heads weighed by the kind of text."""
    by_name = {head.name: head for head in heads}
    total = np.zeros((len(scores.style), DISEASES.size), dtype=np.float32)
    for column, style in enumerate(STYLES):
        name = DISEASE_HEADS[style]
        begin = by_name[name].begin(DISEASE)
        chances = np.exp(scores.heads[name])
        of_disease = chances[:, begin : begin + 2]
        other = 1.0 - of_disease.sum(axis=1, keepdims=True)
        total += scores.style[:, column : column + 1] * np.concatenate([other, of_disease], axis=1)
    return np.log(np.clip(total, 1e-9, 1.0)).astype(np.float32)


def chemicals(scores: Scores, heads: Sequence[Head]) -> NDArray[np.float32]:
    """(words, 3) log-probabilities of O, B-Chemical, I-Chemical."""
    head = next(head for head in heads if head.name == "abstracts")
    begin = head.begin("Chemical")
    chances = np.exp(scores.heads["abstracts"])
    of_chemical = chances[:, begin : begin + 2]
    total = np.concatenate([1.0 - of_chemical.sum(axis=1, keepdims=True), of_chemical], axis=1)
    table: NDArray[np.float32] = np.log(np.clip(total, 1e-9, 1.0)).astype(np.float32)
    return table


class Extractor:
    """The one way from text to findings. Thread-safe: one text at a time goes through the network."""

    def __init__(self, tagger: WordScorer, custom: MarksSpans | None = None) -> None:
        self._tagger = tagger
        self._custom = custom
        self._lock = threading.Lock()

    @classmethod
    def load(cls, folder: Path = WEIGHTS) -> Extractor:
        """With the weights of a folder (the committed ones by default).

        Raises:
            WeightsError: a file is missing, damaged or not the one on record.
        """
        return cls(Tagger(folder))

    def with_custom(self, custom: MarksSpans) -> Extractor:
        """The same network, shared, with a tagger of somebody's own beside it."""
        twin = Extractor(self._tagger, custom)
        twin._lock = self._lock
        return twin

    @property
    def labels(self) -> tuple[str, ...]:
        """Every label a finding can have."""
        custom = self._custom.labels if self._custom is not None else ()
        return tuple(dict.fromkeys((*self._known.values(), *map(self._label, custom))))

    def layers(self, text: str) -> tuple[Finding, ...]:
        """Every layer's findings, overlaps and all, without assertion: what scoring compares."""
        return (*self._own(text), *self._house(text))

    @cached_property
    def _known(self) -> dict[str, str]:
        """The house's labels by their plain form."""
        return {_plain(label): label for head in self._tagger.heads for label in head.labels}

    def _label(self, label: str) -> str:
        """The house's spelling of a label that it knows: "DISEASE" and "sign-symptom" are its own."""
        return self._known.get(_plain(label), label)

    def _own(self, text: str) -> tuple[Finding, ...]:
        """The layer of the tagger of somebody's own."""
        if self._custom is None:
            return ()
        return tuple(
            replace(finding, label=self._label(finding.label)) for finding in self._custom.findings(text)
        )

    def _house(self, text: str) -> tuple[Finding, ...]:
        """The layers of the house's own tagger."""
        encoded = self._tagger.encode(text)
        if not encoded.words:
            return ()
        with self._lock:
            scores = self._tagger.scores(encoded)
        tables = [
            (head, scores.heads[head.name])
            for head in self._tagger.heads
            if head.name in ("clinical", "history")
        ]
        tables.append((DISEASES, mixed_diseases(scores, self._tagger.heads)))
        tables.append((CHEMICALS, chemicals(scores, self._tagger.heads)))
        return tuple(finding for head, table in tables for finding in read(text, encoded, head, table))

    def findings(self, text: str) -> tuple[Finding, ...]:
        """What the text says, in its order: of overlapping spans the clinical label is kept.

        A History or Family_history span stays beside the findings inside it. What is present in a
        Family_history span is the family's; History spans are too uncertain to decide for the rules. Of
        somebody's own tagger every span is kept, and what it overlaps of the house's is not.
        """
        own = self._own(text)
        kept = _said(text, resolve((*own, *_beside(own, self._house(text)))))
        # The rules know a problem and a drug. A label that the house doesn't know is taken for a problem.
        known = set(self._known.values())
        ruled = [finding.label if finding.label in known else DISEASE for finding in kept]
        assertions = assign(
            text, [(finding.start, finding.end, label) for finding, label in zip(kept, ruled, strict=True)]
        )
        around = [finding for finding in kept if finding.label == "Family_history"]
        out = []
        for finding, label, assertion in zip(kept, ruled, assertions, strict=True):
            outer = next(
                (c for c in around if c is not finding and c.start <= finding.start and finding.end <= c.end),
                None,
            )
            if outer is not None and assertion == "present" and label in PROBLEMS:
                assertion = "family"  # noqa: PLW2901 - the last word on it
            out.append(replace(finding, assertion=assertion))
        return tuple(out)


def _plain(label: str) -> str:
    return label.casefold().replace("-", "_").replace(" ", "_")


def _beside(own: Sequence[Finding], house: Sequence[Finding]) -> list[Finding]:
    """The house's findings that overlap none of somebody's own; a container yields only to a container."""
    taken: dict[bool, set[int]] = {True: set(), False: set()}
    for finding in own:
        taken[finding.label in CONTAINERS].update(range(finding.start, finding.end))
    return [
        finding
        for finding in house
        if taken[finding.label in CONTAINERS].isdisjoint(range(finding.start, finding.end))
    ]


def _said(text: str, findings: Sequence[Finding]) -> list[Finding]:
    """Without what is no fact: the words of a header ("Medication:") and marks without a letter or digit."""
    titles = headers(text)
    starts = [start for start, _ in titles]

    def is_title(finding: Finding) -> bool:
        at = bisect_right(starts, finding.start) - 1
        return at >= 0 and finding.end <= titles[at][1]

    return [
        finding
        for finding in findings
        if any(char.isalnum() for char in finding.text) and not is_title(finding)
    ]


def read(text: str, encoded: Encoded, head: Head, table: NDArray[np.float32]) -> Iterator[Finding]:
    """The spans of the best path through (words, tags) log-probabilities, without assertion."""
    path = scheme.best_path(table, head)
    for first, last, label in scheme.runs(path, head):
        start, end = encoded.words[first][1], encoded.words[last - 1][2]
        while end < len(text) and unicodedata.combining(text[end]):
            end += 1  # the tokenizer drops accents that stand as characters of their own
        confidence = float(np.exp(table[np.arange(first, last), path[first:last]]).mean())
        yield Finding(start, end, text[start:end], label, "present", round(confidence, 4))


def _is_whole(disease: Finding, every: Sequence[Finding]) -> bool:
    """Whether it is made of nothing but a clinical problem and its parts ("pulmonary", "embolism")."""
    if disease.label != DISEASE:
        return False
    touching = [
        other
        for other in every
        if other.label not in (*CONTAINERS, DISEASE)
        and other.start < disease.end
        and disease.start < other.end
    ]
    inside = all(disease.start <= other.start and other.end <= disease.end for other in touching)
    covered = sum(other.end - other.start for other in touching)
    problems = [other for other in touching if other.label in PROBLEMS]
    # Between its parts stands one space each: "falls and hallucinations" are two findings.
    return (
        inside
        and len(problems) == 1
        and len(touching) > 1
        and disease.end - disease.start == covered + len(touching) - 1
    )


def resolve(findings: Iterable[Finding]) -> list[Finding]:
    """Flat but for the containers: earlier layers win over later ones that overlap them, in text order.

    But a disease that holds a clinical problem and its parts ("pulmonary" and "embolism") is kept whole.
    """
    kept: list[Finding] = []
    taken: set[int] = set()
    every = list(findings)
    for finding in sorted(every, key=lambda finding: not _is_whole(finding, every)):
        if finding.label in CONTAINERS:
            kept.append(finding)
        elif taken.isdisjoint(range(finding.start, finding.end)):
            taken.update(range(finding.start, finding.end))
            kept.append(finding)
    return sorted(kept, key=lambda finding: (finding.start, -finding.end))
