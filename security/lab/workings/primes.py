"""Large primes from a seeded source, spelled out here to be seen; never use it for a real key.

A lesson must make the same key on every machine, and a library's generator takes no seed.
"""

from __future__ import annotations

import functools
import math
import random

# The first 13 primes as bases decide every n below this bound (Sorenson and Webster 2015).
# 3,317,044,064,679,887,385,961,981.
_BASES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41)
_SIEVED_TO = 1 << 15
_LEAST_BITS = 2


def is_probable_prime(n: int) -> bool:
    """Whether `n` is prime, by Miller and Rabin's test with fixed bases.

    Certain below 3.3e24. Above, a number drawn at random passes wrongly with a negligible chance; one that
    an adversary made for these very bases may pass, which is why real code draws its bases anew.
    """
    if n < 2:
        return False
    for base in _BASES:
        if n % base == 0:
            return n == base
    twos = (n - 1 & -(n - 1)).bit_length() - 1
    odd = n - 1 >> twos
    return all(_passes(n, base, odd, twos) for base in _BASES)


def _passes(n: int, base: int, odd: int, twos: int) -> bool:
    """One round of the test: n - 1 is `odd` times 2 to the `twos`."""
    power = pow(base, odd, n)
    if power in (1, n - 1):
        return True
    for _ in range(twos - 1):
        power = power * power % n
        if power == n - 1:
            return True
    return False


def prime(bits: int, rng: random.Random, coprime_to: int = 1) -> int:
    """A prime of exactly `bits` bits whose top two bits are set, so that a product of two has 2 `bits` bits.

    With `coprime_to`, p - 1 has no factor in common with it, as an RSA exponent asks.

    Raises:
        ValueError: fewer than 2 bits, or `coprime_to` is even, as p - 1 is.
    """
    if coprime_to % 2 == 0:
        raise ValueError("p - 1 is even, so it has 2 in common with every even number")
    if bits < _LEAST_BITS:
        raise ValueError(f"a prime has at least {_LEAST_BITS} bits")
    top = 3 << bits - 2
    if bits < 20:  # too few numbers for a sieve over a stretch of them
        while True:
            n = top | rng.getrandbits(bits)
            if is_probable_prime(n) and math.gcd(n - 1, coprime_to) == 1:
                return n
    while True:
        start = top | rng.getrandbits(bits) | 1
        for n in _unsieved(start, 8 * bits):
            # Fermat's test with base 2 sends nearly all composites away at the price of one power.
            if n.bit_length() > bits:
                break
            if math.gcd(n - 1, coprime_to) == 1 and pow(2, n - 1, n) == 1 and is_probable_prime(n):
                return n


def _unsieved(start: int, count: int) -> list[int]:
    """Of the `count` odd numbers from `start`, those that no small prime divides; `start` is odd and larger
    than those primes."""
    left = bytearray(b"\x01") * count
    for small in _small_primes():
        # start + 2i = 0 modulo small: the first such i.
        first = -start * ((small + 1) // 2) % small
        left[first::small] = bytes(len(range(first, count, small)))
    return [start + 2 * at for at in range(count) if left[at]]


@functools.cache
def _small_primes() -> tuple[int, ...]:
    """The odd primes below _SIEVED_TO."""
    left = bytearray(b"\x01") * _SIEVED_TO
    for n in range(3, math.isqrt(_SIEVED_TO) + 1, 2):
        if left[n]:
            left[n * n :: 2 * n] = bytes(len(range(n * n, _SIEVED_TO, 2 * n)))
    return tuple(n for n in range(3, _SIEVED_TO, 2) if left[n])
