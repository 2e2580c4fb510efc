"""A measured figure, a process of its own to measure it in, and the table they are printed as."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Row:
    """One figure. `note` says how it was measured, or what it should be."""

    what: str
    value: float
    unit: str
    note: str = ""


def hand_over(rows: Sequence[Row]) -> None:
    """In the measuring process: the rows, as the last line of its output."""
    print(json.dumps([asdict(row) for row in rows]), flush=True)


def in_a_process(module: str, *arguments: str) -> list[Row]:
    """Run a module alone, so that its memory and threads meet nobody else's; what it hands over.

    Raises:
        RuntimeError: it failed; the end of what it printed says why.
    """
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command[1:])} failed:\n{done.stderr[-2000:]}")
    return [Row(**row) for row in json.loads(done.stdout.strip().rsplit("\n", 1)[-1])]


def as_table(title: str, rows: Sequence[Row]) -> str:
    """A plain-text table."""
    cells = [(row.what, f"{row.value:,.2f}", row.unit, row.note) for row in rows]
    widths = [max(len(cell[column]) for cell in cells) for column in range(3)]
    lines = [
        f"  {what:<{widths[0]}}  {value:>{widths[1]}} {unit:<{widths[2]}}  {note}".rstrip()
        for what, value, unit, note in cells
    ]
    return "\n".join([title, *lines])
