"""Which entries are asked for: by kind, by a value that they hold, by time.

Does: say it in SQL. Does not: believe what it finds; what is found is unverified like all that is read.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from sqlalchemy import ColumnElement

from security.crypto.ledger.tables import EntryRow


@dataclass(frozen=True)
class Query:
    """What an entry must be; an empty one asks for all.

    Attributes:
        kind: its kind.
        value: a text that one of its fields is, whole.
        since: milliseconds since 1970 at or after which it was written.
        until: milliseconds before which it was written.
    """

    kind: str = ""
    value: str = ""
    since: int | None = None
    until: int | None = None

    @property
    def all(self) -> bool:
        """Whether it asks for every entry."""
        return self == Query()


def conditions(query: Query) -> list[ColumnElement[bool]]:
    """The query as conditions on the table of entries."""
    found: list[ColumnElement[bool]] = []
    if query.kind:
        found.append(EntryRow.kind == query.kind)
    if query.value:
        # The data is canonical JSON of one flat object: a field's value follows a colon without a blank, and
        # a quotation mark within a text is never bare.
        found.append(EntryRow.data.contains(f":{json.dumps(query.value)}", autoescape=True))
    if query.since is not None:
        found.append(EntryRow.time_ms >= query.since)
    if query.until is not None:
        found.append(EntryRow.time_ms < query.until)
    return found
