"""The consents of the lab's patient, in the app's own ledger and in a plain table.

The ledger can't forget, so it holds a pseudonym; the table holds the record number.

The databases are in memory. `seize` is what somebody who owns the database can do: it drops the triggers
first.
"""

from __future__ import annotations

import hashlib
import hmac
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from security.lab import story

if TYPE_CHECKING:  # SQLAlchemy takes a moment to import; only the runs that need it wait
    from sqlalchemy import Engine

    from security.crypto.ledger import Entry, Ledger

FIRST_TIME = 1_772_352_000.0
"""When the first consent was given: 1 March 2026, 8:00 UTC, in Unix seconds."""
APART_S = 86_400.0
KEY = hashlib.sha256(b"pseudonyms, for the class").digest()
"""What makes pseudonyms of record numbers. In earnest it is random, and kept away from the ledger."""
CONSENTS = (
    ("consent.given", "treatment"),
    ("consent.given", "second opinion"),
    ("consent.given", "tremor study"),
    ("consent.refused", "insurer"),
    ("consent.given", "teaching"),
    ("consent.withdrawn", "tremor study"),
    ("consent.given", "pharmacy"),
    ("consent.given", "model training"),
)


@dataclass(frozen=True)
class Held:
    """A ledger and the engine of its database."""

    ledger: Ledger
    engine: Engine


def pseudonym(record: str, key: bytes = KEY) -> str:
    """What the ledger calls the patient with this record number: 8 bytes of HMAC-SHA-256, in hex."""
    return hmac.digest(key, record.encode(), hashlib.sha256)[:8].hex()


def fields(purpose: str) -> dict[str, str | int | float]:
    """The data of one consent in the ledger."""
    return {"patient": pseudonym(story.RECORD_NUMBER), "purpose": purpose}


def in_ledger(consents: Iterable[tuple[str, str]] = CONSENTS) -> Held:
    """The consents in a new ledger of the app, one a day."""
    from sqlalchemy import StaticPool, create_engine

    from security.crypto.ledger import Ledger, create_tables

    engine = create_engine("sqlite://", poolclass=StaticPool)
    create_tables(engine)
    ledger = Ledger(engine, "consents")
    for number, (kind, purpose) in enumerate(consents):
        ledger.append(kind, fields(purpose), FIRST_TIME + APART_S * number)
    return Held(ledger, engine)


def seize(held: Held, *statements: str) -> None:
    """Run these statements as the owner of the database, without the triggers."""
    tables = ("ledger_entries", "ledger_nodes")
    triggers = [f"DROP TRIGGER IF EXISTS {table}_{verb}" for table in tables for verb in ("update", "delete")]
    with held.engine.begin() as connection:
        for statement in (*triggers, *statements):
            connection.exec_driver_sql(statement)


def rewritten(held: Held, change: Callable[[Entry], tuple[str, str]]) -> Held:
    """Another ledger with the same times, whose entries have `change`'s kind and purpose: every hash is made
    anew, and fits."""
    return in_ledger(change(entry) for entry in held.ledger.entries())


def in_table() -> sqlite3.Connection:
    """The consents in a plain table `consents` (number, time, patient, kind, purpose)."""
    connection = sqlite3.connect(":memory:")
    connection.execute(
        "CREATE TABLE consents (number INTEGER PRIMARY KEY, time REAL NOT NULL, patient TEXT NOT NULL, "
        "kind TEXT NOT NULL, purpose TEXT NOT NULL)"
    )
    rows = [
        (number, FIRST_TIME + APART_S * number, story.RECORD_NUMBER, kind, purpose)
        for number, (kind, purpose) in enumerate(CONSENTS)
    ]
    connection.executemany("INSERT INTO consents VALUES (?, ?, ?, ?, ?)", rows)
    connection.commit()
    return connection
