"""How well a tokenizer fits a text: pieces a word, what is unknown, how much a token holds.

What is measured is what is measured on: numbers of two tokenizers can be compared on the same text only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

from training.errors import BadDataError
from training.tokenizers import cores
from training.tokenizers.pieces import Piece, pieces
from training.tokenizers.texts import cut, word_pattern

LIMIT = 1_000_000
"""Characters that a measure reads, unless told otherwise."""

_TOGETHER = 64


@dataclass(frozen=True)
class Measured:
    """A tokenizer on a text, special tokens around it left out.

    Attributes:
        fertility: tokens a word (Rust et al. 2021); punctuation costs tokens and is no word.
        unknown_rate: the share of tokens that are unknown, from 0 to 1.
        characters_per_token, bytes_per_token: of the text; bytes in UTF-8.
        vocabulary: entries.
        vocabulary_used_share: of the entries that came at least once.
        words, tokens: in the text that was read.
    """

    fertility: float
    unknown_rate: float
    characters_per_token: float
    bytes_per_token: float
    vocabulary: int
    vocabulary_used_share: float
    words: int
    tokens: int

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


@dataclass(frozen=True)
class Compared:
    """A row of a table of tokenizers."""

    name: str
    kind: str
    measured: Measured
    pieces: tuple[Piece, ...]


def measure(tokenizer: Any, texts: Iterable[str], limit: int = LIMIT) -> Measured:
    """Measure on the first `limit` characters of the texts.

    Raises:
        BadDataError: there is no word in them.
    """
    words = tokens = unknown = characters = size = 0
    seen: set[int] = set()
    strange = cores.unknown_id(tokenizer)
    parts = _first(texts, limit)
    while group := list(islice(parts, _TOGETHER)):
        words += sum(len(word_pattern().findall(part)) for part in group)
        characters += sum(map(len, group))
        size += sum(len(part.encode()) for part in group)
        for ids in tokenizer(
            group, add_special_tokens=False, return_attention_mask=False, padding=False, verbose=False
        )["input_ids"]:
            tokens += len(ids)
            unknown += ids.count(strange)
            seen.update(ids)
    if not words or not tokens:
        raise BadDataError("There is no word in the text to measure a tokenizer on. Give some text.")
    return Measured(
        fertility=tokens / words,
        unknown_rate=unknown / tokens,
        characters_per_token=characters / tokens,
        bytes_per_token=size / tokens,
        vocabulary=len(tokenizer),
        vocabulary_used_share=len(seen) / len(tokenizer),
        words=words,
        tokens=tokens,
    )


def _first(texts: Iterable[str], limit: int) -> Iterator[str]:
    left = limit
    for part in cut(texts):
        if left <= 0:
            return
        yield part[:left]
        left -= len(part)


def compare(
    tokenizers: Mapping[str, Any], texts: Iterable[str], sentence: str = "", limit: int = LIMIT
) -> list[Compared]:
    """Each tokenizer, by its name, on the same text and the same sentence.

    Raises:
        BadDataError: there is no word in the texts.
    """
    sample = list(_first(texts, limit))
    return [
        Compared(
            name,
            cores.model_kind(tokenizer),
            measure(tokenizer, sample, limit),
            pieces(tokenizer, sentence) if sentence else (),
        )
        for name, tokenizer in tokenizers.items()
    ]
