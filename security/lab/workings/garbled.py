"""Yao's garbled circuit of "a > b", and oblivious transfer; spelled out to be seen, nothing else may use it.

Sources: Yao, "How to Generate and Exchange Secrets" (FOCS 1986); free XOR after Kolesnikov and Schneider
(ICALP 2008), point-and-permute after Beaver, Micali and Rogaway (STOC 1990); oblivious transfer after Chou
and Orlandi (LATINCRYPT 2015) on Edwards25519, the curve of X25519 in the form that can add. Labels are 16
bytes, the hash is SHA-256. Both parties follow the protocol and only look; one who garbles another circuit
isn't found out.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass

from security.lab.workings.committed import minus, plus, times
from security.lab.workings.sharing import ORDER

LABEL = 16
Pair = tuple[bytes, bytes]
"""The labels of a wire for 0 and for 1."""


def xor(one: bytes, other: bytes) -> bytes:
    """Byte by byte."""
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def _pad(left: bytes, right: bytes, gate: int) -> bytes:
    return hashlib.sha256(left + right + gate.to_bytes(4, "big")).digest()[:LABEL]


def _colour(label: bytes) -> int:
    return label[-1] & 1


@dataclass(frozen=True)
class Circuit:
    """What goes to the evaluator: a table of four locked labels per bit, and the colour that means 0 at the
    end."""

    tables: tuple[tuple[bytes, bytes, bytes, bytes], ...]
    zero: int


@dataclass(frozen=True)
class Garbled:
    """What the garbler has: the circuit, and both labels of each input wire, the lowest bit first."""

    circuit: Circuit
    first: tuple[Pair, ...]
    second: tuple[Pair, ...]


def garble(bits: int, rng: random.Random) -> Garbled:
    """A comparator of two numbers of so many bits.

    Per bit, from the lowest: carry = carry XOR ((a XOR carry) AND (a XOR b)), which is a where a and b
    differ and else the old carry. One AND gate per bit; XOR costs nothing, for the labels of 1 are those of
    0 XOR one secret.
    """
    secret = rng.randbytes(LABEL - 1) + bytes([rng.randrange(256) | 1])
    first, second, tables = [], [], []
    carry = bytes(LABEL)
    for gate in range(bits):
        a, b, out = rng.randbytes(LABEL), rng.randbytes(LABEL), rng.randbytes(LABEL)
        first.append((a, xor(a, secret)))
        second.append((b, xor(b, secret)))
        tables.append(_locked(xor(a, carry), xor(a, b), out, secret, gate))
        carry = xor(carry, out)
    return Garbled(Circuit(tuple(tables), _colour(carry)), tuple(first), tuple(second))


def _locked(
    left: bytes, right: bytes, out: bytes, secret: bytes, gate: int
) -> tuple[bytes, bytes, bytes, bytes]:
    """An AND gate, its rows in the order of the colours of the two labels that open them."""
    rows = [b""] * 4
    for x in (0, 1):
        for y in (0, 1):
            one = xor(left, secret) if x else left
            other = xor(right, secret) if y else right
            result = xor(out, secret) if x and y else out
            rows[2 * _colour(one) + _colour(other)] = xor(_pad(one, other, gate), result)
    return rows[0], rows[1], rows[2], rows[3]


@dataclass(frozen=True)
class Evaluated:
    """The row opened at each gate, the label that it held, and the answer."""

    rows: tuple[int, ...]
    labels: tuple[bytes, ...]
    greater: bool


def evaluate(circuit: Circuit, first: Sequence[bytes], second: Sequence[bytes]) -> Evaluated:
    """Open one row of each table with one label per wire, knowing of none what it means."""
    carry, rows, labels = bytes(LABEL), [], []
    for gate, (a, b) in enumerate(zip(first, second, strict=True)):
        left, right = xor(a, carry), xor(a, b)
        row = 2 * _colour(left) + _colour(right)
        out = xor(circuit.tables[gate][row], _pad(left, right, gate))
        rows.append(row)
        labels.append(out)
        carry = xor(carry, out)
    return Evaluated(tuple(rows), tuple(labels), _colour(carry) != circuit.zero)


@dataclass(frozen=True)
class Transfer:
    """One oblivious transfer: the points that are sent, the two locked labels, and what the receiver
    opened."""

    offer: bytes
    choice: bytes
    locked: Pair
    opened: bytes


def transfer(pair: Pair, bit: int, index: int, rng: random.Random) -> Transfer:
    """The receiver gets `pair[bit]`; the sender doesn't learn the bit, nor the receiver the other label.

    The receiver's point is x B or x B + S. The sender makes a key for each case; the receiver, who doesn't
    know the sender's number, has only the one.
    """
    mine, theirs = rng.randrange(1, ORDER), rng.randrange(1, ORDER)
    offer = times(mine)
    choice = plus(times(theirs), offer) if bit else times(theirs)

    def key(point: bytes) -> bytes:
        return hashlib.sha256(offer + choice + point + index.to_bytes(4, "big")).digest()[:LABEL]

    keys = key(times(mine, choice)), key(times(mine, minus(choice, offer)))
    locked = xor(pair[0], keys[0]), xor(pair[1], keys[1])
    return Transfer(offer, choice, locked, xor(locked[bit], key(times(theirs, offer))))


def bits_of(number: int, bits: int) -> list[int]:
    """The lowest first.

    Raises:
        ValueError: it doesn't fit.
    """
    if not 0 <= number < 1 << bits:
        raise ValueError(f"{number} doesn't fit into {bits} bits.")
    return [number >> at & 1 for at in range(bits)]


def greater(a: int, b: int, bits: int, rng: random.Random) -> bool:
    """Whether a > b, by the whole protocol."""
    made = garble(bits, rng)
    first = [pair[bit] for pair, bit in zip(made.first, bits_of(a, bits), strict=True)]
    second = [
        transfer(pair, bit, at, rng).opened
        for at, (pair, bit) in enumerate(zip(made.second, bits_of(b, bits), strict=True))
    ]
    return evaluate(made.circuit, first, second).greater
