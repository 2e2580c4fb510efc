"""The ledger in a database: append, read, prove, verify.

Does: adds each entry and its subtrees in one transaction, so that a crash leaves either all of it or
nothing; writers in other threads and processes wait for their turn (SQLite's write lock, an advisory lock of
PostgreSQL), and if two should meet nevertheless, the primary key refuses the second, who tries again. Does
not: encrypt what is written, nor forget it; personal data belongs elsewhere, here a pseudonym or a
keyed hash of it.

Who can be found out: whoever can change the database but hasn't the signing key. A change, a gap or another
order is found by the chain; a chain computed anew throughout, or one that lost its end, by any checkpoint
that somebody else has kept, for all entries up to that one. What came after the last kept checkpoint can be
rewritten by such an attacker unseen, and whoever has the signing key can make a second history; they are
found only when two keepers of checkpoints compare.

SQLite: the caller's engine should use WAL or the default journal, synchronous FULL. One in-memory
connection (StaticPool) serves one thread.
"""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, LargeBinary, Row, cast, func, insert, select, type_coerce
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.types import NullType

from security.crypto.ledger import checkpoints, entries, merkle
from security.crypto.ledger.checkpoints import Checkpoint
from security.crypto.ledger.entries import FIRST_PREVIOUS, Entry, Field
from security.crypto.ledger.errors import LedgerDamagedError, LedgerStoreError
from security.crypto.ledger.search import Query, conditions
from security.crypto.ledger.tables import EntryRow, NodeRow
from security.crypto.ledger.verification import Mark, Report, Stored, Stretch, examine, extend
from security.crypto.signatures import SigningKey, VerifyKey

_PATIENCE_S = 60.0
_PAUSE_S = 0.005
_BATCH = 1024
_ADVISORY_LOCK = 0x61736B6C65646772  # any number that is ours alone
_NAMES = ("position", "time_ms", "kind", "data", "previous", "hash")
# As the driver gives them: SQLite stores any type in any column, and a type's own conversion would stumble.
_COLUMNS: list[Any] = [type_coerce(getattr(EntryRow, name), NullType()) for name in _NAMES]
_NODE_HASH: Any = type_coerce(NodeRow.hash, NullType())


@dataclass(frozen=True)
class Inclusion:
    """Shows that the entry of this hash stands at `index` among the first `size`, whose root is `root`."""

    index: int
    size: int
    leaf: bytes
    path: tuple[bytes, ...]
    root: bytes

    def verify(self, root: bytes) -> None:
        """Return if this holds for a root that the caller trusts, such as a checkpoint's.

        Raises:
            ProofError: it doesn't.
        """
        merkle.verify_inclusion(self.leaf, self.index, self.size, self.path, root)


class Ledger:
    """The ledger in the database of `engine`, whose tables `create_tables` has made. Every method blocks on
    it."""

    def __init__(self, engine: Engine, name: str = "asklepion") -> None:
        """`name` is what checkpoints call it."""
        self.name = name
        self._engine = engine
        self._turn = threading.Lock()

    def append(self, kind: str, data: Mapping[str, Field], now: float) -> Entry:
        """Add an entry; it is durable when this returns. `now` is in Unix seconds.

        Raises:
            EntryError: `kind`, `data` or `now` can't be written.
            LedgerDamagedError: what was written last is damaged, so nothing can be chained to it.
            LedgerStoreError: the database refuses, or is busy for a minute; nothing was added, unless the
                message says that this isn't known.
        """
        entries.check_kind(kind)
        encoded, moment = entries.encode(data), entries.milliseconds(now)
        until, seen = time.monotonic() + _PATIENCE_S, -1
        with self._turn:
            while True:
                try:
                    with self._engine.connect() as connection:
                        _take_turn(connection)
                        entry = _add(connection, moment, kind, encoded)
                        _commit(connection)
                        return entry
                except IntegrityError as error:
                    # Another writer took the place, or else the next try would be refused for ever.
                    before, seen = seen, len(self)
                    if seen == before:
                        raise _refusal(error, "Nothing was added.") from error
                except SQLAlchemyError as error:
                    if not _is_contention(error) or time.monotonic() > until:
                        raise _refusal(error, "Nothing was added.") from error
                time.sleep(_PAUSE_S)

    def __len__(self) -> int:
        """How many entries there are.

        Raises:
            LedgerStoreError: the database can't be read.
        """
        with self._reading() as connection:
            return _size(connection)

    def entries(self, start: int = 0, stop: int | None = None) -> Iterator[Entry]:
        """Entries from `start` to before `stop`, in order, unverified.

        Raises:
            LedgerStoreError: the database can't be read.
        """
        stop = len(self) if stop is None else stop
        for first in range(start, stop, _BATCH):  # a slow reader must not keep writers waiting
            with self._reading() as connection:
                found = _Stored(connection).entries(first, min(stop, first + _BATCH))
            yield from found

    def find(self, query: Query, most: int, *, below: int | None = None, above: int = -1) -> list[Entry]:
        """The entries that `query` asks for with indices between `above` and `below`, at most `most`.

        With `below` the last of them, without it the first; in the order of their indices, unverified.

        Raises:
            LedgerStoreError: the database can't be read.
        """
        bounds = [*conditions(query), EntryRow.position > above]
        order = EntryRow.position.asc()
        if below is not None:
            bounds.append(EntryRow.position < below)
            order = EntryRow.position.desc()
        with self._reading() as connection:
            found = select(*_columns(connection)).where(*bounds).order_by(order).limit(most)
            return sorted((_entry(row) for row in connection.execute(found)), key=lambda one: one.index)

    def count(self, query: Query, below: int | None = None) -> int:
        """How many entries `query` asks for, with indices below `below`.

        Raises:
            LedgerStoreError: the database can't be read.
        """
        with self._reading() as connection:
            found = select(func.count()).select_from(EntryRow).where(*conditions(query))
            found = found if below is None else found.where(EntryRow.position < below)
            return int(connection.execute(found).scalar_one())

    def kinds(self) -> list[str]:
        """Every kind that there is, in order.

        Raises:
            LedgerStoreError: the database can't be read.
        """
        with self._reading() as connection:
            found = connection.execute(select(cast(EntryRow.kind, LargeBinary)).distinct())
            kinds = [_as_text(_as_bytes(kind)) for (kind,) in found]
            return sorted(kind for kind in kinds if isinstance(kind, str))

    def root(self, size: int | None = None) -> bytes:
        """The Merkle root over the first `size` entries; over all without one.

        Raises:
            LedgerDamagedError: there are not that many, or one is gone.
            LedgerStoreError: the database can't be read.
        """
        with self._reading() as connection:
            return merkle.root(_size(connection) if size is None else size, _Stored(connection).node)

    def prove(self, index: int, size: int | None = None) -> Inclusion:
        """Shows that entry `index` is among the first `size` (all, without one).

        Raises:
            ProofError: it isn't.
            LedgerDamagedError, LedgerStoreError: as for `root`.
        """
        with self._reading() as connection:
            size = _size(connection) if size is None else size
            nodes = _Stored(connection).node
            path = merkle.inclusion_proof(index, size, nodes)
            return Inclusion(index, size, nodes(0, index), path, merkle.root(size, nodes))

    def paths(self, indices: Sequence[int], size: int) -> list[tuple[bytes, ...]]:
        """For each index what `prove` has as its path; neighbours share what is looked up.

        Raises:
            ProofError, LedgerDamagedError, LedgerStoreError: as for `prove`.
        """
        with self._reading() as connection:
            nodes = functools.cache(_Stored(connection).node)
            return [merkle.inclusion_proof(index, size, nodes) for index in indices]

    def prove_growth(self, first: int, second: int | None = None) -> tuple[bytes, ...]:
        """Shows that the first `second` entries (all, without one) begin with the first `first`; for
        `merkle.verify_consistency`.

        Raises:
            ProofError: `first` is above `second`.
            LedgerDamagedError, LedgerStoreError: as for `root`.
        """
        with self._reading() as connection:
            second = _size(connection) if second is None else second
            return merkle.consistency_proof(first, second, _Stored(connection).node)

    def checkpoint(self, key: SigningKey, now: float, size: int | None = None) -> Checkpoint:
        """Sign what the ledger is now, or what its first `size` entries are; to be kept by somebody else.

        Verify the ledger before: a signature under a damaged one would vouch for the damage.

        Raises:
            LedgerDamagedError, LedgerStoreError: as for `root`.
        """
        with self._reading() as connection:
            size = _size(connection) if size is None else size
            root = merkle.root(size, _Stored(connection).node)
        return checkpoints.sign(self.name, size, root, now, key)

    def go_on(self, mark: Mark, most: int) -> Stretch:
        """Compute up to `most` entries after `mark` anew, as `verify` does for all.

        What is before the mark is not looked at: who begins with an empty `Mark` and goes on to the end has
        verified everything, and afterwards pays for what is new alone.

        Raises:
            LedgerStoreError: the database can't be read.
        """
        with self._reading() as connection:
            return extend(_Stored(connection), mark, most)

    def verify(self, kept: Sequence[Checkpoint] = (), key: VerifyKey | None = None) -> Report:
        """Compute everything anew, and compare it with what is stored and with the checkpoints that somebody
        kept; `key` checks their signatures, and is needed if there are any.

        Entries that are added meanwhile are left for the next time.

        Raises:
            CheckpointError: a checkpoint isn't one of this key, or of another ledger.
            LedgerStoreError: the database can't be read.
        """
        with self._reading() as connection:
            return examine(_Stored(connection), self.name, kept, key)

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        try:
            with self._engine.connect() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise _refusal(error, "Nothing was read.") from error


class _Stored(Stored):
    """What the database holds, for proofs and for `examine`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def sizes(self) -> tuple[int, int, int]:
        # One statement is one moment, also without a transaction.
        highest = select(func.max(EntryRow.position)).scalar_subquery()
        count = select(func.count()).select_from(EntryRow).scalar_subquery()
        nodes = select(func.count()).select_from(NodeRow).scalar_subquery()
        found = self._connection.execute(select(highest, count, nodes)).one()
        return (-1 if found[0] is None else int(found[0])), int(found[1]), int(found[2])

    def entries(self, start: int, stop: int) -> list[Entry]:
        query = select(*_columns(self._connection)).where(
            EntryRow.position >= start, EntryRow.position < stop
        )
        return [_entry(row) for row in self._connection.execute(query.order_by(EntryRow.position))]

    def nodes(self, level: int, start: int, stop: int) -> dict[int, bytes]:
        query = select(NodeRow.number, _NODE_HASH).where(
            NodeRow.level == level, NodeRow.number >= start, NodeRow.number < stop
        )
        return {number: _as_bytes(value) for number, value in self._connection.execute(query)}

    def node(self, level: int, number: int) -> bytes:
        """A `merkle.Nodes`.

        Raises:
            LedgerDamagedError: it isn't there.
        """
        if level:
            query = select(_NODE_HASH).where(NodeRow.level == level, NodeRow.number == number)
        else:
            query = select(_COLUMNS[-1]).where(EntryRow.position == number)
        found = _as_bytes(self._connection.execute(query).scalar_one_or_none())
        if len(found) != merkle.HASH_BYTES:
            raise LedgerDamagedError(
                "The ledger lacks entries or subtrees that it should have.", level=level, number=number
            )
        return found


def _columns(connection: Connection) -> list[Any]:
    """The columns of an entry. SQLite's driver stumbles over text that is no UTF-8, so it hands out bytes."""
    if connection.dialect.name != "sqlite":
        return _COLUMNS
    texts = {"kind", "data"}
    return [
        cast(column, LargeBinary) if name in texts else column
        for name, column in zip(_NAMES, _COLUMNS, strict=True)
    ]


def _as_text(value: object) -> object:
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _entry(row: Row[*tuple[Any, ...]]) -> Entry:
    position, moment, kind, data, previous, digest = row
    kind, data = _as_text(kind), _as_text(data)
    if not (isinstance(kind, str) and isinstance(data, str) and isinstance(moment, int)):
        kind, data, moment = str(kind), str(data), -1  # out of bounds: `fault` will say so
    return Entry(position, moment, kind, data, _as_bytes(previous), _as_bytes(digest))


def _as_bytes(value: object) -> bytes:
    return bytes(value) if isinstance(value, bytes | bytearray | memoryview) else b""


def _size(connection: Connection) -> int:
    highest = connection.execute(select(func.max(EntryRow.position))).scalar()
    return 0 if highest is None else int(highest) + 1


def _take_turn(connection: Connection) -> None:
    dialect = connection.dialect.name
    if dialect == "sqlite":
        # Python's driver would begin at the first INSERT, after the look at the last entry.
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    elif dialect == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_ADVISORY_LOCK)))


def _commit(connection: Connection) -> None:
    try:
        connection.commit()
    except SQLAlchemyError as error:
        if _is_contention(error) or isinstance(error, IntegrityError):
            raise
        # The connection broke at the worst moment: the database may have it, or not.
        raise _refusal(
            error, "It isn't known whether the entry was added; look before you repeat it."
        ) from error


def _add(connection: Connection, moment: int, kind: str, data: str) -> Entry:
    newest = select(_COLUMNS[0], _COLUMNS[-1]).order_by(EntryRow.position.desc()).limit(1)
    last = connection.execute(newest).one_or_none()
    index, previous = (0, FIRST_PREVIOUS) if last is None else (int(last[0]) + 1, _as_bytes(last[1]))
    if len(previous) != merkle.HASH_BYTES:
        raise LedgerDamagedError(
            "The last entry of the ledger is damaged; nothing was added.", index=index - 1
        )
    entry = entries.make(index, moment, kind, data, previous)
    values = (index, moment, kind, data, previous, entry.hash)
    connection.execute(insert(EntryRow).values(dict(zip(_NAMES, values, strict=True))))
    for level, number, value in merkle.completed(index, entry.hash, _Stored(connection).node):
        connection.execute(insert(NodeRow).values(level=level, number=number, hash=value))
    return entry


def _is_contention(error: SQLAlchemyError) -> bool:
    """Other writers are in the way, for a moment."""
    cause = str(error.orig).lower() if isinstance(error, DBAPIError) else ""
    return any(word in cause for word in ("locked", "busy", "serialize", "deadlock"))


def _refusal(error: SQLAlchemyError, consequence: str) -> LedgerStoreError:
    # The database's own text could carry the entry; its type says enough for a person.
    cause = str(getattr(error, "orig", error)).lower()
    if "no such table" in cause or "does not exist" in cause:
        return LedgerStoreError(f"The ledger's tables are missing. {consequence}")
    if "locked" in cause or "busy" in cause:
        return LedgerStoreError(f"The ledger is in use by another process. {consequence} Try again.")
    if "malformed" in cause or "not a database" in cause:
        return LedgerStoreError(f"The ledger's database is damaged. {consequence} Restore it from a backup.")
    return LedgerStoreError(f"The ledger can't be used ({type(error).__name__}). {consequence}")
