"""Bytes on their way out: written as if into a file, taken away piece by piece."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Buffer


class Outlet(io.RawIOBase):
    """It can't be gone back in, and closing one file that is written to it does not close the way."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def __len__(self) -> int:
        return len(self._bytes)

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, data: Buffer, /) -> int:
        """Add `data`; all of it is taken."""
        view = memoryview(data).cast("B")
        self._bytes += view
        return len(view)

    def close(self) -> None:
        """Nothing: the next file is to come."""

    def take(self) -> bytes:
        """What was written since the last time."""
        taken = bytes(self._bytes)
        self._bytes.clear()
        return taken
