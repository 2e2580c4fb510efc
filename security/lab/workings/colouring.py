"""The zero-knowledge proof that a map has a colouring with three colours (Goldreich, Micali, Wigderson 1986).

Six wards, joined where they must not have the same team. In each round the prover renames the colours at
random and locks each ward's colour in a box (SHA-256 over 32 random bytes and the colour); the verifier has
the two boxes at the ends of one line opened.
"""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass
from typing import TypeAlias

Edges: TypeAlias = tuple[tuple[int, int], ...]
NODES = ("A", "B", "C", "D", "E", "F")
PLACES = ((0.5, 0.06), (0.06, 0.9), (0.94, 0.9), (0.5, 0.76), (0.71, 0.45), (0.29, 0.45))
EDGES = (
    (0, 1), (0, 2), (1, 2), (3, 4), (4, 5), (3, 5), (0, 4), (0, 5), (1, 3), (1, 5), (2, 3), (2, 4),
)  # fmt: skip
COLOURS = ("a", "b", "c")
TRUE = (0, 1, 2, 0, 1, 2)
"""A colouring of the six wards."""
MORE_EDGES = (*EDGES, (0, 3))
"""With one line more, from A to D, four wards are all joined to each other and no colouring is left."""
NONCE_BYTES = 32


@dataclass(frozen=True)
class Round:
    """One round: the boxes, the line that was asked for, and what its two boxes held."""

    boxes: tuple[bytes, ...]
    edge: tuple[int, int]
    colours: tuple[int, int]
    nonces: tuple[bytes, bytes]

    def accepted(self) -> bool:
        """The verifier's check: the boxes open to what is said, and the colours differ."""
        for node, colour, nonce in zip(self.edge, self.colours, self.nonces, strict=True):
            if self.boxes[node] != box(nonce, colour):
                return False
        return self.colours[0] != self.colours[1]


def box(nonce: bytes, colour: int) -> bytes:
    """The commitment to a colour."""
    return hashlib.sha256(b"asklepion/lab/colouring" + nonce + bytes([colour])).digest()


def wrong_lines(colouring: tuple[int, ...], edges: Edges) -> int:
    """How many lines have one colour at both ends."""
    return sum(colouring[a] == colouring[b] for a, b in edges)


def play(colouring: tuple[int, ...], edges: Edges, rng: random.Random) -> Round:
    """One round with this colouring."""
    names = [0, 1, 2]
    rng.shuffle(names)
    colours = [names[colour] for colour in colouring]
    nonces = [rng.randbytes(NONCE_BYTES) for _ in NODES]
    boxes = tuple(box(nonce, colour) for nonce, colour in zip(nonces, colours, strict=True))
    first, second = rng.choice(edges)
    return Round(boxes, (first, second), (colours[first], colours[second]), (nonces[first], nonces[second]))
