"""Which documents belong together: sets that are joined pair by pair, over whole numbers."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import numpy as np


class Clusters:
    """Disjoint sets of the numbers below `size`; at first each is alone."""

    def __init__(self, size: int) -> None:
        self._parent = np.arange(size, dtype=np.int64)

    def of(self, number: int) -> int:
        """The number that stands for the set of `number`."""
        parent = self._parent
        root = number
        while parent[root] != root:
            root = int(parent[root])
        while parent[number] != root:
            parent[number], number = root, int(parent[number])
        return root

    def join(self, one: int, other: int) -> None:
        """Make one set of two."""
        first, second = self.of(one), self.of(other)
        if first != second:
            self._parent[max(first, second)] = min(first, second)

    def together(self, one: int, other: int) -> bool:
        """Whether the two are in one set."""
        return self.of(one) == self.of(other)

    def join_equal(self, values: np.ndarray, members: Iterable[int]) -> None:
        """Join the members that have the same value, unless it is 0."""
        order = sorted(members, key=lambda member: (int(values[member]), member))
        for one, other in pairwise(order):
            if values[one] == values[other] != 0:
                self.join(one, other)

    def copy(self) -> Clusters:
        """A copy that can be joined further without touching this one."""
        twin = Clusters(0)
        twin._parent = self._parent.copy()
        return twin
