"""The index: ranking, numbering, silence on other topics, and a cache that can't mislead."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from assistant.knowledge.corpus import Chunk
from assistant.knowledge.index import Index
from assistant.knowledge.lexical import BM25, stem, stems
from tests.assistant.knowledge.fakes import WordEncoder

CHUNKS = (
    Chunk("pd", "Parkinson's disease: Early signs", "Ours", "A tremor in one hand is an early sign."),
    Chunk("asthma", "Asthma: Symptoms", "Ours", "Wheeze and a tight chest come at night."),
    Chunk("ckd", "Chronic kidney disease: Overview", "Ours", "The kidneys filter less well.", ("CKD",)),
)


def test_the_nearest_passage_comes_first_and_is_numbered_from_one() -> None:
    found = Index(CHUNKS, WordEncoder()).search("tremor in one hand")
    assert found[0].title == "Parkinson's disease: Early signs"
    assert [passage.id for passage in found] == list(range(1, len(found) + 1))
    assert found[0].source == "Ours"


def test_a_question_about_something_else_finds_nothing() -> None:
    index = Index(CHUNKS, WordEncoder())
    assert index.search("What is the capital of France?") == ()
    assert index.search("") == ()
    assert index.search("tremor", k=0) == ()


def test_findings_find_passages_for_a_question_that_names_no_illness() -> None:
    index = Index(CHUNKS, WordEncoder())
    assert index.search("Summarise this history.") == ()
    assert index.search("Summarise this history.", ("wheeze", "tight chest"))[0].title == "Asthma: Symptoms"


def test_the_cache_spares_the_second_start_all_encoding(tmp_path: Path) -> None:
    first = Index(CHUNKS, WordEncoder(), tmp_path).search("tremor")
    encoder = WordEncoder()
    again = Index(CHUNKS, encoder, tmp_path)
    assert encoder.encoded == []
    assert again.search("tremor") == first


def test_other_weights_or_texts_rebuild_the_cache_and_drop_the_old_file(tmp_path: Path) -> None:
    Index(CHUNKS, WordEncoder(), tmp_path)
    before = list(tmp_path.iterdir())
    for chunks, name in ((CHUNKS, "words-2"), (CHUNKS[:2], "words-2")):
        encoder = WordEncoder(name)
        Index(chunks, encoder, tmp_path)
        assert len(encoder.encoded) == len(chunks)
        assert len(list(tmp_path.iterdir())) == 1
        assert list(tmp_path.iterdir()) != before


@pytest.mark.parametrize("damage", ["flip", "cut", "empty"])
def test_a_damaged_cache_is_noticed_and_rebuilt(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    expected = Index(CHUNKS, WordEncoder(), tmp_path).search("tremor")
    (path,) = tmp_path.iterdir()
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes({"flip": bytes(content), "cut": bytes(content[:50]), "empty": b""}[damage])
    encoder = WordEncoder()
    with caplog.at_level(logging.WARNING):
        rebuilt = Index(CHUNKS, encoder, tmp_path)
    assert len(encoder.encoded) == len(CHUNKS)
    assert "damaged" in caplog.text
    assert rebuilt.search("tremor") == expected


def test_a_cache_folder_that_cannot_be_written_costs_a_warning_only(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    with caplog.at_level(logging.WARNING):
        index = Index(CHUNKS, WordEncoder(), blocked / "cache")
    assert index.search("tremor in one hand")
    assert "could not be written" in caplog.text


def test_an_index_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one chunk"):
        Index((), WordEncoder())


@pytest.mark.parametrize(
    ("word", "other"),
    [
        ("symptoms", "symptom"),
        ("injuries", "injury"),
        ("stages", "stage"),
        ("shaking", "shake"),
        ("women", "woman"),
    ],
)
def test_forms_of_one_word_share_a_stem(word: str, other: str) -> None:
    assert stem(word) == stem(other)


def test_bm25_prefers_the_rarer_word_and_scores_nothing_for_no_word() -> None:
    ranking = BM25([stems("tremor hand"), stems("hand foot"), stems("hand arm")])
    rare, common = ranking.scores(["tremor"])[0], ranking.scores(["hand"])[0]
    assert rare > common > 0
    assert ranking.scores(["liver"]) == [0, 0, 0]
