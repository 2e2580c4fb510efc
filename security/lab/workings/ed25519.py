"""Ed25519 (RFC 8032, section 5.1), spelled out here to be seen; never use it for a real key.

Its steps take a time that depends on the secret, and anybody who can measure that learns of it. The app signs
with pyca/cryptography.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TypeAlias

P = 2**255 - 19
"""The field: all coordinates are counted modulo this prime."""
L = 2**252 + 27742317777372353535851937790883648493
"""How many multiples the base point has."""
D = -121665 * pow(121666, -1, P) % P
SIGNATURE_BYTES = 64
Point: TypeAlias = tuple[int, int, int, int]
"""X, Y, Z and T with x = X/Z, y = Y/Z and x y = T/Z: so no step needs a division."""
ZERO: Point = (0, 1, 1, 0)


def add(one: Point, other: Point) -> Point:
    """The sum of two points (5.1.4)."""
    a = (one[1] - one[0]) * (other[1] - other[0]) % P
    b = (one[1] + one[0]) * (other[1] + other[0]) % P
    c = 2 * one[3] * other[3] * D % P
    d = 2 * one[2] * other[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(number: int, point: Point) -> Point:
    """The point added to itself so many times, by doubling."""
    sum_ = ZERO
    while number:
        if number & 1:
            sum_ = add(sum_, point)
        point, number = add(point, point), number >> 1
    return sum_


def same(one: Point, other: Point) -> bool:
    """Whether these stand for the same point."""
    return (one[0] * other[2] - other[0] * one[2]) % P == 0 == (one[1] * other[2] - other[1] * one[2]) % P


def compress(point: Point) -> bytes:
    """32 bytes: y, with the last bit of x on top (5.1.2)."""
    inverse = pow(point[2], -1, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def decompress(data: bytes) -> Point | None:
    """The point that `compress` wrote; None if there is none (5.1.3)."""
    if len(data) != 32:
        return None
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


def _base() -> Point:
    point = decompress((4 * pow(5, -1, P) % P).to_bytes(32, "little"))
    assert point is not None
    return point


BASE = _base()
"""The base point B: y is 4/5."""


@dataclass(frozen=True)
class Trace:
    """All that is computed for one signature; names as in RFC 8032, numbers as such.

    Attributes:
        digest: SHA-512 of the seed, 64 bytes.
        scalar: from its first half, with five bits set by rule.
        prefix: its second half.
        public: A, the scalar times the base point, compressed.
        r: SHA-512(prefix | message), modulo L.
        big_r: r times the base point, compressed.
        k: SHA-512(R | A | message), modulo L.
        s: (r + k scalar) modulo L.
        signature: R | S, 64 bytes.
    """

    digest: bytes
    scalar: int
    prefix: bytes
    public: bytes
    r: int
    big_r: bytes
    k: int
    s: int
    signature: bytes


def sign(seed: bytes, message: bytes) -> Trace:
    """Sign, and keep every value on the way (5.1.5 and 5.1.6).

    Raises:
        ValueError: the seed hasn't 32 bytes.
    """
    if len(seed) != 32:
        raise ValueError("a seed has 32 bytes")
    digest = hashlib.sha512(seed).digest()
    scalar = int.from_bytes(digest[:32], "little") & (1 << 254) - 8 | 1 << 254
    prefix, public = digest[32:], compress(times(scalar, BASE))
    r = _hashed(prefix, message)
    big_r = compress(times(r, BASE))
    k = _hashed(big_r, public, message)
    s = (r + k * scalar) % L
    return Trace(digest, scalar, prefix, public, r, big_r, k, s, big_r + s.to_bytes(32, "little"))


def verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether S B = R + k A (5.1.7)."""
    if len(signature) != SIGNATURE_BYTES:
        return False
    a, big_r = decompress(public), decompress(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if a is None or big_r is None or s >= L:  # a second S for the same signature must not pass
        return False
    k = _hashed(signature[:32], public, message)
    return same(times(s, BASE), add(big_r, times(k, a)))


def _hashed(*parts: bytes) -> int:
    return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little") % L
