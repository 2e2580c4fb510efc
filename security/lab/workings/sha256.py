"""SHA-256 (FIPS 180-4), spelled out here to be seen; never use it: `hashlib` is faster and tested by many.

Its point is what `hashlib` hides: the chain of compressions, whose last state is the hash itself. Whoever
has the hash can therefore go on where it ended (`extended`).
"""

from __future__ import annotations

from functools import cache
from itertools import count, islice

BLOCK_BYTES = 64
HASH_BYTES = 32
State = tuple[int, ...]
_WORD = 0xFFFFFFFF


def _primes(many: int) -> list[int]:
    return list(islice((n for n in count(2) if all(n % d for d in range(2, int(n**0.5) + 1))), many))


def _fraction_of_root(number: int, power: int) -> int:
    """The first 32 bits of the fraction of the root, by whole numbers alone: floats would end too early."""
    scaled, low, high = number << 32 * power, 0, number << 32
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if middle**power <= scaled else (low, middle - 1)
    return low & _WORD


@cache
def start() -> State:
    """The eight words that every hash starts from: fractions of the square roots of the first primes."""
    return tuple(_fraction_of_root(prime, 2) for prime in _primes(8))


@cache
def constants() -> tuple[int, ...]:
    """The 64 words of the rounds: fractions of the cube roots of the first primes."""
    return tuple(_fraction_of_root(prime, 3) for prime in _primes(64))


def padding(length: int) -> bytes:
    """What SHA-256 appends to a message of `length` bytes: 0x80, zeros, and the length in bits (8 bytes)."""
    return b"\x80" + bytes(-(length + 9) % BLOCK_BYTES) + (8 * length).to_bytes(8, "big")


def _right(word: int, places: int) -> int:
    return (word >> places | word << 32 - places) & _WORD


def compress(state: State, block: bytes) -> State:
    """The next state: `block` has 64 bytes, a state eight words of 32 bits."""
    words = [int.from_bytes(block[at : at + 4], "big") for at in range(0, BLOCK_BYTES, 4)]
    for t in range(16, 64):
        near, far = words[t - 2], words[t - 15]
        small_0 = _right(far, 7) ^ _right(far, 18) ^ far >> 3
        small_1 = _right(near, 17) ^ _right(near, 19) ^ near >> 10
        words.append((words[t - 16] + small_0 + words[t - 7] + small_1) & _WORD)
    a, b, c, d, e, f, g, h = state
    for word, constant in zip(words, constants(), strict=True):
        big_1 = _right(e, 6) ^ _right(e, 11) ^ _right(e, 25)
        first = h + big_1 + (e & f ^ ~e & _WORD & g) + constant + word
        big_0 = _right(a, 2) ^ _right(a, 13) ^ _right(a, 22)
        second = big_0 + (a & b ^ a & c ^ b & c)
        a, b, c, d, e, f, g, h = (first + second) & _WORD, a, b, c, (d + first) & _WORD, e, f, g
    mixed = zip(state, (a, b, c, d, e, f, g, h), strict=True)
    return tuple((old + new) & _WORD for old, new in mixed)


def to_bytes(state: State) -> bytes:
    """A state as 32 bytes; the last state is the hash."""
    return b"".join(word.to_bytes(4, "big") for word in state)


def from_hash(digest: bytes) -> State:
    """The last state of the chain, from the 32 bytes of a hash."""
    return tuple(int.from_bytes(digest[at : at + 4], "big") for at in range(0, HASH_BYTES, 4))


def states(message: bytes) -> list[State]:
    """All states of the chain, from the start to the hash."""
    padded = message + padding(len(message))
    chain = [start()]
    for at in range(0, len(padded), BLOCK_BYTES):
        chain.append(compress(chain[-1], padded[at : at + BLOCK_BYTES]))
    return chain


def sha256(message: bytes) -> bytes:
    """The hash of `message`, 32 bytes."""
    return to_bytes(states(message)[-1])


def extended(digest: bytes, hashed: int, more: bytes) -> tuple[bytes, bytes]:
    """From SHA-256(x) and the length of x in bytes alone: (glue, SHA-256(x | glue | more))."""
    glue = padding(hashed)
    total = hashed + len(glue) + len(more)
    rest, state = more + padding(total), from_hash(digest)
    for at in range(0, len(rest), BLOCK_BYTES):
        state = compress(state, rest[at : at + BLOCK_BYTES])
    return glue, to_bytes(state)
