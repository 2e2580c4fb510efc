"""ECDSA over P-256 (FIPS 186-5, section 6) with a number k of the caller's choice, and how a repeated k gives
the private key away. Spelled out here to be seen; never use it for a real key.

The app signs with pyca/cryptography, which takes no k from anybody.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import TypeAlias

P = 2**256 - 2**224 + 2**192 + 2**96 - 1
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""How many multiples the base point has."""
A, B = P - 3, 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
Point: TypeAlias = tuple[int, int] | None
"""x and y; None is the point at infinity."""
G: Point = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)


@dataclass(frozen=True)
class Signature:
    """r and s, both from 1 to N - 1."""

    r: int
    s: int


def add(one: Point, other: Point) -> Point:
    """The sum of two points of the curve."""
    if one is None or other is None:
        return one or other
    if one[0] == other[0]:
        if (one[1] + other[1]) % P == 0:
            return None
        slope = (3 * one[0] * one[0] + A) * pow(2 * one[1], -1, P)
    else:
        slope = (other[1] - one[1]) * pow(other[0] - one[0], -1, P)
    x = (slope * slope - one[0] - other[0]) % P
    return x, (slope * (one[0] - x) - one[1]) % P


def times(number: int, point: Point) -> Point:
    """The point added to itself so many times, by doubling."""
    sum_: Point = None
    while number:
        if number & 1:
            sum_ = add(sum_, point)
        point, number = add(point, point), number >> 1
    return sum_


def hashed(message: bytes) -> int:
    """z: SHA-256 of the message as a number."""
    return int.from_bytes(hashlib.sha256(message).digest(), "big")


def sign(private: int, message: bytes, k: int) -> Signature:
    """r is the x of k G; s = (z + r private) / k, all modulo N.

    Raises:
        ValueError: k or the key is out of range, or this k gives no signature.
    """
    if not (0 < k < N and 0 < private < N):
        raise ValueError("k and the private key are from 1 to N - 1")
    point = times(k, G)
    assert point is not None
    r = point[0] % N
    s = (hashed(message) + r * private) * pow(k, -1, N) % N
    if r == 0 or s == 0:
        raise ValueError("this k gives no signature")
    return Signature(r, s)


def nonce(private: int, message: bytes) -> int:
    """k from the key and the message alone, by HMAC-SHA-256 (RFC 6979, section 3.2)."""
    start = private.to_bytes(32, "big") + (hashed(message) % N).to_bytes(32, "big")
    key, value = bytes(32), b"\x01" * 32
    for mark in (b"\x00", b"\x01"):
        key = hmac.digest(key, value + mark + start, hashlib.sha256)
        value = hmac.digest(key, value, hashlib.sha256)
    while True:
        value = hmac.digest(key, value, hashlib.sha256)
        k = int.from_bytes(value, "big")
        if 0 < k < N:
            return k
        key = hmac.digest(key, value + b"\x00", hashlib.sha256)
        value = hmac.digest(key, value, hashlib.sha256)


def recovered_nonce(one: tuple[bytes, Signature], other: tuple[bytes, Signature]) -> int | None:
    """k of two signed messages with one k: s1 - s2 = (z1 - z2) / k. None if they don't share one."""
    difference = (one[1].s - other[1].s) % N
    if one[1].r != other[1].r or difference == 0:
        return None
    return (hashed(one[0]) - hashed(other[0])) * pow(difference, -1, N) % N


def recovered_key(message: bytes, signature: Signature, k: int) -> int:
    """The private key, from one signature whose k is known: (s k - z) / r."""
    return (signature.s * k - hashed(message)) * pow(signature.r, -1, N) % N
