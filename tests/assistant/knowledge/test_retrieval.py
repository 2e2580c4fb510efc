"""Retrieval on the real corpus with the real encoder, on our own questions."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from assistant.knowledge.corpus import read_corpus
from assistant.knowledge.encoder import SentenceEncoder
from assistant.knowledge.index import Index
from tests.assistant.knowledge.questions import ELSEWHERE, OFF_TOPIC, QUESTIONS, SHORT

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def index(encoder: SentenceEncoder, tmp_path_factory: pytest.TempPathFactory) -> Index:
    return Index(read_corpus(), encoder, tmp_path_factory.mktemp("cache"))


def test_our_questions_find_their_section(index: Index) -> None:
    firsts = fours = 0
    for question, findings, titles in QUESTIONS:
        found = [passage.title for passage in index.search(question, findings)]
        firsts += bool(found) and found[0] in titles
        fours += any(title in titles for title in found)
    assert firsts / len(QUESTIONS) >= 0.9  # 0.93 when written
    assert fours / len(QUESTIONS) >= 0.97  # 1.00 when written


@pytest.mark.parametrize("question", OFF_TOPIC + ELSEWHERE)
def test_what_the_corpus_does_not_hold_finds_nothing(index: Index, question: str) -> None:
    assert index.search(question) == ()


@pytest.mark.parametrize(("question", "document"), SHORT)
def test_a_name_alone_is_enough(index: Index, question: str, document: str) -> None:
    assert index.search(question)[0].title.partition(": ")[0] == document


def test_vectors_have_length_one_and_do_not_depend_on_their_batch(encoder: SentenceEncoder) -> None:
    texts = ["tremor", "A much longer sentence about a tremor in one hand at rest.", ""]
    together = encoder.encode(texts)
    assert together.shape == (3, 384)
    assert together.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    for row, text in zip(together, texts, strict=True):
        np.testing.assert_allclose(row, encoder.encode([text])[0], atol=1e-5)
    assert encoder.encode([]).shape == (0, 384)


def test_near_in_meaning_is_near_in_space(encoder: SentenceEncoder) -> None:
    first, near, far = encoder.encode(["high blood pressure", "hypertension", "a loaf of bread"])
    assert first @ near > 0.7 > 0.3 > first @ far


def test_threads_may_share_the_encoder(encoder: SentenceEncoder) -> None:
    texts = [f"sentence number {number}" for number in range(8)]
    expected = encoder.encode(texts)
    with ThreadPoolExecutor(4) as pool:
        for row, vectors in enumerate(pool.map(lambda text: encoder.encode([text]), texts)):
            np.testing.assert_allclose(vectors[0], expected[row], atol=1e-5)


def test_a_text_beyond_the_limit_is_cut_and_not_refused(encoder: SentenceEncoder) -> None:
    long = "tremor " * 5000
    np.testing.assert_allclose(encoder.encode([long])[0], encoder.encode([long + " asthma"])[0], atol=1e-5)
