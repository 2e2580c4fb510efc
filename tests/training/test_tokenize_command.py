"""`python -m training tokenize`: from a set or a text to a folder, a table and a view."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pytest

from tests.training import tiny
from training.__main__ import main
from training.commands.console import STOPPED, Console
from training.commands.tokenize import register, run
from training.corpus import PrepareSettings, QualityLimits, prepare
from training.tokenizers import TrainTexts, load

PLAIN = PrepareSettings(limits=QualityLimits(languages=()), held_out=0.2, near=False)


def jsonl(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def text_set(tmp_path: Path) -> Path:
    file = jsonl(tmp_path / "given.jsonl", [{"text": text} for text in tiny.sentences(60, 3)])
    prepare([file], tmp_path / "set", PLAIN)
    return tmp_path / "set"


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "notes.txt"
    path.write_text("\n".join(tiny.sentences(80, 4)) + "\nhepatitis hepatitis")
    return path


def test_a_set_becomes_a_tokenizer(
    text_set: Path, bert: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, progress, report = tmp_path / "tokenizer", tmp_path / "progress", tmp_path / "report"
    options = ["--kind", "wordpiece", "--size", "1000", "--lowercase", "--compare", str(bert)]
    files = ["--progress", str(progress), "--report", str(report)]
    called = [
        "tokenize",
        "--data",
        str(text_set),
        "--out",
        str(out),
        *options,
        "--sentence",
        "a fever",
        *files,
    ]
    assert main([*called, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["folder"] == str(out)
    assert result["settings"] == {
        "kind": "wordpiece",
        "size": 1000,
        "lowercase": True,
        "special": "bert",
    }
    assert result["measured_on"] == "held_out"
    assert [row["name"] for row in result["rows"]] == ["tokenizer", str(bert)]
    assert result["rows"][0]["fertility"] < result["rows"][1]["fertility"]
    assert [piece["text"] for piece in result["rows"][0]["pieces"]] == ["[CLS]", "a", " fever", "[SEP]"]
    lineage = json.loads((out / "lineage.json").read_text())
    assert lineage["texts"] == [
        {"set": "set", "hash": json.loads((text_set / "dataset.json").read_text())["hash"]}
    ]
    steps = [json.loads(line) for line in progress.read_text().splitlines()]
    assert steps[-1]["done"] == steps[-1]["total"]
    assert json.loads(report.read_text())["result"] == result
    assert len(load(out)) == lineage["vocabulary"] == result["vocabulary"]


def test_words_for_a_person(text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    called = ["tokenize", "--data", str(text), "--out", str(tmp_path / "mine"), "--size", "1000"]
    assert main([*called, "--sentence", "a fever"]) == 0
    said = capsys.readouterr().out
    assert "Measured on the same text" in said
    assert "mine  a| fever" in said


def test_only_the_train_split_is_learned_from(tmp_path: Path) -> None:
    rows = [{"text": f"common word {'zebra ' * 5 if i % 2 else 'apple ' * 5}{i}"} for i in range(40)]
    prepare([jsonl(tmp_path / "in.jsonl", rows)], tmp_path / "set", PLAIN)
    texts = TrainTexts.open([tmp_path / "set"])
    train, held_out = list(texts), list(texts.held_out)
    assert train
    assert held_out
    assert not set(train) & set(held_out)
    assert sorted(train + held_out) == sorted(row["text"].strip() for row in rows)


def test_every_kind_of_set_has_texts(tmp_path: Path) -> None:
    turns = [
        {"messages": [{"role": "user", "content": f"why {i}"}, {"role": "assistant", "content": f"so {i}"}]}
        for i in range(4)
    ]
    options = PrepareSettings(held_out=0, near=False, quality=False)
    prepare([jsonl(tmp_path / "pairs.jsonl", turns)], tmp_path / "pairs", options)
    (tmp_path / "tags.conll").write_text("a O\nfever B-X\n\nno O\nrest O\n")
    prepare([tmp_path / "tags.conll"], tmp_path / "tagged", options)
    labels = [{"text": "good rest", "label": "yes"}, {"text": "bad fever", "label": "no"}]
    prepare([jsonl(tmp_path / "labels.jsonl", labels)], tmp_path / "labelled", options)
    assert set(TrainTexts.open([tmp_path / "pairs"])) == {f"{w} {i}" for w in ("why", "so") for i in range(4)}
    assert set(TrainTexts.open([tmp_path / "tagged"])) == {"a fever", "no rest"}
    assert set(TrainTexts.open([tmp_path / "labelled"])) == {"good rest", "bad fever"}


def test_a_long_file_is_read_in_parts(tmp_path: Path) -> None:
    path = tmp_path / "long.txt"
    text = "word \u00e9 " * 9_000 + "x" * 25_000
    path.write_text(text, encoding="utf-8-sig")
    parts = list(TrainTexts.open([path]))
    assert "".join(parts) == text
    assert max(map(len, parts)) <= 10_000


def test_a_base_gets_words(gpt: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text, out = tmp_path / "notes.txt", tmp_path / "extended"
    text.write_text("no hepatitis, no hepatitis, no fever")
    options = ["--extend", str(gpt), "--count", "3", "--json"]
    called = ["tokenize", "--data", str(text), "--out", str(out), *options]
    assert main(called) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["base"], result["added"]) == (str(gpt), [" hepatitis"])
    new, old = result["rows"]
    assert (new["name"], old["name"]) == ("extended", str(gpt))
    assert new["tokens"] < old["tokens"]
    assert new["vocabulary"] == old["vocabulary"] + 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--size", "10"], "size must be a whole number from 1000 to 50000; it is 10."),
        (["--kind", "letters"], "kind must be one of bpe, wordpiece, unigram; it is 'letters'."),
        (["--count", "5"], "Give --extend too."),
        (["--extend", "GPT", "--size", "2000"], "--size is for a new tokenizer"),
        (["--extend", "GPT", "--count", "0"], "count must be from 1 to 20000; it is 0."),
        (["--compare", "/none/at/all"], "There is no tokenizer in /none/at/all."),
        (["--data", "/none"], "/none isn't there."),
        (["--data", "DAMAGED"], "is no text in UTF-8"),
        (["--data", "EMPTY"], "There is no text to learn a tokenizer from."),
        (["--data", "FOLDER"], "is no prepared data set"),
    ],
)
def test_what_cannot_be_used_is_one_sentence(
    options: list[str],
    message: str,
    text: Path,
    gpt: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "damaged").write_bytes(b"\xff\xfe\x00abc" * 9)
    (tmp_path / "empty").write_text(" \n")
    places = {"GPT": gpt, "DAMAGED": tmp_path / "damaged", "EMPTY": tmp_path / "empty", "FOLDER": tmp_path}
    given = [str(places.get(option, option)) for option in options]
    assert main(["tokenize", "--data", str(text), "--out", str(tmp_path / "out"), *given]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_it_can_be_stopped_and_leaves_nothing(text: Path, tmp_path: Path) -> None:
    report = tmp_path / "report"
    console = Console(report=report)
    console.stopping.set()
    parser = argparse.ArgumentParser()
    register(parser.add_subparsers())
    arguments = parser.parse_args(["tokenize", "--data", str(text), "--out", str(tmp_path / "out")])
    assert run(arguments, console) == STOPPED
    assert json.loads(report.read_text())["message"] == "It was stopped; nothing of it was kept."
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_there_is_refused(
    text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").mkdir()
    assert main(["tokenize", "--data", str(text), "--out", str(tmp_path / "out")]) == 2
    assert "There is a out already, and it was left as it is." in capsys.readouterr().err
    assert list((tmp_path / "out").iterdir()) == []
