"""From a scorer's tags to findings: layers, overlaps, containers, the mixed opinion on diseases, threads."""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.extraction.extractor import Extractor, chemicals, mixed_diseases, resolve
from assistant.extraction.fit import HEADS
from assistant.extraction.tagger import Scores
from assistant.types import Finding
from tests.assistant.extraction.written import STYLE, WrittenScorer

SIGN = {"chest": "B-Sign_symptom", "pain": "I-Sign_symptom", "falls": "B-Sign_symptom"}


def brief(findings: tuple[Finding, ...]) -> list[tuple[str, str, str]]:
    return [(finding.text, finding.label, finding.assertion) for finding in findings]


def test_findings_have_their_words_their_label_and_what_is_said_of_them() -> None:
    extractor = Extractor(WrittenScorer({"clinical": SIGN}))
    text = "Has chest pain, denies falls."
    found = extractor.findings(text)
    assert brief(found) == [("chest pain", "Sign_symptom", "present"), ("falls", "Sign_symptom", "absent")]
    assert all(text[f.start : f.end] == f.text for f in found)
    assert [f.confidence for f in found] == [pytest.approx(0.9), pytest.approx(0.9)]


@pytest.mark.parametrize("text", ["", "  \n ", "🙂"])
def test_a_text_without_anything_in_it_has_no_findings(text: str) -> None:
    assert Extractor(WrittenScorer({"clinical": SIGN})).findings(text) == ()


def test_offsets_are_code_points_and_take_loose_accents_along() -> None:
    text = "😀 pain, cafe\u0301 😀"  # the last letter and its accent are two code points
    tags = {"clinical": {"pain": "B-Sign_symptom", "cafe": "B-Activity"}}
    found = Extractor(WrittenScorer(tags)).findings(text)
    assert [(f.start, f.end) for f in found] == [(2, 6), (8, 13)]
    assert found[1].text == "cafe\u0301"


def test_a_history_span_stays_beside_the_findings_in_it() -> None:
    tags = {
        "clinical": {"stroke": "B-Disease_disorder", "aspirin": "B-Medication", "cough": "B-Sign_symptom"},
        "history": {"stroke": "B-History", "on": "I-History", "aspirin": "I-History"},
    }
    assert brief(Extractor(WrittenScorer(tags)).findings("stroke on aspirin ; cough")) == [
        ("stroke on aspirin", "History", "historical"),
        ("stroke", "Disease_disorder", "present"),
        ("aspirin", "Medication", "present"),
        ("cough", "Sign_symptom", "present"),
    ]


@pytest.mark.parametrize(
    ("before", "assertion"),
    [
        ("A man with ", "present"),
        ("I have ", "present"),
        ("Known gout and ", "present"),
        ("She has asthma , obesity and ", "present"),
        ("Background : ", "present"),
        ("A man with a history of ", "historical"),
        ("He denies ", "absent"),
    ],
)
def test_the_words_around_decide_and_not_the_history_head(before: str, assertion: str) -> None:
    tags = {"clinical": {"diabetes": "B-Disease_disorder"}, "history": {"diabetes": "B-History"}}
    found = Extractor(WrittenScorer(tags)).findings(before + "diabetes")
    assert [f.assertion for f in found if f.label == "Disease_disorder"] == [assertion]


def test_a_family_span_lends_the_family_but_a_denial_inside_stays_a_denial() -> None:
    tags = {
        "clinical": {"gout": "B-Disease_disorder", "stroke": "B-Disease_disorder"},
        "history": {
            w: ("B" if w == "gout" else "I") + "-Family_history" for w in ("gout", "no", "stroke", ",")
        },
    }
    assert brief(Extractor(WrittenScorer(tags)).findings("gout , no stroke")) == [
        ("gout , no stroke", "Family_history", "family"),
        ("gout", "Disease_disorder", "family"),
        ("stroke", "Disease_disorder", "absent"),
    ]


def test_of_overlapping_layers_the_clinical_one_is_kept_and_scoring_sees_them_all() -> None:
    disease = {"gout": "B-Disease", "ache": "B-Disease"}
    tags = {"clinical": {"ache": "B-Sign_symptom"}, "joint": disease}
    extractor = Extractor(WrittenScorer(tags))
    assert brief(extractor.findings("ache and gout")) == [
        ("ache", "Sign_symptom", "present"),
        ("gout", "Disease", "present"),
    ]
    assert [f.text for f in extractor.layers("ache and gout")] == ["ache", "ache", "gout"]


def test_a_disease_in_several_words_is_kept_whole_unless_that_cuts_through_another_finding() -> None:
    disease = {"pulmonary": "B-Disease", "embolism": "I-Disease"}
    parts = {"pulmonary": "B-Biological_structure", "embolism": "B-Sign_symptom"}
    whole = Extractor(WrittenScorer({"clinical": parts, "joint": disease}))
    assert brief(whole.findings("no pulmonary embolism")) == [("pulmonary embolism", "Disease", "absent")]
    across = {"embolism": "B-Sign_symptom", "today": "I-Sign_symptom"}
    cut = Extractor(WrittenScorer({"clinical": across, "joint": disease}))
    assert brief(cut.findings("pulmonary embolism today")) == [("embolism today", "Sign_symptom", "present")]


def test_labels_are_named_once_in_the_order_of_the_heads() -> None:
    labels = Extractor(WrittenScorer({})).labels
    assert labels[:3] == ("Disease", "Chemical", "Sign_symptom")
    assert len(set(labels)) == len(labels) == sum(len(head.labels) for head in HEADS) - 2


@pytest.mark.parametrize(("style", "head"), [("bc5cdr", "abstracts"), ("ncbi-disease", "genetics")])
def test_the_head_that_knows_the_kind_of_text_decides_what_a_disease_is(style: str, head: str) -> None:
    extractor = Extractor(WrittenScorer({head: {"gout": "B-Disease"}}, STYLE[style]))
    assert brief(extractor.findings("gout")) == [("gout", "Disease", "present")]
    others = {name: {"gout": "B-Disease"} for name in ("abstracts", "genetics", "joint") if name != head}
    assert Extractor(WrittenScorer(others, STYLE[style])).findings("gout") == ()


chances = st.lists(st.integers(1, 100), min_size=16, max_size=16)


@given(st.lists(chances, min_size=1, max_size=6), st.tuples(*[st.integers(1, 50)] * 3))
def test_mixed_opinions_are_chances_between_those_of_the_heads(
    rows: list[list[int]], weights: tuple[int, int, int]
) -> None:
    heads = {}
    for head in HEADS:
        table = np.array([[row[i % 16] for i in range(head.size)] for row in rows], dtype=np.float32)
        heads[head.name] = np.log(table / table.sum(axis=1, keepdims=True))
    style = np.tile(np.array(weights, dtype=np.float32) / sum(weights), (len(rows), 1))
    scores = Scores(heads, style)
    mixed = np.exp(mixed_diseases(scores, HEADS))
    assert np.allclose(mixed.sum(axis=1), 1, atol=1e-5)
    each = np.stack([np.exp(heads[name])[:, 1:3] for name in ("abstracts", "genetics", "joint")])
    assert (mixed[:, 1:] <= each.max(axis=0) + 1e-6).all()
    assert (mixed[:, 1:] >= each.min(axis=0) - 1e-6).all()
    assert np.allclose(np.exp(chemicals(scores, HEADS)).sum(axis=1), 1, atol=1e-5)


def test_certainty_does_not_turn_into_a_number_that_is_none() -> None:
    certain = {head.name: np.full((1, head.size), -1e4, dtype=np.float32) for head in HEADS}
    for name in ("abstracts", "genetics", "joint"):
        certain[name][0, 1] = 0.0
    table = mixed_diseases(Scores(certain, np.array([[0.0, 0.0, 1.0]], dtype=np.float32)), HEADS)
    assert np.isfinite(table).all()
    assert table.argmax() == 1


labels = st.sampled_from(["Sign_symptom", "Disease", "Chemical", "History", "Family_history"])
findings = st.builds(
    lambda start, length, label: Finding(start, start + length, "x" * length, label),
    st.integers(0, 60),
    st.integers(1, 20),
    labels,
)


@given(st.lists(findings, max_size=25))
def test_what_is_kept_is_flat_but_for_containers_in_text_order_and_nothing_is_lost_for_nothing(
    layers: list[Finding],
) -> None:
    kept = resolve(layers)
    flat = [f for f in kept if f.label not in ("History", "Family_history")]
    assert kept == sorted(kept, key=lambda f: (f.start, -f.end))
    assert all(a.end <= b.start for a, b in pairwise(flat))
    for finding in layers:
        clashes = any(f.start < finding.end and finding.start < f.end for f in flat)
        assert finding in kept or clashes


def test_many_threads_get_what_one_would() -> None:
    extractor = Extractor(WrittenScorer({"clinical": SIGN}))
    notes = [f"Note {i}: " + "denies falls , " * (i % 7) + "has chest pain" for i in range(40)]
    alone = [extractor.findings(note) for note in notes]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(extractor.findings, notes)) == alone
