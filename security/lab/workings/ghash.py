"""GCM's check function for one-block messages, and how a nonce used twice gives its key away (Joux 2006).

Elements of GF(2^128) are 16 bytes as in NIST SP 800-38D: bit 0 is the leftmost, the polynomial is
x^128 + x^7 + x^2 + x + 1. Spelled out here to be seen; never use it.
"""

from __future__ import annotations

from security.lab.workings.blocks import xor

_R = 0xE1 << 120


def multiplied(a: bytes, b: bytes) -> bytes:
    """The product of two elements."""
    x, y = int.from_bytes(a, "big"), int.from_bytes(b, "big")
    product = 0
    for bit in range(127, -1, -1):
        if x >> bit & 1:
            product ^= y
        y = y >> 1 ^ (_R if y & 1 else 0)
    return product.to_bytes(16, "big")


def square_root(a: bytes) -> bytes:
    """The one element whose square is `a`: a to the 2^127."""
    for _ in range(127):
        a = multiplied(a, a)
    return a


def inverse(a: bytes) -> bytes:
    """1 / a, as a to the 2^128 - 2; 0 for 0."""
    power = bytes([0x80]) + bytes(15)
    for _ in range(127):
        a = multiplied(a, a)
        power = multiplied(power, a)
    return power


def hash_key(ciphertexts: tuple[bytes, bytes], tags: tuple[bytes, bytes]) -> bytes:
    """GCM's hash key H from two messages under one nonce: one whole block each, no associated data.

    Each tag is C H^2 + (lengths) H + S with the same S; their sum is (C1 + C2) H^2.

    Raises:
        ValueError: a ciphertext isn't 16 bytes, or the two are the same.
    """
    one, two = ciphertexts
    if len(one) != 16 or len(two) != 16 or one == two:
        raise ValueError("two different ciphertexts of 16 bytes each")
    return square_root(multiplied(xor(*tags), inverse(xor(one, two))))


def forged_tag(key: bytes, ciphertext: bytes, tag: bytes, other: bytes) -> bytes:
    """The tag for `other` in the place of `ciphertext`, under the same nonce; `key` is H."""
    return xor(tag, multiplied(xor(ciphertext, other), multiplied(key, key)))
