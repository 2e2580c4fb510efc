"""Text -> word pieces with character offsets, grouped into words and cut into overlapping windows.

The tokenizer's own file decides the pieces; a word is a piece that is no continuation plus its
continuations, so a span always ends where a word ends, in code points of the original text.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenizers import Tokenizer

CONTINUATION = "##"


@dataclass(frozen=True)
class Encoded:
    """A text in pieces. `ids` (pieces,), `words` holds (first piece, start, end) of each word."""

    ids: tuple[int, ...]
    words: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True)
class Window:
    """Words `first` to `last` (exclusive) are shown to the model; `keep` to `keep_end` are read off."""

    first: int
    last: int
    keep: int
    keep_end: int


def load_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer of a model folder, without truncation or padding of its own."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def encode(tokenizer: Tokenizer, text: str) -> Encoded:
    """Pieces and words of a text, without special tokens."""
    encoding = tokenizer.encode(text, add_special_tokens=False)
    words: list[tuple[int, int, int]] = []
    for index, (piece, (start, end)) in enumerate(zip(encoding.tokens, encoding.offsets, strict=True)):
        # A continuation that starts where the word before it ended belongs to that word.
        if words and piece.startswith(CONTINUATION) and words[-1][2] == start:
            first, begin, _ = words[-1]
            words[-1] = (first, begin, end)
        else:
            words.append((index, start, end))
    return Encoded(tuple(encoding.ids), tuple(words))


def windows(encoded: Encoded, size: int, overlap: int) -> list[Window]:
    """Windows of at most `size` pieces over the words, neighbours sharing about `overlap` pieces.

    Every word is read off exactly once, in the window where it lies furthest from an edge. A single
    word longer than `size` pieces stands in a window of its own (its tail is not shown to the model).
    """
    starts = [first for first, _, _ in encoded.words] + [len(encoded.ids)]
    spans: list[tuple[int, int]] = []
    first, total = 0, len(encoded.words)
    while first < total:
        last = first + 1
        while last < total and starts[last + 1] - starts[first] <= size:
            last += 1
        spans.append((first, last))
        if last == total:
            break
        following = last
        while following - 1 > first and starts[last] - starts[following - 1] <= overlap:
            following -= 1
        first = following
    result = []
    for index, (begin, end) in enumerate(spans):
        keep = begin if index == 0 else (begin + spans[index - 1][1]) // 2
        keep_end = end if index == len(spans) - 1 else (spans[index + 1][0] + end) // 2
        result.append(Window(begin, end, keep, keep_end))
    return result
