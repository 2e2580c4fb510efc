"""Sealed lines: a file that grows by one sealed record at a time, each on a line of its own.

Does: seal each record by itself with a fresh random nonce under the file's own key, its number bound in, so
that a record that was changed, moved, doubled, left out before others or brought from another file does not
open; a last line that a crash cut short is left out. Does not: notice that whole records are missing at the
end, since a file that grows has no end yet; what must be whole goes into a sealed file.

Format, version 1: a first line "ASKLINES1 " and the salt (32 bytes), then each record as nonce (24),
ciphertext and tag (16); salt and records are in base64. The key is made as for sealed files, the associated
data is the first line's bytes, the encoded context and the record's number from 0 (8 bytes, big-endian).
"""

from __future__ import annotations

import base64
import binascii
import os
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Self

from nacl import bindings
from nacl.exceptions import CryptoError as SodiumError

from security.crypto.errors import SealError
from security.crypto.files import SALT_BYTES, derived_file_key
from security.crypto.sealing import KEY_BYTES, NONCE_BYTES, TAG_BYTES, RandomBytes, SealContext

_MAGIC = b"ASKLINES1 "
_LONGEST = 1 << 26


class SealedLines:
    """The lines of one file, appended to by whoever made it. For one thread."""

    def __init__(self, path: Path, cipher: _Records, count: int, random: RandomBytes) -> None:
        self._path, self._cipher, self._count, self._random = path, cipher, count, random

    @classmethod
    def create(
        cls,
        path: Path,
        key: bytes,
        context: SealContext,
        records: Iterable[bytes] = (),
        random: RandomBytes = secrets.token_bytes,
    ) -> Self:
        """A file of these records in the place of whatever was there; whole or not at all.

        Raises:
            OSError: it can't be written.
        """
        header = _MAGIC + base64.b64encode(random(SALT_BYTES)) + b"\n"
        made = cls(path, _Records(key, header, context), 0, random)
        part = path.with_name(f".{path.name}.part")
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(header)
            for record in records:
                made._write(stream, record)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(path)
        return made

    def append(self, record: bytes) -> None:
        """Add one record, whole before the next begins.

        Raises:
            OSError: it can't be written.
        """
        with self._path.open("ab") as stream:
            self._write(stream, record)

    def _write(self, stream: BinaryIO, record: bytes) -> None:
        line = self._cipher.seal(self._count, record, self._random(NONCE_BYTES))
        stream.write(base64.b64encode(line) + b"\n")
        self._count += 1


def read_lines(path: Path, key: bytes, context: SealContext) -> Iterator[bytes]:
    """The records of a file in order, up to what has been written whole.

    Raises:
        OSError: it can't be read.
        SealError: it is no such file, a record was changed or moved, or it belongs to another key or context.
    """
    with path.open("rb") as stream:
        header = stream.readline(_LONGEST)
        if not header.startswith(_MAGIC):
            raise SealError("These are no sealed lines, or of an unknown version.")
        cipher = _Records(key, header, context)
        for number, line in enumerate(stream):
            if line.endswith(b"\n"):
                yield cipher.open(number, _decoded(line))


def are_sealed_lines(path: Path) -> bool:
    """Whether the file at `path` begins as sealed lines do.

    Raises:
        OSError: it can't be read.
    """
    with path.open("rb") as stream:
        return stream.read(len(_MAGIC)) == _MAGIC


class _Records:
    """The records of one file, by number."""

    def __init__(self, key: bytes, header: bytes, context: SealContext) -> None:
        salt = _decoded(header.removeprefix(_MAGIC))
        if len(key) != KEY_BYTES or len(salt) != SALT_BYTES:
            raise SealError("The sealed lines have no salt, or the key has another length.", length=len(key))
        self._key = derived_file_key(key, salt)
        self._bound = header + context.encode()
        self._purpose = context.purpose

    def __repr__(self) -> str:
        return "_Records(key hidden)"

    def seal(self, number: int, record: bytes, nonce: bytes) -> bytes:
        bound = self._bound + number.to_bytes(8, "big")
        return nonce + bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(record, bound, nonce, self._key)

    def open(self, number: int, line: bytes) -> bytes:
        bound = self._bound + number.to_bytes(8, "big")
        nonce, sealed = line[:NONCE_BYTES], line[NONCE_BYTES:]
        try:
            if len(sealed) < TAG_BYTES:
                raise ValueError
            return bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(sealed, bound, nonce, self._key)
        except (SodiumError, ValueError):
            raise SealError(
                "A sealed line does not open: it was changed or moved, or it belongs to another file or key.",
                purpose=self._purpose,
                number=number,
            ) from None


def _decoded(line: bytes) -> bytes:
    try:
        found = base64.b64decode(line.removesuffix(b"\n"), validate=True)
    except binascii.Error:
        raise SealError("A sealed line is no base64: it was changed.") from None
    # Base64 has several spellings of some bytes; only one is ours.
    if base64.b64encode(found) != line.removesuffix(b"\n"):
        raise SealError("A sealed line is no base64: it was changed.")
    return found
