"""Tokenizers measured by hand, side by side, and shown piece by piece without harm."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

import pytest
import tokenizers as hf_tokenizers
import transformers

from tests.training import medical
from tests.training.medical import TEXTS
from training.errors import BadDataError
from training.tokenizers import (
    Piece,
    compare,
    html_view,
    load,
    measure,
    pieces,
)


@pytest.fixture(scope="module")
def trained() -> dict[str, Any]:
    return medical.trained()


def test_a_measure_by_hand() -> None:
    core = hf_tokenizers.Tokenizer(
        hf_tokenizers.models.WordPiece(
            {"[UNK]": 0, "fe": 1, "##ver": 2, "cold": 3, ".": 4}, unk_token="[UNK]"
        )
    )
    core.pre_tokenizer = hf_tokenizers.pre_tokenizers.BertPreTokenizer()
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=core, unk_token="[UNK]")
    found = measure(tokenizer, ["fever cold.", "é fever"])
    assert (found.words, found.tokens, found.vocabulary) == (4, 7, 5)
    assert found.fertility == 7 / 4
    assert found.unknown_rate == 1 / 7
    assert found.characters_per_token == 18 / 7
    assert found.bytes_per_token == 19 / 7
    assert found.vocabulary_used_share == 1
    assert measure(tokenizer, ["cold cold"] * 9, limit=9).words == 2


def test_words_are_words_in_every_script(trained: dict[str, Any]) -> None:
    assert measure(trained["bpe"], ["Don’t ... हिन्दी भाषा — naïve"]).words == 4


def test_a_measure_of_no_words_is_refused(trained: dict[str, Any]) -> None:
    with pytest.raises(BadDataError, match="There is no word in the text"):
        measure(trained["bpe"], ["...", " "])


def test_a_base_that_cuts_and_pads_is_measured_whole(bert: Path) -> None:
    tokenizer = load(bert)
    whole = measure(tokenizer, TEXTS[:5]).tokens
    tokenizer.backend_tokenizer.enable_truncation(4)
    tokenizer.backend_tokenizer.enable_padding(length=900)
    assert measure(tokenizer, TEXTS[:5]).tokens == whole


def test_tokenizers_side_by_side(trained: dict[str, Any]) -> None:
    rows = compare(trained, iter(TEXTS[:20]), "hepatitis")
    assert [(row.name, row.kind) for row in rows] == [
        ("bpe", "BPE"),
        ("wordpiece", "WordPiece"),
        ("unigram", "Unigram"),
    ]
    assert len({row.measured.words for row in rows}) == 1
    assert all("".join(p.text for p in row.pieces if not p.special) == "hepatitis" for row in rows)


def test_a_part_of_a_character_shows_its_bytes(trained: dict[str, Any]) -> None:
    found = pieces(trained["bpe"], "a😀")
    assert [(piece.text, piece.start, piece.end) for piece in found] == [
        ("a", 0, 1),
        ("😀⟨F0⟩", 1, 2),
        ("😀⟨9F⟩", 1, 2),
        ("😀⟨98⟩", 1, 2),
        ("😀⟨80⟩", 1, 2),
    ]


def test_what_is_special_and_what_was_dropped(trained: dict[str, Any]) -> None:
    found = pieces(trained["wordpiece"], "  patient\n patient ")
    assert found[0] == Piece("[CLS]", 2, 0, 0, False, True)
    assert [(p.text, p.start, p.end) for p in found[1:-1]] == [
        ("  patient", 0, 9),
        ("\n patient ", 9, 19),
    ]
    assert (found[-1].text, found[-1].special) == ("[SEP]", True)
    assert [piece.special for piece in pieces(trained["bpe"], "a<|im_end|>")] == [False, True]


def test_hostile_text_is_escaped(trained: dict[str, Any]) -> None:
    hostile = "<script>alert('x')</script>\" onload=\"x&amp;\n\n"
    for tokenizer in trained.values():
        view = html_view(tokenizer, hostile)
        tags = re.findall(r"<[^>]*>", view)
        assert set(tags) - {"</span>", "</div>"} == {
            *re.findall(r'<span class="piece (?:p[0-5]|unk)" role="listitem" title="\d+[a-z, ]*">', view),
            *re.findall(r'<div class="pieces" role="list" aria-label="\d+ pieces">', view),
        }
        shown = html.unescape(re.sub(r"<[^>]*>", "", view))
        assert "<script>" not in view
        if tokenizer is trained["bpe"]:
            assert shown == hostile.replace("\n", "↵")


def test_the_view_counts_its_colours(trained: dict[str, Any]) -> None:
    view = html_view(trained["bpe"], "1234567")
    assert re.findall(r"piece (p\d)", view) == ["p0", "p1", "p2", "p3", "p4", "p5", "p0"]
    assert 'aria-label="7 pieces"' in view
    assert 'class="piece unk"' in html_view(trained["wordpiece"], "漢")
    assert "␣" in html_view(trained["bpe"], " 1")
