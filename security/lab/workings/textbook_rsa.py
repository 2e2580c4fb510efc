"""RSA as in the first lecture, with keys from a seeded source; spelled out here to be seen, never use it.

`oaep` (RFC 8017, section 7.1.1) and `library_key` lead from here to the real thing.
"""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import rsa

from security.lab.workings.blocks import xor
from security.lab.workings.numbers import chinese_remainder, extended_gcd, integer_root
from security.lab.workings.primes import prime

_HASH_BYTES = 32


@dataclass(frozen=True)
class RsaKey:
    """A key pair: two primes, and the exponent that encrypts."""

    p: int
    q: int
    e: int

    @property
    def n(self) -> int:
        """The modulus, public."""
        return self.p * self.q

    @property
    def d(self) -> int:
        """The exponent that decrypts: e d = 1 modulo lcm(p - 1, q - 1)."""
        return pow(self.e, -1, math.lcm(self.p - 1, self.q - 1))

    @property
    def size(self) -> int:
        """The modulus's length in bytes."""
        return -(-self.n.bit_length() // 8)


def rsa_key(bits: int, e: int, rng: random.Random) -> RsaKey:
    """A key whose modulus has exactly `bits` bits; `bits` is even, `e` odd."""
    p = prime(bits // 2, rng, e)
    q = p
    while q == p:
        q = prime(bits // 2, rng, e)
    return RsaKey(max(p, q), min(p, q), e)


def library_key(key: RsaKey) -> rsa.RSAPrivateKey:
    """The same key for pyca/cryptography, which checks it.

    Raises:
        ValueError: it isn't a good RSA key.
    """
    d = key.d
    public = rsa.RSAPublicNumbers(key.e, key.n)
    return rsa.RSAPrivateNumbers(
        key.p, key.q, d, d % (key.p - 1), d % (key.q - 1), pow(key.q, -1, key.p), public
    ).private_key()


def number(data: bytes) -> int:
    """Bytes as a number, the first byte the highest."""
    return int.from_bytes(data, "big")


def text(n: int) -> bytes:
    """The shortest bytes of a number; zero bytes in front are lost."""
    return n.to_bytes(-(-n.bit_length() // 8), "big")


def oaep(message: bytes, size: int, seed: bytes) -> bytes:
    """OAEP with SHA-256 and an empty label: `size` bytes, as long as the modulus, from a 32-byte seed.

    Raises:
        ValueError: the message is longer than size - 66 bytes, or the seed has another length.
    """
    if len(message) > size - 2 * _HASH_BYTES - 2 or len(seed) != _HASH_BYTES:
        raise ValueError(f"OAEP takes at most {size - 2 * _HASH_BYTES - 2} bytes and a seed of 32")
    filling = bytes(size - len(message) - 2 * _HASH_BYTES - 2)
    block = hashlib.sha256(b"").digest() + filling + b"\x01" + message
    masked = xor(block, mask(seed, len(block)))
    return b"\x00" + xor(seed, mask(masked, _HASH_BYTES)) + masked


def mask(seed: bytes, length: int) -> bytes:
    """`length` bytes that look random, from SHA-256 over seed and counter (MGF1, RFC 8017, B.2.1)."""
    count = -(-length // _HASH_BYTES)
    parts = (hashlib.sha256(seed + at.to_bytes(4, "big")).digest() for at in range(count))
    return b"".join(parts)[:length]


def exact_root(n: int, degree: int) -> int | None:
    """The whole root, or None if there is none."""
    root = integer_root(n, degree)
    return root if root**degree == n else None


def broadcast(ciphertexts: Sequence[int], moduli: Sequence[int], e: int) -> int | None:
    """The message that went to all these moduli with exponent `e`, if there are enough of them (Hastad
    1988): its e-th power is below their product, so it is known exactly. None otherwise."""
    return exact_root(chinese_remainder(ciphertexts, moduli), e)


def common_modulus(one: tuple[int, int], two: tuple[int, int], n: int) -> int | None:
    """The message from two (ciphertext, exponent) under one modulus (Simmons 1983); None if the exponents
    have a common factor or a ciphertext has one with `n`."""
    (c1, e1), (c2, e2) = one, two
    shared, a, b = extended_gcd(e1, e2)
    if shared != 1 or math.gcd(c1 * c2, n) != 1:
        return None
    return pow(c1, a, n) * pow(c2, b, n) % n


def shared_primes(moduli: Sequence[int]) -> dict[int, int]:
    """For each modulus that has a prime in common with another, its place and that prime."""
    found: dict[int, int] = {}
    for i, one in enumerate(moduli):
        for j, two in enumerate(moduli[:i]):
            factor = math.gcd(one, two)
            if factor != 1:
                found[i] = found[j] = factor
    return found
