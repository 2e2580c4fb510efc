"""Shamir shares that can be checked against published commitments, in the group of Ed25519.

Sources: Feldman, "A Practical Scheme for Non-interactive Verifiable Secret Sharing" (FOCS 1987); Pedersen,
"Non-Interactive and Information-Theoretic Secure Verifiable Secret Sharing" (CRYPTO 1991). The points are
computed by libsodium (PyNaCl); the schemes are spelled out to be seen, nothing else may use them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from nacl import bindings

from security.lab.workings.sharing import ORDER, Share

IDENTITY = (1).to_bytes(32, "little")
"""The neutral point, which libsodium won't multiply to."""


def times(number: int, point: bytes | None = None) -> bytes:
    """`number` times a point of the prime-order group, 32 bytes; of the base point without one."""
    number %= ORDER
    if number == 0 or point == IDENTITY:
        return IDENTITY
    scalar = number.to_bytes(32, "little")
    if point is None:
        return bindings.crypto_scalarmult_ed25519_base_noclamp(scalar)
    return bindings.crypto_scalarmult_ed25519_noclamp(scalar, point)


def plus(one: bytes, other: bytes) -> bytes:
    """The sum of two points."""
    return bindings.crypto_core_ed25519_add(one, other)


def minus(one: bytes, other: bytes) -> bytes:
    """The difference of two points."""
    return bindings.crypto_core_ed25519_sub(one, other)


def second_base() -> bytes:
    """A point of which nobody knows how many times the base point it is: made from a hash."""
    digest = hashlib.sha512(b"asklepion lab: second base of Pedersen's commitments").digest()
    return bindings.crypto_core_ed25519_from_uniform(digest[:32])


def feldman(coefficients: Sequence[int]) -> list[bytes]:
    """A commitment to each coefficient. Who can guess a number can check the guess: it doesn't hide a small
    one."""
    return [times(coefficient) for coefficient in coefficients]


def pedersen(coefficients: Sequence[int], blinds: Sequence[int]) -> list[bytes]:
    """A commitment to each coefficient that hides it by a random number, even from unlimited computing
    power."""
    base = second_base()
    return [plus(times(c), times(r, base)) for c, r in zip(coefficients, blinds, strict=True)]


def added(every: Sequence[Sequence[bytes]]) -> list[bytes]:
    """Commitments to the sum of the polynomials, from those to each."""
    total = list(every[0])
    for more in every[1:]:
        total = [plus(one, other) for one, other in zip(total, more, strict=True)]
    return total


def fits(share: Share, commitments: Sequence[bytes], blind: Share | None = None) -> bool:
    """Whether the share lies on the committed polynomial; for Pedersen's, with the share of the blinds."""
    expected = IDENTITY
    for power, point in enumerate(commitments):
        expected = plus(expected, times(pow(share.at, power, ORDER), point))
    here = times(share.value)
    if blind is not None:
        here = plus(here, times(blind.value, second_base()))
    return here == expected


def guessed(commitment: bytes, below: int) -> int | None:
    """The number under a Feldman commitment, if it is under `below`: one point addition per guess."""
    point, base = IDENTITY, times(1)
    for number in range(below):
        if point == commitment:
            return number
        point = plus(point, base)
    return None
