"""The tables of the ledger: entries, and the whole subtrees of their Merkle tree.

The subtrees could be computed from the entries; they are kept so that adding an entry, a root and a proof
take a few look-ups instead of all entries. `Ledger.verify` computes them anew.

Triggers refuse to change, replace or delete a row. That is against accidents, a bug of ours or a hasty hand:
who owns the database drops them.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Connection,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    event,
    inspect,
)
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from security.crypto.ledger.entries import MOST_KIND
from security.crypto.ledger.errors import LedgerStoreError
from security.crypto.ledger.merkle import HASH_BYTES

_REFUSAL = "the ledger is added to, never changed"
_TRIES = 3
# SQLite: a BIGINT key could hold a text, an INTEGER key can't.
_KEY = BigInteger().with_variant(Integer, "sqlite")


class Base(DeclarativeBase):
    """Tables of the ledger."""


class EntryRow(Base):
    """An `Entry`; the primary key is what keeps two writers from taking one place."""

    __tablename__ = "ledger_entries"

    position: Mapped[int] = mapped_column(_KEY, primary_key=True, autoincrement=False)
    time_ms: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[str] = mapped_column(String(MOST_KIND), index=True)
    data: Mapped[str] = mapped_column(Text)
    previous: Mapped[bytes] = mapped_column(LargeBinary(HASH_BYTES))
    hash: Mapped[bytes] = mapped_column(LargeBinary(HASH_BYTES))


class NodeRow(Base):
    """The hash over the 2**level entries that begin at number * 2**level; levels from 1."""

    __tablename__ = "ledger_nodes"

    level: Mapped[int] = mapped_column(_KEY, primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(_KEY, primary_key=True, autoincrement=False)
    hash: Mapped[bytes] = mapped_column(LargeBinary(HASH_BYTES))


def create_tables(engine: Engine) -> None:
    """Make what is missing; several processes may do so at once.

    Raises:
        LedgerStoreError: the database can't be used.
    """
    for last in [False] * (_TRIES - 1) + [True]:
        try:
            Base.metadata.create_all(engine)
            _guard_again(engine)
            return
        except SQLAlchemyError as error:
            # Another process made them between create_all's look and its CREATE.
            if last or not _any_there(engine):
                raise LedgerStoreError(
                    f"The ledger's tables can't be made ({type(error).__name__})."
                ) from error


def _guard_again(engine: Engine) -> None:
    """Whoever died between a table and its triggers left it without them."""
    if engine.dialect.name == "sqlite":
        with engine.begin() as connection:
            for table in Base.metadata.sorted_tables:
                _add_only(table, connection)


def _any_there(engine: Engine) -> bool:
    try:
        return inspect(engine).has_table(EntryRow.__tablename__)
    except SQLAlchemyError:
        return False


def _function(_: MetaData, connection: Connection, **__: object) -> None:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(
            "CREATE OR REPLACE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{_REFUSAL}'; END $$"
        )


def _add_only(table: Table, connection: Connection, **_: object) -> None:
    name, dialect = table.name, connection.dialect.name
    if dialect == "sqlite":
        then = f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
        same = " AND ".join(f"{key.name} = NEW.{key.name}" for key in table.primary_key)
        # INSERT OR REPLACE deletes without asking the trigger of DELETE.
        taken = f"WHEN EXISTS (SELECT 1 FROM {name} WHERE {same}) {then}"  # noqa: S608  # names of ours alone
        for verb, act in (("UPDATE", then), ("DELETE", then), ("INSERT", taken)):
            connection.exec_driver_sql(
                f"CREATE TRIGGER IF NOT EXISTS {name}_{verb.lower()} BEFORE {verb} ON {name} {act}"
            )
    elif dialect == "postgresql":
        for verb, each in (("UPDATE", "ROW"), ("DELETE", "ROW"), ("TRUNCATE", "STATEMENT")):
            connection.exec_driver_sql(
                f"CREATE OR REPLACE TRIGGER {name}_{verb.lower()} BEFORE {verb} ON {name} "
                f"FOR EACH {each} EXECUTE FUNCTION ledger_refuse()"
            )


event.listen(Base.metadata, "before_create", _function)
for _table in Base.metadata.sorted_tables:
    event.listen(_table, "after_create", _add_only)
