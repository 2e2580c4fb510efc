"""Rows kept in a file, found again by number; only where each begins is held in memory."""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from training.safe import PLAIN, Safe


class RowFile:
    """JSON rows in a file of their own, written once from front to back and read in any order."""

    def __init__(self, path: Path, safe: Safe = PLAIN) -> None:
        self._scratch = safe.scratch(path)
        self._starts = array("Q", [0])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._scratch.close()

    def __len__(self) -> int:
        return len(self._starts) - 1

    def append(self, row: dict[str, Any]) -> None:
        """Write a row behind the others."""
        line = as_line(row)
        self._scratch.append(line)
        self._starts.append(self._starts[-1] + len(line))

    def line(self, number: int) -> bytes:
        """Row `number` as it stands in the file, newline included."""
        start, end = self._starts[number], self._starts[number + 1]
        return self._scratch.read(start, end - start)

    def row(self, number: int) -> dict[str, Any]:
        """Row `number`."""
        row: dict[str, Any] = json.loads(self.line(number))
        return row

    def rows(self, start: int = 0) -> Iterator[dict[str, Any]]:
        """The rows from number `start` on."""
        for number in range(start, len(self)):
            yield self.row(number)

    def truncate(self, length: int) -> None:
        """Forget all rows from number `length` on."""
        del self._starts[length + 1 :]
        self._scratch.truncate(self._starts[-1])


def as_line(row: dict[str, Any]) -> bytes:
    """A row as a line of a split file."""
    return json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
