"""Whole-number arithmetic that attacks on textbook cryptography need, spelled out to be seen."""

from __future__ import annotations

import math
from collections.abc import Sequence


def extended_gcd(a: int, b: int) -> tuple[int, int, int]:
    """(g, x, y) with g = gcd(a, b) = a x + b y, for a and b of at least 0 (Euclid)."""
    before, now = (a, 1, 0), (b, 0, 1)
    while now[0]:
        times = before[0] // now[0]
        before, now = (
            now,
            (
                before[0] - times * now[0],
                before[1] - times * now[1],
                before[2] - times * now[2],
            ),
        )
    return before


def integer_root(n: int, degree: int) -> int:
    """The largest x with x to the `degree` at most `n`; exact at any size, by Newton's method.

    Raises:
        ValueError: n is negative or the degree is under 1.
    """
    if n < 0 or degree < 1:
        raise ValueError("a root of a number from 0, of a degree from 1")
    if n < 2 or degree == 1:
        return n
    x: int = 1 << -(-n.bit_length() // degree)  # at least the root
    while True:
        smaller = ((degree - 1) * x + n // x ** (degree - 1)) // degree
        if smaller >= x:
            return x
        x = smaller


def chinese_remainder(remainders: Sequence[int], moduli: Sequence[int]) -> int:
    """The one x from 0 to the product of `moduli` with these remainders.

    Raises:
        ValueError: two moduli have a common factor, or the lengths differ.
    """
    x, product = 0, 1
    for remainder, modulus in zip(remainders, moduli, strict=True):
        if math.gcd(product, modulus) != 1:
            raise ValueError("two moduli have a common factor")
        x += product * ((remainder - x) * pow(product, -1, modulus) % modulus)
        product *= modulus
    return x
