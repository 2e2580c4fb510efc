"""What a run tells: steps with real values, and at the end whether things work, are broken or have held.

Steps are the same for the same seed everywhere. What depends on the machine or on the operating system's
randomness is a step of its own with `measured=True` and left out of `fingerprint`.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

Verdict = Literal["works", "broken", "held"]
SHOWN_BYTES = 4096


@dataclass(frozen=True)
class Value:
    """One named value; bytes are shown as hex, with their length."""

    name: str
    value: bytes | str | int | float | bool
    note: str = ""

    def shown(self) -> str:
        """As text, the same on every machine: floats to six significant digits."""
        if isinstance(self.value, bytes):
            return self.value.hex()
        if isinstance(self.value, bool):
            return "yes" if self.value else "no"
        if isinstance(self.value, float):
            return f"{self.value:.6g}"
        return str(self.value)


@dataclass(frozen=True)
class Table:
    """Rows under headings; all cells are text."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""


@dataclass(frozen=True)
class Download:
    """A file that a run hands out, and the tool that reads it, such as `openssl pkey -in FILE`."""

    name: str
    data: bytes
    reads: str = ""


@dataclass(frozen=True)
class Step:
    """One thing that happens.

    Attributes:
        title: a few words.
        text: plain sentences; `[[term]]` marks a word of the glossary.
        values: what there is now, named.
        picture: SVG, or a figure of HTML around one, made by `pictures` or `ui.plots` from the same values.
        table, files: what else there is to see or to take along.
        measured: the values differ between machines or runs (times, bytes of the operating system).
    """

    title: str
    text: str = ""
    values: tuple[Value, ...] = ()
    picture: str = ""
    table: Table | None = None
    files: tuple[Download, ...] = ()
    measured: bool = False


@dataclass(frozen=True)
class Outcome:
    """How a run ends. "works": the demonstration did; "broken": an attack got what it wanted; "held": it
    didn't."""

    verdict: Verdict
    text: str


Event: TypeAlias = Step | Outcome


def to_json(event: Event) -> dict[str, Any]:
    """As one JSON object, `{"step": ...}` or `{"outcome": ...}`; bytes of values are hex, of files base64."""
    if isinstance(event, Outcome):
        return {"outcome": {"verdict": event.verdict, "text": event.text}}
    step: dict[str, Any] = {
        "title": event.title,
        "text": event.text,
        "values": [_value(value) for value in event.values],
        "picture": event.picture,
        "measured": event.measured,
        "files": [
            {"name": f.name, "data": base64.b64encode(f.data).decode(), "reads": f.reads} for f in event.files
        ],
        "table": None,
    }
    if event.table is not None:
        rows = [list(row) for row in event.table.rows]
        step["table"] = {"headings": list(event.table.headings), "rows": rows, "caption": event.table.caption}
    return {"step": step}


def _value(value: Value) -> dict[str, Any]:
    kind = "hex" if isinstance(value.value, bytes) else type(value.value).__name__
    plain = value.value.hex() if isinstance(value.value, bytes) else value.value
    return {"name": value.name, "value": plain, "kind": kind, "note": value.note}


def from_json(row: dict[str, Any]) -> Event:
    """The inverse of `to_json`."""
    if "outcome" in row:
        return Outcome(row["outcome"]["verdict"], row["outcome"]["text"])
    step = row["step"]
    table = step["table"]
    return Step(
        step["title"],
        step["text"],
        tuple(
            Value(v["name"], bytes.fromhex(v["value"]) if v["kind"] == "hex" else v["value"], v["note"])
            for v in step["values"]
        ),
        step["picture"],
        table
        and Table(tuple(table["headings"]), tuple(tuple(row) for row in table["rows"]), table["caption"]),
        tuple(Download(f["name"], base64.b64decode(f["data"]), f["reads"]) for f in step["files"]),
        step["measured"],
    )


def fingerprint(events: Iterable[Event]) -> str:
    """SHA-256 over all that must be the same on every machine: every step but the measured ones."""
    kept = [to_json(event) for event in events if isinstance(event, Outcome) or not event.measured]
    for row in kept:
        for value in row.get("step", {}).get("values", ()):
            if value["kind"] == "float":
                value["value"] = f"{value['value']:.6g}"
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()


def outcome_of(events: Sequence[Event]) -> Outcome | None:
    """The last event, if it is an outcome."""
    return events[-1] if events and isinstance(events[-1], Outcome) else None
