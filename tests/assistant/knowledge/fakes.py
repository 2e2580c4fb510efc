"""A sentence encoder that needs no weights: hashed words, so that shared words make near vectors."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from assistant.knowledge.lexical import stems

if TYPE_CHECKING:
    from assistant.knowledge.encoder import Vectors


class WordEncoder:
    """Counts the texts it was given."""

    def __init__(self, fingerprint: str = "words-1") -> None:
        self.fingerprint = fingerprint
        self.encoded: list[str] = []

    def encode(self, texts: Sequence[str]) -> Vectors:
        self.encoded.extend(texts)
        rows = np.zeros((len(texts), 256), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in stems(text):
                row[hashlib.sha256(word.encode()).digest()[0]] += 1
        unit: Vectors = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
        return unit
