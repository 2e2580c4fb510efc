"""Synthetic texts, their scorer and the commands, without the learned head."""

import json
from pathlib import Path

import pytest

from assistant.__main__ import main
from assistant.extraction.deidentify.evaluation import GROUPS, score
from assistant.extraction.deidentify.identifiers import Identifier
from assistant.extraction.deidentify.rendering import Gold, Sample, read_templates
from assistant.extraction.deidentify.synthetic import LOCALES, World

PARTS = ("training", "development", "held_out")


def test_the_three_parts_share_no_template_and_no_special_locale() -> None:
    texts = {part: {template.text for template in read_templates(part)} for part in PARTS}
    assert len(texts["training"]) >= 120
    assert len(texts["held_out"]) >= 40
    for part in PARTS:
        for other in PARTS:
            if part != other:
                assert not texts[part] & texts[other]
                assert not set(LOCALES[part]) & set(LOCALES[other])


@pytest.mark.parametrize("part", PARTS)
def test_every_template_is_filled_and_every_identifier_lies_where_it_says(part: str) -> None:
    samples = list(World(part, 3).samples(len(read_templates(part))))
    kinds = {gold.kind for sample in samples for gold in sample.spans}
    assert kinds >= {"NAME", "DATE", "PHONE", "MRN", "LOCATION", "EMAIL", "SSN", "AGE"}
    for sample in samples:
        assert "{" not in sample.text.replace('{"', "") or sample.style == "json"
        at = 0
        for gold in sample.spans:
            assert at <= gold.start < gold.end <= len(sample.text)
            assert sample.text[gold.start : gold.end].strip()
            at = gold.end


def test_texts_repeat_with_the_seed() -> None:
    assert list(World("held_out", 5).samples(20)) == list(World("held_out", 5).samples(20))
    assert list(World("held_out", 5).samples(20)) != list(World("held_out", 6).samples(20))


SAMPLE = Sample("Anna Kerr, MRN 00456, BP 120/80", (Gold(0, 9, "NAME"), Gold(15, 20, "MRN")), "test")


def found(*spans: tuple[int, int, str]) -> list[Identifier]:
    return [Identifier(start, end, SAMPLE.text[start:end], kind, "rule", 1.0) for start, end, kind in spans]


def counts(group: str, *spans: tuple[int, int, str]) -> tuple[int, int, int, int, int]:
    row = score([SAMPLE], lambda text: found(*spans)).groups[group]
    return row.gold, row.found, row.same_kind, row.predicted, row.right


def test_a_span_counts_only_when_all_of_it_is_covered() -> None:
    assert counts("names", (0, 9, "NAME")) == (1, 1, 1, 1, 1)
    assert counts("names", (0, 8, "NAME")) == (1, 0, 0, 1, 1)
    assert counts("names", (0, 4, "NAME"), (5, 9, "NAME")) == (1, 1, 1, 2, 2)
    assert counts("names", (0, 4, "NAME"), (5, 9, "LOCATION")) == (1, 1, 0, 1, 1)
    assert counts("names") == (1, 0, 0, 0, 0)


def test_what_covers_no_identifier_costs_precision_and_is_counted_as_taken() -> None:
    assert counts("dates", (25, 31, "DATE")) == (0, 0, 0, 1, 0)
    assert score([SAMPLE], lambda text: found((25, 31, "DATE"))).taken == 6


def test_record_numbers_pass_for_other_numbers() -> None:
    assert counts("record numbers", (15, 20, "ID")) == (1, 1, 1, 0, 0)
    assert counts("other numbers", (15, 20, "ID")) == (0, 0, 0, 1, 1)


def test_score_deid_prints_every_group(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["score-deid", "--rules-only", "--count", "60", "--seed", "2", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["documents"] == 60
    assert set(result["groups"]) == set(GROUPS)
    assert result["groups"]["dates"]["recall"] > 0.9
    assert main(["score-deid", "--rules-only", "--count", "5"]) == 0
    assert "precision" in capsys.readouterr().out


def test_deidentify_prints_the_text_and_warns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    note, key = tmp_path / "note.txt", tmp_path / "key"
    note.write_text("Seen on 2021-05-03, MRN 004567.\n", encoding="utf-8")
    assert main(["deidentify", str(note), "--rules-only"]) == 0
    shown = capsys.readouterr()
    assert "Seen on [DATE], MRN [MRN]." in shown.out
    assert "missed" in shown.err
    key.write_bytes(b"k" * 32)
    arguments = ["deidentify", str(note), "--rules-only", "--mode", "shift", "--key-file", str(key), "--json"]
    assert main(arguments) == 0
    first = json.loads(capsys.readouterr().out)
    assert first["counts"] == {"DATE": 1, "MRN": 1}
    assert main(arguments) == 0
    assert json.loads(capsys.readouterr().out) == first


def test_a_key_that_is_missing_or_short_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    note = tmp_path / "note.txt"
    note.write_text("Seen.", encoding="utf-8")
    assert main(["deidentify", str(note), "--rules-only", "--key-file", str(tmp_path / "none")]) == 2
    assert "none" in capsys.readouterr().err
    (tmp_path / "short").write_bytes(b"abc")
    assert main(["deidentify", str(note), "--rules-only", "--key-file", str(tmp_path / "short")]) == 2
    assert "16 bytes" in capsys.readouterr().err
