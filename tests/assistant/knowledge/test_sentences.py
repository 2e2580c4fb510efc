"""Where sentences begin and end, whole and while they stream."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.knowledge import sentences

PIECES = st.lists(
    st.sampled_from(
        [
            "Dr. ",
            "Smith",
            " said",
            ". ",
            "3.5 ",
            "mg ",
            "b.i.d. ",
            "The ",
            "tremor",
            "! ",
            "?",
            " [1]",
            "[2, 3]",
            "\n",
            "\n\n",
            "- ",
            "1. ",
            "e.g. ",
            "(",
            ")",
            "…",
            " ",
            "\t",
            "vitamin D. ",
            "x",
            "[",
            "é",
            "“Yes.” ",
        ]
    ),
    max_size=25,
).map("".join)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ()),
        ("  \n ", ()),
        ("One. Two! Three?", ("One.", "Two!", "Three?")),
        ("Dr. Smith saw Mrs. Jones. She left.", ("Dr. Smith saw Mrs. Jones.", "She left.")),
        ("Take it b.i.d. with food. Rest.", ("Take it b.i.d. with food.", "Rest.")),
        ("Pain relief, e.g. Paracetamol, helps. Rest.", ("Pain relief, e.g. Paracetamol, helps.", "Rest.")),
        ("A value of 6.5 is high. 7.0 is higher.", ("A value of 6.5 is high.", "7.0 is higher.")),
        ("It lacks vitamin D. The bones suffer.", ("It lacks vitamin D.", "The bones suffer.")),
        ("J. Parkinson wrote it. It is famous.", ("J. Parkinson wrote it.", "It is famous.")),
        ("It shakes. [1] It is slow [2, 3]. Yes.", ("It shakes. [1]", "It is slow [2, 3].", "Yes.")),
        ("Signs:\n- tremor\n- stiffness", ("Signs:", "- tremor", "- stiffness")),
        ("1. Rest.\n2. Drink.", ("1. Rest.", "2. Drink.")),
        ("a wrapped\nline goes on. Next.", ("a wrapped\nline goes on.", "Next.")),
        ("Fever: none\nCough: yes", ("Fever: none", "Cough: yes")),
        ('He said "no." Then he left.', ('He said "no."', "Then he left.")),
        ("Really?! Yes…", ("Really?!", "Yes…")),
    ],
)
def test_sentences_are_told_apart(text: str, expected: tuple[str, ...]) -> None:
    assert sentences.texts(text) == expected


@given(st.one_of(PIECES, st.text(max_size=120)))
def test_spans_are_trimmed_in_order_and_hold_every_visible_character(text: str) -> None:
    spans = sentences.split(text)
    reached = 0
    for start, end in spans:
        assert reached <= start < end
        assert not text[reached:start].strip()
        assert text[start:end] == text[start:end].strip()
        reached = end
    assert not text[reached:].strip()


@given(PIECES, st.integers(0, 120))
def test_a_completed_sentence_never_changes_while_the_answer_goes_on(text: str, cut: int) -> None:
    done = sentences.completed(text[:cut])
    assert done == sentences.split(text)[: len(done)]
