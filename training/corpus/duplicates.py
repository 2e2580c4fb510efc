"""What makes two documents say the same: a digest for exact, a MinHash signature for near duplicates.

Signatures are made of the word pairs of a text and kept in a file. Documents that agree in a band of their
signatures are candidates. A pair with a similarity of 0.7 shares no band once in twelve thousand times, one
of 0.6 once in sixty; unrelated texts hardly ever share one, so the work grows with the documents alone.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from training.safe import PLAIN, Safe

PERMUTATIONS = 255
ROWS_A_BAND = 5
BANDS = PERMUTATIONS // ROWS_A_BAND
_BANDS_AT_ONCE = 3
_BLOCK = 4_096
_FACTORS = np.array(
    [0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x27D4EB2F165667C5, 0x85EBCA77C2B2AE63],
    dtype=np.uint64,
)
_WAITING_BYTES = 2_000_000
# Signs that carry meaning in a note are words of their own: < 5 and > 5 are not the same finding.
_TOKEN = re.compile(r"\w+|[<>≤≥±+%=]")


def tokens_of(text: str) -> list[str]:
    """The words and telling signs of a text, without case, punctuation and layout.

    A text that has none stands for itself.
    """
    return _TOKEN.findall(text.casefold()) or [text.strip()]


def digest_of(tokens: Sequence[str]) -> bytes:
    """Sixteen bytes that exact duplicates share."""
    return hashlib.blake2b(" ".join(tokens).encode(), digest_size=16).digest()


def shingles_of(tokens: Sequence[str]) -> list[str]:
    """Each pair of neighbouring words."""
    if len(tokens) < 2:
        return list(tokens)
    return [f"{one} {other}" for one, other in pairwise(tokens)]


def similarity(one: str, other: str) -> float:
    """The Jaccard similarity of two texts' word pairs, from 0 to 1."""
    return jaccard(word_pairs(one), word_pairs(other))


def word_pairs(text: str) -> frozenset[str]:
    """Each pair of neighbouring words in a text, once."""
    return frozenset(shingles_of(tokens_of(text)))


def jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    """How much of two sets is common to both, from 0 to 1."""
    return len(one & other) / len(one | other)


class Signatures:
    """A MinHash signature for each document, in a file. Add them in order, then look for neighbours."""

    def __init__(self, path: Path, safe: Safe = PLAIN) -> None:
        self._scratch = safe.scratch(path)
        self._waiting: list[list[str]] = []
        self._waiting_bytes = 0
        self._count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._scratch.close()

    def add(self, tokens: Sequence[str]) -> None:
        """The signature of the next document."""
        self._waiting.append(shingles_of(tokens))
        # About what their word pairs take in memory: each word twice, and fifty bytes for a string.
        self._waiting_bytes += 2 * sum(map(len, tokens)) + 50 * len(tokens)
        if self._waiting_bytes > _WAITING_BYTES:
            self.flush()

    def flush(self) -> None:
        """Work out what was added and write it down."""
        from rensa import RMinHash  # type: ignore[import-untyped]

        if self._waiting:
            matrix = RMinHash.digest_matrix_from_token_sets(self._waiting, PERMUTATIONS, 1)
            self._scratch.append(np.asarray(matrix.to_rows(), dtype=np.uint32).tobytes())
            self._count += len(self._waiting)
            self._waiting, self._waiting_bytes = [], 0

    def of(self, number: int) -> NDArray[np.uint32]:
        """The signature of a document."""
        size = PERMUTATIONS * 4
        return np.frombuffer(self._scratch.read(number * size, size), dtype=np.uint32)

    def candidates(self, members: NDArray[np.int64]) -> Iterator[tuple[int, NDArray[np.int64]]]:
        """Each band, with groups of `members` that agree in it, in the order of `members`."""
        for first in range(0, BANDS, _BANDS_AT_ONCE):
            keys = self._keys(first)
            for band in range(_BANDS_AT_ONCE):
                own = keys[band][members]
                order = np.argsort(own, kind="stable")
                edges = np.flatnonzero(np.diff(own[order])) + 1
                starts = np.concatenate(([0], edges))
                ends = np.concatenate((edges, [len(order)]))
                several = ends - starts > 1
                for start, end in zip(starts[several], ends[several], strict=True):
                    yield first + band, members[order[start:end]]

    def _keys(self, first: int) -> NDArray[np.uint64]:
        """One number a document for each of some bands, the same where four values are the same."""
        keys = np.empty((_BANDS_AT_ONCE, self._count), dtype=np.uint64)
        for start in range(0, self._count, _BLOCK):
            rows = min(_BLOCK, self._count - start)
            raw = self._scratch.read(start * PERMUTATIONS * 4, rows * PERMUTATIONS * 4)
            block = np.frombuffer(raw, dtype=np.uint32).reshape(-1, BANDS, ROWS_A_BAND)
            some = block[:, first : first + _BANDS_AT_ONCE].astype(np.uint64) + np.uint64(1)
            keys[:, start : start + len(block)] = (some * _FACTORS).sum(axis=2).T
        return keys
