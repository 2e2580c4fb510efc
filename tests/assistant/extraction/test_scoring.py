"""Strict scores: hand-counted, and on files made of any tokens."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.extraction.corpora import Document, read_iob
from assistant.extraction.extractor import resolve
from assistant.extraction.scoring import score
from assistant.types import Finding

FILE = "Severe\tO\nchest\tB-Sign\npain\tI-Sign\nafter\tO\naspirin\tB-Drug\n.\tO\n"


@pytest.fixture
def document(tmp_path: Path) -> Document:
    (tmp_path / "a.tsv").write_text(FILE)
    return read_iob(tmp_path / "a.tsv")


def found(document: Document, *spans: tuple[str, str]) -> list[Finding]:
    return [
        Finding(document.text.index(words), document.text.index(words) + len(words), words, label)
        for words, label in spans
    ]


def test_hand_counted(document: Document) -> None:
    findings = found(document, ("pain", "Sign"), ("aspirin", "Drug"), ("Severe", "Severity"))
    result = score(document, lambda _: findings)
    assert result["labels"] == {
        "Drug": {"precision": 1.0, "recall": 1.0, "f1": 1.0, "support": 1},
        "Sign": {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 1},
    }
    # The Severity finding is of a label that the file does not have, so it is no error.
    assert result["micro"] == {"precision": 0.5, "recall": 0.5, "f1": 0.5, "support": 2}


def test_renamed_labels_count_as_the_files(document: Document) -> None:
    findings = found(
        document, ("chest pain", "Sign_symptom"), ("aspirin", "Chemical"), ("aspirin", "Medication")
    )
    renames = {"Sign_symptom": "Sign", "Chemical": "Drug", "Medication": "Drug"}
    assert score(document, lambda _: findings, renames)["micro"] == {
        "precision": 1.0,
        "recall": 1.0,
        "f1": 1.0,
        "support": 2,
    }


@given(
    st.lists(
        st.tuples(st.text("ab-.,1", min_size=1, max_size=4), st.sampled_from(["O", "B-X", "I-X", "B-Y"])),
        min_size=1,
        max_size=30,
    )
)
def test_the_gold_itself_scores_one(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    path = tmp_path_factory.mktemp("iob") / "a.tsv"
    path.write_text("".join(f"{token}\t{tag}\n" for token, tag in rows))
    document = read_iob(path)
    gold = [Finding(s.start, s.end, document.text[s.start : s.end], s.label) for s in document.spans]
    result = score(document, lambda _: gold)
    assert result["micro"]["f1"] == (1.0 if gold else 0.0)  # type: ignore[index]


def test_of_overlapping_findings_the_earlier_layer_is_kept_and_containers_stay() -> None:
    clinical = Finding(10, 20, "x" * 10, "Sign_symptom")
    history = Finding(0, 30, "x" * 30, "History")
    disease = Finding(15, 25, "x" * 10, "Disease")
    other = Finding(40, 45, "x" * 5, "Chemical")
    assert resolve([clinical, history, disease, other]) == [history, clinical, other]
