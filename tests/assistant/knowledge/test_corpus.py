"""The committed corpus is sound, and a slip in a file is named by its line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from assistant.errors import CorpusError
from assistant.knowledge import sentences
from assistant.knowledge.corpus import CORPUS_FOLDER, MAX_WORDS, read_corpus, read_document

HEAD = "---\nid: a-b\ntitle: A\nsource: S\nwritten: 2026-11\n---\n"
SECTIONS = (
    "Overview",
    "Symptoms",
    "Causes and risks",
    "Diagnosis",
    "Treatment",
    "Living with it",
    "When to seek help",
)


def test_every_condition_has_the_sections_a_reader_expects() -> None:
    titles = {chunk.title for chunk in read_corpus()}
    documents = {title.partition(": ")[0] for title in titles}
    assert len(documents) >= 20
    for document in documents - {"Parkinson's disease"}:
        for section in SECTIONS:
            assert f"{document}: {section}" in titles


def test_parkinsons_disease_is_told_in_depth() -> None:
    chunks = [chunk for chunk in read_corpus() if chunk.document == "parkinsons-disease"]
    stages = next(chunk.text for chunk in chunks if chunk.title.endswith("Hoehn and Yahr stages"))
    for stage in ("1", "1.5", "2", "2.5", "3", "4", "5"):
        assert f"Stage {stage} means" in stages
    assert len(chunks) >= 12


def test_chunks_are_short_and_name_their_source() -> None:
    for chunk in read_corpus():
        assert 0 < len(chunk.text.split()) <= MAX_WORDS
        assert chunk.source.startswith("Written for Asklepion")


def test_no_sentence_is_too_long_to_be_quoted_by_a_small_model() -> None:
    for chunk in read_corpus():
        for sentence in sentences.texts(chunk.text):
            assert len(sentence.split()) <= 30, sentence


def test_the_corpus_names_no_dose_of_a_medicine() -> None:
    for chunk in read_corpus():
        assert not re.search(r"\d\s?(?:mg|mcg|µg|ml|units)\b(?!/)", chunk.text, re.IGNORECASE), chunk.title


def test_no_sentence_stands_in_two_places() -> None:
    seen: dict[str, str] = {}
    for path in sorted(CORPUS_FOLDER.glob("*.md")):
        for chunk in read_document(path.read_text(encoding="utf-8"), path.name):
            for sentence in sentences.texts(chunk.text):
                if len(sentence.split()) >= 12:
                    assert sentence not in seen, (sentence, chunk.title, seen[sentence])
                    seen[sentence] = chunk.title


def test_a_long_section_is_split_between_sentences_and_loses_nothing() -> None:
    body = " ".join(f"Sentence number {n} has exactly seven words." for n in range(60))
    chunks = read_document(f"{HEAD}\n## Long\n\n{body}\n", "a.md")
    assert len(chunks) > 1
    assert " ".join(chunk.text for chunk in chunks) == body
    assert chunks[1].title == "A: Long (part 2)"
    assert all(len(chunk.text.split()) <= MAX_WORDS for chunk in chunks)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("", "a.md:1"),
        ("## Overview\n\nText.\n", "a.md:1"),
        ("---\nid: a\n", "a.md:2"),
        ("---\nid: a\ntitle: A\n---\n", "a.md:4"),
        ("---\nid a\n---\n", "a.md:2"),
        ("---\ncolour: red\n---\n", "a.md:2"),
        ("---\nid: a\nid: b\n---\n", "a.md:3"),
        (HEAD.replace("a-b", "A B") + "## O\n\nT.\n", "a.md:6"),
        (HEAD.replace("2026-11", "soon") + "## O\n\nT.\n", "a.md:6"),
        (HEAD, "a.md:6"),
        (HEAD + "loose text\n", "a.md:7"),
        (HEAD + "## Empty\n\n## Next\n\nText.\n", "a.md:7"),
        (HEAD + "## One\n\nText.\n\n## One\n\nText.\n", "a.md:7"),
        (HEAD + "### Deep\n\nText.\n", "a.md:7"),
    ],
)
def test_a_malformed_document_is_refused_with_file_and_line(text: str, where: str) -> None:
    with pytest.raises(CorpusError, match=re.escape(where + ":")):
        read_document(text, "a.md")


def test_an_id_used_twice_an_empty_folder_and_a_binary_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"no \.md file"):
        read_corpus(tmp_path)
    for name in ("a.md", "b.md"):
        (tmp_path / name).write_text(HEAD + "## O\n\nText.\n", encoding="utf-8")
    with pytest.raises(CorpusError, match=r"b\.md.*already used by a\.md"):
        read_corpus(tmp_path)
    (tmp_path / "b.md").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CorpusError, match=r"b\.md.*UTF-8"):
        read_corpus(tmp_path)
