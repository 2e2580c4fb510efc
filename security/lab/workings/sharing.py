"""Secrets in parts: additive shares, Shamir's, and products of shared numbers; spelled out to be seen,
nothing else may use them.

Sources: Shamir, "How to Share a Secret" (CACM 1979); Beaver, "Efficient Multiparty Protocols Using Circuit
Randomization" (CRYPTO 1991). All numbers are whole ones mod a prime. Chance comes from a `random.Random`,
whose values repeat; a real system draws them from the operating system.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

MERSENNE = 2**127 - 1
"""A prime for sums and products (Lucas 1876)."""
ORDER = 2**252 + 27742317777372353535851937790883648493
"""A prime: the order of the group of Ed25519 (RFC 8032), so that shares can be checked in that group."""


class SharingError(ValueError):
    """Shares that can't be put together, or numbers of them that make no sense."""


def split(secret: int, parties: int, prime: int, rng: random.Random) -> list[int]:
    """As many numbers below `prime` as parties, whose sum mod `prime` is the secret; the last one makes it
    come out.

    Raises:
        SharingError: fewer than two parties, or the secret isn't below the prime.
    """
    if parties < 2 or not 0 <= secret < prime:
        raise SharingError(f"Two or more parties share a number from 0 to below {prime}.")
    masks = [rng.randrange(prime) for _ in range(parties - 1)]
    return [*masks, (secret - sum(masks)) % prime]


@dataclass(frozen=True, order=True)
class Share:
    """A point of the polynomial: its place `at` (from 1) and the value there."""

    at: int
    value: int


def value_at(coefficients: Sequence[int], at: int, prime: int) -> int:
    """The polynomial's value; `coefficients` begin with the constant one."""
    total = 0
    for coefficient in reversed(coefficients):
        total = (total * at + coefficient) % prime
    return total


def polynomial(secret: int, needed: int, prime: int, rng: random.Random, below: int = 0) -> list[int]:
    """The secret, then `needed` - 1 coefficients, drawn from all of the field or (a mistake) from those
    under `below`."""
    return [secret, *(rng.randrange(below or prime) for _ in range(needed - 1))]


def shares_of(coefficients: Sequence[int], parties: int, prime: int) -> list[Share]:
    """A share for each party.

    Raises:
        SharingError: more are needed than there are, or the prime is too small for them.
    """
    if not 1 <= len(coefficients) <= parties < prime:
        raise SharingError(f"{len(coefficients)} of {parties} shares can't be made mod {prime}.")
    return [Share(at, value_at(coefficients, at, prime)) for at in range(1, parties + 1)]


def weights(places: Sequence[int], prime: int) -> list[int]:
    """Lagrange's: how much the value at each place counts for the value at 0.

    Raises:
        SharingError: a place is there twice, or 0.
    """
    if len({at % prime for at in places} - {0}) != len(places) or not places:
        raise SharingError("Shares to be put together need different places, and none at 0.")
    found = []
    for at in places:
        over, under = 1, 1
        for other in places:
            if other != at:
                over, under = over * other % prime, under * (other - at) % prime
        found.append(over * pow(under, -1, prime) % prime)
    return found


def joined(shares: Sequence[Share], prime: int) -> int:
    """The value at 0 of the polynomial of lowest degree through the shares.

    Raises:
        SharingError: two shares have one place.
    """
    factors = weights([share.at for share in shares], prime)
    return sum(factor * share.value for factor, share in zip(factors, shares, strict=True)) % prime


def forged(shares: Sequence[Share], who: int, shift: int, prime: int) -> Share:
    """What the party at index `who` must hand in to move the joint result by exactly `shift`."""
    factor = weights([share.at for share in shares], prime)[who]
    moved = shares[who].value + shift * pow(factor, -1, prime)
    return Share(shares[who].at, moved % prime)


def possible_secrets(known: Sequence[Share], needed: int, prime: int) -> list[int]:
    """For each secret from 0 to below a small prime, how many polynomials with `needed` coefficients go
    through the known shares. It tries all: prime ** needed must stay small."""
    counts = [0] * prime
    for number in range(prime**needed):
        rest, coefficients = number, []
        for _ in range(needed):
            rest, digit = divmod(rest, prime)
            coefficients.append(digit)
        if all(value_at(coefficients, share.at, prime) == share.value for share in known):
            counts[coefficients[0]] += 1
    return counts


def candidates(known: Sequence[Share], below: int, prime: int) -> list[int]:
    """Secrets that fit `known`, one share fewer than are needed, if the highest coefficient is under `below`.

    With that coefficient guessed, what is left has one degree less, and the shares suffice.
    """
    needed = len(known) + 1
    factors = weights([share.at for share in known], prime)
    plain = joined(known, prime)
    high = sum(f * share.at ** (needed - 1) for f, share in zip(factors, known, strict=True)) % prime
    return [(plain - guess * high) % prime for guess in range(below)]


@dataclass(frozen=True)
class Triple:
    """Shares, one per party, of three numbers u, v and w = u * v that nobody knows but the dealer."""

    u: list[int]
    v: list[int]
    w: list[int]


def deal(parties: int, prime: int, rng: random.Random) -> Triple:
    """A triple from a trusted dealer, who must forget it and takes no further part."""
    u, v = rng.randrange(prime), rng.randrange(prime)
    return Triple(*(split(number, parties, prime, rng) for number in (u, v, u * v % prime)))


@dataclass(frozen=True)
class Product:
    """What is opened, x - u and y - v, which is as random as u and v; and each party's share of x * y."""

    first: int
    second: int
    shares: list[int]


def multiply(x: Sequence[int], y: Sequence[int], triple: Triple, prime: int) -> Product:
    """Shares of the product of two additively shared numbers; a triple serves once."""
    first = sum(a - b for a, b in zip(x, triple.u, strict=True)) % prime
    second = sum(a - b for a, b in zip(y, triple.v, strict=True)) % prime
    shares = [
        (w + first * v + second * u) % prime for u, v, w in zip(triple.u, triple.v, triple.w, strict=True)
    ]
    shares[0] = (shares[0] + first * second) % prime
    return Product(first, second, shares)
