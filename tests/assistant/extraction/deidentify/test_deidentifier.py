"""The three modes: consistent, true to intervals, and in need of the key."""

import re
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from assistant import weights
from assistant.errors import BadInputError
from assistant.extraction.deidentify import Deidentifier, Identifier
from assistant.extraction.deidentify.head import LABELS
from assistant.extraction.deidentify.surrogates import shift_of
from assistant.extraction.encoding import Encoded, encode, load_tokenizer

KEY = b"a key of the hospital"
TOKENIZER = load_tokenizer(weights.bert_folder())


class KnowsWords:
    """A head that marks the words it is told, each with its label, and nothing else."""

    def __init__(self, **labels: str) -> None:
        self._labels = labels

    def encode(self, text: str) -> Encoded:
        return encode(TOKENIZER, text)

    def scores(self, text: str, encoded: Encoded) -> NDArray[np.float32]:
        table = np.full((len(encoded.words), LABELS.size), -9.0, dtype=np.float32)
        for row, (_, start, end) in enumerate(encoded.words):
            label = self._labels.get(text[start:end])
            table[row, LABELS.begin(label) if label else 0] = -0.01
        return table


PEOPLE = KnowsWords(Anna="NAME", Kerr="NAME", Paul="NAME", Boston="LOCATION", Anneliese="NAME", A="NAME")
NOTE = (
    "Anna Kerr, DOB 05/03/1948, saw Dr. Paul on 2021-05-03 in Boston. Kerr rang 212-555-0187. Anna is well."
)


def test_mask_names_the_kind_and_counts_it() -> None:
    done = Deidentifier(PEOPLE).apply(NOTE, "mask")
    assert done.text == (
        "[NAME], DOB [DATE], saw Dr. [NAME] on [DATE] in [LOCATION]. [NAME] rang [PHONE]. [NAME] is well."
    )
    assert done.counts == {"NAME": 4, "DATE": 2, "LOCATION": 1, "PHONE": 1}
    assert all(NOTE[one.start : one.end] == one.text for one in done.identifiers)
    assert {one.source for one in done.identifiers} == {"rule", "model"}


def test_without_a_head_the_rules_do_their_part() -> None:
    done = Deidentifier().apply(NOTE, "mask")
    assert "[DATE]" in done.text
    assert "[PHONE]" in done.text
    assert "Anna Kerr" in done.text


@given(st.text(max_size=60), st.sampled_from(["05/03/1948", "Mr. Kerr", "MRN 00456", "a@b.org", "aged 93"]))
def test_masking_twice_changes_nothing_more(around: str, inside: str) -> None:
    tool = Deidentifier()
    once = tool.apply(f"{around}\n{inside}\n{around}", "mask").text
    assert tool.apply(once, "mask").text == once


def test_a_name_is_always_the_same_other_name() -> None:
    tool = Deidentifier(PEOPLE)
    done = tool.apply(NOTE, "surrogate", KEY)
    first, family = re.match(r"(\w+) (\w+), DOB", done.text).groups()  # type: ignore[union-attr]
    assert f"{family} rang" in done.text
    assert f"{first} is well" in done.text
    assert not {"Anna", "Kerr", "Boston"} & set(re.findall(r"\w+", done.text))
    assert tool.apply(NOTE, "surrogate", KEY).text == done.text
    assert tool.apply("Kerr again.", "surrogate", KEY).text == f"{family} again."


def test_forms_of_a_name_keep_together() -> None:
    done = Deidentifier(PEOPLE).apply("Anna Kerr. KERR, ANNA. A. Kerr. Mrs. Kerr.", "surrogate", KEY)
    first, family = done.text.split(". ")[0].split()
    assert (
        done.text
        == f"{first} {family}. {family.upper()}, {first.upper()}. {first[0]}. {family}. Mrs. {family}."
    )


def test_another_key_gives_other_surrogates_and_no_key_a_fresh_one() -> None:
    tool = Deidentifier(PEOPLE)
    texts = {tool.apply(NOTE, "surrogate", bytes([number]) * 16).text for number in range(8)}
    assert len(texts) == 8
    assert len({tool.apply(NOTE, "surrogate").text for _ in range(4)}) > 1


def test_numbers_keep_their_form_and_lose_their_figures() -> None:
    done = Deidentifier().apply("MRN: A-12-993. Mail x@y.org, ip 192.168.0.12, aged 93.", "surrogate", KEY)
    found = re.fullmatch(
        r"MRN: ([A-Z]-\d\d-\d{3})\. Mail (\S+@example\.org), ip (192\.0\.2\.\d+), aged 90\+\.", done.text
    )
    assert found
    assert found[1] != "A-12-993"


def test_shift_moves_all_dates_alike_and_masks_the_rest() -> None:
    done = Deidentifier(PEOPLE).apply(NOTE, "shift", KEY)
    days = timedelta(days=shift_of(KEY))
    assert f"DOB {date(1948, 5, 3) + days:%m/%d/%Y}" in done.text
    assert f"on {date(2021, 5, 3) + days}" in done.text
    assert "[NAME]" in done.text
    assert "[PHONE]" in done.text


@given(
    st.lists(st.dates(date(1950, 1, 1), date(2030, 1, 1)), min_size=2, max_size=6),
    st.binary(min_size=1, max_size=32),
    st.sampled_from(["shift", "surrogate"]),
)
def test_intervals_are_kept(days: list[date], key: bytes, mode: str) -> None:
    text = "".join(f"Seen {day} again.\n" for day in days)
    done = Deidentifier().apply(text, mode, key)  # type: ignore[arg-type]
    after = [date.fromisoformat(found) for found in re.findall(r"\d{4}-\d\d-\d\d", done.text)]
    assert [b - a for a, b in pairwise(after)] == [b - a for a, b in pairwise(days)]
    assert after[0] != days[0]


@given(st.binary(min_size=1, max_size=64))
def test_the_shift_is_a_month_to_a_year(key: bytes) -> None:
    assert 30 <= abs(shift_of(key)) <= 365


def test_the_form_that_preparing_a_corpus_asks_for() -> None:
    rewrite = Deidentifier().rewriter("shift", KEY)
    assert rewrite("On 2021-05-03.") == (
        f"On {date(2021, 5, 3) + timedelta(days=shift_of(KEY))}.",
        {"DATE": 1},
    )
    fresh = Deidentifier().rewriter("surrogate")
    assert fresh("MRN: 004567") == fresh("MRN: 004567")


def test_a_mode_that_is_none_is_refused() -> None:
    with pytest.raises(BadInputError, match="surrogate"):
        Deidentifier().apply("x", "anonymise")  # type: ignore[arg-type]


def test_a_disease_named_after_somebody_stays_even_if_a_patient_has_the_name() -> None:
    head = KnowsWords(Parkinson="NAME", Anna="NAME")
    done = Deidentifier(head).apply("Anna Parkinson has Parkinson's disease. Ms Parkinson is well.", "mask")
    assert done.text == "[NAME] has Parkinson's disease. Ms [NAME] is well."


def test_a_name_found_once_is_found_wherever_it_stands() -> None:
    head = KnowsWords(Anneliese="NAME")
    found = Deidentifier(head).find("Anneliese came. ANNELIESE left.")
    assert [one.text for one in found] == ["Anneliese", "ANNELIESE"]


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("it was 1998 then", "DATE"),
        ("BP 120/80 now", "DATE"),
        ("room 12 now", "ID"),
        ("she was well", "NAME"),
    ],
)
def test_the_heads_second_opinion_needs_more_than_its_word(text: str, label: str) -> None:
    words = {
        word: label for word in re.findall(r"\w+|/", text) if word in ("1998", "120", "80", "/", "12", "she")
    }
    assert Deidentifier(KnowsWords(**words)).find(text) == ()


def test_an_age_behind_a_name_and_a_postcode_behind_a_place() -> None:
    found: tuple[Identifier, ...] = Deidentifier(PEOPLE).find("Anna Kerr (93) of Boston 02115 was seen.")
    assert [(one.kind, one.text) for one in found] == [
        ("NAME", "Anna Kerr"), ("AGE", "93"), ("LOCATION", "Boston"), ("ZIP", "02115"),
    ]  # fmt: skip


def test_odd_texts_do_no_harm() -> None:
    for text in ("", " ", "\n\n", "😀é\u0301", "x" * 3000, "[SEP] [CLS]"):
        assert Deidentifier(PEOPLE).apply(text, "mask").text == text
