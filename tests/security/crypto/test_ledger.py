"""The ledger: one encoding, every change found, rollback and rewriting found by who kept a checkpoint."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, StaticPool, create_engine, delete, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from security.crypto.errors import CryptoError
from security.crypto.ledger import (
    Checkpoint,
    CheckpointError,
    Entry,
    EntryError,
    Ledger,
    LedgerDamagedError,
    LedgerStoreError,
    ProofError,
    create_tables,
    entries,
)
from security.crypto.ledger.merkle import leaf_hash, verify_consistency
from security.crypto.ledger.tables import EntryRow, NodeRow
from security.crypto.signatures import SigningKey
from tests.security.crypto.fakes import every_bit_flipped

KEY = SigningKey(bytes(range(32)))
NOW = 1_800_000_000.25
FIELDS = st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
    | st.integers(-entries.MOST_WHOLE, entries.MOST_WHOLE)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.booleans(),
    max_size=5,
)
PARTS = st.tuples(
    st.integers(0, 9), st.integers(0, 9), st.sampled_from("ab"), FIELDS, st.binary(min_size=32, max_size=32)
)


def memory() -> Engine:
    engine = create_engine("sqlite://", poolclass=StaticPool)
    create_tables(engine)
    return engine


@pytest.fixture
def engine() -> Engine:
    return memory()


def filled(engine: Engine, count: int = 11) -> Ledger:
    ledger = Ledger(engine)
    for number in range(count):
        ledger.append("consent.given", {"patient": "p-204817", "study": f"S{number}", "visits": number}, NOW)
    return ledger


def attack(engine: Engine, *statements: Any) -> None:
    """As somebody who owns the database and drops what is in the way."""
    with Session(engine) as session:
        for table in ("ledger_entries", "ledger_nodes"):
            for verb in ("update", "delete"):
                session.execute(text(f"DROP TRIGGER IF EXISTS {table}_{verb}"))
        for statement in statements:
            session.execute(text(statement) if isinstance(statement, str) else statement)
        session.commit()


def rewrite(engine: Engine, change: Callable[[Entry], tuple[str, str]], start: int) -> None:
    """Compute the whole chain and tree anew from `start`, as a thorough attacker does."""
    kept = list(Ledger(engine).entries())
    attack(engine, delete(EntryRow), delete(NodeRow))
    ledger = Ledger(engine)
    for entry in kept:
        kind, data = change(entry) if entry.index >= start else (entry.kind, entry.data)
        ledger.append(kind, entries.decode(data), entry.time / 1000)


def test_what_is_appended_is_read_back_and_chained(engine: Engine) -> None:
    ledger = Ledger(engine)
    assert len(ledger) == 0 and ledger.verify().ok and list(ledger.entries()) == []
    first = ledger.append("consent.given", {"b": "å", "a": 1, "c": 0.5, "d": True}, NOW)
    second = ledger.append("consent.withdrawn", {}, NOW + 1)
    assert list(ledger.entries()) == [first, second]
    assert first.data == '{"a":1,"b":"\\u00e5","c":0.5,"d":true}'
    assert first.fields == {"a": 1, "b": "å", "c": 0.5, "d": True}
    assert (first.index, first.time, first.previous) == (0, 1_800_000_000_250, bytes(32))
    assert second.previous == first.hash == leaf_hash(first.encoded())
    assert list(ledger.entries(1)) == [second] and list(ledger.entries(0, 1)) == [first]
    report = ledger.verify()
    assert report.ok and report.size == len(ledger) == 2 and report.root == ledger.root()


@given(PARTS, PARTS)
def test_two_entries_never_share_an_encoding(one: Any, other: Any) -> None:
    made = [entries.make(i, t, k, entries.encode(f), p) for i, t, k, f, p in (one, other)]
    same = (made[0].index, made[0].time, made[0].kind, made[0].data, made[0].previous) == (
        made[1].index, made[1].time, made[1].kind, made[1].data, made[1].previous
    )  # fmt: skip
    assert (made[0].encoded() == made[1].encoded()) == same == (made[0].hash == made[1].hash)


@given(FIELDS)
def test_every_field_comes_back_as_it_was(fields: dict[str, entries.Field]) -> None:
    data = entries.encode(fields)
    back = entries.decode(data)
    assert back == fields and {k: type(v) for k, v in back.items()} == {k: type(v) for k, v in fields.items()}
    assert entries.encode(back) == data and data.isascii()


@given(FIELDS, st.data())
def test_every_changed_character_of_an_entry_is_found(
    fields: dict[str, entries.Field], data: st.DataObject
) -> None:
    entry = entries.make(3, 5, "a", entries.encode(fields), bytes(32))
    assert entries.fault(entry, 3, bytes(32)) == ""
    place = data.draw(st.integers(0, len(entry.data) - 1))
    other = data.draw(st.characters(exclude_characters=entry.data[place]))
    changed = entry.data[:place] + other + entry.data[place + 1 :]
    assert entries.fault(Entry(3, 5, "a", changed, entry.previous, entry.hash), 3, bytes(32))
    for digest in list(every_bit_flipped(entry.hash))[::16]:
        assert entries.fault(Entry(3, 5, "a", entry.data, entry.previous, digest), 3, bytes(32))


@pytest.mark.parametrize(
    "fields",
    [{"a": None}, {"a": [1]}, {"a": {}}, {"": 1}, {1: "a"}, {"a": math.nan}, {"a": -math.inf}, {"a": 2**53},
     {"a": "\ud800"}, {"\udfff": 1}, {"a": "x" * entries.MOST_DATA}, {"a": b"x"}, {"a": 10**5000}],
    ids=range(13),
)  # fmt: skip
def test_what_has_no_canonical_form_is_refused(engine: Engine, fields: dict[str, Any]) -> None:
    ledger = Ledger(engine)
    with pytest.raises(EntryError):
        ledger.append("a", fields, NOW)
    assert len(ledger) == 0


@pytest.mark.parametrize("kind", ["", "A", "a b", "ä", "-a", "a" * 65, "a\n", "٣"])
def test_a_wrong_kind_is_refused(engine: Engine, kind: str) -> None:
    with pytest.raises(EntryError, match="kind"):
        Ledger(engine).append(kind, {}, NOW)


@pytest.mark.parametrize("now", [-1.0, math.nan, math.inf, 1e300])
def test_a_wrong_time_is_refused(engine: Engine, now: float) -> None:
    with pytest.raises(EntryError, match="1970"):
        Ledger(engine).append("a", {}, now)


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        ("UPDATE ledger_entries SET data = '{}' WHERE position = 4", 4),
        ("UPDATE ledger_entries SET data = '{\"patient\": 1}' WHERE position = 4", 4),
        ("UPDATE ledger_entries SET data = '[[[' WHERE position = 4", 4),
        ("UPDATE ledger_entries SET data = 17 WHERE position = 4", 4),
        ("UPDATE ledger_entries SET kind = 'consent.withdrawn' WHERE position = 0", 0),
        ("UPDATE ledger_entries SET kind = 'Ä' WHERE position = 1", 1),
        ("UPDATE ledger_entries SET data = CAST(x'ff' AS TEXT) WHERE position = 4", 4),
        ("UPDATE ledger_entries SET kind = CAST(x'c328' AS TEXT) WHERE position = 4", 4),
        ("UPDATE ledger_entries SET time_ms = time_ms + 1 WHERE position = 10", 10),
        ("UPDATE ledger_entries SET time_ms = 'soon' WHERE position = 10", 10),
        ("UPDATE ledger_entries SET previous = hash WHERE position = 3", 3),
        ("UPDATE ledger_entries SET previous = 1000000000000 WHERE position = 3", 3),
        ("UPDATE ledger_entries SET hash = previous WHERE position = 7", 7),
        ("UPDATE ledger_entries SET hash = 1000000000000 WHERE position = 7", 7),
        ("DELETE FROM ledger_entries WHERE position = 5", 5),
        ("DELETE FROM ledger_entries WHERE position = 0", 0),
        ("UPDATE ledger_entries SET position = 10000000000 WHERE position = 10", 10),
        ("UPDATE ledger_entries SET position = -1 WHERE position = 0", 0),
        ("INSERT INTO ledger_entries SELECT -7, time_ms, kind, data, previous, hash FROM ledger_entries "
         "WHERE position = 0", 0),
        ("UPDATE ledger_nodes SET hash = x'00' WHERE level = 1 AND number = 2", 5),
        ("UPDATE ledger_nodes SET hash = 1000000000000 WHERE level = 3", 7),
        ("DELETE FROM ledger_nodes WHERE level = 2 AND number = 0", 3),
        ("INSERT INTO ledger_nodes VALUES (9, 9, x'00')", 0),
    ],
)  # fmt: skip
def test_tampering_is_found_and_where(engine: Engine, statement: str, index: int) -> None:
    ledger = filled(engine)
    assert ledger.verify().ok
    attack(engine, statement)
    report = ledger.verify()
    assert not report.ok and report.first_bad == index and report.reason


def test_swapped_entries_are_found(engine: Engine) -> None:
    ledger = filled(engine)
    moves = ((4, 99), (6, 4), (99, 6))
    attack(engine, *(update(EntryRow).where(EntryRow.position == a).values(position=b) for a, b in moves))
    assert ledger.verify().first_bad == 4


def test_the_database_refuses_accidents(engine: Engine) -> None:
    filled(engine, 4)
    for statement in (
        "UPDATE ledger_entries SET kind = 'x'",
        "DELETE FROM ledger_entries",
        "UPDATE ledger_nodes SET level = 2",
        "DELETE FROM ledger_nodes",
        "INSERT OR REPLACE INTO ledger_entries VALUES (2, 0, 'x', '{}', x'00', x'00')",
        "INSERT OR REPLACE INTO ledger_nodes VALUES (1, 0, x'00')",
    ):
        with pytest.raises(DBAPIError, match="never changed"), engine.begin() as connection:
            connection.execute(text(statement))
    assert Ledger(engine).verify().ok


def test_a_thorough_rewriting_passes_unless_somebody_kept_a_checkpoint(engine: Engine) -> None:
    ledger = filled(engine, 4)
    early = ledger.checkpoint(KEY, NOW)
    ledger = filled(engine, 5)
    late = ledger.checkpoint(KEY, NOW)
    ledger.append("consent.given", {"patient": "p-1"}, NOW)
    assert ledger.verify([late, early], KEY.verify_key).checkpoints == 2
    rewrite(engine, lambda entry: ("consent.withdrawn", entry.data), 6)
    assert ledger.verify().ok
    assert ledger.verify([early], KEY.verify_key).ok
    report = ledger.verify([late, early], KEY.verify_key)
    assert report.first_bad == 4 and "written anew" in report.reason and report.checkpoints == 1
    with pytest.raises(ProofError):
        verify_consistency(late.size, len(ledger), late.root, ledger.root(), ledger.prove_growth(late.size))
    verify_consistency(early.size, len(ledger), early.root, ledger.root(), ledger.prove_growth(early.size))


def test_a_lost_end_is_found_by_a_checkpoint(engine: Engine) -> None:
    ledger = filled(engine, 6)
    kept = ledger.checkpoint(KEY, NOW)
    attack(
        engine,
        "DELETE FROM ledger_entries WHERE position > 3",
        "DELETE FROM ledger_nodes WHERE level = 1 AND number > 1",
    )
    assert ledger.verify().ok
    report = ledger.verify([kept], KEY.verify_key)
    assert report.first_bad == 4 and "cut off" in report.reason


def test_checkpoints_only_of_this_key_this_ledger_and_unchanged(engine: Engine) -> None:
    ledger = filled(engine, 3)
    kept = ledger.checkpoint(KEY, NOW)
    assert Checkpoint.from_text(kept.to_text(), KEY.verify_key) == kept
    stranger = SigningKey(bytes(32))
    with pytest.raises(CheckpointError):
        ledger.verify([ledger.checkpoint(stranger, NOW)], KEY.verify_key)
    with pytest.raises(CheckpointError, match="give it"):
        ledger.verify([kept])
    with pytest.raises(CheckpointError, match="of the ledger"):
        Ledger(engine, "other").verify([kept], KEY.verify_key)
    for signature in every_bit_flipped(kept.signature):
        with pytest.raises(CheckpointError):
            Checkpoint(kept.name, kept.size, kept.root, kept.time, signature).verify(KEY.verify_key)
    for changed in (
        Checkpoint("other", kept.size, kept.root, kept.time, kept.signature),
        Checkpoint(kept.name, 2, kept.root, kept.time, kept.signature),
        Checkpoint(kept.name, kept.size, ledger.root(2), kept.time, kept.signature),
        Checkpoint(kept.name, kept.size, kept.root, kept.time + 1, kept.signature),
        Checkpoint(kept.name, -1, kept.root, kept.time, kept.signature),
        Checkpoint(kept.name, kept.size, b"", kept.time, kept.signature),
        Checkpoint("\ud800", kept.size, kept.root, kept.time, kept.signature),
    ):
        with pytest.raises(CheckpointError):
            changed.verify(KEY.verify_key)


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", "null", "[" * 100_000,
     '{"ledger": "a", "size": 1, "root": "?", "time": 1, "signature": ""}',
     '{"ledger": "a", "size": true, "root": "", "time": 1, "signature": ""}',
     '{"ledger": 1, "size": 1, "root": "", "time": 1, "signature": ""}',
     '{"ledger": "a", "size": 1e9, "root": "", "time": 1, "signature": ""}'],
)  # fmt: skip
def test_a_text_that_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(CheckpointError):
        Checkpoint.from_text(text, KEY.verify_key)


def test_every_entry_is_proved_to_who_trusts_a_root(engine: Engine) -> None:
    ledger = filled(engine, 9)
    for size in range(1, 10):
        for index in range(size):
            ledger.prove(index, size).verify(ledger.root(size))
    with pytest.raises(ProofError):
        ledger.prove(2).verify(ledger.root(8))
    with pytest.raises(ProofError):
        ledger.prove(9)
    with pytest.raises(LedgerDamagedError):
        ledger.root(16)
    for first in range(10):
        verify_consistency(first, 9, ledger.root(first), ledger.root(), ledger.prove_growth(first))


def test_a_long_ledger_is_verified_in_batches(engine: Engine) -> None:
    ledger = filled(engine, 1100)
    assert ledger.verify().ok and len(list(ledger.entries(1000, 1100))) == 100
    attack(engine, "UPDATE ledger_entries SET kind = 'x' WHERE position = 1060")
    assert ledger.verify().first_bad == 1060


def test_without_tables_or_with_a_damaged_file_it_says_so(tmp_path: Path) -> None:
    bare = Ledger(create_engine("sqlite://", poolclass=StaticPool))
    with pytest.raises(LedgerStoreError, match="missing"):
        bare.append("a", {}, NOW)
    with pytest.raises(LedgerStoreError, match="missing"):
        bare.verify()
    broken = tmp_path / "ledger.sqlite"
    broken.write_bytes(b"not a database" * 100)
    with pytest.raises(LedgerStoreError):
        create_tables(create_engine(f"sqlite:///{broken}"))
    with pytest.raises(CryptoError, match="damaged"):
        len(Ledger(create_engine(f"sqlite:///{broken}")))


def test_a_failure_between_entry_and_subtree_leaves_neither(engine: Engine) -> None:
    ledger = filled(engine, 3)
    refuse = "BEFORE INSERT ON ledger_nodes BEGIN SELECT RAISE(FAIL, 'database or disk is full'); END"
    attack(engine, f"CREATE TRIGGER full {refuse}")
    with pytest.raises(LedgerStoreError, match="Nothing was added"):
        ledger.append("a", {}, NOW)
    assert len(ledger) == 3 and ledger.verify().ok
    attack(engine, "DROP TRIGGER full")
    assert ledger.append("a", {}, NOW).index == 3 and ledger.verify().ok


def test_nothing_is_chained_to_a_damaged_entry(engine: Engine) -> None:
    ledger = filled(engine, 4)
    attack(engine, "UPDATE ledger_entries SET hash = x'00' WHERE position = 3")
    with pytest.raises(LedgerDamagedError, match="last entry"):
        ledger.append("a", {}, 1.0)
    assert len(ledger) == 4


def test_triggers_that_a_crash_left_out_are_made_at_the_next_start(engine: Engine) -> None:
    filled(engine, 4)
    with engine.begin() as connection:
        connection.execute(text("DROP TRIGGER ledger_entries_delete"))
    create_tables(engine)
    with pytest.raises(DBAPIError, match="never changed"), engine.begin() as connection:
        connection.execute(text("DELETE FROM ledger_entries"))
