"""The Merkle tree of RFC 9162, section 2.1, over SHA-256: roots, inclusion proofs, consistency proofs.

Does: works on whole subtrees that it asks a `Nodes` for, so that a root or a proof for n leaves takes
O(log n) to O(log n squared) look-ups and never all leaves. A whole subtree never changes when leaves are
added; `completed` says which new ones a leaf brings. Does not: store anything.

A leaf's hash begins with the byte 0, an inner node's with 1: without them a node could be passed off as a
leaf.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from security.crypto.ledger.errors import ProofError

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()
Nodes: TypeAlias = Callable[[int, int], bytes]
"""`nodes(level, number)` is the hash over the 2**level leaves that begin at leaf number * 2**level."""


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf with this content."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of the node above two others."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def completed(index: int, leaf: bytes, nodes: Nodes) -> Iterator[tuple[int, int, bytes]]:
    """The whole subtrees, as (level, number, hash), that end with leaf `index`, from level 1 upward."""
    level, number, value = 0, index, leaf
    while number % 2:
        value = node_hash(nodes(level, number - 1), value)
        level, number = level + 1, number // 2
        yield level, number, value


def root(size: int, nodes: Nodes) -> bytes:
    """The root over the first `size` leaves.

    Raises:
        ValueError: `size` is negative.
    """
    if size < 0:
        raise ValueError("A tree has no negative size.")
    return _over(0, size, nodes) if size else EMPTY_ROOT


def inclusion_proof(index: int, size: int, nodes: Nodes) -> tuple[bytes, ...]:
    """The hashes that lead from leaf `index` to the root over `size` leaves, lowest first (2.1.3.1).

    Raises:
        ProofError: there is no such leaf.
    """
    if not 0 <= index < size:
        raise ProofError(f"There is no entry {index} among the first {size}.", index=index, size=size)
    path: list[bytes] = []
    start, stop = 0, size
    while stop - start > 1:
        middle = start + _split(stop - start)
        if index < middle:
            path.append(_over(middle, stop, nodes))
            stop = middle
        else:
            path.append(_over(start, middle, nodes))
            start = middle
    return tuple(reversed(path))


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Return if the proof leads from this leaf's hash, at `index`, to the root over `size` (2.1.3.2).

    Raises:
        ProofError: it doesn't.
    """
    if not 0 <= index < size:
        raise ProofError("The proof names a place that isn't in the tree.", index=index, size=size)
    _check_hashes((leaf, *proof, root))
    number, last, value = index, size - 1, leaf
    for other in proof:
        if last == 0:
            raise ProofError("The proof is too long.", index=index, size=size)
        if number % 2 or number == last:
            value = node_hash(other, value)
            while number and number % 2 == 0:
                number, last = number // 2, last // 2
        else:
            value = node_hash(value, other)
        number, last = number // 2, last // 2
    if last or value != root:
        raise ProofError("The proof doesn't lead to this root.", index=index, size=size)


def consistency_proof(first: int, second: int, nodes: Nodes) -> tuple[bytes, ...]:
    """Shows that the tree over `first` leaves is the beginning of that over `second` (2.1.4.1); empty for
    equal sizes and for `first` 0, where there is nothing to show.

    Raises:
        ProofError: `first` is negative or above `second`.
    """
    if not 0 <= first <= second:
        raise ProofError("The first size must be from 0 to the second.", first=first, second=second)
    if first in (0, second):
        return ()
    path: list[bytes] = []
    start, stop, known = 0, second, True
    while stop != first:
        middle = start + _split(stop - start)
        if first <= middle:
            path.append(_over(middle, stop, nodes))
            stop = middle
        else:
            path.append(_over(start, middle, nodes))
            start, known = middle, False
    if not known:  # else the verifier has this very hash: it is the first root
        path.append(_over(start, stop, nodes))
    return tuple(reversed(path))


def verify_consistency(
    first: int, second: int, first_root: bytes, second_root: bytes, proof: Sequence[bytes]
) -> None:
    """Return if the proof shows that the second tree began as the first (2.1.4.2).

    Raises:
        ProofError: it doesn't.
    """
    _check_hashes((first_root, second_root, *proof))
    if not 0 <= first <= second:
        raise ProofError("The second tree is smaller than the first.", first=first, second=second)
    if first in (0, second):
        if proof or (first_root != second_root if first else first_root != EMPTY_ROOT):
            raise ProofError("The two trees are not the same.", first=first, second=second)
        return
    path = [first_root, *proof] if first & (first - 1) == 0 else list(proof)
    if not path:
        raise ProofError("The proof is empty.", first=first, second=second)
    number, last = first - 1, second - 1
    while number % 2:
        number, last = number // 2, last // 2
    old = new = path[0]
    for other in path[1:]:
        if last == 0:
            raise ProofError("The proof is too long.", first=first, second=second)
        if number % 2 or number == last:
            old, new = node_hash(other, old), node_hash(other, new)
            while number and number % 2 == 0:
                number, last = number // 2, last // 2
        else:
            new = node_hash(new, other)
        number, last = number // 2, last // 2
    if last or old != first_root or new != second_root:
        raise ProofError("The second tree doesn't begin with the first one.", first=first, second=second)


class Tree:
    """A tree in memory, made by adding leaves; its `node` is a `Nodes`."""

    def __init__(self, leaves: Sequence[bytes] = ()) -> None:
        """From hashes of leaves."""
        self._levels: list[list[bytes]] = [[]]
        for leaf in leaves:
            self.append(leaf)

    def __len__(self) -> int:
        return len(self._levels[0])

    def append(self, leaf: bytes) -> list[tuple[int, int, bytes]]:
        """Add the hash of a leaf; returns the subtrees that it completed."""
        new = list(completed(len(self), leaf, self.node))
        self._levels[0].append(leaf)
        for level, _, value in new:
            if level == len(self._levels):
                self._levels.append([])
            self._levels[level].append(value)
        return new

    def node(self, level: int, number: int) -> bytes:
        """The hash over the leaves of this whole subtree."""
        return self._levels[level][number]

    def root(self) -> bytes:
        """The root over all leaves."""
        return root(len(self), self.node)


def _split(size: int) -> int:
    """The largest power of two below `size`, which is 2 or more."""
    return 1 << (size - 1).bit_length() - 1


def _over(start: int, stop: int, nodes: Nodes) -> bytes:
    """The root over the leaves from `start` to before `stop`, which is at least one."""
    size = stop - start
    if size & (size - 1) == 0:
        level = size.bit_length() - 1
        return nodes(level, start >> level)
    middle = start + _split(size)
    return node_hash(_over(start, middle, nodes), _over(middle, stop, nodes))


def _check_hashes(every: Sequence[bytes]) -> None:
    # Else a "hash" of 65 bytes could stand for two.
    if any(len(value) != HASH_BYTES for value in every):
        raise ProofError(f"A hash of the tree has {HASH_BYTES} bytes.")
