"""Training: tags from spans, batches, splits, the loss, and one tiny run from files to weights."""

import random
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from assistant import weights
from assistant.__main__ import main
from assistant.errors import CorpusError, WeightsError
from assistant.extraction.corpora import Document, Span
from assistant.extraction.encoding import Encoded, encode, load_tokenizer
from assistant.extraction.extractor import Extractor
from assistant.extraction.fit import (
    HEADS,
    IGNORED,
    Cutter,
    Example,
    Recipe,
    Source,
    batches,
    loss_of,
    split_brat,
    tag_words,
    train,
)
from assistant.extraction.scheme import Head
from assistant.extraction.tagger import STYLES, Heads, Tagger

HEAD = Head("test", ("A", "B"))
TOKENIZER = load_tokenizer(weights.bert_folder())


def tags(*spans: Span, text: str = "one two three four five") -> list[int]:
    return tag_words(encode(TOKENIZER, text), Document("d", text, spans), HEAD)


def test_a_span_is_begun_once_and_continued() -> None:
    assert tags(Span(4, 13, "A"), Span(14, 18, "B")) == [0, 1, 2, 3, 0]


def test_of_nested_spans_the_longer_wins() -> None:
    assert tags(Span(4, 7, "B"), Span(0, 13, "A")) == [1, 2, 2, 0, 0]


def test_the_rest_of_a_span_that_was_cut_into_begins_anew() -> None:
    assert tags(Span(0, 13, "A"), Span(8, 18, "B")) == [1, 2, 2, 3, 0]
    assert tags(Span(4, 18, "A"), Span(0, 13, "B")) == [3, 1, 2, 2, 0]


def test_labels_of_other_heads_and_spans_inside_a_word_are_left_out() -> None:
    assert tags(Span(0, 3, "C"), Span(5, 7, "A")) == [0, 0, 0, 0, 0]


@given(st.lists(st.tuples(st.integers(0, 22), st.integers(1, 10), st.sampled_from("ABC")), max_size=6))
def test_tags_are_always_legal(spans: list[tuple[int, int, str]]) -> None:
    before = 0
    for tag in tags(*(Span(start, start + length, label) for start, length, label in spans)):
        assert tag == 0 or tag % 2 == 1 or before in (tag, tag - 1)
        before = tag


@given(st.lists(st.integers(0, 254), max_size=60), st.integers(1, 1024))
def test_batches_hold_every_example_once_and_stay_within_their_pieces(sizes: list[int], tokens: int) -> None:
    examples = [Example([index] * size, {}, 0) for index, size in enumerate(sizes)]
    cut = batches(list(examples), tokens, random.Random(1))
    assert sorted(map(id, (e for batch in cut for e in batch))) == sorted(map(id, examples))
    for batch in cut:
        assert batch
        assert len(batch) == 1 or len(batch) * (max(len(e.ids) for e in batch) + 2) <= tokens


def test_batches_repeat_with_the_seed() -> None:
    examples = [Example([0] * size, {}, 0) for size in (3, 9, 4, 9, 9, 1, 200, 7)]
    assert batches(list(examples), 40, random.Random(5)) == batches(list(examples), 40, random.Random(5))


@given(st.integers(1, 400), st.integers(0, 99))
def test_windows_of_a_source_hold_every_piece_once_with_its_tag(length: int, seed: int) -> None:
    text = " ".join(["tachycardia" if i % 3 else "pain" for i in range(length)])
    document = Document("d", text, (Span(0, 4, "Disease"),))
    cutter = Cutter(Source(STYLES[1], (document,), ("genetics", "joint")), TOKENIZER)
    cut = list(cutter.cut(random.Random(seed)))
    assert [piece for example in cut for piece in example.ids] == list(encode(TOKENIZER, text).ids)
    assert all(len(example.ids) <= 254 and example.style == 1 for example in cut)
    taught = [tag for example in cut for tag in example.tags["genetics"] if tag != IGNORED]
    assert taught == [1] + [0] * (length - 1)
    assert set(cut[0].tags) == {"genetics", "joint"}


def test_the_loss_teaches_only_the_heads_and_words_that_a_corpus_labels() -> None:
    logits = {head.name: torch.zeros(2, 6, head.size, requires_grad=True) for head in HEADS}
    logits["style"] = torch.zeros(2, 6, len(STYLES), requires_grad=True)
    batch = [
        Example([7, 8, 9], {"genetics": [1, IGNORED, 0]}, 1),
        Example([7], {"clinical": [0]}, 2),
    ]
    loss = loss_of(logits, batch)
    loss.backward()  # type: ignore[no-untyped-call]

    def moved(name: str) -> list[tuple[int, ...]]:
        gradient = logits[name].grad
        return [] if gradient is None else [tuple(at) for at in gradient.abs().sum(-1).nonzero().tolist()]

    assert moved("genetics") == [(0, 1), (0, 3)]  # after [CLS]; a later piece of a word is not asked
    assert moved("clinical") == [(1, 1)]
    assert moved("style") == [(0, 1), (0, 2), (0, 3), (1, 1)]
    assert moved("abstracts") == moved("joint") == moved("history") == []


def test_a_batch_without_labels_still_has_a_loss() -> None:
    logits = {head.name: torch.zeros(1, 3, head.size) for head in HEADS}
    logits["style"] = torch.zeros(1, 3, len(STYLES))
    assert torch.isfinite(loss_of(logits, [Example([7], {}, 0)]))


NOTES = {
    "1": ("Denies falls. Has tremor.", "T1\tSign_symptom 7 12\tfalls\nT2\tSign_symptom 18 24\ttremor\n"),
    "2": ("Takes levodopa for tremor.", "T1\tMedication 6 14\tlevodopa\nT2\tSign_symptom 19 25\ttremor\n"),
    "3": ("A man with gout.", "T1\tDisease_disorder 11 15\tgout\nT2\tSex 2 5\tman\n"),
}
IOB = "Gout\tB-Disease\nafter\tO\naspirin\tO\n.\tO\n\nNo\tO\nrash\tB-Disease\n.\tO\n"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    (folder / "maccrobat").mkdir()
    (folder / "ner").mkdir()
    for name, (text, marks) in NOTES.items():
        (folder / "maccrobat" / f"{name}.txt").write_text(text, encoding="utf-8")
        (folder / "maccrobat" / f"{name}.ann").write_text(marks, encoding="utf-8")
    for name in ("bc5cdr", "ncbi-disease"):
        content = IOB.replace("aspirin\tO", "aspirin\tB-Chemical") if name == "bc5cdr" else IOB
        (folder / "ner" / f"{name}-train.tsv").write_text(content, encoding="utf-8")
    return folder


def test_the_split_repeats_with_the_seed_and_loses_no_document(data: Path) -> None:
    folder = data / "maccrobat"
    training, held_out = split_brat(folder, 1, 20)
    assert (training, held_out) == split_brat(folder, 1, 20)
    assert sorted(document.name for document in training + held_out) == ["1", "2", "3"]
    assert len(held_out) == 1
    assert len({split_brat(folder, 1, seed)[1][0].name for seed in range(20)}) > 1


def test_split_maccrobat_writes_the_held_out_documents(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "held.tsv"
    assert main(["split-maccrobat", "--data", str(data), "--label", "Sign_symptom", "--out", str(out)]) == 0
    assert "3 documents" in capsys.readouterr().err
    rows = out.read_text(encoding="utf-8")
    assert rows.count("B-Sign_symptom") == 3
    assert "Medication" not in rows


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["score-ner"],
        ["split-maccrobat", "--data", "x", "--out", "y"],
        ["split-maccrobat", "--label", "A", "--out", "y"],
        ["train-ner", "--data", "x"],
        ["train-ner", "--data", "x", "--out", "y", "--epochs", "many"],
    ],
)
def test_missing_arguments_are_refused_with_the_usage(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert "usage" in capsys.readouterr().err


@pytest.mark.parametrize("pair", ["Disease", "=Disease", "Disease=", ""])
def test_a_map_that_is_no_pair_is_refused(
    pair: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.tsv").write_text(IOB)
    assert main(["score-ner", str(tmp_path / "a.tsv"), "--map", pair]) == 2
    assert "--map takes OURS=FILES" in capsys.readouterr().err


def test_files_that_are_missing_or_wrong_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["score-ner", str(tmp_path / "none.tsv")]) == 2
    assert "none.tsv" in capsys.readouterr().err
    (tmp_path / "a.tsv").write_text("three\tcolumns\there\n")
    assert main(["score-ner", str(tmp_path / "a.tsv")]) == 2
    assert "line 1" in capsys.readouterr().err
    arguments = ["split-maccrobat", "--data", str(tmp_path), "--label", "A", "--out", str(tmp_path / "out")]
    assert main(arguments) == 2
    assert "maccrobat" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    (tmp_path / "b.tsv").write_text(IOB)
    assert main(["score-ner", str(tmp_path / "b.tsv"), "--weights", str(tmp_path)]) == 1
    assert "config.json" in capsys.readouterr().err


def test_training_on_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError):
        train(tmp_path, tmp_path / "out", Recipe(epochs=1), report=lambda line: None)


@pytest.mark.model
def test_a_tiny_corpus_trains_to_weights_that_load_and_score(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines: list[str] = []
    out = tmp_path / "out"
    recipe = Recipe(epochs=5, tokens=64, held_out=1, warm_up=0.1)
    assert train(data, out, recipe, lines.append) == out / "model.safetensors"
    losses = [float(line.split()[4]) for line in lines if " mean loss " in line]
    assert len(losses) == 5
    assert losses[-1] < losses[0]

    tagger = Tagger(out)
    assert tagger.heads == HEADS == Heads.read(out / "config.json").heads
    scores = tagger.scores(tagger.encode("Has tremor."))
    assert {name: table.shape for name, table in scores.heads.items()} == {
        head.name: (3, head.size) for head in HEADS
    }
    assert scores.style.sum(axis=1) == pytest.approx([1, 1, 1], abs=1e-5)
    Extractor.load(out).findings("Has tremor.")
    assert tagger.scores(Encoded((), ())).style.shape == (0, 3)

    (tmp_path / "a.tsv").write_text(IOB)
    score = ["score-ner", str(tmp_path / "a.tsv"), "--weights", str(out)]
    assert main(score) == 0
    assert '"Disease"' in capsys.readouterr().out
    assert main([*score, "--map", "Nonsense=Disease"]) == 2
    assert "no label Nonsense" in capsys.readouterr().err

    config = out / "config.json"
    config.write_text(config.read_text().replace('"Sex",', ""))
    with pytest.raises(WeightsError, match="does not fit"):
        Tagger(out)
    content = bytearray((out / "model.safetensors").read_bytes())
    content[-1] ^= 1
    (out / "model.safetensors").write_bytes(content)
    with pytest.raises(WeightsError, match="not the one on record"):
        Tagger(out)
