"""Text in pieces and words, in code points of the original, and in windows."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant import weights
from assistant.extraction.encoding import Encoded, encode, load_tokenizer, windows

TOKENIZER = load_tokenizer(weights.bert_folder())


def words_of(text: str) -> list[str]:
    return [text[start:end] for _, start, end in encode(TOKENIZER, text).words]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("hyperparathyroidism", ["hyperparathyroidism"]),
        ("hepatosplenomegaly, ataxia", ["hepatosplenomegaly", ",", "ataxia"]),
        ("a\r\nno fever\r\n", ["a", "no", "fever"]),
        ("👩‍⚕ 😀 bradykinesia", ["👩‍⚕", "😀", "bradykinesia"]),
        ("頭痛 fever", ["頭", "痛", "fever"]),
        ("fie\u0301vre forte", ["fie\u0301vre", "forte"]),
        ("##ing", ["#", "#", "ing"]),
        ("a\u00a0b\u2003c", ["a", "b", "c"]),
        ("\x00fever\x07 y", ["fever", "y"]),
        ("x" * 300 + " fever", ["x" * 300, "fever"]),
        ("   ", []),
        ("", []),
    ],
)
def test_words_are_whole_and_lie_where_they_stand_in_the_original(text: str, words: list[str]) -> None:
    assert words_of(text) == words


ODD = st.one_of(
    st.text(max_size=150), st.text("aé\u0301😀頭痛\r\n\t -.,\u200d\u00a0\u00adfever", max_size=150)
)


@given(ODD)
def test_words_are_in_order_and_begin_at_their_first_piece(text: str) -> None:
    encoded = encode(TOKENIZER, text)
    firsts = [first for first, _, _ in encoded.words]
    assert firsts == sorted(set(firsts))
    assert firsts[:1] == ([0] if encoded.ids else [])
    at = 0
    for _, start, end in encoded.words:
        assert at <= start < end <= len(text)
        at = end


@given(st.lists(st.from_regex(re.compile(r"[a-z]{1,20}"), fullmatch=True), min_size=1, max_size=30))
def test_plain_words_come_back_as_they_are(words: list[str]) -> None:
    assert words_of(" ".join(words)) == words


def pieces(sizes: list[int]) -> Encoded:
    firsts = [sum(sizes[:index]) for index in range(len(sizes))]
    return Encoded(tuple(range(sum(sizes))), tuple((first, first, first + 1) for first in firsts))


@given(
    st.lists(st.integers(1, 60), max_size=120),
    st.integers(1, 40),
    st.integers(0, 60),
)
def test_windows_read_every_word_once_whatever_the_sizes(sizes: list[int], size: int, overlap: int) -> None:
    read: list[int] = []
    for window in windows(pieces(sizes), size, overlap):
        assert window.first <= window.keep <= window.keep_end <= window.last
        shown = sum(sizes[window.first : window.last])
        assert shown <= size or window.last == window.first + 1  # a word too long stands alone
        read.extend(range(window.keep, window.keep_end))
    assert read == list(range(len(sizes)))


@given(st.integers(1, 2000))
def test_a_word_is_read_with_context_on_both_sides_except_at_the_ends(length: int) -> None:
    plan = windows(pieces([1] * length), 254, 64)
    assert len(plan) == max(1, -(-(length - 64) // 190))
    for window in plan:
        assert window.keep == 0 or window.keep - window.first >= 32
        assert window.keep_end == length or window.last - window.keep_end >= 32


def test_a_text_that_fits_is_one_window_and_no_text_is_none() -> None:
    assert [(w.first, w.last, w.keep, w.keep_end) for w in windows(pieces([2, 3]), 5, 2)] == [(0, 2, 0, 2)]
    assert windows(pieces([]), 5, 2) == []
