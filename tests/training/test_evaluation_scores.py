"""Scores by published examples and properties: overlap of texts, entities, classes, intervals, votes."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.errors import BadDataError
from training.evaluation.blind import Blind, sign_test
from training.evaluation.bootstrap import loss_difference
from training.evaluation.glue import matthews
from training.evaluation.labels import class_scores, confusion, entities, entity_scores, macro_f1
from training.evaluation.overlap import exact_match, normalised, rouge_l, rouge_n, token_f1

TEXT = st.text(st.sampled_from("abc the.,é "), max_size=30)
TAGS = st.lists(st.sampled_from(["O", "B-X", "I-X", "B-Y", "I-Y"]), max_size=12)


def test_rouge_l_of_the_papers_example() -> None:
    """Lin 2004, section 3.1: the order of words counts, which the bigrams alone don't show."""
    reference = "police killed the gunman"
    assert rouge_l("police kill the gunman", reference) == pytest.approx(0.75)
    assert rouge_l("the gunman kill police", reference) == pytest.approx(0.5)
    assert rouge_n("police kill the gunman", reference, 2) == rouge_n("the gunman kill police", reference, 2)


def test_rouge_counts_words_as_often_as_both_have_them() -> None:
    said, reference = "The quick brown dog jumps on the log.", "The quick brown fox jumps over the lazy dog"
    assert rouge_n(said, reference, 1) == pytest.approx(2 * (6 / 8) * (6 / 9) / (6 / 8 + 6 / 9))
    assert rouge_l(said, reference) == pytest.approx(2 * (5 / 8) * (5 / 9) / (5 / 8 + 5 / 9))
    assert rouge_n("the the the the", "the cat", 1) == pytest.approx(2 * 1 / (4 + 2))


def test_squad_compares_without_case_articles_and_punctuation() -> None:
    assert normalised("The  Quick, brown fox!") == "quick brown fox"
    assert exact_match("An asthma attack.", "asthma attack") == 1
    assert exact_match("asthma", "asthma attack") == 0
    assert token_f1("asthma", "the asthma attack") == pytest.approx(2 / 3)
    assert token_f1("", "the") == 1  # neither says a word


@given(TEXT, TEXT)
def test_overlap_is_symmetric_full_for_itself_and_lcs_below_unigrams(one: str, two: str) -> None:
    for measure in (token_f1, rouge_l, lambda a, b: rouge_n(a, b, 1), lambda a, b: rouge_n(a, b, 2)):
        assert 0 <= measure(one, two) <= 1
        assert measure(one, two) == measure(two, one)
    assert rouge_l(one, two) <= rouge_n(one, two, 1) + 1e-12
    assert token_f1(one, one) == exact_match(one, one) == 1
    assert exact_match(one, two) <= token_f1(one, two)


@pytest.mark.parametrize(
    ("tags", "found"),
    [
        ("O B-X I-X O", {(1, 3, "X")}),
        ("B-X B-X", {(0, 1, "X"), (1, 2, "X")}),
        ("B-X I-Y", {(0, 1, "X"), (1, 2, "Y")}),
        ("I-X I-X O I-X", {(0, 2, "X"), (3, 4, "X")}),
        ("O", set()),
    ],
)
def test_entities_by_the_conll_rules(tags: str, found: set[tuple[int, int, str]]) -> None:
    assert entities(tags.split()) == found


@given(TAGS)
def test_what_is_said_right_scores_full(tags: list[str]) -> None:
    micro, by_label = entity_scores([(tags, tags)])
    assert micro.support == len(entities(tags))
    assert all(score.f1 == 1 for score in (micro, *by_label.values()) if score.support)


def test_an_entity_with_one_wrong_end_is_wrong() -> None:
    true, said = ["B-X", "I-X", "O", "B-Y"], ["B-X", "O", "O", "B-Y"]
    micro, by_label = entity_scores([(true, said)])
    assert (micro.precision, micro.recall, micro.f1) == (0.5, 0.5, 0.5)
    assert (by_label["X"].f1, by_label["Y"].f1) == (0, 1)


def test_macro_f1_counts_labels_alike_and_leaves_out_those_that_never_occur() -> None:
    table = confusion([0, 0, 0, 1], [0, 0, 1, 1], ("a", "b", "never"))
    assert table.counts == ((2, 1, 0), (0, 1, 0), (0, 0, 0))
    scores = class_scores(table)
    assert set(scores) == {"a", "b"}
    assert macro_f1(scores.values()) == pytest.approx((0.8 + 2 / 3) / 2, abs=1e-4)


def test_matthews_correlation() -> None:
    assert matthews(((3, 0), (0, 4))) == 1
    assert matthews(((0, 3), (4, 0))) == -1
    assert matthews(((5, 0), (2, 0))) == 0
    true = [0] * 60 + [1] * 40
    said = [0] * 50 + [1] * 10 + [0] * 5 + [1] * 35
    assert matthews(((50, 10), (5, 35))) == pytest.approx(np.corrcoef(true, said)[0, 1])


ROWS = st.dictionaries(
    st.integers(0, 30), st.tuples(st.floats(0, 100), st.integers(1, 20)), min_size=2, max_size=12
)


@given(ROWS, st.floats(-2, 2))
def test_a_shift_of_every_label_is_found_exactly(rows: dict[int, tuple[float, int]], shift: float) -> None:
    moved = {row: (nats + shift * labels, labels) for row, (nats, labels) in rows.items()}
    found = loss_difference(rows, moved, resamples=50)
    assert found is not None and found.rows == len(rows)
    assert found.low == pytest.approx(shift, abs=1e-6) and found.high == pytest.approx(shift, abs=1e-6)


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = random.Random(0)
    covered = 0
    for seed in range(200):
        before = {row: (rng.gauss(3, 1), 1) for row in range(40)}
        after = {row: (nats + rng.gauss(-0.2, 0.5), 1) for row, (nats, _) in before.items()}
        found = loss_difference(before, after, seed, resamples=300)
        assert found is not None
        covered += found.low <= -0.2 <= found.high
    assert 0.88 <= covered / 200 <= 0.99


def test_the_interval_is_of_common_rows_and_repeats() -> None:
    before = {0: (1.0, 2), 1: (5.0, 3), 2: (2.0, 2), 9: (1e9, 1)}
    after = {0: (1.5, 2), 1: (3.0, 3), 2: (2.0, 2), 8: (1e9, 1)}
    found = loss_difference(before, after)
    assert found is not None and found.rows == 3 and found == loss_difference(before, after)
    assert found.low < 0 < found.high and not found.certain
    assert loss_difference({0: (1.0, 1)}, {0: (2.0, 1)}) is None


@given(st.integers(0, 40), st.integers(0, 40))
def test_the_sign_test_sums_every_outcome_that_is_no_likelier(wins: int, losses: int) -> None:
    count = wins + losses
    likelihood = [math.comb(count, k) for k in range(count + 1)]
    exact = sum(value for value in likelihood if value <= likelihood[wins]) / 2**count
    assert sign_test(wins, losses) == pytest.approx(exact)
    assert sign_test(wins, losses) == sign_test(losses, wins)


def test_the_sign_test_by_hand() -> None:
    assert sign_test(0, 0) == 1
    assert sign_test(9, 1) == pytest.approx(22 / 1024)
    assert sign_test(5, 5) == 1


PAIRS = [(f"question {index}", f"old {index}", f"new {index}") for index in range(40)]


@given(
    st.integers(0, 1000), st.lists(st.sampled_from(["old", "new", "tie", "none"]), min_size=40, max_size=40)
)
def test_votes_reach_the_version_whose_answer_was_meant(seed: int, wanted: list[str]) -> None:
    blind = Blind.of(("old", "new"), PAIRS, random.Random(seed))
    for index, wish in enumerate(wanted):
        first, second = blind.trials[index].shown
        assert {first.split()[1], second.split()[1]} == {blind.trials[index].prompt.split()[1]}
        if wish == "tie":
            blind = blind.voted(index, "tie")
        elif wish != "none":
            blind = blind.voted(index, "first" if first.startswith(wish) else "second")
    verdict = Blind.from_json(blind.to_json()).verdict()
    assert verdict.wins == (wanted.count("old"), wanted.count("new"))
    assert (verdict.ties, verdict.open) == (wanted.count("tie"), wanted.count("none"))
    assert verdict.p == sign_test(*verdict.wins)


def test_the_order_tells_nothing() -> None:
    blind = Blind.of(("old", "new"), PAIRS * 10, random.Random(1))
    first = sum(trial.shown[0].startswith("old") for trial in blind.trials)
    assert 150 < first < 250
    for _ in range(3):
        blind = blind.voted(0, "second")
    assert sum(trial.vote is not None for trial in blind.trials) == 1


def test_a_vote_that_is_none_is_refused() -> None:
    blind = Blind.of(("old", "new"), PAIRS[:2], random.Random(0))
    with pytest.raises(BadDataError, match="There are 2 prompts"):
        blind.voted(2, "first")
    with pytest.raises(BadDataError, match="A vote is first, second or tie"):
        blind.voted(0, "left")  # type: ignore[arg-type]
    for damaged in ({}, {"names": ["a", "b"], "trials": [{"vote": "left"}]}):
        with pytest.raises(BadDataError, match="no blind comparison"):
            Blind.from_json(damaged)
