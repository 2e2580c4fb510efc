"""Which documents are near duplicates, and which are at least too alike to be on both sides of a split.

Signatures say which documents are likely alike, give or take a tenth; whether one goes as a near duplicate
of another is then settled on the texts themselves, unless the signatures leave no doubt. So a document that
is called a near duplicate is one. Not covered: a short text quoted within a long one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from training.corpus.clusters import Clusters
from training.corpus.duplicates import BANDS, PERMUTATIONS, Signatures, jaccard, word_pairs

# Four standard deviations of an estimate by 255 permutations.
_DOUBT = 0.12
_REPRESENTATIVES = 16
_COMPARED = 2_000
_READ = 6  # of the likeliest; where none of them is alike, those behind them are not


class Neighbours:
    """Finds near duplicates among documents by number; `loose` joins those that must stay together."""

    def __init__(
        self, signatures: Signatures, text: Callable[[int], str], size: int, near: float, loose: float
    ) -> None:
        self._signatures = signatures
        self._text = text
        self._near, self._loose = near, loose
        self._likely = Clusters(size)
        self.loose = Clusters(size)

    def find(self, members: NDArray[np.int64], on_band: Callable[[int, int], None]) -> None:
        """Join the likely neighbours among `members`; those that come first stand for those behind them."""
        told = 0
        on_band(told, BANDS)
        for band, group in self._signatures.candidates(members):
            if band != told:
                on_band(band, BANDS)
                told = band
            if len(group) == 2 and self._unlike(int(group[0]), int(group[1])):
                continue  # most candidates are two texts that agree by chance
            if any(not self._likely.together(int(group[0]), int(member)) for member in group[1:]):
                self._join(group)

    def superfluous(self, members: NDArray[np.int64], stays: Callable[[int], bool]) -> dict[int, int]:
        """The near duplicates among `members` that can go, each with the one before it that says the same."""
        kept: defaultdict[int, _Kept] = defaultdict(_Kept)
        out: dict[int, int] = {}
        # Whoever is alone has nothing to be compared with, and most documents are.
        roots = np.array([self._likely.of(int(member)) for member in members], dtype=np.int64)
        _, where, counts = np.unique(roots, return_inverse=True, return_counts=True)
        for member, root in zip(members[counts[where] > 1], roots[counts[where] > 1], strict=True):
            signature = self._signatures.of(int(member))
            twin = self._twin(int(member), signature, kept[int(root)])
            if twin is None or stays(int(member)):
                kept[int(root)].add(int(member), signature)
            else:
                out[int(member)] = twin
        return out

    def _unlike(self, one: int, other: int) -> bool:
        agree = int((self._signatures.of(one) == self._signatures.of(other)).sum())
        return agree < (self._loose - _DOUBT) * PERMUTATIONS

    def _join(self, group: Iterable[int]) -> None:
        first = _Kept()
        for number in group:
            member = int(number)
            signature = self._signatures.of(member)
            alike = False
            for other, estimate in first.likely(signature, self._loose - _DOUBT):
                self.loose.join(member, other)
                if estimate >= self._near - _DOUBT:
                    self._likely.join(member, other)
                    alike = alike or estimate >= self._near + _DOUBT
            if not alike and len(first) < _REPRESENTATIVES:
                first.add(member, signature)

    def _twin(self, member: int, signature: NDArray[np.uint32], kept: _Kept) -> int | None:
        own: frozenset[str] | None = None
        for other, estimate in kept.likely(signature, self._near - _DOUBT)[:_READ]:
            if estimate >= self._near + _DOUBT:
                return other
            own = own or word_pairs(self._text(member))
            if jaccard(own, word_pairs(self._text(other))) >= self._near:
                return other
        return None


class _Kept:
    """Documents that others are compared with: the latest ones, which are nearest to them in length."""

    def __init__(self) -> None:
        self._numbers = np.empty(8, dtype=np.int64)
        self._signatures = np.empty((8, PERMUTATIONS), dtype=np.uint32)
        self._added = 0

    def __len__(self) -> int:
        return self._added

    def add(self, number: int, signature: NDArray[np.uint32]) -> None:
        size = len(self._numbers)
        if self._added == size < _COMPARED:
            self._numbers = np.resize(self._numbers, min(2 * size, _COMPARED))
            self._signatures = np.resize(self._signatures, (len(self._numbers), PERMUTATIONS))
        at = self._added % len(self._numbers)  # the latest takes the place of the first
        self._numbers[at], self._signatures[at] = number, signature
        self._added += 1

    def likely(self, signature: NDArray[np.uint32], least: float) -> list[tuple[int, float]]:
        """Those with an estimate of at least `least`, with it; the likeliest first."""
        count = min(self._added, len(self._numbers))
        agree = (self._signatures[:count] == signature).sum(axis=1)
        found = np.flatnonzero(agree >= least * PERMUTATIONS)
        found = found[np.argsort(-agree[found], kind="stable")]
        return [(int(self._numbers[at]), float(agree[at]) / PERMUTATIONS) for at in found]
