"""One set among clients that differ: every row with exactly one, more unlike the smaller alpha is."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training import tiny
from training.corpus.dataset import DataSet
from training.errors import BadDataError
from training.examples import IGNORED, Example
from training.federated.config import SplitSettings
from training.federated.hospitals import groups_of, split_non_iid, split_set, write_set
from training.federated.poison import spoiled_examples


def rows(count: int, labels: int) -> list[dict[str, Any]]:
    return [{"text": str(number), "label": f"l{number % labels}"} for number in range(count)]


def concentration(parts: list[list[int]], labels: int) -> float:
    """The mean share of a client's commonest label: 1/labels where all are alike, 1 where each has one."""
    shares = [max(Counter(index % labels for index in part).values()) / len(part) for part in parts]
    return float(np.average(shares, weights=[len(part) for part in parts]))


@settings(deadline=None, max_examples=80)
@given(
    st.integers(2, 8), st.integers(1, 6), st.floats(1e-3, 1e4), st.integers(0, 2**32 - 1), st.integers(8, 120)
)
def test_every_row_is_with_exactly_one_client(
    n: int, labels: int, alpha: float, seed: int, count: int
) -> None:
    parts = split_non_iid(rows(count, labels), n, alpha, seed)
    assert sorted(index for part in parts for index in part) == list(range(count))
    assert len(parts) == n
    assert all(part for part in parts)
    assert parts == split_non_iid(rows(count, labels), n, alpha, seed)


def test_a_small_alpha_makes_clients_differ_and_a_large_one_alike() -> None:
    found = [
        np.mean([concentration(split_non_iid(rows(600, 4), 4, alpha, seed), 4) for seed in range(8)])
        for alpha in (1e4, 1.0, 0.05)
    ]
    assert found[0] < 0.29
    assert found[0] < found[1] < found[2]
    assert found[2] > 0.7


def test_both_splits_of_a_set_are_shared_alike(tmp_path: Path) -> None:
    every = rows(400, 3)
    write_set(tmp_path / "all", "all", "labelled", {"train": every[:300], "held_out": every[300:]})
    folders = [tmp_path / f"h{number}" for number in range(3)]
    split_set(DataSet.open(tmp_path / "all"), SplitSettings("all", 3, 0.1), 5, folders)
    found = [DataSet.open(folder) for folder in folders]
    assert sum(one.counts["train"] for one in found) == 300
    assert sum(one.counts["held_out"] for one in found) == 100
    for one in found:
        shares = [Counter(row["label"] for row in one.rows(split)) for split in ("train", "held_out")]
        for label in ("l0", "l1", "l2"):
            assert abs(shares[0][label] / 100 - shares[1][label] / 33.3) < 0.05


def test_what_they_differ_in() -> None:
    tagged = [{"tokens": ["a", "b"], "tags": ["B-Drug", "I-Drug"]}, {"tokens": ["a"], "tags": ["O"]}]
    assert groups_of(tagged, "auto") == ["Drug", "O"]
    sourced = [{"text": "a", "source": f"file {number % 2}"} for number in range(8)]
    assert groups_of(sourced, "auto") == groups_of(sourced, "source") == ["file 0", "file 1"] * 4
    with pytest.raises(BadDataError, match="no labels to be split by"):
        groups_of(sourced, "label")
    with pytest.raises(BadDataError, match="2 documents can't be split among 3 clients"):
        split_non_iid(rows(2, 1), 3, 1.0, 0)


def test_topics_keep_texts_of_like_words_together() -> None:
    heart = tiny.sentences(40, 1)
    other = [f"knee joint cartilage bone fracture plaster {number}" for number in range(40)]
    kinds = groups_of([{"text": text} for text in heart + other], "topic", 3)
    assert not set(kinds[:40]) & set(kinds[40:])
    pairs = [dict(row) for row in tiny.pairs(6, 0).train]
    assert len(groups_of(pairs, "topic")) == 6


def test_label_noise_draws_about_its_share_anew() -> None:
    ids = np.zeros(1000, np.int32)
    targets = np.where(np.arange(1000) % 2, 3, IGNORED).astype(np.int32)
    (noisy,) = spoiled_examples([Example(ids, targets)], 10, 0.5, 1)
    changed = noisy.targets != targets
    assert not changed[targets == IGNORED].any()
    assert 0.37 < changed[targets != IGNORED].mean() < 0.53  # a tenth of those drawn is as it was
    assert (targets[1::2] == 3).all()
