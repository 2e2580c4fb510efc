"""A sealed file for one process: what is put aside for a while and must be of no use after a crash.

Does: seal blocks of 16 KiB by XChaCha20-Poly1305 under a random key that lives in this object alone, so that
whatever is left of the file can be opened by nobody, not even its owner. Appended to at the end, read from
any place, cut from any place on. Does not: open a second time, or hide the length. For one thread.
"""

from __future__ import annotations

import os
import secrets
from array import array
from collections import OrderedDict
from pathlib import Path
from types import TracebackType
from typing import Self

from nacl import bindings
from nacl.exceptions import CryptoError as SodiumError

from security.crypto.errors import SealError
from security.crypto.sealing import KEY_BYTES, NONCE_BYTES, TAG_BYTES, RandomBytes

BLOCK = 1 << 14
_SEALED = BLOCK + TAG_BYTES
_BLOCKS_HELD = 64


class SealedScratch:
    """Bytes in a file of its own, sealed under a key that goes with this object."""

    def __init__(self, path: Path, random: RandomBytes = secrets.token_bytes) -> None:
        """`path` is made, or emptied."""
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        self._key = random(KEY_BYTES)
        # No number is ever used twice, also where a block is written again after a cut.
        self._numbers = array("Q")
        self._next = 0
        self._tail = bytearray()
        self._held: OrderedDict[int, bytes] = OrderedDict()

    def __repr__(self) -> str:
        return f"SealedScratch({len(self)} bytes, key hidden)"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self._numbers) * BLOCK + len(self._tail)

    def close(self) -> None:
        """Forget the key, and all that it opens."""
        if self._key:
            os.close(self._descriptor)
        self._key = b""
        self._tail.clear()
        self._held.clear()

    def append(self, data: bytes) -> None:
        """Add `data` at the end.

        Raises:
            OSError: the disk is full.
        """
        self._tail += data
        while len(self._tail) >= BLOCK:
            number = len(self._numbers)
            sealed = self._sealed(bytes(self._tail[:BLOCK]), self._next)
            _write(self._descriptor, sealed, number * _SEALED)
            self._numbers.append(self._next)
            self._next += 1
            del self._tail[:BLOCK]

    def read(self, at: int, size: int) -> bytes:
        """`size` bytes from `at` on, or fewer at the end.

        Raises:
            SealError: somebody else has written to the file.
        """
        number, inside = divmod(at, BLOCK)
        piece = self._block(number)[inside : inside + size]
        if len(piece) == size or number >= len(self._numbers):
            return piece
        pieces = [piece]
        left = size - len(piece)
        while left > 0 and number < len(self._numbers):
            number += 1
            piece = self._block(number)[:left]
            pieces.append(piece)
            left -= len(piece)
        return b"".join(pieces)

    def truncate(self, length: int) -> None:
        """Forget everything from `length` on."""
        number, inside = divmod(length, BLOCK)
        self._tail = bytearray(self._block(number)[:inside])
        del self._numbers[number:]
        for gone in [held for held in self._held if held >= number]:
            del self._held[gone]
        os.ftruncate(self._descriptor, number * _SEALED)

    def _block(self, number: int) -> bytes:
        if number >= len(self._numbers):
            return bytes(self._tail) if number == len(self._numbers) else b""
        found = self._held.get(number)
        if found is None:
            sealed = os.pread(self._descriptor, _SEALED, number * _SEALED)
            found = self._held[number] = self._opened(sealed, self._numbers[number])
            if len(self._held) > _BLOCKS_HELD:
                self._held.popitem(last=False)
        return found

    def _sealed(self, block: bytes, number: int) -> bytes:
        nonce = number.to_bytes(NONCE_BYTES, "big")
        return bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(block, b"", nonce, self._key)

    def _opened(self, sealed: bytes, number: int) -> bytes:
        nonce = number.to_bytes(NONCE_BYTES, "big")
        try:
            return bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(sealed, b"", nonce, self._key)
        except (SodiumError, ValueError):
            raise SealError("A file that was put aside has been changed by somebody else.") from None


def _write(descriptor: int, data: bytes, at: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(descriptor, view, at)
        view, at = view[written:], at + written
