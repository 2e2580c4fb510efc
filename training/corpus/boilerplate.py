"""Lines that a large share of the documents hold, such as a letterhead, a menu or a copyright notice.

How often a line occurs is counted in a table of fixed size (a count-min sketch), so that memory doesn't
depend on how many lines there are; a count can be too high by chance, by a few in a million documents.
Headings and short lines are never boilerplate: notes of one clinic share them.
"""

from __future__ import annotations

import hashlib
import re
from array import array
from collections import Counter
from collections.abc import Iterator

_WIDTH = 1 << 18
_FEWEST_DOCUMENTS = 5
_FEWEST_WORDS = 4
_LONGEST = 400
_PAGE = re.compile(r"\W*page\s+\d{1,4}(\s*(of|/)\s*\d{1,4})?\W*", re.IGNORECASE)
_SHOWN = 200


class Boilerplate:
    """Counts lines document by document; afterwards takes out those that recur."""

    def __init__(self, share: float) -> None:
        self._share = share
        self._rows = (array("q", bytes(8 * _WIDTH)), array("q", bytes(8 * _WIDTH)))
        self._documents = 0
        self.removed: Counter[str] = Counter()
        """The lines taken out, and from how many documents (the first 200 of them)."""

    def count(self, text: str, by: int = 1) -> None:
        """Take a document into account; with `by` -1, take it back."""
        self._documents += by
        for line in {line for line in map(str.strip, text.split("\n")) if _may_recur(line)}:
            for row, cell in zip(self._rows, _cells(line), strict=True):
                row[cell] += by

    def without(self, text: str) -> str:
        """The text without the lines that recur and without page numbers."""
        kept = []
        taken = set()
        for line in text.split("\n"):
            stripped = line.strip()
            if self._recurs(stripped) or _PAGE.fullmatch(stripped):
                taken.add(stripped)
            else:
                kept.append(line)
        if not taken:
            return text
        for line in taken:
            if line in self.removed or len(self.removed) < _SHOWN:
                self.removed[line] += 1
        return re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip()

    def _recurs(self, line: str) -> bool:
        if self._documents < _FEWEST_DOCUMENTS or not _may_recur(line):
            return False
        count = min(row[cell] for row, cell in zip(self._rows, _cells(line), strict=True))
        return count >= max(_FEWEST_DOCUMENTS, self._share * self._documents)


def _may_recur(line: str) -> bool:
    return len(line) <= _LONGEST and not line.endswith(":") and line.count(" ") + 1 >= _FEWEST_WORDS


def _cells(line: str) -> Iterator[int]:
    number = int.from_bytes(hashlib.blake2b(line.encode(), digest_size=8).digest())
    yield number % _WIDTH
    yield (number >> 32) % _WIDTH
