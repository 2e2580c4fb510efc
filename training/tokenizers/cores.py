"""What a tokenizer is made of, read from the description that its library writes of it."""

from __future__ import annotations

import functools
import json
from typing import Any

BPE, WORDPIECE, UNIGRAM = "BPE", "WordPiece", "Unigram"


def described(tokenizer: Any) -> dict[str, Any]:
    """The core as plain values: normalizer, pre-tokenizer, model with its vocabulary, and so on."""
    core: dict[str, Any] = json.loads(tokenizer.backend_tokenizer.to_str())
    return core


def rebuilt(core: dict[str, Any]) -> Any:
    """A core from plain values."""
    import tokenizers

    return tokenizers.Tokenizer.from_str(json.dumps(core))


def model_kind(tokenizer: Any) -> str:
    """BPE, WordPiece, Unigram or WordLevel."""
    return type(tokenizer.backend_tokenizer.model).__name__


def is_byte_level(tokenizer: Any) -> bool:
    """Whether each character of its pieces stands for one byte."""
    return "ByteLevel" in repr(tokenizer.backend_tokenizer.pre_tokenizer)


def unknown_id(tokenizer: Any) -> int | None:
    """The id of what is not in the vocabulary; None if nothing can be unknown.

    A tokenizer may name a token for it that its model never gives.
    """
    model = tokenizer.backend_tokenizer.model
    if type(model).__name__ == UNIGRAM:
        unknown: int | None = tokenizer.unk_token_id
        return unknown
    token = getattr(model, "unk_token", None)
    return None if token is None else tokenizer.backend_tokenizer.token_to_id(token)


def bytes_of(piece: str) -> bytes | None:
    """The bytes of a byte-level piece; None if a character of it stands for no byte."""
    table = _byte_table()
    return bytes(table[char] for char in piece) if all(char in table for char in piece) else None


@functools.cache
def _byte_table() -> dict[str, int]:
    """Character -> byte. Bytes that print as Latin-1 are themselves; the others follow from U+0100 on.

    It is the table of GPT-2 (Radford et al. 2019), which byte-level vocabularies have in common.
    """
    printing = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in set(printing)]
    return {chr(byte): byte for byte in printing} | {
        chr(0x100 + index): byte for index, byte in enumerate(others)
    }
