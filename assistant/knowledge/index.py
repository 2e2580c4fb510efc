"""Question -> the passages an answer may cite: cosine of sentence vectors joined with BM25.

An off-topic question finds nothing, on purpose: a citation that has nothing to do with the answer is
worse than none. The vectors are computed once and kept in a cache file that carries its own digest. The
index doesn't read the corpus and doesn't judge answers.
"""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from assistant.knowledge.corpus import Chunk
from assistant.knowledge.encoder import Encoder
from assistant.knowledge.lexical import BM25, stem, stems
from assistant.types import Passage

if TYPE_CHECKING:
    from assistant.knowledge.encoder import Vectors

logger = logging.getLogger(__name__)

# Measured by tests/assistant/knowledge/test_retrieval.py on its own questions.
COSINE_WEIGHT = 0.7
# The least cosine with the question, by what its words say. A question that names a document's illness
# ("CKD") needs the vectors least; one with a word that the corpus doesn't know ("gout") needs them most,
# since it is probably about an illness that isn't here.
FLOOR_NAMED = 0.2
FLOOR_KNOWN = 0.4
FLOOR_UNKNOWN = 0.5
RELATIVE_FLOOR = 0.55
"""No passage that scores less than this share of the best is returned: four are not always there."""
_EVERYDAY_WORDS = """dad mum mom mother father wife husband partner son daughter friend
    grandmother grandfather lately today yesterday thing things lot feel felt think
    know want need worried week month night sir"""
_GENERIC_WORDS = """disease disorder disorders chronic high low infection failure condition mini joint joints
    wear tear lung kidney bladder deficiency major loss brain sugar raised"""
_EVERYDAY = frozenset(stem(word) for word in _EVERYDAY_WORDS.split())
_GENERIC = frozenset(stem(word) for word in _GENERIC_WORDS.split())
FINDINGS_WEIGHT = 0.8
_DIGEST = 32


class Index:
    """A searchable set of chunks. Immutable once built, so threads may share it."""

    def __init__(self, chunks: Sequence[Chunk], encoder: Encoder, cache_folder: Path | None = None) -> None:
        """Encode the chunks, or read their vectors from `cache_folder` if they are there and intact.

        Raises:
            ValueError: no chunk was given.
            WeightsError: the encoder can't be loaded.
        """
        if not chunks:
            raise ValueError("An index needs at least one chunk.")
        self._chunks = tuple(chunks)
        self._encoder = encoder
        self._bm25 = BM25([stems(f"{c.title} {c.title} {' '.join(c.aliases)} {c.text}") for c in chunks])
        self._names = [frozenset(stems(f"{_topic(c)} {' '.join(c.aliases)}")) - _GENERIC for c in chunks]
        self._known = frozenset(term for c in chunks for term in stems(f"{c.indexed} {' '.join(c.aliases)}"))
        self._vectors = _vectors(self._chunks, encoder, cache_folder)

    def __len__(self) -> int:
        return len(self._chunks)

    def search(self, question: str, findings_texts: Sequence[str] = (), k: int = 4) -> tuple[Passage, ...]:
        """At most `k` passages, best first, numbered from 1; none when nothing is relevant.

        `findings_texts` are the spans found in the question or the note ("tremor on both sides"): they
        find passages for a question that names no illness, such as "Summarise this patient's history".
        `Passage.score` is the joined score, 0 to 1.
        """
        if k < 1:
            return ()
        queries = [(1.0, question)] if question.strip() else []
        if found := "; ".join(dict.fromkeys(text.strip() for text in findings_texts if text.strip())):
            queries.append((FINDINGS_WEIGHT, found))
            if question.strip():
                queries.append((1.0, f"{question} {found}"))
        if not queries:
            return ()
        best: dict[int, float] = {}
        for weight, query in queries:
            for row, score in self._scores(query).items():
                best[row] = max(best.get(row, 0.0), weight * score)
        ranked = sorted(best, key=lambda row: (-best[row], row))[:k]
        ranked = [row for row in ranked if best[row] >= RELATIVE_FLOOR * best[ranked[0]]]
        return tuple(
            Passage(number, chunk.title, chunk.source, chunk.text, round(best[row], 4))
            for number, row in enumerate(ranked, start=1)
            for chunk in (self._chunks[row],)
        )

    def _scores(self, query: str) -> dict[int, float]:
        """Joined scores of the rows that clear the floor."""
        cosines = self._vectors @ self._encoder.encode([query])[0]
        terms = stems(query)
        lexical = self._bm25.scores(terms)
        top = max(lexical, default=0.0) or 1.0
        asked = set(terms) - _EVERYDAY
        floor = FLOOR_KNOWN if asked and asked <= self._known else FLOOR_UNKNOWN
        return {
            row: COSINE_WEIGHT * float(cosines[row]) + (1 - COSINE_WEIGHT) * lexical[row] / top
            for row in range(len(self._chunks))
            if float(cosines[row]) >= (FLOOR_NAMED if asked & self._names[row] else floor)
        }


def _topic(chunk: Chunk) -> str:
    return chunk.title.partition(": ")[0]


def _vectors(chunks: tuple[Chunk, ...], encoder: Encoder, cache_folder: Path | None) -> Vectors:
    texts = [chunk.indexed for chunk in chunks]
    if cache_folder is None:
        return encoder.encode(texts)
    key = hashlib.sha256("\x00".join([encoder.fingerprint, *texts]).encode()).hexdigest()
    path = cache_folder / f"vectors-{key[:32]}.bin"
    cached = _read_cache(path, len(texts))
    if cached is not None:
        return cached
    vectors = encoder.encode(texts)
    _write_cache(path, vectors)
    return vectors


def _read_cache(path: Path, rows: int) -> Vectors | None:
    """The vectors of an intact file; None where there is none or it is damaged (then it is rebuilt)."""
    import numpy as np

    if not path.is_file():
        return None
    try:
        content = path.read_bytes()
        digest, payload = content[:_DIGEST], content[_DIGEST:]
        if hashlib.sha256(payload).digest() != digest:
            raise ValueError("its digest does not match")
        vectors: Vectors = np.load(BytesIO(payload), allow_pickle=False)
        if vectors.ndim != 2 or len(vectors) != rows or vectors.dtype != np.float32:
            raise ValueError(f"its shape is {vectors.shape}")
    except (OSError, ValueError, EOFError) as error:
        logger.warning("The vector cache %s is damaged (%s) and is rebuilt.", path.name, error)
        return None
    return vectors


def _write_cache(path: Path, vectors: Vectors) -> None:
    """Write whole or not at all. A full disk costs the next start some seconds and nothing else."""
    import numpy as np

    buffer = BytesIO()
    np.save(buffer, vectors, allow_pickle=False)
    payload = buffer.getvalue()
    temporary: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".vectors-")
        with os.fdopen(handle, "wb") as stream:
            stream.write(hashlib.sha256(payload).digest() + payload)
        Path(temporary).replace(path)
    except OSError as error:
        logger.warning("The vector cache %s could not be written (%s); continuing without it.", path, error)
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        return
    for stale in path.parent.glob("vectors-*.bin"):
        if stale != path:
            stale.unlink(missing_ok=True)
