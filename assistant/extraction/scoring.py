"""Strict entity scores of an extractor on an IOB file: both ends and the label must be right.

The file's tokens are joined by spaces and its sentences by newlines, the text goes through the same
extractor as a person's would, and what it finds is put back on the file's tokens.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from assistant.extraction.corpora import Document, Span
from assistant.types import Finding


@dataclass(frozen=True)
class Score:
    """Precision, recall and F1 (0 to 1), and the number of spans in the file."""

    precision: float
    recall: float
    f1: float
    support: int

    @classmethod
    def of(cls, right: int, found: int, support: int) -> Score:
        """From counts; what is undefined counts as 0."""
        precision = right / found if found else 0.0
        recall = right / support if support else 0.0
        f1 = 2 * right / (found + support) if found + support else 0.0
        return cls(round(precision, 4), round(recall, 4), round(f1, 4), support)

    def as_json(self) -> dict[str, float | int]:
        """The documented JSON object."""
        return {"precision": self.precision, "recall": self.recall, "f1": self.f1, "support": self.support}


def tokens_of(document: Document) -> list[tuple[int, int]]:
    """(start, end) of the tokens of a document read by `read_iob`."""
    tokens = []
    start: int | None = None
    for at, char in enumerate(document.text):
        if char in " \n":
            if start is not None:
                tokens.append((start, at))
            start = None
        elif start is None:
            start = at
    if start is not None:
        tokens.append((start, len(document.text)))
    return tokens


def on_tokens(findings: Iterable[Finding], tokens: list[tuple[int, int]]) -> list[Span]:
    """Findings widened to the whole tokens that they touch."""
    starts, ends = [start for start, _ in tokens], [end for _, end in tokens]
    spans = []
    for finding in findings:
        first, last = bisect_right(ends, finding.start), bisect_left(starts, finding.end) - 1
        if first <= last:
            spans.append(Span(starts[first], ends[last], finding.label))
    return spans


def score(
    document: Document, extract: Callable[[str], Iterable[Finding]], renames: Mapping[str, str] | None = None
) -> dict[str, object]:
    """Scores by label and together. Labels that the file does not have are left out.

    Args:
        document: from `read_iob`.
        extract: text -> findings of every layer.
        renames: {our label: the file's label}.

    Returns:
        `{"labels": {label: {"precision", "recall", "f1", "support"}}, "micro": {...}}`
    """
    names = dict(renames or {})
    gold = set(document.spans)
    labels = sorted({span.label for span in gold})
    found = {
        Span(span.start, span.end, names.get(span.label, span.label))
        for span in on_tokens(extract(document.text), tokens_of(document))
    }
    found = {span for span in found if span.label in labels}
    per_label = {
        label: Score.of(
            sum(span.label == label for span in gold & found),
            sum(span.label == label for span in found),
            sum(span.label == label for span in gold),
        )
        for label in labels
    }
    micro = Score.of(len(gold & found), len(found), len(gold))
    return {
        "labels": {label: value.as_json() for label, value in per_label.items()},
        "micro": micro.as_json(),
    }
