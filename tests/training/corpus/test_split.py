"""The draw of what is held out: whole clusters, by a seed, whatever the order."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.corpus.clusters import Clusters
from training.corpus.split import divide
from training.errors import BadDataError


def drawn(count: int, clusters: Clusters, share: float = 0.1, seed: int = 0) -> set[int]:
    keys = np.array([number * 7919 + 13 for number in range(count)], dtype=np.uint64)
    split = divide(np.arange(count), keys, clusters, clusters, share, seed)
    return set(map(int, np.flatnonzero(split.held_out)))


@given(
    st.integers(2, 60),
    st.lists(st.tuples(st.integers(0, 59), st.integers(0, 59)), max_size=30),
    st.integers(0, 99),
)
def test_a_cluster_is_never_split(count: int, pairs: list[tuple[int, int]], seed: int) -> None:
    clusters = Clusters(count)
    for one, other in pairs:
        if max(one, other) < count:
            clusters.join(one, other)
    if all(clusters.together(0, number) for number in range(count)):
        with pytest.raises(BadDataError, match="held out"):
            drawn(count, clusters, seed=seed)
        return
    held_out = drawn(count, clusters, seed=seed)
    assert 0 < len(held_out) < count
    for one in held_out:
        assert not any(clusters.together(one, other) for other in set(range(count)) - held_out)
    assert held_out == drawn(count, clusters, seed=seed)


def test_the_share_is_met_and_the_seed_counts() -> None:
    assert len(drawn(1000, Clusters(1000), 0.2)) == 200
    assert drawn(1000, Clusters(1000), seed=1) != drawn(1000, Clusters(1000), seed=2)
    assert drawn(10, Clusters(10), 0.0) == set()


def test_the_order_of_the_documents_does_not_count() -> None:
    keys = np.array([number * 7919 + 13 for number in range(50)], dtype=np.uint64)
    first = divide(np.arange(50), keys, Clusters(50), Clusters(50), 0.2, 3)
    second = divide(np.arange(50), keys[::-1].copy(), Clusters(50), Clusters(50), 0.2, 3)
    assert set(keys[first.held_out]) == set(keys[::-1][second.held_out])


def test_parts_of_a_text_are_told_apart_only_where_there_is_too_little_else() -> None:
    keys = np.arange(1, 21, dtype=np.uint64)
    parts = Clusters(20)
    for number in range(1, 18):
        parts.join(0, number)
    few = divide(np.arange(20), keys, Clusters(20), parts, 0.4, 0)
    assert few.separated
    assert few.held_out.sum() == 8
    enough = divide(np.arange(20), keys, Clusters(20), parts, 0.1, 0)
    assert not enough.separated
    assert set(map(int, np.flatnonzero(enough.held_out))) == {18, 19}
