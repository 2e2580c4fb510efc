"""A tagger of somebody's own: real files of a tiny BERT whose answers are known, and one that was trained."""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer, BertConfig, BertForTokenClassification

from assistant import weights
from assistant.errors import EngineError
from assistant.extraction.custom import LABELS, CustomTagger, Tags
from assistant.extraction.extractor import Extractor, MarksSpans
from assistant.extraction.scheme import best_path, runs
from assistant.types import Finding
from tests.assistant.extraction.written import WrittenScorer
from tests.training import tiny
from training import runs as training_runs
from training.config import OptimiserSettings
from training.trainer import train

IOB = ["O", "B-Disease", "I-Disease", "B-Gene"]
TAGS = {"gout": "B-Disease", "heart": "B-Disease", "failure": "I-Disease", "tp53": "B-Gene"}


def make(
    folder: Path,
    labels: list[str],
    tags: Mapping[str, str],
    *,
    longest: int = 64,
    in_config: bool = True,
) -> Path:
    """A BERT whose layers pass the embeddings on, and whose embeddings say the tag of a word's first piece.

    With no `tags` its weights are random.
    """
    tokenizer = AutoTokenizer.from_pretrained(weights.bert_folder())
    tokenizer.save_pretrained(folder)
    torch.manual_seed(1)
    names = {"id2label": dict(enumerate(labels)), "label2id": {name: i for i, name in enumerate(labels)}}
    shape = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=8,
        intermediate_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=longest,
        num_labels=len(labels),
        **(names if in_config else {}),
    )
    model = BertForTokenClassification(shape)
    if tags:
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if "LayerNorm.weight" not in name:
                    parameter.zero_()
            for index, label in enumerate(labels):
                model.classifier.weight[index, index] = 6.0
                for word in (word for word, tag in tags.items() if tag == label):
                    piece = tokenizer(word, add_special_tokens=False)["input_ids"][0]
                    model.bert.embeddings.word_embeddings.weight[piece, index] = 1.0
            model.classifier.bias[labels.index("O")] = 3.0
    model.save_pretrained(folder)
    if not in_config:
        (folder / LABELS).write_text(json.dumps(labels))
    return folder


@pytest.fixture(scope="module")
def tagger(tmp_path_factory: pytest.TempPathFactory) -> CustomTagger:
    return CustomTagger(make(tmp_path_factory.mktemp("written"), IOB, TAGS), "mine")


@pytest.fixture(scope="module")
def noisy(tmp_path_factory: pytest.TempPathFactory) -> CustomTagger:
    return CustomTagger(make(tmp_path_factory.mktemp("random"), IOB, {}, longest=32))


def brief(findings: tuple[Finding, ...]) -> list[tuple[str, str]]:
    return [(finding.text, finding.label) for finding in findings]


def test_it_marks_what_it_was_taught_where_it_stands(tagger: CustomTagger) -> None:
    text = "😀 Café: no gout,\nbut heart failure (TP53)."
    found = tagger.findings(text)
    assert brief(found) == [("gout", "Disease"), ("heart failure", "Disease"), ("TP53", "Gene")]
    assert all(text[f.start : f.end] == f.text and 0.5 < f.confidence <= 1 for f in found)
    assert tagger.labels == ("Disease", "Gene")
    assert tagger.name == "mine"


def test_a_mark_of_punctuation_is_a_word_as_in_columns(tagger: CustomTagger) -> None:
    found = tagger.findings("gout/gout-TP53;heart failure")
    assert [f.text for f in found] == ["gout", "gout", "TP53", "heart failure"]


def test_a_span_does_not_go_on_in_the_next_sentence(tagger: CustomTagger) -> None:
    assert [f.text for f in tagger.findings("It is the heart. Failure is common.")] == ["heart"]


def test_loose_accents_belong_to_their_word(tagger: CustomTagger) -> None:
    text = "gou\u0301t and gout\u0301!"
    assert [f.text for f in tagger.findings(text)] == ["gou\u0301t", "gout\u0301"]


@pytest.mark.parametrize("size", [10, 200, 2000])
def test_a_sentence_longer_than_it_can_read_is_read_to_its_end(tagger: CustomTagger, size: int) -> None:
    text = "gout " + "and so on, " * size + "heart failure and TP53"
    found = tagger.findings(text)
    assert [f.text for f in found] == ["gout", "heart failure", "TP53"]
    assert found[-1].end == len(text)


def test_a_long_text_finds_each_of_many(tagger: CustomTagger) -> None:
    text = "He has gout. So much rain today, and all the week. " * 300
    assert [f.start for f in tagger.findings(text)] == list(range(7, len(text), len(text) // 300))


@given(st.text(alphabet=st.sampled_from("gout heart failure 😀\u0301头#,.\n\t\x00\u200b"), max_size=120))
def test_any_text_and_weights_give_flat_findings_in_order(noisy: CustomTagger, text: str) -> None:
    found = noisy.findings(text)
    assert all(text[f.start : f.end] == f.text and f.label in noisy.labels for f in found)
    assert all(a.end <= b.start for a, b in pairwise(found))


@pytest.mark.parametrize("text", ["", " \n", "😀", "\u200b"])
def test_nothing_is_found_in_nothing(tagger: CustomTagger, text: str) -> None:
    assert tagger.findings(text) == ()


def test_many_threads_get_what_one_would(tagger: CustomTagger) -> None:
    notes = [f"Note {i}: " + "no rain, " * (i % 9) + "gout." for i in range(24)]
    alone = [tagger.findings(note) for note in notes]
    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(tagger.findings, notes)) == alone


def test_labels_beside_the_model_name_its_classes(tmp_path: Path) -> None:
    tagger = CustomTagger(make(tmp_path / "it", IOB, TAGS, in_config=False))
    assert brief(tagger.findings("gout, TP53")) == [("gout", "Disease"), ("TP53", "Gene")]


def test_a_run_of_the_studio_is_a_tagger(tmp_path: Path) -> None:
    base = make(tmp_path / "bert", ["O", "X"], {})
    config = tiny.config(
        base,
        task="tagging",
        method="full",
        epochs=8,
        context=64,
        optimiser=OptimiserSettings(rate=2e-2, schedule="constant"),
    )
    outcome = train(config, training_runs.create(tmp_path / "runs", config), data=tiny.tagged(40, 8))
    assert outcome.best is not None
    tagger = CustomTagger(outcome.best)
    found = tagger.findings("rest . insulin lowers asthma and a fever helps the heart .")
    assert brief(found) == [("insulin", "Drug"), ("asthma", "Disease"), ("fever", "Disease")]


def spans(names: list[str], classes: list[str]) -> list[tuple[int, int, str]]:
    """What a model says that is sure of these classes, word by word."""
    tags = Tags.of(names)
    chances = np.full((len(classes), len(names)), 0.01, dtype=np.float32)
    chances[np.arange(len(classes)), [names.index(name) for name in classes]] = 0.9
    return runs(best_path(tags.table(chances), tags.head), tags.head)


@pytest.mark.parametrize(
    ("names", "classes", "expected"),
    [
        (["O", "B-A", "I-A"], "B-A I-A B-A O", [(0, 2, "A"), (2, 3, "A")]),
        (["O", "A", "B"], "A A O B A", [(0, 2, "A"), (3, 4, "B"), (4, 5, "A")]),
        (["I-A", "O"], "I-A I-A O I-A", [(0, 2, "A"), (3, 4, "A")]),
        (["B-A", "O"], "B-A B-A O", [(0, 1, "A"), (1, 2, "A")]),
        (["O", "B-A", "I-A", "E-A", "S-A"], "B-A I-A E-A S-A O", [(0, 3, "A"), (3, 4, "A")]),
        (["O", "B-A", "I-A", "L-A", "U-A"], "U-A B-A L-A O", [(0, 1, "A"), (1, 3, "A")]),
        (["O", "E-coli", "T-cell"], "T-cell O T-cell", [(0, 1, "T-cell"), (2, 3, "T-cell")]),
    ],
)
def test_every_usual_scheme_is_read(
    names: list[str], classes: str, expected: list[tuple[int, int, str]]
) -> None:
    assert spans(names, classes.split()) == expected


@pytest.mark.parametrize("names", [["A", "B"], ["O"], ["O", "O", "A"], ["O", "A", "A"], []])
def test_labels_that_leave_open_what_is_no_finding_are_refused(names: list[str]) -> None:
    with pytest.raises(ValueError, match="with one O"):
        Tags.of(names)


def test_a_model_whose_labels_have_no_names_is_refused(tmp_path: Path) -> None:
    folder = make(tmp_path / "it", IOB, TAGS, in_config=False)
    (folder / LABELS).unlink()
    with pytest.raises(EngineError, match="LABEL_0"):
        CustomTagger(folder)


@pytest.mark.parametrize("content", ["[", "{}", "[1]", '["O", "A"]'])
def test_labels_that_do_not_fit_are_refused(tmp_path: Path, content: str) -> None:
    folder = make(tmp_path / "it", IOB, TAGS)
    (folder / LABELS).write_text(content)
    with pytest.raises(EngineError, match="can't be used"):
        CustomTagger(folder)


def test_a_pickle_is_refused_and_not_opened(tmp_path: Path) -> None:
    folder = make(tmp_path / "it", IOB, TAGS)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(EngineError, match=r"pickle \(pytorch_model\.bin\)"):
        CustomTagger(folder)


def test_a_damaged_file_an_adapter_or_another_kind_of_model_is_refused(tmp_path: Path) -> None:
    folder = make(tmp_path / "it", IOB, TAGS)
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(EngineError, match="can't be loaded"):
        CustomTagger(folder)
    (folder / "adapter_config.json").write_text("{}")
    with pytest.raises(EngineError, match="adapter alone"):
        CustomTagger(folder)
    with pytest.raises(EngineError, match="no token classifier"):
        CustomTagger(tiny.make_bert(tmp_path / "masked"))
    with pytest.raises(EngineError, match="isn't there"):
        CustomTagger(tmp_path / "gone")


# Beside the house's own tagger.


class Marks:
    """Marks the words it was given."""

    def __init__(self, **labels: str) -> None:
        self._given = {words.replace("_", " "): label for words, label in labels.items()}
        self.labels = tuple(dict.fromkeys(labels.values()))

    def findings(self, text: str) -> tuple[Finding, ...]:
        found = [(text.find(words), words, label) for words, label in self._given.items()]
        return tuple(
            Finding(at, at + len(words), words, label, "present", 0.8)
            for at, words, label in sorted(found)
            if at >= 0
        )


def read_with(
    custom: MarksSpans, tags: Mapping[str, Mapping[str, str]], text: str
) -> list[tuple[str, str, str]]:
    found = Extractor(WrittenScorer(tags)).with_custom(custom).findings(text)
    return [(finding.text, finding.label, finding.assertion) for finding in found]


def test_its_findings_win_over_those_of_the_house_that_overlap_and_the_rest_stay() -> None:
    tags = {
        "clinical": {"pulmonary": "B-Biological_structure", "cough": "B-Sign_symptom"},
        "joint": {"pulmonary": "B-Disease", "embolism": "I-Disease"},
    }
    assert read_with(Marks(embolism="Event"), tags, "pulmonary embolism ; cough") == [
        ("pulmonary", "Biological_structure", "present"),
        ("embolism", "Event", "present"),
        ("cough", "Sign_symptom", "present"),
    ]


def test_labels_that_the_house_knows_are_its_own_however_they_are_spelt() -> None:
    marks = Marks(gout="DISEASE", ache="sign-symptom", aspirin="chemical", TP53="Gene")
    assert read_with(marks, {}, "gout, ache, aspirin, TP53") == [
        ("gout", "Disease", "present"),
        ("ache", "Sign_symptom", "present"),
        ("aspirin", "Chemical", "present"),
        ("TP53", "Gene", "present"),
    ]
    labels = Extractor(WrittenScorer({})).with_custom(marks).labels
    assert labels[-1] == "Gene"
    assert len(labels) == len(set(labels)) == len(Extractor(WrittenScorer({})).labels) + 1


def test_what_is_said_of_a_finding_is_told_for_every_label() -> None:
    text = "He denies gout. No BRCA1. His mother had a stroke."
    assert read_with(Marks(gout="Disease", BRCA1="Gene", stroke="Event"), {}, text) == [
        ("gout", "Disease", "absent"),
        ("BRCA1", "Gene", "absent"),
        ("stroke", "Event", "family"),
    ]


def test_a_span_of_history_stays_around_its_findings_and_yields_only_to_its_like() -> None:
    tags = {"history": {"gout": "B-History", "on": "I-History", "aspirin": "I-History"}}
    text = "gout on aspirin"
    assert read_with(Marks(aspirin="Drug"), tags, text) == [
        ("gout on aspirin", "History", "historical"),
        ("aspirin", "Drug", "present"),
    ]
    assert read_with(Marks(gout="History"), tags, text) == [("gout", "History", "historical")]


def test_the_house_alone_is_as_it_was() -> None:
    extractor = Extractor(WrittenScorer({"clinical": {"ache": "B-Sign_symptom"}}))
    extractor.with_custom(Marks(ache="Event"))
    assert [f.label for f in extractor.findings("ache")] == ["Sign_symptom"]
