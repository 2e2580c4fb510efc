"""Which documents are held out: whole clusters of documents that belong together, drawn by a seed.

The draw depends on the seed and on what the documents say, not on their order or number.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.corpus.clusters import Clusters
from training.errors import BadDataError


@dataclass(frozen=True)
class Split:
    """Whether each document is held out; `separated` if parts of one long text had to be told apart."""

    held_out: NDArray[np.bool_]
    separated: bool = False


def divide(
    kept: NDArray[np.int64],
    keys: NDArray[np.uint64],
    together: Clusters,
    also_together: Clusters,
    share: float,
    seed: int,
) -> Split:
    """Hold out about `share` of the documents `kept`, at least one of them, unless `share` is 0.

    Args:
        kept: the numbers of the documents that the set holds.
        keys: for each document (kept or not) a number made from what it says.
        together: documents that must be on one side.
        also_together: the same, and with them the parts of each text that was cut; given up where it
            leaves less than half of what should be held out.
        share: of the documents.
        seed: draws another part.

    Raises:
        BadDataError: all documents belong together, so that none can be held out.
    """
    held_out = np.zeros(len(keys), dtype=np.bool_)
    if share == 0:
        return Split(held_out)
    target = max(1, round(share * len(kept)))
    chosen = _drawn(kept, keys, also_together, target, seed)
    separated = False
    if 2 * len(chosen) < target:
        apart = _drawn(kept, keys, together, target, seed)
        separated = len(apart) > len(chosen)
        chosen = apart if separated else chosen
    if not chosen:
        raise BadDataError(
            f"None of the {len(kept)} documents that remain can be held out: they are one document, or all "
            "alike or of one group. Give more documents, cut long ones (longest), or hold none out "
            "(held_out 0)."
        )
    held_out[chosen] = True
    return Split(held_out, separated)


def _drawn(
    kept: NDArray[np.int64], keys: NDArray[np.uint64], clusters: Clusters, target: int, seed: int
) -> list[int]:
    """The members of clusters drawn at random until there are `target` of them, or nearly."""
    roots = np.array([clusters.of(int(number)) for number in kept], dtype=np.int64)
    order = np.lexsort((keys[kept], roots))
    starts = np.flatnonzero(np.diff(roots[order], prepend=-1))
    if len(starts) < 2:
        return []
    members = kept[order]
    sizes = np.diff(starts, append=len(members))
    # A cluster is drawn by the smallest of its keys, which no order of the documents changes.
    lots = np.fromiter((_lot(int(keys[members[start]]), seed) for start in starts), np.uint64, len(starts))
    drawn = np.argsort(lots, kind="stable")
    chosen: list[int] = []
    for cluster in drawn:
        if len(chosen) + sizes[cluster] <= target:
            chosen.extend(map(int, members[starts[cluster] : starts[cluster] + sizes[cluster]]))
    if not chosen:
        least = drawn[np.argmin(sizes[drawn])]
        chosen = [int(number) for number in members[starts[least] : starts[least] + sizes[least]]]
    return chosen


def _lot(key: int, seed: int) -> int:
    return int.from_bytes(hashlib.blake2b(f"{seed}:{key}".encode(), digest_size=8).digest())
