"""Vaudenay's attack on CBC (2002): whoever is told whether a padding is right reads the whole text.

An oracle is a function of a 16-byte block and the ciphertext block after it; it says whether the server
liked the message. Nothing here has the key.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from security.lab.workings.blocks import BLOCK

Oracle = Callable[[bytes, bytes], bool]


@dataclass(frozen=True)
class Found:
    """One byte found.

    Attributes:
        block: which ciphertext block it belongs to, from 0.
        at: its place in the block, from 0; the last is found first.
        sent: the 16 bytes that Mallory put before the block when the server said yes.
        padding: the value that the plaintext's end had then.
        inner: the byte of the block after decryption and before the XOR.
        plain: the byte of the text.
        queries: how many questions this byte took.
    """

    block: int
    at: int
    sent: bytes
    padding: int
    inner: int
    plain: int
    queries: int


def recover(iv: bytes, ciphertext: bytes, oracle: Oracle) -> list[Found]:
    """All bytes of the padded text, block by block, each block from its end.

    Stops at the first byte for which the oracle never says yes; then the list is short. At most 257
    questions a byte.
    """
    found: list[Found] = []
    before = iv
    for number in range(len(ciphertext) // BLOCK):
        block = ciphertext[number * BLOCK : (number + 1) * BLOCK]
        inner = bytearray(BLOCK)
        for at in reversed(range(BLOCK)):
            byte = _one_byte(number, at, before, block, inner, oracle)
            if byte is None:
                return found
            inner[at] = byte.inner
            found.append(byte)
        before = block
    return found


def _one_byte(
    number: int, at: int, before: bytes, block: bytes, inner: bytearray, oracle: Oracle
) -> Found | None:
    padding = BLOCK - at
    sent = bytearray(at) + bytearray(BLOCK - at)
    for known in range(at + 1, BLOCK):
        sent[known] = inner[known] ^ padding
    queries = 0
    for guess in range(256):
        sent[at] = guess
        queries += 1
        if not oracle(bytes(sent), block):
            continue
        if at == BLOCK - 1:
            # A yes may also mean a longer padding, such as 02 02; then the byte before it matters.
            queries += 1
            other = bytes(sent[: at - 1]) + bytes([sent[at - 1] ^ 1, guess])
            if not oracle(other, block):
                continue
        value = guess ^ padding
        return Found(number, at, bytes(sent), padding, value, value ^ before[at], queries)
    return None


def text_of(found: list[Found]) -> bytes:
    """The bytes found, in the order of the text; padding still on."""
    return bytes(one.plain for one in sorted(found, key=lambda one: (one.block, one.at)))
