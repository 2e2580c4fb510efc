"""Is a GGUF file whole? Asked before a native reader maps it: on one that was cut short it ends the process.

Walks header, metadata and tensor table, and sees that every tensor lies inside the file. It doesn't read the
tensors and doesn't judge whether they make a language model; that is the engine's to say.
"""

from __future__ import annotations

import mmap
import struct
from pathlib import Path

from assistant.errors import EngineError

MAGIC = b"GGUF"
VERSIONS = (2, 3)
_SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
"""Bytes of each value type that has a fixed size."""
_U32, _TEXT, _ARRAY = 4, 8, 9
_MOST_DIMENSIONS = 4


class _DamagedError(Exception):
    """What is wrong, as the end of a sentence that begins with the file's name."""


def check_gguf(path: Path) -> None:
    """Return if the file is whole.

    Raises:
        EngineError: it is missing, no GGUF, of another version, cut short or damaged.
    """
    try:
        with path.open("rb") as stream:
            if stream.read(4) != MAGIC:
                raise _DamagedError("is not a GGUF file")
            with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
                _walk(_Reader(data))
    except OSError as error:
        raise EngineError(f"The model {path} can't be read: {error.strerror or error}.") from error
    except _DamagedError as error:
        raise EngineError(
            f"The model {path.name} {error}. Get the file again, or choose another model."
        ) from error


class _Reader:
    """A place in the file that moves forward and never beyond its end."""

    def __init__(self, data: mmap.mmap) -> None:
        self._data = data
        self.size = len(data)
        self.at = 0

    def skip(self, size: int) -> int:
        """Move on; the place before."""
        if size > self.size - self.at:
            raise _DamagedError("ends before its contents do: it was cut short, or is damaged")
        before, self.at = self.at, self.at + size
        return before

    def u32(self) -> int:
        """The next number of 4 bytes."""
        return int(struct.unpack_from("<I", self._data, self.skip(4))[0])

    def u64(self) -> int:
        """The next number of 8 bytes."""
        return int(struct.unpack_from("<Q", self._data, self.skip(8))[0])

    def text(self) -> bytes:
        """The next text, its length before it."""
        size = self.u64()
        start = self.skip(size)
        return self._data[start : start + size]


def _walk(reader: _Reader) -> None:
    from gguf.constants import GGML_QUANT_SIZES

    reader.skip(len(MAGIC))
    version = reader.u32()
    if version not in VERSIONS:
        raise _DamagedError(f"is GGUF of version {version}, and only 2 and 3 can be read")
    tensors, entries = reader.u64(), reader.u64()
    if not tensors:
        raise _DamagedError("holds no weights")
    alignment = 32
    for _ in range(entries):
        key, kind = reader.text(), reader.u32()
        if key == b"general.alignment" and kind == _U32:
            alignment = reader.u32()
        else:
            _skip_value(reader, kind)
    if not alignment:
        raise _DamagedError("is damaged: its alignment is 0")
    end = 0
    for _ in range(tensors):
        reader.text()
        dimensions = reader.u32()
        if dimensions > _MOST_DIMENSIONS:
            raise _DamagedError(f"is damaged: a tensor of {dimensions} dimensions")
        count = 1
        for _ in range(dimensions):
            count *= reader.u64()
        kind, offset = reader.u32(), reader.u64()
        if kind not in GGML_QUANT_SIZES:
            raise _DamagedError(f"is damaged, or too new: its tensor type {kind} is unknown here")
        block, size = GGML_QUANT_SIZES[kind]
        end = max(end, offset + -(-count // block) * size)
    reader.skip(-reader.at % alignment)
    reader.skip(end)


def _skip_value(reader: _Reader, kind: int) -> None:
    count = 1
    if kind == _ARRAY:
        kind, count = reader.u32(), reader.u64()
    if kind in _SIZES:
        reader.skip(_SIZES[kind] * count)
    elif kind == _TEXT:
        for _ in range(count):
            reader.skip(reader.u64())
    else:
        raise _DamagedError(f"is damaged: its value type {kind} is unknown")
