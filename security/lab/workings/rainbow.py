"""A rainbow table over a small space of passwords: chains of hash and reduction (Oechslin, 2003).

Only the first password and the last of each chain are kept; what lies between is computed again when it is
needed. Each column has a reduction of its own, so that two chains merge only if they meet in one column.
"""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass, field

_PER_CHAIN_MOST = 3  # chains begun for each that a perfect table would keep; more find little new


@dataclass(frozen=True)
class Space:
    """All texts of `length` characters over `letters`."""

    name: str
    letters: str
    length: int

    @property
    def size(self) -> int:
        """How many texts there are."""
        return int(len(self.letters) ** self.length)

    def text(self, number: int) -> bytes:
        """The text of a number from 0 to size - 1."""
        found = ""
        for _ in range(self.length):
            number, digit = divmod(number, len(self.letters))
            found = self.letters[digit] + found
        return found.encode()

    def has(self, text: bytes) -> bool:
        """Whether the text is one of them."""
        return len(text) == self.length and all(chr(byte) in self.letters for byte in text)


def digest(text: bytes, salt: bytes = b"") -> bytes:
    """SHA-256 of salt and text."""
    return hashlib.sha256(salt + text).digest()


@dataclass
class Lookup:
    """What a search found, and what it cost: hashes computed, and ends that led astray."""

    text: bytes | None = None
    hashes: int = 0
    false_alarms: int = 0
    start: bytes = b""
    column: int = -1


@dataclass
class Rainbow:
    """The table: `ends` has for the number at a chain's end the number at its start."""

    space: Space
    steps: int
    ends: dict[int, int] = field(default_factory=dict)
    hashes: int = 0
    begun: int = 0

    def reduce(self, hashed: bytes, column: int) -> int:
        """A number of the space out of a hash, in a way of the column's own. Not an inverse of the hash."""
        return (int.from_bytes(hashed[:8], "big") + column) % self.space.size

    def along(self, number: int, first: int, last: int) -> int:
        """Where a chain stands before column `last` that stood at `number` before column `first`."""
        for column in range(first, last):
            number = self.reduce(digest(self.space.text(number)), column)
        return number

    def chain(self, start: int) -> list[tuple[bytes, bytes]]:
        """Every (text, hash) of one chain, in order."""
        found = []
        for column in range(self.steps):
            text = self.space.text(start)
            found.append((text, digest(text)))
            start = self.reduce(found[-1][1], column)
        return found

    def find(self, hashed: bytes) -> Lookup:
        """Search a text with this hash: assume each column in turn, run to the end, look there."""
        cost = Lookup()
        for column in range(self.steps - 1, -1, -1):
            end = self.along(self.reduce(hashed, column), column + 1, self.steps)
            cost.hashes += self.steps - column - 1
            if end not in self.ends:
                continue
            text = self.space.text(self.along(self.ends[end], 0, column))
            cost.hashes += column + 1
            if digest(text) == hashed:
                cost.text, cost.column, cost.start = text, column, self.space.text(self.ends[end])
                return cost
            cost.false_alarms += 1
        return cost

    @property
    def table_bytes(self) -> int:
        """Two texts for each chain."""
        return 2 * self.space.length * len(self.ends)

    @property
    def full_bytes(self) -> int:
        """A table of every text and its hash."""
        return self.space.size * (self.space.length + 32)


def build(space: Space, steps: int, rng: random.Random) -> Rainbow:
    """Chains from random starts; of those that end alike one is kept. About 6 hashes for each text of the
    space.

    Raises:
        ValueError: a chain has no step, or the space is too small for two chains.
    """
    if steps < 1 or space.size < steps:
        raise ValueError("a chain needs a step, and a space that is larger than it")
    table = Rainbow(space, steps)
    table.begun = min(space.size, _PER_CHAIN_MOST * 2 * space.size // (steps + 2))
    for start in rng.sample(range(space.size), table.begun):
        end = table.along(start, 0, steps)
        table.ends.setdefault(end, start)
        table.hashes += steps
    return table
