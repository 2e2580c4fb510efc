"""The learned head: its weight file, a tiny training, and the committed weights on held-out texts."""

import random
import shutil
from pathlib import Path

import pytest
import torch

from assistant import weights
from assistant.errors import CorpusError, WeightsError
from assistant.extraction.deidentify import Deidentifier
from assistant.extraction.deidentify.evaluation import REQUIRED, score
from assistant.extraction.deidentify.fit import (
    IGNORED,
    NOBODY,
    NOWHERE,
    Example,
    Recipe,
    batches,
    cut,
    loss_of,
    negatives,
    train,
    word_tags,
)
from assistant.extraction.deidentify.head import LABELS, WEIGHTS, IdentifierHead, shape_of
from assistant.extraction.deidentify.rendering import Gold
from assistant.extraction.deidentify.synthetic import World
from assistant.extraction.encoding import encode, load_tokenizer

TOKENIZER = load_tokenizer(weights.bert_folder())


def test_shapes_tell_capitals_digits_and_spaces_apart() -> None:
    words = ["anna", "Anna", "ANNA", "A", "12", "1234", "A12", ".", "McKay"]
    text = " ".join(words)
    shapes, at = [], 0
    for word in words:
        shapes.append(shape_of(text, at, at + len(word)))
        at += len(word) + 1
    assert len(set(shapes[:8])) == 8
    assert all(0 < shape < 18 for shape in shapes)
    assert shape_of("xanna", 1, 5) != shape_of("x anna", 2, 6)


def test_tags_of_words_follow_the_identifiers() -> None:
    text = "Anna Kerr saw Dr X on 3 May, age 93"
    spans = [Gold(0, 9, "NAME"), Gold(22, 27, "DATE"), Gold(33, 35, "AGE")]
    name, day = LABELS.begin("NAME"), LABELS.begin("DATE")
    assert word_tags(encode(TOKENIZER, text), spans) == [name, name + 1, 0, 0, 0, 0, day, day + 1, 0, 0, 0]


def test_windows_hold_every_piece_once_with_its_target() -> None:
    text = "Anna has tachycardia. " * 60
    examples = list(cut(text, TOKENIZER, lambda encoded: [0] * len(encoded.words), random.Random(1)))
    assert [piece for example in examples for piece in example.ids] == list(encode(TOKENIZER, text).ids)
    assert all(len(e.ids) == len(e.shapes) == len(e.targets) <= 254 for e in examples)
    assert {target for example in examples for target in example.targets} == {0, IGNORED}
    assert sum(len(batch) for batch in batches(examples, 500, random.Random(1))) == len(examples)


def test_a_text_that_names_nobody_teaches_that_alone() -> None:
    logits = torch.zeros(1, 4, LABELS.size, requires_grad=True)
    loss_of(logits, [Example([5, 6], [1, 1], [NOBODY, NOWHERE])]).backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    name, place, day = (LABELS.begin(label) for label in ("NAME", "LOCATION", "DATE"))
    assert logits.grad[0, 1, name] > 0 > logits.grad[0, 1, place]
    assert logits.grad[0, 2, place] > 0 > logits.grad[0, 2, day]
    assert not logits.grad[0, 0].any()


def test_negatives_that_are_missing_are_named(tmp_path: Path) -> None:
    with pytest.raises(CorpusError):
        negatives(tmp_path, 3, TOKENIZER, random.Random(1))


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    shutil.copytree(WEIGHTS, tmp_path / "weights")
    return tmp_path / "weights"


@pytest.mark.parametrize("place", [10, -10])
def test_weights_that_were_tampered_with_are_refused(copied: Path, place: int) -> None:
    path = copied / "model.safetensors"
    changed = bytearray(path.read_bytes())
    changed[place] ^= 1
    path.write_bytes(changed)
    with pytest.raises(WeightsError, match=r"model\.safetensors is not the one on record"):
        IdentifierHead(copied)


def test_a_missing_or_foreign_config_is_refused(copied: Path) -> None:
    config = copied / "config.json"
    config.write_text(config.read_text(encoding="utf-8").replace("NAME", "NOMEN"), encoding="utf-8")
    with pytest.raises(WeightsError, match="another head"):
        IdentifierHead(copied)
    config.unlink()
    with pytest.raises(WeightsError, match=r"config\.json"):
        IdentifierHead(copied)


@pytest.mark.model
def test_a_tiny_training_gives_weights_that_load(tmp_path: Path) -> None:
    lines: list[str] = []
    recipe = Recipe(epochs=2, texts=8, tokens=512)
    assert train(tmp_path / "out", recipe, report=lines.append) == tmp_path / "out" / "model.safetensors"
    losses = [float(line.split()[4]) for line in lines if " mean loss " in line]
    assert len(losses) == 2
    assert losses[1] < losses[0]
    head = IdentifierHead(tmp_path / "out")
    text = "Anna Kerr came."
    assert head.scores(text, head.encode(text)).shape == (4, LABELS.size)


@pytest.fixture(scope="module")
def tool() -> Deidentifier:
    return Deidentifier.load()


@pytest.mark.model
def test_held_out_texts_lose_their_identifiers(tool: Deidentifier) -> None:
    result = score(World("held_out", 1).samples(230), tool.find)
    for group in REQUIRED:
        row = result.groups[group].as_json()
        assert row["spans"] >= 50, group  # type: ignore[operator]
        assert row["recall"] >= 0.97, (group, row)  # type: ignore[operator]
        assert row["precision"] >= 0.9, (group, row)  # type: ignore[operator]
    assert result.taken < 0.03 * result.innocent


@pytest.mark.model
def test_a_long_page_is_read_to_its_end(tool: Deidentifier) -> None:
    text = (
        "The lungs are clear and the abdomen is soft. " * 200 + "Mrs Brigid Kowalczyk will see Dr. Amara Obi."
    )
    assert [one.text for one in tool.find(text)] == ["Brigid Kowalczyk", "Amara Obi"]


@pytest.mark.model
@pytest.mark.parametrize(
    "text",
    [
        "Parkinson's disease, Hoehn and Yahr stage 3, on levodopa 100 mg; BP 120/80, pain 3/10.",
        "Romberg negative. Babinski absent. Glasgow Coma Scale 15. Known Crohn's disease since 1998.",
        "Lipitor 20 mg was changed to Crestor. HbA1c 7.8%. BRCA1 negative. Return in 1-2 weeks.",
        "What is Huntington's disease? It is a disorder of the HTT gene. Symptoms start at 30 to 50 years.",
    ],
)
def test_medicine_without_people_is_left_alone(tool: Deidentifier, text: str) -> None:
    assert tool.apply(text, "mask").text == text
