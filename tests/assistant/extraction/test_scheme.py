"""The best legal tag path, and the windows that a long text is read in."""

from itertools import product

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from assistant import weights
from assistant.extraction.encoding import Encoded, encode, load_tokenizer, windows
from assistant.extraction.scheme import Head, best_path, runs

HEAD = Head("test", ("A", "B"))
TOKENIZER = load_tokenizer(weights.bert_folder())


def legal(path: tuple[int, ...]) -> bool:
    before = 0
    for tag in path:
        if tag and tag % 2 == 0 and before not in (tag, tag - 1):
            return False
        before = tag
    return True


@given(st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_no_legal_path_scores_higher(words: int, seed: int) -> None:
    scores = np.log(np.random.default_rng(seed).dirichlet(np.ones(HEAD.size), size=words)).astype(np.float32)
    path = tuple(best_path(scores, HEAD).tolist())
    best = max(
        sum(scores[i, tag] for i, tag in enumerate(p))
        for p in product(range(HEAD.size), repeat=words)
        if legal(p)
    )
    assert legal(path)
    assert np.isclose(sum(scores[i, tag] for i, tag in enumerate(path)), best, atol=1e-4)


def test_neighbouring_spans_are_kept_apart() -> None:
    assert runs(np.array([1, 2, 1, 3, 4, 0, 3]), HEAD) == [(0, 2, "A"), (2, 3, "A"), (3, 5, "B"), (6, 7, "B")]


@given(st.lists(st.integers(1, 9), min_size=1, max_size=200), st.integers(9, 40), st.integers(0, 8))
def test_every_word_is_read_exactly_once_within_its_window(sizes: list[int], size: int, overlap: int) -> None:
    starts = np.cumsum([0, *sizes])
    encoded = Encoded(tuple(range(int(starts[-1]))), tuple((int(s), int(s), int(s) + 1) for s in starts[:-1]))
    read: list[int] = []
    for window in windows(encoded, size, overlap):
        assert window.first <= window.keep <= window.keep_end <= window.last
        assert starts[window.last] - starts[window.first] <= size
        read.extend(range(window.keep, window.keep_end))
    assert read == list(range(len(sizes)))


@given(st.text(max_size=120))
def test_words_lie_in_the_text_in_order(text: str) -> None:
    encoded = encode(TOKENIZER, text)
    at = 0
    for _, start, end in encoded.words:
        assert at <= start <= end <= len(text)
        at = start


def test_offsets_are_code_points_of_the_original() -> None:
    text = "😀 Café naïveté: déjà-vu, Größe"
    encoded = encode(TOKENIZER, text)
    words = [text[start:end] for _, start, end in encoded.words]
    assert words[1:] == ["Café", "naïveté", ":", "déjà", "-", "vu", ",", "Größe"]
