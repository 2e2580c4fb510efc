"""Jobs at rest, in SQLite: every change is on disk before it takes effect, and each is one transaction.

It starts nothing and knows nothing of processes but their numbers.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from training.errors import RunError
from training.jobs.job import Job, Outcome, Process, UnderWay

_VERSION = 1
_WAIT_S = 10.0
_TABLES = """
CREATE TABLE IF NOT EXISTS jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE, user TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL COLLATE NOCASE,
    arguments TEXT NOT NULL, priority INTEGER NOT NULL, state TEXT NOT NULL,
    submitted REAL NOT NULL, started REAL, ended REAL,
    message TEXT NOT NULL DEFAULT '', changes TEXT NOT NULL DEFAULT '{}', result TEXT NOT NULL DEFAULT '{}',
    pid INTEGER, born INTEGER, told REAL
);
CREATE UNIQUE INDEX IF NOT EXISTS jobs_names ON jobs (user, kind, name)
    WHERE state IN ('queued', 'running', 'stopping');
CREATE INDEX IF NOT EXISTS jobs_states ON jobs (state);
CREATE INDEX IF NOT EXISTS jobs_users ON jobs (user, number);
CREATE TABLE IF NOT EXISTS turns (user TEXT PRIMARY KEY, number INTEGER NOT NULL);
"""


class Store:
    """The table of jobs; one connection, for any number of threads. Other processes may have it open too.

    Every method raises RunError when the database can't be read or written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        with self._reading():
            """Made, or found."""

    def close(self) -> None:
        """Close the connection; a later call opens it again."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def add(
        self,
        user: str,
        kind: str,
        name: str,
        arguments: Sequence[str],
        *,
        priority: int,
        now: float,
        most: int,
    ) -> Job:
        """A new job at the end of the queue.

        Raises:
            RunError: `most` of this user wait already, or one of this kind and name has not ended.
        """
        identity = secrets.token_hex(8)
        with self._writing() as database:
            row = database.execute("SELECT count(*) FROM jobs WHERE user=? AND state='queued'", (user,))
            if row.fetchone()[0] >= most:
                raise RunError(
                    f"{most} of your jobs wait already, and no more may. Cancel one, or come back when one "
                    "has begun."
                )
            try:
                database.execute(
                    "INSERT INTO jobs (id, user, kind, name, arguments, priority, state, submitted) "
                    "VALUES (?, ?, ?, ?, ?, ?, 'queued', ?)",
                    (identity, user, kind, name, json.dumps(list(arguments)), priority, now),
                )
            except sqlite3.IntegrityError:
                raise RunError(
                    f"A {kind} named {name} waits or runs already. Wait for its end, stop it, or choose "
                    "another name."
                ) from None
        return self.get(user, identity)

    def of(self, user: str) -> tuple[Job, ...]:
        """All of a user, newest first."""
        return self._jobs("WHERE user=? ORDER BY number DESC", (user,))

    def get(self, user: str, identity: str) -> Job:
        """One of a user.

        Raises:
            RunError: the user has none of this id, whoever else has.
        """
        found = self._jobs("WHERE user=? AND id=?", (user, identity))
        if not found:
            raise RunError("There is no such job. It may have been removed; look at the list again.")
        return found[0]

    def waiting(self) -> tuple[Job, ...]:
        """All that wait, first in, first."""
        return self._jobs("WHERE state='queued' ORDER BY number", ())

    def under_way(self) -> tuple[UnderWay, ...]:
        """All that have a place, the one that began first, first."""
        with self._reading() as database:
            rows = database.execute(
                "SELECT * FROM jobs WHERE state IN ('running', 'stopping') ORDER BY started, number"
            ).fetchall()
        return tuple(
            UnderWay(
                self._job(row),
                None if row["pid"] is None else Process(row["pid"], row["born"]),
                row["told"],
            )
            for row in rows
        )

    def turns(self) -> Mapping[str, int]:
        """The number of each user's last start."""
        with self._reading() as database:
            return dict(tuple(row) for row in database.execute("SELECT user, number FROM turns"))

    def identities(self) -> frozenset[str]:
        """The ids of all jobs."""
        with self._reading() as database:
            return frozenset(row[0] for row in database.execute("SELECT id FROM jobs"))

    def claim(self, identity: str, now: float) -> bool:
        """Give a waiting job a place; False if it doesn't wait any more."""
        with self._writing() as database:
            changed = database.execute(
                "UPDATE jobs SET state='running', started=? WHERE id=? AND state='queued'", (now, identity)
            ).rowcount
            if changed:
                database.execute(
                    "INSERT OR REPLACE INTO turns "
                    "SELECT user, (SELECT ifnull(max(number), 0) + 1 FROM turns) FROM jobs WHERE id=?",
                    (identity,),
                )
        return bool(changed)

    def record(self, identity: str, process: Process) -> bool:
        """Note its process; False if it has been asked to stop meanwhile."""
        with self._writing() as database:
            database.execute(
                "UPDATE jobs SET pid=?, born=? WHERE id=?", (process.pid, process.born, identity)
            )
            row = database.execute("SELECT state FROM jobs WHERE id=?", (identity,)).fetchone()
        return row is not None and row["state"] == "running"

    def put_back(self, identity: str) -> None:
        """Let a job wait again, at its old place: it had a place but never began."""
        self._change(
            "state='queued', started=NULL, pid=NULL, born=NULL", "id=? AND state='running'", identity
        )

    def cancel(self, identity: str, now: float) -> bool:
        """End a job that waits; False if it doesn't."""
        return self._change("state='cancelled', ended=?", "id=? AND state='queued'", now, identity)

    def ask_to_stop(self, identity: str) -> bool:
        """Note that a running job is to stop; False if it doesn't run."""
        return self._change("state='stopping'", "id=? AND state='running'", identity)

    def condemn(self, user: str, now: float) -> None:
        """End all that wait of a user, and let all that run be killed: as if told to stop long ago."""
        self._change("state='cancelled', ended=?", "user=? AND state='queued'", now, user)
        self._change("state='stopping', told=0", "user=? AND state IN ('running', 'stopping')", user)

    def erase(self, user: str) -> None:
        """Forget all ended jobs of a user, down to the bytes of the file.

        Raises:
            RunError: another process reads the file just now, so bytes may be left.
        """
        with self._writing() as database:
            database.execute(
                "DELETE FROM jobs WHERE user=? AND state IN ('done', 'stopped', 'failed', 'cancelled')",
                (user,),
            )
            database.execute("DELETE FROM turns WHERE user=?", (user,))
        if not self.scrub():
            raise RunError(f"The queue's database {self._path} is in use, and may hold remnants.")

    def tell(self, identity: str, now: float) -> None:
        """Note when its process was told to stop."""
        self._change("told=?", "id=?", now, identity)

    def finish(self, identity: str, outcome: Outcome, now: float) -> None:
        """Note what came of a job."""
        self._change(
            "state=?, message=?, changes=?, result=?, ended=?, pid=NULL, born=NULL",
            "id=? AND state IN ('running', 'stopping')",
            outcome.state,
            outcome.message,
            json.dumps(dict(outcome.changes)),
            json.dumps(dict(outcome.result)),
            now,
            identity,
        )

    def reword(self, identity: str, outcome: Outcome) -> None:
        """Put other words for what came of a job that has ended."""
        self._change(
            "message=?, result=?",
            "id=? AND state IN ('done', 'stopped', 'failed', 'cancelled')",
            outcome.message,
            json.dumps(dict(outcome.result)),
            identity,
        )

    def scrub(self) -> bool:
        """Take what was overwritten or deleted out of the file and its log; False if another is using it."""
        with self._reading() as database:
            try:
                database.execute("VACUUM")
            except sqlite3.OperationalError:
                return False
            return not database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]

    def delete(self, identity: str) -> bool:
        """Forget a job that has ended; False if it hasn't."""
        with self._writing() as database:
            return bool(
                database.execute(
                    "DELETE FROM jobs WHERE id=? AND state IN ('done', 'stopped', 'failed', 'cancelled')",
                    (identity,),
                ).rowcount
            )

    def _change(self, assignments: str, condition: str, *values: object) -> bool:
        with self._writing() as database:
            # Both parts are literals of this module; what comes from outside is in `values`.
            query = f"UPDATE jobs SET {assignments} WHERE {condition}"  # noqa: S608
            return bool(database.execute(query, values).rowcount)

    def _jobs(self, rest: str, values: tuple[object, ...]) -> tuple[Job, ...]:
        with self._reading() as database:
            rows = database.execute(f"SELECT * FROM jobs {rest}", values).fetchall()  # noqa: S608  # literals
        return tuple(map(self._job, rows))

    def _job(self, row: sqlite3.Row) -> Job:
        return Job(
            id=row["id"],
            user=row["user"],
            kind=row["kind"],
            name=row["name"],
            arguments=tuple(json.loads(row["arguments"])),
            folder=self._path.parent / row["id"],
            state=row["state"],
            priority=row["priority"],
            submitted=row["submitted"],
            started=row["started"],
            ended=row["ended"],
            message=row["message"],
            changes=json.loads(row["changes"]),
            result=json.loads(row["result"]),
        )

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                if self._connection is None:
                    with _alone(self._path.with_suffix(".opening")):
                        self._connection = _connect(self._path)
                yield self._connection
            except (sqlite3.Error, OSError) as error:
                raise RunError(
                    f"The queue's database {self._path} can't be used ({error}). Is the disk full, or the "
                    "folder read-only?"
                ) from error

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._reading() as database:
            database.execute("BEGIN IMMEDIATE")
            try:
                yield database
            except BaseException:
                database.rollback()
                raise
            database.commit()


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One at a time: SQLite doesn't wait for its turn when it changes to write-ahead logging."""
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _connect(path: Path) -> sqlite3.Connection:
    connection: Any = sqlite3.connect(path, timeout=_WAIT_S, isolation_level=None, check_same_thread=False)
    try:
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA secure_delete=ON")  # a forgotten job's names leave no bytes
        found = connection.execute("PRAGMA user_version").fetchone()[0]
        if found > _VERSION:
            raise RunError(f"The queue's database {path} was written by a newer version. Use that one.")
        connection.executescript(_TABLES)
        connection.execute(f"PRAGMA user_version={_VERSION}")
    except BaseException:
        connection.close()
        raise
    return connection  # type: ignore[no-any-return]
