"""Sealed files: streams of any length, sealed in chunks, read from any place, refused if anything is off.

Does: the STREAM construction (Hoang, Reyhanitabar, Rogaway and Vizar, 2015) over XChaCha20-Poly1305 with a
key for each file, so that a file that was cut, lengthened, put together anew or changed in one bit does not
open; and it binds owner, purpose and record, as blobs do. Does not: hide the length, hide when a file is
read, notice that a whole file was replaced by an older one of the same name, or wipe what a plain file left
on the disk when it was sealed in place.

Format, version 1 (integers big-endian):

    header   "ASKSEAL" | 01 | salt (32)
    chunks   ciphertext (65536, the last one 0 to 65536) | tag (16), and so on

The file's key is HKDF-SHA-256 of the given key with the salt. A chunk's nonce is 15 zero bytes, its number
(8) and 01 for the last chunk, else 00; no other chunk is ever sealed under that key with that nonce, since
the key is of this file alone. Header and encoded context are the associated data of each chunk. The last
chunk holds something unless the file is empty, so that a text has one form only.
"""

from __future__ import annotations

import io
import os
import secrets
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, Self

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from nacl import bindings
from nacl.exceptions import CryptoError as SodiumError

from security.crypto.errors import SealError
from security.crypto.sealing import KEY_BYTES, TAG_BYTES, RandomBytes, SealContext

if TYPE_CHECKING:
    from typing_extensions import Buffer

MAGIC = b"ASKSEAL\x01"
SALT_BYTES = 32
HEADER_BYTES = len(MAGIC) + SALT_BYTES
CHUNK = 1 << 16
_SEALED_CHUNK = CHUNK + TAG_BYTES
_NONCE_ZEROS = bytes(15)


class SealedWriter(io.BufferedIOBase):
    """A new sealed file, written from front to back. It opens only once `close` has ended it.

    As a context manager it ends the file, unless an error leaves the block: then what there is of it is no
    sealed file, as after a crash. `flush` hands on what fills whole chunks; the rest waits for more.
    """

    def __init__(
        self, target: BinaryIO, key: bytes, context: SealContext, random: RandomBytes = secrets.token_bytes
    ) -> None:
        """`target` is closed along with this one."""
        self._target = target
        header = MAGIC + random(SALT_BYTES)
        self._chunks = _Chunks(key, header, context)
        self._held = bytearray()
        self._number = 0
        self._ended = False
        target.write(header)

    @classmethod
    def create(cls, path: Path, key: bytes, context: SealContext) -> Self:
        """A new file that only its owner may read; one that is there is replaced from its first byte.

        Raises:
            OSError: the file can't be made.
        """
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        return cls(os.fdopen(descriptor, "wb"), key, context)

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, data: Buffer, /) -> int:
        """Add `data`; all of it is taken."""
        if self._ended:
            raise ValueError("The sealed file is closed.")
        view = memoryview(data).cast("B")
        self._held += view
        # A full chunk is held back until more comes, since it may be the last.
        while len(self._held) > CHUNK:
            self._emit(last=False)
        return len(view)

    def flush(self) -> None:
        """Hand on what is sealed so far."""
        if not self._ended:
            self._target.flush()

    def fileno(self) -> int:
        """Of what it writes to."""
        return self._target.fileno()

    def close(self) -> None:
        """End the file, on the disk; a second call does nothing."""
        if self._ended:
            return
        self._emit(last=True)
        self._target.flush()
        self._sync()
        self._leave()

    def abort(self) -> None:
        """Leave the file as it is, never to be opened."""
        if not self._ended:
            self._leave()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()

    def __del__(self) -> None:
        # The base would close it: what nobody ended must not look ended.
        if getattr(self, "_ended", True) is False:
            self.abort()

    def _emit(self, *, last: bool) -> None:
        chunk = bytes(self._held[:CHUNK])
        del self._held[:CHUNK]
        self._target.write(self._chunks.seal(self._number, chunk, last=last))
        self._number += 1

    def _sync(self) -> None:
        try:
            descriptor = self._target.fileno()
        except (OSError, io.UnsupportedOperation):
            return  # in memory
        os.fsync(descriptor)

    def _leave(self) -> None:
        self._ended = True
        self._held.clear()
        self._target.close()
        super().close()


class SealedReader(io.RawIOBase):
    """A sealed file's plaintext, to be read from any place. Wrap it in `io.BufferedReader` for small reads.

    Header, length and last chunk are checked at once, each other chunk before any of it is given out.
    """

    def __init__(self, source: BinaryIO, key: bytes, context: SealContext) -> None:
        """`source` is closed along with this one.

        Raises:
            SealError: it is no sealed file, was cut or changed, or belongs to another key or context.
        """
        self._source = source
        self._at = 0
        self._held: tuple[int, bytes] = (-1, b"")
        source.seek(0)
        header = source.read(HEADER_BYTES)
        if not header.startswith(MAGIC) or len(header) != HEADER_BYTES:
            raise SealError("This is no sealed file, or one of an unknown version.")
        body = source.seek(0, os.SEEK_END) - HEADER_BYTES
        self._count = max(1, -(-body // _SEALED_CHUNK))
        tail = body - (self._count - 1) * _SEALED_CHUNK
        # An empty chunk behind others would be a second form of the same text.
        if tail < TAG_BYTES + (self._count > 1):
            raise SealError("The sealed file is cut short.", length=body + HEADER_BYTES)
        self._length = body - self._count * TAG_BYTES
        self._chunks = _Chunks(key, header, context)
        self._chunk(self._count - 1)

    @classmethod
    def open(cls, path: Path, key: bytes, context: SealContext) -> Self:
        """The sealed file at `path`.

        Raises:
            OSError: it can't be read.
            SealError: as the constructor.
        """
        source = path.open("rb", buffering=0)
        try:
            return cls(source, key, context)
        except BaseException:
            source.close()
            raise

    def __len__(self) -> int:
        return self._length

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Where the next read begins."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Go to a place in the plaintext."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._length}[whence]
        if start + offset < 0:
            raise ValueError("There is no place before the beginning.")
        self._at = start + offset
        return self._at

    def readinto(self, buffer: Buffer, /) -> int:
        """Fill `buffer`, at most to the end of a chunk."""
        if self.closed:
            raise ValueError("The sealed file is closed.")
        view = memoryview(buffer).cast("B")
        if self._at >= self._length or not len(view):
            return 0
        number, inside = divmod(self._at, CHUNK)
        found = self._chunk(number)[inside : inside + len(view)]
        view[: len(found)] = found
        self._at += len(found)
        return len(found)

    def close(self) -> None:
        """Close the file, too."""
        if hasattr(self, "_source"):
            self._source.close()
        self._held = (-1, b"")
        super().close()

    def _chunk(self, number: int) -> bytes:
        if self._held[0] != number:
            self._source.seek(HEADER_BYTES + number * _SEALED_CHUNK)
            last = number == self._count - 1
            size = self._length - number * CHUNK if last else CHUNK
            sealed = _read(self._source, size + TAG_BYTES)
            self._held = number, self._chunks.open(number, sealed, last=last)
        return self._held[1]


class _Chunks:
    """The chunks of one file, by number."""

    def __init__(self, key: bytes, header: bytes, context: SealContext) -> None:
        if len(key) != KEY_BYTES:
            raise SealError(f"A key for files has {KEY_BYTES} bytes, not {len(key)}.", length=len(key))
        self._key = derived_file_key(key, header[len(MAGIC) :])
        self._bound = header + context.encode()
        self._purpose = context.purpose

    def __repr__(self) -> str:
        return "_Chunks(key hidden)"

    def seal(self, number: int, chunk: bytes, *, last: bool) -> bytes:
        return bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(
            chunk, self._bound, _nonce(number, last=last), self._key
        )

    def open(self, number: int, sealed: bytes, *, last: bool) -> bytes:
        try:
            return bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(
                sealed, self._bound, _nonce(number, last=last), self._key
            )
        except (SodiumError, ValueError):
            # One answer for every cause, as for blobs.
            raise SealError(
                "The sealed file does not open: it was changed, or it belongs to another record or key.",
                purpose=self._purpose,
            ) from None


def derived_file_key(key: bytes, salt: bytes) -> bytes:
    """The key of the one file that has this salt."""
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=salt, info=b"asklepion/v1/sealed file").derive(key)


def is_sealed(path: Path) -> bool:
    """Whether the file at `path` begins as a sealed one does; nothing is said of whether it opens.

    Raises:
        OSError: it can't be read.
    """
    with path.open("rb") as handle:
        return handle.read(len(MAGIC)) == MAGIC


def seal_file(path: Path, key: bytes, context: SealContext) -> bool:
    """Replace a plain file by its sealed form, whole or not at all; False if it is sealed already.

    What the plain one left on the disk is not wiped.

    Raises:
        OSError: it can't be read or replaced; it stays as it is.
    """
    if is_sealed(path):
        return False
    part = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
    try:
        with path.open("rb") as plain, SealedWriter.create(part, key, context) as sealed:
            while piece := plain.read(1 << 20):
                sealed.write(piece)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return True


def _nonce(number: int, *, last: bool) -> bytes:
    return _NONCE_ZEROS + number.to_bytes(8, "big") + (b"\x01" if last else b"\x00")


def _read(source: BinaryIO, size: int) -> bytes:
    """All of `size` bytes, unless the file ends before: an unbuffered file may give fewer at once."""
    pieces = []
    while size > 0 and (piece := source.read(size)):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)
