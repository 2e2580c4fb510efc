"""Paillier's encryption, whose ciphertexts can be added, spelled out here to be seen; never use it.

With n = p · q, a message m modulo n and a random r: c = (1 + m · n) · r^n modulo n². The product of two
ciphertexts holds the sum of their messages; a power of one holds a multiple. Messages are whole numbers from
-n/2 to n/2.

Source: Paillier, "Public-key cryptosystems based on composite degree residuosity classes", EUROCRYPT 1999.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce

from security.lab.workings.primes import prime


@dataclass(frozen=True)
class PublicKey:
    """The modulus n; ciphertexts are whole numbers below n²."""

    n: int

    @property
    def square(self) -> int:
        """n²."""
        return self.n * self.n

    @property
    def ciphertext_bytes(self) -> int:
        """How long a ciphertext is."""
        return (self.square.bit_length() + 7) // 8

    def randomness(self, rng: random.Random) -> int:
        """A random r that has no factor in common with n."""
        while True:
            r = rng.randrange(1, self.n)
            if math.gcd(r, self.n) == 1:
                return r

    def encrypt(self, message: int, r: int) -> int:
        """The ciphertext of a message with this r, which must be new and random each time.

        Raises:
            ValueError: the message is too large, or r isn't fit.
        """
        if 2 * abs(message) >= self.n:
            raise ValueError("the message must lie from -n/2 to n/2")
        if math.gcd(r, self.n) != 1:
            raise ValueError("r must have no factor in common with n")
        # (1 + n)^m is 1 + m · n modulo n²: all further terms of the binomial have n² in them.
        return (1 + message * self.n) * pow(r, self.n, self.square) % self.square

    def add(self, ciphertexts: Iterable[int]) -> int:
        """A ciphertext of the sum."""
        return reduce(lambda product, c: product * c % self.square, ciphertexts, 1)

    def add_plain(self, ciphertext: int, number: int) -> int:
        """A ciphertext of the message plus a number that everybody may know."""
        return ciphertext * (1 + number * self.n) % self.square

    def scale(self, ciphertext: int, factor: int) -> int:
        """A ciphertext of the message times a number that everybody may know; it may be negative."""
        return pow(ciphertext, factor, self.square)


@dataclass(frozen=True)
class PrivateKey:
    """lambda = lcm(p - 1, q - 1) and its inverse modulo n."""

    public: PublicKey
    exponent: int
    inverse: int

    def decrypt(self, ciphertext: int) -> int:
        """The message, from -n/2 to n/2.

        Raises:
            ValueError: this is no ciphertext.
        """
        n = self.public.n
        if not 0 < ciphertext < self.public.square or math.gcd(ciphertext, n) != 1:
            raise ValueError("not a ciphertext of this key")
        message = (pow(ciphertext, self.exponent, self.public.square) - 1) // n * self.inverse % n
        return message - n if 2 * message > n else message


def key_pair(bits: int, rng: random.Random) -> PrivateKey:
    """A key whose n has exactly `bits` bits.

    Raises:
        ValueError: fewer than 16 bits, or an odd number of them.
    """
    if bits < 16 or bits % 2:
        raise ValueError("n must have an even number of bits, 16 or more")
    while True:
        p, q = prime(bits // 2, rng), prime(bits // 2, rng)
        n = p * q
        if p != q and math.gcd(n, (p - 1) * (q - 1)) == 1:
            exponent = math.lcm(p - 1, q - 1)
            return PrivateKey(PublicKey(n), exponent, pow(exponent, -1, n))
