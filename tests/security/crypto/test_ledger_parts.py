"""A ledger in parts: verified from a mark on, searched, and proved entry by entry."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.engine import Engine

from security.crypto.ledger import Ledger, Mark, Query
from security.crypto.ledger.merkle import verify_inclusion
from security.crypto.signatures import SigningKey
from tests.security.crypto.test_ledger import NOW, attack, filled, memory, rewrite


@pytest.fixture
def engine() -> Engine:
    return memory()


def marks(ledger: Ledger, most: int) -> list[Mark]:
    found = [Mark()]
    while found[-1].size < len(ledger):
        stretch = ledger.go_on(found[-1], most)
        assert stretch.first_bad is None, stretch.reason
        found.append(stretch.mark)
    return found


@pytest.mark.parametrize("most", [1, 2, 3, 5, 8, 100])
def test_going_on_from_mark_to_mark_ends_at_the_root_of_the_whole(engine: Engine, most: int) -> None:
    ledger = filled(engine, 13)
    for mark in marks(ledger, most):
        assert mark.root() == ledger.root(mark.size)
        assert ledger.go_on(mark, 100).mark.root() == ledger.root()


def test_a_mark_pays_for_what_is_new_alone(engine: Engine) -> None:
    ledger = filled(engine, 9)
    mark = ledger.go_on(Mark(), 100).mark
    attack(engine, "UPDATE ledger_entries SET data = '{}' WHERE position = 3")
    ledger.append("later", {}, NOW)
    assert ledger.go_on(mark, 100).mark.size == 10
    assert ledger.go_on(Mark(), 100).first_bad == 3


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        ("UPDATE ledger_entries SET data = '{}' WHERE position = 9", 9),
        ("UPDATE ledger_entries SET hash = zeroblob(32) WHERE position = 6", None),
        ("UPDATE ledger_entries SET previous = zeroblob(32) WHERE position = 7", 7),
        ("DELETE FROM ledger_entries WHERE position = 8", 8),
        ("DELETE FROM ledger_entries WHERE position = 2", 0),
        ("UPDATE ledger_nodes SET hash = zeroblob(32) WHERE level = 1 AND number = 4", 9),
        ("DELETE FROM ledger_entries WHERE position > 5", 6),
    ],
)
def test_what_is_wrong_after_a_mark_is_found(engine: Engine, statement: str, index: int | None) -> None:
    ledger = filled(engine, 11)
    mark = ledger.go_on(Mark(), 7).mark
    attack(engine, statement)
    assert ledger.go_on(mark, 100).first_bad == index


def test_a_thorough_rewriting_leads_to_another_mark(engine: Engine) -> None:
    ledger = filled(engine, 11)
    before = marks(ledger, 4)
    rewrite(engine, lambda entry: (entry.kind, '{"patient":"x"}'), 6)
    assert ledger.verify().ok
    after = marks(ledger, 4)
    assert [one == other for one, other in zip(before, after, strict=True)] == [True, True, False, False]


def test_a_checkpoint_of_a_part_has_that_parts_root(engine: Engine) -> None:
    ledger, key = filled(engine, 11), SigningKey(bytes(32))
    checkpoint = ledger.checkpoint(key, NOW, 5)
    assert (checkpoint.size, checkpoint.root) == (5, ledger.root(5))
    assert ledger.verify([checkpoint], key.verify_key).ok


def mixed(engine: Engine) -> Ledger:
    ledger = Ledger(engine)
    for number in range(20):
        kind = "sign-in" if number % 2 else "sign-out"
        data: dict[str, Any] = {"user": f"u{number % 4}", "role": "u1"}
        ledger.append(kind, data if number < 10 else {"user": 'a"b%_'}, 1000 + number)
    return ledger


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (Query(), list(range(20))),
        (Query(kind="sign-in"), list(range(1, 20, 2))),
        (Query(value="u2"), [2, 6]),
        (Query(value="u1"), list(range(10))),
        (Query(value="u"), []),
        (Query(value='a"b%_'), list(range(10, 20))),
        (Query(value="%"), []),
        (Query(value="user"), []),
        (Query(since=1_018_000), [18, 19]),
        (Query(until=1_002_000), [0, 1]),
        (Query(kind="sign-in", value="u3", since=1_004_000, until=1_008_000), [7]),
    ],
)
def test_a_query_finds_what_it_asks_for(engine: Engine, query: Query, found: list[int]) -> None:
    ledger = mixed(engine)
    assert [entry.index for entry in ledger.find(query, 100)] == found
    assert ledger.count(query) == len(found)
    assert query.all is (query == Query())


def test_pages_from_both_ends(engine: Engine) -> None:
    ledger = mixed(engine)
    query = Query(kind="sign-in")
    assert [entry.index for entry in ledger.find(query, 3, below=20)] == [15, 17, 19]
    assert [entry.index for entry in ledger.find(query, 3, below=15)] == [9, 11, 13]
    assert [entry.index for entry in ledger.find(query, 3, above=13)] == [15, 17, 19]
    assert ledger.count(query, below=4) == 2
    assert ledger.kinds() == ["sign-in", "sign-out"]


def test_the_paths_of_many_lead_to_the_root_as_each_ones_own(engine: Engine) -> None:
    ledger = mixed(engine)
    indices, size = [1, 4, 7, 16, 18], 19
    for index, path in zip(indices, ledger.paths(indices, size), strict=True):
        proof = ledger.prove(index, size)
        assert path == proof.path
        verify_inclusion(proof.leaf, index, size, path, ledger.root(size))
