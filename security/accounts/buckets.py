"""Counters of failures in the database, each with a time before which nothing more is let through.

Bounded: a counter is forgotten after an hour without a failure and swept out; beyond `max_rows` all new
names and addresses share one. Nothing is evicted to make room, or a flood could wash out what was counted.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.engine import Engine
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from security.accounts.database import store_errors
from security.accounts.tables import AttemptRow

FORGET_S = 3600
MAX_ROWS = 100_000
SWEEP_EVERY_S = 60
_TRIES = 3
_CONSEQUENCE = "Nobody was signed in; please try again."


@dataclass(frozen=True)
class Rule:
    """`free` failures cost nothing, the next a wait of `first_s`, each further one twice as much."""

    free: int
    first_s: float
    cap_s: float

    def delay_s(self, failures: int) -> float:
        """The wait after this many failures."""
        over = failures - self.free
        return 0.0 if over <= 0 else min(self.cap_s, self.first_s * 2.0 ** min(over - 1, 32))


@dataclass(frozen=True)
class Bucket:
    """A counter; `overflow` is the key of the one that stands in for it when the table is full."""

    key: bytes = field(repr=False)
    rule: Rule
    overflow: bytes | None = field(default=None, repr=False)


OVERFLOW = Rule(free=5, first_s=1, cap_s=60)


class Buckets:
    """The counters. Each method is one transaction that begins with a write: no two interleave."""

    def __init__(self, engine: Engine, max_rows: int = MAX_ROWS) -> None:
        self._engine = engine
        self._max_rows = max_rows
        self._lock = threading.Lock()
        self._swept_at: float | None = None
        self._rows = 0

    def take(self, buckets: Sequence[Bucket], now: float) -> float:
        """Count one failure in each, if all let it through: 0. Else the longest wait, and nothing is counted.

        Raises:
            StoreError: the database refuses.
        """
        return self._counted(buckets, now)

    def take_or(self, bucket: Bucket, instead: Bucket, now: float) -> bool:
        """Whether `bucket` lets it through; counted there, or else in `instead`, with the same work.

        Raises:
            StoreError: the database refuses.
        """
        return self._counted([bucket], now, instead) == 0

    def take_back(self, buckets: Sequence[Bucket], now: float) -> None:
        """Undo one failure in each. What stood in for a bucket in a full table keeps its count.

        Raises:
            StoreError: the database refuses.
        """
        with store_errors(_CONSEQUENCE), Session(self._engine) as session:
            rows = _locked(session, {bucket.key for bucket in buckets})
            for bucket in buckets:
                row = rows.get(bucket.key)
                if row is None:
                    continue
                row.failures -= 1
                if row.failures <= 0:
                    session.delete(row)
                    continue
                # Not simply "free now": others may have failed meanwhile, and theirs still counts.
                row.free_at_ms = min(row.free_at_ms, _ms(now + bucket.rule.delay_s(row.failures)))
            session.commit()

    def clear(self, bucket: Bucket) -> None:
        """Forget all failures of one.

        Raises:
            StoreError: the database refuses.
        """
        with store_errors(_CONSEQUENCE), Session(self._engine) as session:
            session.execute(delete(AttemptRow).where(AttemptRow.key == bucket.key))
            session.commit()

    def _counted(self, buckets: Sequence[Bucket], now: float, instead: Bucket | None = None) -> float:
        self._sweep(now)
        with store_errors(_CONSEQUENCE):
            for left in reversed(range(_TRIES)):
                try:
                    return self._count(buckets, now, instead)
                except IntegrityError:
                    # On a server two may insert the same key at once; the second finds it the next time.
                    if not left:
                        raise
        raise AssertionError("unreachable")

    def _count(self, buckets: Sequence[Bucket], now: float, instead: Bucket | None) -> float:
        with Session(self._engine) as session:
            rows = _locked(session, {bucket.key for bucket in (*buckets, *([instead] if instead else []))})
            chosen = {bucket.key: bucket for bucket in self._room_for(buckets, rows)}
            rows |= _locked(session, chosen.keys() - rows.keys())
            wait = max(_wait_s(rows.get(bucket.key), bucket.rule, now) for bucket in chosen.values())
            if wait > 0:
                if instead is None:
                    return wait
                chosen = {instead.key: instead}
            new = 0
            for bucket in chosen.values():
                row = rows.get(bucket.key)
                if row is None:
                    row = AttemptRow(key=bucket.key, failures=0, free_at_ms=0, seen_at_ms=0)
                    session.add(row)
                    new += 1
                row.failures = 1 + (0 if _is_forgotten(row, now) else row.failures)
                row.free_at_ms = _ms(now + bucket.rule.delay_s(row.failures))
                row.seen_at_ms = _ms(now)
            session.commit()
        with self._lock:
            self._rows += new
        return wait

    def _room_for(self, buckets: Sequence[Bucket], rows: dict[bytes, AttemptRow]) -> list[Bucket]:
        with self._lock:
            full = self._rows + len(buckets) > self._max_rows
        return [
            replace(bucket, key=bucket.overflow, rule=OVERFLOW)
            if full and bucket.overflow is not None and bucket.key not in rows
            else bucket
            for bucket in buckets
        ]

    def _sweep(self, now: float) -> None:
        with self._lock:
            if self._swept_at is not None and abs(now - self._swept_at) < SWEEP_EVERY_S:
                return
            self._swept_at = now
        with store_errors(_CONSEQUENCE), Session(self._engine) as session:
            seen = AttemptRow.seen_at_ms
            over = or_(seen <= _ms(now - FORGET_S), seen >= _ms(now + FORGET_S))
            session.execute(delete(AttemptRow).where(over))
            rows = session.scalar(select(func.count()).select_from(AttemptRow)) or 0
            session.commit()
        with self._lock:
            self._rows = rows


def _locked(session: Session, keys: set[bytes]) -> dict[bytes, AttemptRow]:
    """The rows of `keys` that exist, locked until the transaction ends by an UPDATE that changes nothing."""
    for key in sorted(keys):
        session.execute(
            update(AttemptRow)
            .where(AttemptRow.key == key)
            .values(failures=AttemptRow.failures)
            .execution_options(synchronize_session=False)
        )
    found = session.scalars(
        select(AttemptRow).where(AttemptRow.key.in_(keys)).execution_options(populate_existing=True)
    )
    return {row.key: row for row in found}


def _wait_s(row: AttemptRow | None, rule: Rule, now: float) -> float:
    if row is None or _is_forgotten(row, now):
        return 0.0
    # No more than the failures cost, also when the clock was put back.
    return min(max(0.0, row.free_at_ms / 1000 - now), rule.delay_s(row.failures))


def _is_forgotten(row: AttemptRow, now: float) -> bool:
    return abs(now - row.seen_at_ms / 1000) >= FORGET_S


def _ms(seconds: float) -> int:
    return int(seconds * 1000)
