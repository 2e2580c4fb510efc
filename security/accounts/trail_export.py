"""A part of the audit trail as a file: JSON Lines or CSV, which can be checked without this app.

Each entry has all that its hash is made from (`security/crypto/ledger/entries.py` says how), the hash, and in
a file that holds only a part of the trail the path from it to the root (RFC 9162, 2.1.3). The checkpoint
gives that root, signed, with the key to check it. In JSON Lines it stands in the first line, in CSV in the
last: a file without it was broken off.

Does not: hold names where they could be taken for a part of what is signed; they have a column of their own.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import zip_longest

from security.accounts.trail_words import told
from security.crypto.ledger import Checkpoint, Entry, Ledger, Query
from security.spreadsheets import harmless

FORMS: Mapping[str, str] = {"jsonl": "application/x-ndjson", "csv": "text/csv; charset=utf-8"}
_BATCH = 500
_COLUMNS = ("index", "time", "time-ms", "kind", "in words", "data", "previous", "hash", "path")


@dataclass(frozen=True)
class Export:
    """What is exported.

    Attributes:
        query, filter: which entries, and the form that asked for them.
        size: how many entries the trail had; later ones are left out.
        checkpoint: what was signed of these; None if the trail isn't as it was written.
        problem: why it isn't.
        key: the verifying key.
        now: when it is made, in Unix seconds.
    """

    query: Query
    filter: Mapping[str, str]
    size: int
    checkpoint: Checkpoint | None
    problem: str
    key: str
    now: float


def write(form: str, ledger: Ledger, export: Export, names: Mapping[str, str]) -> Iterator[bytes]:
    """The file, piece by piece; reads the ledger meanwhile, a batch at a time."""
    return (_json_lines if form == "jsonl" else _csv)(ledger, export, names)


def _batches(ledger: Ledger, export: Export) -> Iterator[list[tuple[Entry, Sequence[bytes] | None]]]:
    above = -1
    # The paths of an intact trail alone: in another they would lead nowhere.
    with_paths = export.checkpoint is not None and not export.query.all
    while True:
        found = [one for one in ledger.find(export.query, _BATCH, above=above) if one.index < export.size]
        if not found:
            return
        paths = ledger.paths([one.index for one in found], export.size) if with_paths else ()
        yield list(zip_longest(found, paths))
        above = found[-1].index


def _json_lines(ledger: Ledger, export: Export, names: Mapping[str, str]) -> Iterator[bytes]:
    signed = json.loads(export.checkpoint.to_text()) if export.checkpoint else None
    head = {
        "ledger": ledger.name,
        "made": _time(export.now * 1000),
        "filter": dict(export.filter),
        "entries": ledger.count(export.query, export.size),
        "checkpoint": signed,
        "verify-key": export.key,
    }
    yield _json(head | ({"not-intact": export.problem} if export.problem else {}))
    for batch in _batches(ledger, export):
        yield b"".join(_json(_row(entry, path, names)) for entry, path in batch)


def _row(entry: Entry, path: Sequence[bytes] | None, names: Mapping[str, str]) -> dict[str, object]:
    row: dict[str, object] = {
        "index": entry.index,
        "time": _time(entry.time),
        "time-ms": entry.time,
        "kind": entry.kind,
        "in words": told(entry, names),
        "data": entry.data,
        "previous": entry.previous.hex(),
        "hash": entry.hash.hex(),
    }
    return row if path is None else row | {"path": [one.hex() for one in path]}


def _csv(ledger: Ledger, export: Export, names: Mapping[str, str]) -> Iterator[bytes]:
    yield _line(_COLUMNS)
    for batch in _batches(ledger, export):
        yield b"".join(_line(_cells(entry, path, names)) for entry, path in batch)
    signed = (
        export.checkpoint.to_text() if export.checkpoint else f"not intact, so not signed: {export.problem}"
    )
    words = "The last column is the key that verifies this checkpoint"
    made = str(int(export.now * 1000))
    yield _line(("", _time(export.now * 1000), made, "checkpoint", words, signed, "", "", export.key))


def _cells(entry: Entry, path: Sequence[bytes] | None, names: Mapping[str, str]) -> list[str]:
    return [
        " ".join(value) if isinstance(value, list) else str(value)
        for value in (_row(entry, path, names) | {"path": [one.hex() for one in path or ()]}).values()
    ]


def _line(cells: Sequence[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerow(harmless(cell) for cell in cells)
    return text.getvalue().encode("utf-8", "replace")


def _json(row: Mapping[str, object]) -> bytes:
    return (json.dumps(row) + "\n").encode("ascii")


def _time(milliseconds: float) -> str:
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds")
    except (ValueError, OverflowError, OSError):
        return ""
