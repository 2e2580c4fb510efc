"""The run of lesson 8 that sets a table, a ledger and a blockchain side by side."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import closing

from security.lab import pictures, story
from security.lab.lesson import Run
from security.lab.parameters import Chosen
from security.lab.steps import Event, Outcome, Step, Table, Value
from security.lab.workings import consents

_ERASED = (2, 5)
_INNER = len(consents.CONSENTS) - 1  # nodes above the leaves


def _database(_: Chosen, rng: random.Random) -> Iterator[Event]:
    begun = time.perf_counter()
    table = consents.in_table()
    plain_s = time.perf_counter() - begun
    with closing(table):
        plain_bytes = table.execute(
            "SELECT sum(16 + length(patient || kind || purpose)) FROM consents"
        ).fetchone()[0]
        given = table.execute("SELECT count(*) FROM consents WHERE kind = 'consent.given'").fetchone()[0]
        table.execute("DELETE FROM consents WHERE purpose = 'tremor study'")
        left = table.execute("SELECT count(*) FROM consents").fetchone()[0]
    begun = time.perf_counter()
    held = consents.in_ledger()
    ledger_s = time.perf_counter() - begun
    ledger_bytes = sum(16 + 64 + len(e.kind) + len(e.data) for e in held.ledger.entries()) + 32 * _INNER
    with held.engine.connect() as connection:
        same = connection.exec_driver_sql(
            "SELECT count(*) FROM ledger_entries WHERE kind = 'consent.given'"
        ).scalar()
    yield Step(
        "Both answer questions",
        values=(Value("given, in the table", given), Value("given, in the ledger", int(same or 0))),
    )
    consents.seize(held, f"DELETE FROM ledger_entries WHERE position IN {_ERASED}")  # noqa: S608
    report = held.ledger.verify()
    yield Step(
        "Rosa wants two rows erased",
        "In the table they are gone, and nothing shows it. In the ledger the gap shows for ever: the law's right to "
        "erasure (GDPR, article 17) and an unchangeable record pull in opposite directions.",
        (
            Value("rows left in the table", left),
            Value("first gap in the ledger", -1 if report.first_bad is None else report.first_bad),
        ),
        _gaps(held),
    )
    yield _pseudonym(rng)
    yield _compared(plain_bytes, ledger_bytes)
    yield _measured(plain_s, ledger_s)
    fine = given == same and left == len(consents.CONSENTS) - len(_ERASED) and report.first_bad == _ERASED[0]
    yield Outcome(
        "works" if fine else "broken",
        "A ledger is a database that promises less freedom. A blockchain adds strangers.",
    )


def _pseudonym(rng: random.Random) -> Step:
    name = consents.pseudonym(story.RECORD_NUMBER)
    without = consents.pseudonym(story.RECORD_NUMBER, rng.randbytes(32))
    return Step(
        "The way out: no person in the ledger",
        "It holds a [[pseudonym]], made with a [[key]] that is kept elsewhere. Erase that key, and the entry stays while "
        "nobody can say whose it was.",
        (
            Value("in the ledger", name),
            Value("with another key", without),
            Value("still linked", name == without),
        ),
    )


def _gaps(held: consents.Held) -> str:
    left = list(held.ledger.entries())
    broken = [at for at in range(len(left) - 1) if left[at + 1].previous != left[at].hash]
    boxes = [
        pictures.Box(
            (f"{e.index} {e.fields['purpose']}", f"prev {e.previous.hex()[:8]}", f"hash {e.hash.hex()[:8]}"),
            "bad" if at - 1 in broken else "",
        )
        for at, e in enumerate(left)
    ]
    return pictures.chain("What is left of the chain; links over a gap are broken.", boxes, broken=broken)


def _compared(plain_bytes: int, ledger_bytes: int) -> Step:
    rows = (
        ("trusted", "its owner", "owner, checked by keepers", "more than half of the power"),
        ("change", "anybody with the password", "found up to a checkpoint", "by the majority"),
        ("erase", "yes", "only what lies outside", "no"),
        ("read", "SQL", "SQL, and proofs", "by reading it all"),
        ("copies", "as many as you like", "as many as you like", "every full node"),
        ("verify", "no", "alone, in seconds", "alone, with all blocks"),
        ("final", "at once", "at once", "ever more probable"),
    )
    return Step(
        "Point by point",
        "The middle is what a hospital needs: there is an owner, everybody knows who, and nobody has to believe it.",
        (Value("bytes, in the table", plain_bytes), Value("bytes, in the ledger", ledger_bytes)),
        table=Table(("", "table", "ledger (this app)", "open blockchain"), rows),
    )


def _measured(plain_s: float, ledger_s: float) -> Step:
    return Step(
        "What the ledger costs",
        "For eight entries in memory, with making the tables: hashes, links and the tree cost little. On a disk both "
        "wait for the disk.",
        (Value("table, seconds", plain_s), Value("ledger, seconds", ledger_s)),
        measured=True,
    )


RUN = Run(
    "database",
    "show",
    "Table, ledger, blockchain",
    "The same consents side by side: asking, changing, erasing, and what it costs.",
    _database,
)
