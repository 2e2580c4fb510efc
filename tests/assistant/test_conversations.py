"""Conversations at rest: whole again for their owner, unreadable for everybody else, never half replaced."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.pool import StaticPool

from assistant.conversations import CONTEXT, KEPT_TURNS, Conversations, StoreError
from assistant.page.turns import Turn
from assistant.types import Done, Extracted, Finding, Passage, SentenceCheck, Timings, Triage
from security.crypto.sealing import DataKey, KeyEncryptionKey, SealContext

KEK = KeyEncryptionKey(bytes(range(32)))

words = st.text(max_size=12)
numbers = st.floats(allow_nan=False)
findings = st.builds(
    Finding,
    st.integers(0, 10**6),
    st.integers(0, 10**6),
    words,
    words,
    st.sampled_from(["present", "absent", "possible", "hypothetical", "historical", "family"]),
    numbers,
)
checks = st.builds(
    SentenceCheck,
    words,
    st.sampled_from(["passage", "finding", "unsupported", "neutral"]),
    st.lists(st.integers(1, 9), max_size=3).map(tuple),
    numbers,
)
done = st.builds(
    Done,
    words,
    words,
    st.builds(Timings, numbers, numbers, st.integers(0, 10**6)),
    st.booleans(),
    st.lists(words, max_size=2).map(tuple),
)
turns = st.builds(
    Turn,
    id=words,
    question=words,
    note=words,
    note_name=words,
    triage=st.builds(
        Triage,
        st.sampled_from(["emergency", "urgent", "routine"]),
        st.lists(words, max_size=2).map(tuple),
        words,
    ),
    extracted=st.lists(
        st.builds(Extracted, words, st.lists(findings, max_size=2).map(tuple)), max_size=2
    ).map(tuple),
    passages=st.none()
    | st.lists(st.builds(Passage, st.integers(1, 9), words, words, words, numbers), max_size=2).map(tuple),
    answer=words,
    checks=st.lists(checks, max_size=2).map(tuple),
    done=st.none() | done,
    status=words,
    error=words,
)


class KeyRing:
    """A data key for each user, wrapped under one key-encryption key: what an account's vault does."""

    def __init__(self, kek: KeyEncryptionKey = KEK) -> None:
        self._kek = kek
        self._wrapped: dict[str, bytes] = {}

    def seal(self, user: str, plaintext: bytes, context: str) -> bytes:
        return self._key(user).seal(plaintext, SealContext(user, context))

    def unseal(self, user: str, sealed: bytes, context: str) -> bytes:
        return self._key(user).open(sealed, SealContext(user, context))

    def _key(self, user: str) -> DataKey:
        if user not in self._wrapped:
            self._wrapped[user] = self._kek.new_data_key(user)[1]
        return self._kek.unwrap(self._wrapped[user], user)


class OneKeyForAll:
    """A sloppy vault: all users share a key, so that only the bound context keeps them apart."""

    def __init__(self) -> None:
        self._key = DataKey(bytes(32))

    def seal(self, user: str, plaintext: bytes, context: str) -> bytes:
        return self._key.seal(plaintext, SealContext(user, context))

    def unseal(self, user: str, sealed: bytes, context: str) -> bytes:
        return self._key.open(sealed, SealContext(user, context))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Engine]:
    engine = create_engine(f"sqlite:///{tmp_path / 'app.db'}")
    yield engine
    engine.dispose()


@pytest.fixture
def one_connection(tmp_path: Path) -> Iterator[Engine]:
    """So that a PRAGMA given to it holds for whoever uses it next."""
    engine = create_engine(
        f"sqlite:///{tmp_path / 'app.db'}", poolclass=StaticPool, connect_args={"check_same_thread": False}
    )
    yield engine
    engine.dispose()


def run(engine: Engine, statement: str, **values: object) -> list[object]:
    with engine.begin() as connection:
        result = connection.execute(text(statement), values)
        return [row[0] for row in result] if result.returns_rows else []


def bytes_at_rest(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


TURN = Turn(
    "t1", "Is my tremor Parkinson's?", note="Zebra stripes in the note.", answer="Perhaps a crocodile."
)


def test_a_user_without_a_conversation_has_an_empty_one(database: Engine) -> None:
    assert Conversations(database, KeyRing()).load("ada") == ()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(turns, max_size=3).map(tuple))
def test_every_field_of_every_turn_comes_back(database: Engine, kept: tuple[Turn, ...]) -> None:
    store = Conversations(database, KeyRing())
    store.save("ada", kept)
    assert store.load("ada") == kept


def test_half_a_character_does_not_keep_a_conversation_from_being_saved(database: Engine) -> None:
    store = Conversations(database, KeyRing())
    kept = (Turn("t1", "\ud83d\ude00 and \udc00 and \U0001f600"),)
    store.save("ada", kept)
    assert store.load("ada") == kept


def test_a_conversation_outlives_the_process(tmp_path: Path) -> None:
    ring = KeyRing()
    first = create_engine(f"sqlite:///{tmp_path / 'app.db'}")
    Conversations(first, ring).save("ada", [TURN])
    first.dispose()
    second = create_engine(f"sqlite:///{tmp_path / 'app.db'}")
    assert Conversations(second, ring).load("ada") == (TURN,)
    second.dispose()


def test_a_conversation_is_replaced_not_added_to(database: Engine) -> None:
    store = Conversations(database, KeyRing())
    store.save("ada", [TURN, Turn("t2", "And now?")])
    store.save("ada", [Turn("t3", "Again?")])
    assert [turn.id for turn in store.load("ada")] == ["t3"]


def test_the_last_turns_are_kept_when_there_are_too_many(database: Engine) -> None:
    store = Conversations(database, KeyRing())
    store.save("ada", [Turn(f"t{number}", "?") for number in range(KEPT_TURNS + 5)])
    assert [turn.id for turn in store.load("ada")] == [f"t{number}" for number in range(5, KEPT_TURNS + 5)]


def test_users_do_not_see_each_other(database: Engine) -> None:
    store = Conversations(database, KeyRing())
    store.save("ada", [TURN])
    store.save("bob", [Turn("b1", "Bob's")])
    assert [turn.id for turn in store.load("ada")] == ["t1"]
    assert [turn.id for turn in store.load("bob")] == ["b1"]


def test_a_deleted_conversation_is_gone_and_the_others_stay(database: Engine) -> None:
    store = Conversations(database, KeyRing())
    store.save("ada", [TURN])
    store.save("bob", [TURN])
    store.delete("ada")
    store.delete("ada")
    assert (store.load("ada"), store.load("bob")) == ((), (TURN,))


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_no_word_of_a_conversation_is_in_the_bytes_on_disk(tmp_path: Path, journal: str) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'app.db'}")
    run(engine, f"PRAGMA journal_mode={journal}")
    store = Conversations(engine, KeyRing())
    store.save("ada", [TURN])
    store.save("ada", [TURN, TURN])
    at_rest = bytes_at_rest(tmp_path)
    engine.dispose()
    assert b"assistant_conversations" in at_rest
    for word in (b"tremor", b"Parkinson", b"Zebra", b"crocodile", b"question"):
        assert word not in at_rest


@pytest.mark.parametrize("ring", [KeyRing(), OneKeyForAll()])
def test_another_users_record_copied_into_a_row_does_not_open(
    database: Engine, ring: KeyRing | OneKeyForAll
) -> None:
    store = Conversations(database, ring)
    store.save("ada", [TURN])
    store.save("mallory", [Turn("m1", "?")])
    run(
        database,
        "UPDATE assistant_conversations SET sealed ="
        " (SELECT sealed FROM assistant_conversations WHERE user = 'ada') WHERE user = 'mallory'",
    )
    with pytest.raises(StoreError):
        store.load("mallory")


def test_a_blob_of_the_same_user_sealed_for_another_purpose_does_not_open(database: Engine) -> None:
    ring = KeyRing()
    store = Conversations(database, ring)
    store.save("ada", [TURN])
    foreign = ring.seal("ada", b"[]", f"{CONTEXT}.other")
    run(database, "UPDATE assistant_conversations SET sealed = :sealed", sealed=foreign)
    with pytest.raises(StoreError):
        store.load("ada")


def test_a_record_written_in_the_clear_is_not_believed(database: Engine) -> None:
    store = Conversations(database, KeyRing())
    store.save("ada", [TURN])
    run(database, "UPDATE assistant_conversations SET sealed = :sealed", sealed=b"[]")
    with pytest.raises(StoreError):
        store.load("ada")


def test_under_another_key_a_record_does_not_open_and_stays(database: Engine) -> None:
    ring = KeyRing()
    Conversations(database, ring).save("ada", [TURN])
    with pytest.raises(StoreError, match="another key"):
        Conversations(database, KeyRing(KeyEncryptionKey(bytes(32)))).load("ada")
    assert Conversations(database, ring).load("ada") == (TURN,)


@pytest.mark.parametrize("content", [b"", b"not json", b"{}x", b'[{"id": "t1"}]', b"[7]", b"7", b"\xff\xfe"])
def test_a_record_of_another_form_is_refused_in_the_family(database: Engine, content: bytes) -> None:
    ring = KeyRing()
    store = Conversations(database, ring)
    store.save("ada", [TURN])
    sealed = ring.seal("ada", content, CONTEXT)
    run(database, "UPDATE assistant_conversations SET sealed = :sealed", sealed=sealed)
    with pytest.raises(StoreError):
        store.load("ada")


def test_what_is_sealed_is_plain_json_of_the_turns(database: Engine) -> None:
    ring = KeyRing()
    Conversations(database, ring).save("ada", [TURN])
    (sealed,) = run(database, "SELECT sealed FROM assistant_conversations")
    assert isinstance(sealed, bytes)
    assert json.loads(ring.unseal("ada", sealed, CONTEXT))[0]["note"] == TURN.note


def test_a_full_disk_is_said_and_the_old_record_stays(one_connection: Engine) -> None:
    store = Conversations(one_connection, KeyRing())
    store.save("ada", [TURN])
    (pages,) = run(one_connection, "PRAGMA page_count")
    run(one_connection, f"PRAGMA max_page_count={pages}")
    with pytest.raises(StoreError, match="disk full"):
        store.save("ada", [TURN, Turn("t2", "x" * 200_000)])
    assert store.load("ada") == (TURN,)


def test_once_there_is_room_again_a_conversation_can_be_saved(one_connection: Engine) -> None:
    store = Conversations(one_connection, KeyRing())
    (pages,) = run(one_connection, "PRAGMA page_count")
    run(one_connection, f"PRAGMA max_page_count={pages}")
    long = Turn("t2", "x" * 200_000)
    with pytest.raises(StoreError):
        store.save("ada", [long])
    run(one_connection, "PRAGMA max_page_count=100000")
    store.save("ada", [long])
    assert store.load("ada") == (long,)


def test_a_read_only_database_refuses_to_forget_and_says_what_stayed(one_connection: Engine) -> None:
    store = Conversations(one_connection, KeyRing())
    store.save("ada", [TURN])
    run(one_connection, "PRAGMA query_only=1")
    with pytest.raises(StoreError, match="still there"):
        store.delete("ada")
    assert store.load("ada") == (TURN,)


def test_a_damaged_database_is_refused_in_the_family(tmp_path: Path, database: Engine) -> None:
    store = Conversations(database, KeyRing())
    store.save("ada", [TURN])
    database.dispose()
    (tmp_path / "app.db").write_bytes(b"this is no database" * 500)
    with pytest.raises(StoreError):
        store.load("ada")


def test_a_user_name_is_a_value_and_never_a_statement(database: Engine) -> None:
    store = Conversations(database, KeyRing())
    store.save("ada", [TURN])
    hostile = "'; DROP TABLE assistant_conversations; --"
    store.save(hostile, [Turn("h1", "?")])
    store.delete(hostile)
    assert store.load("ada") == (TURN,)
