"""A durable ledger of the privacy that each data set has spent, against what it may spend in all.

Does: keeps every mechanism with its parameters in an SQLite file, adds only, and refuses a charge that
would go beyond what is allowed, also with several processes at once. What was charged is composed by Rényi
accounting (see `accounting`), so many small charges cost less than their plain sum. Does not: hide the
file's content, or stop somebody who can write the file by other means.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from security.crypto.errors import CryptoError
from security.crypto.privacy.accounting import total_epsilon
from security.crypto.privacy.mechanisms import Mechanism, PrivacyError, from_plain, to_plain

FILE_NAME = "privacy.sqlite"
_PATIENCE_S = 60.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS allowances (
    number INTEGER PRIMARY KEY, time TEXT NOT NULL, data TEXT NOT NULL, epsilon REAL NOT NULL,
    delta REAL NOT NULL);
CREATE TABLE IF NOT EXISTS charges (
    number INTEGER PRIMARY KEY, time TEXT NOT NULL, data TEXT NOT NULL, mechanism TEXT NOT NULL,
    what TEXT NOT NULL, key TEXT UNIQUE);
CREATE INDEX IF NOT EXISTS charges_of ON charges (data);
"""
_ADD_ONLY = """
CREATE TRIGGER IF NOT EXISTS {table}_{verb} BEFORE {verb} ON {table}
BEGIN SELECT RAISE(ABORT, 'the privacy ledger is added to, never changed'); END;
"""


class BudgetError(CryptoError):
    """The ledger can't be read or written."""


class BudgetSpentError(BudgetError):
    """A charge would go beyond what the data set may spend; nothing was charged."""


@dataclass(frozen=True)
class Allowance:
    """What a data set may spend in all: `epsilon` at `delta`."""

    epsilon: float
    delta: float

    def __post_init__(self) -> None:
        if not 0 <= self.epsilon < float("inf"):
            raise PrivacyError(f"An allowed epsilon must be 0 or above, and finite; it is {self.epsilon}.")
        if not 0 < self.delta < 1:
            raise PrivacyError(f"An allowed delta must be above 0 and below 1; it is {self.delta}.")


DEFAULT = Allowance(10.0, 1e-5)
"""For a set of which nobody said anything: the most that Ponomareva et al. 2023 call reasonable."""


@dataclass(frozen=True)
class Charge:
    """One entry.

    Attributes:
        number: its place in the ledger.
        time: when, in UTC.
        data: the hash of the data set.
        mechanism: what was done, by its parameters.
        what: for people, such as the name of a run.
    """

    number: int
    time: datetime
    data: str
    mechanism: Mechanism
    what: str


def _utc() -> datetime:
    return datetime.now(UTC)


class Budget:
    """The ledger in one file; made when something is first written."""

    def __init__(self, path: Path, default: Allowance = DEFAULT, now: Callable[[], datetime] = _utc) -> None:
        """`path` is the file, or the folder where it is `privacy.sqlite`."""
        self.path = path / FILE_NAME if path.is_dir() else path
        self._default, self._now = default, now

    def allow(self, data: str, epsilon: float, delta: float) -> None:
        """From now on the data set of hash `data` may spend this in all, past charges counted.

        Raises:
            PrivacyError: a number is out of range.
            BudgetError: the ledger can't be written.
        """
        allowed = Allowance(epsilon, delta)
        row = (self._time(), data, allowed.epsilon, allowed.delta)
        with self._writing() as database:
            database.execute("INSERT INTO allowances (time, data, epsilon, delta) VALUES (?, ?, ?, ?)", row)

    def allowance(self, data: str) -> Allowance:
        """What the set may spend in all."""
        with self._reading() as database:
            return self._allowance(database, data)

    def charge(self, data: str, mechanism: Mechanism, what: str, key: str | None = None) -> None:
        """Charge a mechanism before it is used; it is on the disk when this returns.

        Args:
            data: the hash of the data set.
            mechanism: what is going to be done.
            what: for people.
            key: names this charge, so that asking for it again (after a crash) charges nothing more.

        Raises:
            BudgetSpentError: not enough is left; the message says how much.
            BudgetError: the ledger can't be written, or the key names another charge.
        """
        plain = json.dumps(to_plain(mechanism), sort_keys=True)
        total_epsilon([mechanism], 0.5)  # computed once before the file is locked; the curve is then kept
        with self._writing() as database:
            if key is not None:
                held = database.execute(
                    "SELECT data, mechanism FROM charges WHERE key = ?", (key,)
                ).fetchone()
                if held == (data, plain):
                    return
                if held is not None:
                    raise BudgetError(f"The key {key} names another charge already.", key=key)
            self._check(database, data, mechanism)
            database.execute(
                "INSERT INTO charges (time, data, mechanism, what, key) VALUES (?, ?, ?, ?, ?)",
                (self._time(), data, plain, what, key),
            )

    def spent(self, data: str) -> float:
        """Epsilon of everything that was charged to the set, at the delta of its allowance."""
        with self._reading() as database:
            mechanisms = [charge.mechanism for charge in _charges(database, data)]
            return total_epsilon(mechanisms, self._allowance(database, data).delta)

    def left(self, data: str) -> float:
        """Epsilon that is left at least: whatever costs this much alone still fits, and often more does."""
        return max(0.0, self.allowance(data).epsilon - self.spent(data))

    def entries(self, data: str) -> tuple[Charge, ...]:
        """What was charged to the set, the oldest first."""
        with self._reading() as database:
            return tuple(_charges(database, data))

    def _check(self, database: sqlite3.Connection, data: str, mechanism: Mechanism) -> None:
        allowed = self._allowance(database, data)
        before = [charge.mechanism for charge in _charges(database, data)]
        spent = total_epsilon(before, allowed.delta)
        total = total_epsilon([*before, mechanism], allowed.delta)
        if total > allowed.epsilon:
            left = max(0.0, allowed.epsilon - spent)
            raise BudgetSpentError(
                f"The privacy budget of the data set {data[:12]} doesn't suffice: epsilon {left:.2f} of "
                f"{allowed.epsilon:g} is left at delta {allowed.delta:g}, and with this it would have spent "
                f"{total:.2f}. Ask for less, or let the data's owner allow more.",
                data=data,
                allowed=allowed.epsilon,
                delta=allowed.delta,
                spent=spent,
                left=left,
                total=total,
            )

    def _allowance(self, database: sqlite3.Connection, data: str) -> Allowance:
        row = database.execute(
            "SELECT epsilon, delta FROM allowances WHERE data = ? ORDER BY number DESC LIMIT 1", (data,)
        ).fetchone()
        return Allowance(*row) if row else self._default

    def _time(self) -> str:
        return self._now().astimezone(UTC).isoformat(timespec="seconds")

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """What one moment has; a ledger that isn't there is an empty one."""
        with self._translated("read"), closing(self._connect(write=False)) as database:
            database.execute("BEGIN")
            yield database

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Alone: others wait, and nothing is kept if the body fails."""
        with self._translated("written"), closing(self._connect(write=True)) as database:
            database.execute("BEGIN IMMEDIATE")
            yield database
            database.execute("COMMIT")

    @contextmanager
    def _translated(self, verb: str) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise BudgetError(
                f"The privacy ledger {self.path} can't be {verb}, so nothing can be charged: {error}.",
                path=self.path,
            ) from error

    def _connect(self, *, write: bool) -> sqlite3.Connection:
        if not write and not self.path.exists():
            return _prepared(sqlite3.connect(":memory:", isolation_level=None))
        if write:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.touch(mode=0o600)
        database = sqlite3.connect(self.path, timeout=_PATIENCE_S, isolation_level=None)
        try:
            return _prepared(database)
        except sqlite3.Error:
            database.close()
            raise


def _prepared(database: sqlite3.Connection) -> sqlite3.Connection:
    database.execute("PRAGMA synchronous = FULL")
    made = database.execute("SELECT 1 FROM sqlite_master WHERE name = 'charges_delete'").fetchone()
    if made is None:
        rules = "".join(
            _ADD_ONLY.format(table=table, verb=verb)
            for table in ("allowances", "charges")
            for verb in ("update", "delete")
        )
        database.executescript("BEGIN IMMEDIATE;" + _SCHEMA + rules + "COMMIT;")
    return database


def _charges(database: sqlite3.Connection, data: str) -> Iterator[Charge]:
    rows: Any = database.execute(
        "SELECT number, time, data, mechanism, what FROM charges WHERE data = ? ORDER BY number", (data,)
    )
    for number, time, held, mechanism, what in rows:
        yield Charge(number, datetime.fromisoformat(time), held, from_plain(json.loads(mechanism)), what)
