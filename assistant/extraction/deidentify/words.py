"""The word lists of `words/*.txt`, one entry a line, or many single words a line."""

from __future__ import annotations

from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "words"


@cache
def words(name: str) -> tuple[str, ...]:
    """The single words of `words/NAME.txt`, in order."""
    return tuple((FOLDER / f"{name}.txt").read_text(encoding="utf-8").split())


@cache
def among(name: str) -> frozenset[str]:
    """The same, to look words up in."""
    return frozenset(words(name))


@cache
def entries(name: str) -> tuple[str, ...]:
    """The lines of `words/NAME.txt`: entries that may hold spaces."""
    return tuple((FOLDER / f"{name}.txt").read_text(encoding="utf-8").splitlines())
