"""What administrators read of the audit trail: the filter that they fill in, and one page of what it finds.

Does: turn a form into a query, and entries into sentences. Every method blocks. Does not: verify what it
reads (trail_watch.py does), or decide who may read it (trail_pages.py does).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from security.accounts.audit import NOBODY, Trail
from security.accounts.errors import RefusedError, StoreError
from security.accounts.people import Member, People
from security.accounts.rotation import INSTALLATION
from security.accounts.trail_words import told
from security.crypto.ledger import Entry, LedgerError, Query

PAGE = 50
_KIND = re.compile(r"[a-z0-9][a-z0-9.-]{0,63}", re.ASCII)
_PERSON = re.compile(rf"[0-9a-f]{{32}}|{NOBODY}|{INSTALLATION}", re.ASCII)
_INDEX = re.compile(r"[0-9]{1,15}", re.ASCII)
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Filter:
    """What is asked for, as it stands in the form. Days are in UTC, `until` is the last of them.

    Raises:
        RefusedError: a part can't be used; the message says which.
    """

    kind: str = ""
    person: str = ""
    since: str = ""
    until: str = ""

    def __post_init__(self) -> None:
        if self.kind and not _KIND.fullmatch(self.kind):
            raise RefusedError("This is no kind of entry. Choose one from the list.")
        if self.person and not _PERSON.fullmatch(self.person):
            raise RefusedError("This is nobody's id. Choose a person from the list.")
        if self.since and self.until and _day(self.since) > _day(self.until):
            raise RefusedError("The first day is after the last. Change one of them.")
        _ = self.query

    @classmethod
    def of(cls, fields: Mapping[str, str]) -> Filter:
        """From the fields of a form."""
        return cls(*(fields.get(name, "").strip() for name in ("kind", "person", "from", "to")))

    @property
    def fields(self) -> dict[str, str]:
        """The fields that are filled in, as a form has them."""
        every = {"kind": self.kind, "person": self.person, "from": self.since, "to": self.until}
        return {name: value for name, value in every.items() if value}

    @property
    def query(self) -> Query:
        """What the ledger is asked."""
        return Query(
            self.kind,
            self.person,
            _milliseconds(_day(self.since)) if self.since else None,
            _milliseconds(_day(self.until) + _DAY) if self.until else None,
        )


@dataclass(frozen=True)
class Line:
    """An entry as the page shows it."""

    index: int
    at: str
    words: str
    kind: str
    hash: str


@dataclass(frozen=True)
class Found:
    """A page, the newest line first; `older` and `newer` say where the next ones begin, if there are any."""

    lines: Sequence[Line]
    total: int
    older: int | None
    newer: int | None


class TrailReading:
    """Reads one trail; `people` gives the names, which the trail doesn't hold."""

    def __init__(self, trail: Trail, people: People) -> None:
        self._ledger = trail.ledger
        self._people = people

    def page(self, asked: Filter, before: int | None, after: int | None) -> Found:
        """The newest entries; with `before` those before that entry, with `after` those behind it.

        Raises:
            StoreError: the trail can't be read.
        """
        query, names = asked.query, self.names()
        try:
            if after is not None:
                entries = self._ledger.find(query, PAGE + 1, above=after)
                more_older, more_newer = after >= 0, len(entries) > PAGE
                entries = entries[:PAGE]
            else:
                top = len(self._ledger) if before is None else before
                entries = self._ledger.find(query, PAGE + 1, below=top)
                more_older, more_newer = len(entries) > PAGE, before is not None
                entries = entries[-PAGE:]
            total = self._ledger.count(query)
        except LedgerError as error:
            raise StoreError(str(error)) from error
        lines = [_line(entry, names) for entry in reversed(entries)]
        return Found(
            lines,
            total,
            lines[-1].index if lines and more_older else None,
            lines[0].index if lines and more_newer else None,
        )

    def kinds(self) -> list[str]:
        """Every kind of entry that there is.

        Raises:
            StoreError: the trail can't be read.
        """
        try:
            return self._ledger.kinds()
        except LedgerError as error:
            raise StoreError(str(error)) from error

    def members(self) -> list[Member]:
        """The people to choose from."""
        return self._people.everybody()

    def names(self) -> dict[str, str]:
        """The names of all accounts, by id."""
        return {one.id: one.name for one in self._people.everybody()}


def index(text: str) -> int | None:
    """The place in the trail that an address names; None if it names none."""
    return int(text) if _INDEX.fullmatch(text) else None


def moment(milliseconds: int) -> str:
    """A time of an entry, in UTC; one that no clock shows is named as such."""
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%d %b %Y, %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        return "no time"


def _line(entry: Entry, names: Mapping[str, str]) -> Line:
    return Line(entry.index, moment(entry.time), told(entry, names), entry.kind, entry.hash.hex()[:12])


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise RefusedError("A day is written as 2026-01-31.") from error


def _milliseconds(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000
