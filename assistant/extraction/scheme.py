"""What the tagger can say: its heads, their labels and BIO tags, and the best legal tag path.

Several heads share one encoder, since the corpora disagree on what a disease is and History spans
contain other spans. Pure NumPy; no model in here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

IMPOSSIBLE = -1e4


@dataclass(frozen=True)
class Head:
    """One flat BIO layer. Tag 0 is O; label number i has B at 1 + 2i and I at 2 + 2i."""

    name: str
    labels: tuple[str, ...]

    @property
    def size(self) -> int:
        """Number of tags."""
        return 1 + 2 * len(self.labels)

    def begin(self, label: str) -> int:
        """The tag number of B-`label`."""
        return 1 + 2 * self.labels.index(label)

    def transitions(self) -> NDArray[np.float32]:
        """(size, size) additive scores: 0 where tag j may follow tag i, else IMPOSSIBLE."""
        table = np.zeros((self.size, self.size), dtype=np.float32)
        for inside in range(2, self.size, 2):
            table[:, inside] = IMPOSSIBLE
            table[inside - 1, inside] = table[inside, inside] = 0.0
        return table


def best_path(scores: NDArray[np.float32], head: Head) -> NDArray[np.int64]:
    """The best legal BIO sequence for (words, tags) log-probabilities (Viterbi 1967).

    Returns:
        (words,) tag numbers; an I never starts a span.
    """
    words = len(scores)
    if words == 0:
        return np.zeros(0, dtype=np.int64)
    transitions = head.transitions()
    best = scores[0].copy()
    best[2::2] += IMPOSSIBLE
    back = np.zeros((words, head.size), dtype=np.int64)
    for word in range(1, words):
        reach = best[:, None] + transitions
        back[word] = reach.argmax(axis=0)
        best = reach.max(axis=0) + scores[word]
    path = np.zeros(words, dtype=np.int64)
    path[-1] = int(best.argmax())
    for word in range(words - 1, 0, -1):
        path[word - 1] = back[word, path[word]]
    return path


def runs(path: NDArray[np.int64], head: Head) -> list[tuple[int, int, str]]:
    """The spans of a legal path as (first word, last word exclusive, label)."""
    spans: list[tuple[int, int, str]] = []
    opened: int | None = None
    for word, tag in enumerate(path.tolist()):
        if opened is not None and (tag == 0 or tag % 2 == 1):
            spans.append((opened, word, head.labels[(int(path[opened]) - 1) // 2]))
            opened = None
        if tag % 2 == 1:
            opened = word
    if opened is not None:
        spans.append((opened, len(path), head.labels[(int(path[opened]) - 1) // 2]))
    return spans
