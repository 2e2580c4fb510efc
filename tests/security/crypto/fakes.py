"""Randomness that a test knows beforehand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


class Script:
    """Hands out the given bytes in turn; asked for another number of bytes than comes next, it fails."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces: Iterator[bytes] = iter(pieces)

    def __call__(self, count: int) -> bytes:
        piece = next(self._pieces)
        assert len(piece) == count
        return piece


class Counter:
    """1, 2, 3, ... as big-endian bytes of the length asked for."""

    def __init__(self) -> None:
        self._number = 0

    def __call__(self, count: int) -> bytes:
        self._number += 1
        return self._number.to_bytes(count, "big")


def every_bit_flipped(blob: bytes) -> Iterable[bytes]:
    """`blob` again and again, each time with one other bit changed."""
    for bit in range(8 * len(blob)):
        changed = bytearray(blob)
        changed[bit // 8] ^= 1 << (bit % 8)
        yield bytes(changed)
