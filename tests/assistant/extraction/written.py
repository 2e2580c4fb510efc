"""A hand-written scorer: words are split at spaces, and tags are said of the words that it was given."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from assistant.extraction.encoding import Encoded
from assistant.extraction.fit import HEADS
from assistant.extraction.scheme import Head
from assistant.extraction.tagger import Scores

STYLE = {"bc5cdr": (1.0, 0.0, 0.0), "ncbi-disease": (0.0, 1.0, 0.0), "maccrobat": (0.0, 0.0, 1.0)}


class WrittenScorer:
    """Says `tags[head][word]`, as "B-Disease", with chance `sure`; everything else is O."""

    heads: tuple[Head, ...] = HEADS

    def __init__(
        self,
        tags: Mapping[str, Mapping[str, str]],
        style: tuple[float, float, float] = STYLE["maccrobat"],
        sure: float = 0.9,
    ) -> None:
        self._tags, self._style, self._sure = tags, style, sure
        self._words: dict[tuple[int, ...], list[str]] = {}

    def encode(self, text: str) -> Encoded:
        """Each stretch without spaces is one word of one piece; its number is its place in the text."""
        found = list(re.finditer(r"[\w'-]+|[^\w\s]", text))
        ids = tuple(hash((text, match.start())) for match in found)
        self._words[ids] = [match[0] for match in found]
        return Encoded(ids, tuple((index, match.start(), match.end()) for index, match in enumerate(found)))

    def scores(self, encoded: Encoded) -> Scores:
        """Log-probabilities that add up to one for each word and head."""
        words = self._words[encoded.ids]
        tables = {}
        for head in self.heads:
            chances = np.full((len(words), head.size), (1 - self._sure) / (head.size - 1), dtype=np.float32)
            for row, word in enumerate(words):
                tag = self._tags.get(head.name, {}).get(word, "O")
                part, _, label = tag.partition("-")
                chances[row, 0 if part == "O" else head.begin(label) + (part == "I")] = self._sure
            tables[head.name] = np.log(chances)
        return Scores(tables, np.tile(np.array(self._style, dtype=np.float32), (len(words), 1)))
