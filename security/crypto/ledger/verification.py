"""Computing a stored ledger anew: the chain, the tree, and what others have kept of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from security.crypto.ledger import merkle
from security.crypto.ledger.checkpoints import Checkpoint
from security.crypto.ledger.entries import FIRST_PREVIOUS, Entry, fault
from security.crypto.ledger.errors import CheckpointError
from security.crypto.signatures import VerifyKey

_BATCH = 1024


@dataclass(frozen=True)
class Report:
    """What `Ledger.verify` found.

    Attributes:
        size: how many entries the ledger holds, its highest index plus one.
        root: the Merkle root over the entries that were good, all of them if nothing was found.
        first_bad: the index of the first entry that is wrong or gone; for a checkpoint that isn't met, the
            first that may be: all before it agree with an earlier checkpoint. None if nothing was found.
        reason: what is wrong, in words; empty if nothing was found.
        checkpoints: how many kept checkpoints agree.
    """

    size: int
    root: bytes
    first_bad: int | None = None
    reason: str = ""
    checkpoints: int = 0

    @property
    def ok(self) -> bool:
        """Whether all is as it was written."""
        return self.first_bad is None


@dataclass(frozen=True)
class Mark:
    """How far a ledger was verified: enough to go on from there without the entries before.

    Attributes:
        size: how many entries were good.
        previous: the hash of the last of them.
        edge: the tree's right edge, as (level, hash).
    """

    size: int = 0
    previous: bytes = FIRST_PREVIOUS
    edge: tuple[tuple[int, bytes], ...] = ()

    def root(self) -> bytes:
        """The Merkle root over these entries."""
        return _Compact(self).root()


@dataclass(frozen=True)
class Stretch:
    """What `Ledger.go_on` found between a mark and where it stopped.

    Attributes:
        mark: all up to here is as it was written, given that it was up to the mark before.
        size: how many entries the ledger holds.
        first_bad: the first entry that is wrong or gone; None if nothing was found.
        reason: what is wrong, in words.
    """

    mark: Mark
    size: int
    first_bad: int | None = None
    reason: str = ""


class Stored(Protocol):
    """What `examine` reads."""

    def sizes(self) -> tuple[int, int, int]:
        """At one moment: the highest index (-1 for none), the number of entries, that of subtrees."""

    def entries(self, start: int, stop: int) -> list[Entry]:
        """Those of these indices that there are, in order."""

    def nodes(self, level: int, start: int, stop: int) -> dict[int, bytes]:
        """The hashes of the subtrees of this level with these numbers that there are."""


def examine(stored: Stored, name: str, kept: Sequence[Checkpoint], key: VerifyKey | None) -> Report:
    """Compute the ledger `name` anew and compare.

    Raises:
        CheckpointError: a checkpoint isn't one of this key, or of another ledger.
    """
    for checkpoint in kept:
        if key is None:
            raise CheckpointError("Checkpoints are checked with the verifying key; give it.")
        checkpoint.verify(key)
        if checkpoint.name != name:
            raise CheckpointError(f"This checkpoint is one of the ledger {checkpoint.name!r}.")
    highest, count, node_count = stored.sizes()
    walk = _Walk(stored, highest + 1, sorted(kept, key=lambda one: (one.size, one.time)))
    found = walk.all() or _spare(highest + 1, count, node_count)
    if found is None and walk.waiting:
        missed = walk.waiting[0]
        found = (
            highest + 1,
            f"the ledger has {highest + 1} entries, and had {missed.size} when a checkpoint was signed: "
            "its end was cut off",
        )
    index, reason = found or (None, "")
    return Report(highest + 1, walk.tree.root(), index, reason, walk.agreed)


def extend(stored: Stored, mark: Mark, most: int) -> Stretch:
    """Compute up to `most` entries after `mark` anew; the entries before it are taken as read.

    At the end of the ledger the numbers of its rows are compared too.
    """
    highest, count, node_count = stored.sizes()
    size = highest + 1
    if size < mark.size:
        gone = f"the ledger has {size} entries, and had {mark.size} before: its end was cut off"
        return Stretch(mark, size, size, gone)
    stop = min(size, mark.size + most)
    walk = _Walk(stored, stop, [], mark)
    found = walk.all() or (_spare(size, count, node_count) if stop == size else None)
    index, reason = found or (None, "")
    return Stretch(walk.mark(), size, index, reason)


def _spare(size: int, count: int, node_count: int) -> tuple[int, str] | None:
    # A tree over n leaves has n minus (ones in n's binary form) whole subtrees above its leaves.
    if count != size:
        return 0, "there are entries before the first"
    if node_count != size - size.bit_count():
        return 0, "there are subtrees that no entry completed"
    return None


class _Compact:
    """The tree's right edge: enough for its root and for what a new leaf completes, in O(log n) of memory."""

    def __init__(self, mark: Mark) -> None:
        self.size = mark.size
        self._edge = dict(mark.edge)

    def edge(self) -> tuple[tuple[int, bytes], ...]:
        return tuple(sorted(self._edge.items()))

    def append(self, leaf: bytes) -> list[tuple[int, int, bytes]]:
        new = list(merkle.completed(self.size, leaf, self._left))
        for level in range(len(new)):
            del self._edge[level]
        self._edge[len(new)] = new[-1][2] if new else leaf
        self.size += 1
        return new

    def root(self) -> bytes:
        return merkle.root(self.size, self._left)

    def _left(self, level: int, _: int) -> bytes:
        return self._edge[level]


class _Walk:
    """One pass from the first entry, or from a mark, to the last."""

    def __init__(self, stored: Stored, size: int, kept: list[Checkpoint], mark: Mark | None = None) -> None:
        self._stored, self._size = stored, size
        self.waiting, self.agreed = kept, 0
        mark = mark or Mark()
        self.tree = _Compact(mark)
        self._previous = mark.previous
        self._sure = 0  # entries up to here agree with a checkpoint

    def all(self) -> tuple[int, str] | None:
        """The first thing that is wrong, and where."""
        found = self._meet()
        start = self.tree.size
        while found is None and start < self._size:
            stop = min(self._size, start + _BATCH)
            found = self._batch(start, stop)
            start = stop
        return found

    def mark(self) -> Mark:
        """How far the pass has come."""
        return Mark(self.tree.size, self._previous, self.tree.edge())

    def _batch(self, start: int, stop: int) -> tuple[int, str] | None:
        rows = self._stored.entries(start, stop)
        levels = range(1, stop.bit_length())
        nodes = {level: self._stored.nodes(level, start >> level, stop >> level) for level in levels}
        for index in range(start, stop):
            at = index - start
            if at >= len(rows):
                return index, f"entry {index} is missing"
            if wrong := fault(rows[at], index, self._previous):
                return index, wrong
            self._previous = rows[at].hash
            for level, number, value in self.tree.append(rows[at].hash):
                if nodes[level].get(number) != value:
                    return index, f"the stored subtree {number} of level {level} isn't that of its entries"
            if found := self._meet():
                return found
        return None

    def _meet(self) -> tuple[int, str] | None:
        while self.waiting and self.waiting[0].size == self.tree.size:
            if self.waiting[0].root != self.tree.root():
                return self._sure, (
                    f"entries {self._sure} to {self.tree.size - 1} aren't those that a checkpoint was signed "
                    "for: the ledger was written anew"
                )
            self.waiting, self._sure, self.agreed = self.waiting[1:], self.tree.size, self.agreed + 1
        return None
