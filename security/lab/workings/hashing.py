"""Hashes by name, searches for collisions, and two documents with one MD5, for the lesson on hashing."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from security.lab.workings import sha256

Hash = Callable[[bytes], bytes]
NAMES = ("SHA-256", "SHA-512", "SHA3-256", "BLAKE2b", "BLAKE3")


def hash_of(name: str, data: bytes) -> bytes:
    """The hash of `data` by an algorithm of NAMES; a KeyError for any other."""
    if name == "BLAKE3":
        from blake3 import blake3

        return blake3(data).digest()
    plain = {"SHA-256": "sha256", "SHA-512": "sha512", "SHA3-256": "sha3_256", "BLAKE2b": "blake2b"}
    return hashlib.new(plain[name], data).digest()


def changed_bits(one: bytes, other: bytes) -> list[int]:
    """The places, from the first bit on, at which two texts of equal length differ."""
    pairs = enumerate(zip(one, other, strict=True))
    return [8 * at + bit for at, (a, b) in pairs for bit in range(8) if (a ^ b) >> 7 - bit & 1]


def each_bit_flipped(data: bytes, most: int) -> Iterable[bytes]:
    """`data` with its first bit flipped, its second, and so on, at most `most` of them."""
    for bit in range(min(most, 8 * len(data))):
        other = bytearray(data)
        other[bit // 8] ^= 0x80 >> bit % 8
        yield bytes(other)


def truncated(data: bytes, bits: int) -> int:
    """The first `bits` bits (1 to 256) of SHA-256, as a number."""
    return int.from_bytes(hashlib.sha256(data).digest(), "big") >> 256 - bits


@dataclass(frozen=True)
class Search:
    """What a search found: `pair` are the numbers of two texts with one hash, after `tries` hashes."""

    tries: int
    pair: tuple[int, int] | None


def collide(text: Callable[[int], bytes], bits: int, most: int) -> Search:
    """Hashes text(0), text(1), ... until two agree in `bits` bits, at most `most`; keeps every hash seen."""
    seen: dict[int, int] = {}
    for number in range(most):
        short = truncated(text(number), bits)
        earlier = seen.setdefault(short, number)
        if earlier != number:
            return Search(number + 1, (earlier, number))
    return Search(most, None)


def expected_tries(bits: int) -> float:
    """Hashes until the first collision, on average: the square root of pi/2 times 2^bits."""
    return math.sqrt(math.pi / 2 * 2.0**bits)


def chance(tries: float, bits: int) -> float:
    """The chance of a collision among so many hashes of so many bits (the birthday approximation)."""
    return -math.expm1(-tries * (tries - 1) / 2 / 2.0**bits)


# Wang, Feng, Lai, Yu (2004): two blocks of 128 bytes with one MD5. They differ in six bits.
_FIRST = bytes.fromhex(
    "d131dd02c5e6eec4693d9a0698aff95c2fcab58712467eab4004583eb8fb7f89"
    "55ad340609f4b30283e488832571415a085125e8f7cdc99fd91dbdf280373c5b"
    "d8823e3156348f5bae6dacd436c919c6dd53e2b487da03fd02396306d248cda0"
    "e99f33420f577ee8ce54b67080a80d1ec69821bcb6a8839396f9652b6ff72a70"
)
DIFFER = (19, 45, 59, 83, 109, 123)
PAIR = (_FIRST, bytes(byte ^ 0x80 if at in DIFFER else byte for at, byte in enumerate(_FIRST)))


def document(block: bytes, first: str, second: str) -> bytes:
    """A document of our own little format: 128 bytes of "logo", then both lines; the logo picks the line."""
    return block + first.encode() + b"\n" + second.encode()


def displayed(data: bytes) -> str:
    """The line that a reader of the format shows: one bit of the logo decides."""
    first, second = data[128:].decode().split("\n")
    return first if data[DIFFER[0]] & 0x80 else second


def forms(patient: str, dose: int, false_dose: int) -> tuple[bytes, bytes]:
    """Two documents with one MD5 that show different doses (in mg), and nothing but a logo between them."""
    lines = [f"{patient}: levodopa {mg} mg, three times a day" for mg in (dose, false_dose)]
    true, false = (document(block, *lines) for block in PAIR)
    return true, false


def hmac_parts(key: bytes, message: bytes) -> tuple[bytes, bytes]:
    """HMAC-SHA-256 (RFC 2104), spelled out to be seen: (the inner hash, which stays secret, and the tag)."""
    filled = (key if len(key) <= 64 else hashlib.sha256(key).digest()).ljust(64, b"\0")
    inner, outer = (bytes(byte ^ mask for byte in filled) for mask in (0x36, 0x5C))
    inside = hashlib.sha256(inner + message).digest()
    return inside, hashlib.sha256(outer + inside).digest()


def git_name(data: bytes) -> str:
    """The name that git gives a file: SHA-1 over the word blob, its length and its bytes."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class Forged:
    """A forged message with its tag, and the length of the secret that the forger had guessed."""

    guess: int
    message: bytes
    glue: bytes
    tag: bytes


def forge(
    message: bytes, tag: bytes, more: bytes, accepts: Callable[[bytes, bytes], bool], longest: int
) -> tuple[int, Forged | None]:
    """Length extension: (messages sent, the one accepted). Knows the message and its tag, not the secret.

    The checker is asked once for each length that the secret may have, from 0 to `longest` bytes.
    """
    for guess in range(longest + 1):
        glue, new = sha256.extended(tag, guess + len(message), more)
        longer = message + glue + more
        if accepts(longer, new):
            return guess + 1, Forged(guess, longer, glue, new)
    return longest + 1, None
