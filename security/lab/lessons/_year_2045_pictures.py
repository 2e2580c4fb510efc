"""Pictures of the exercise of 2045."""

from __future__ import annotations

from collections.abc import Sequence

from security.lab import pictures
from security.lab.workings.outbreak import HOSPITALS, HOURS, PEERS, Hour
from ui import plots

_STYLES = {"works": "good", "runs it": "warn", "locked": "bad", "sets up anew": "quiet"}
_WORDS = {
    "works": "works",
    "runs it": "runs it, unnoticed",
    "locked": "locked",
    "sets up anew": "sets up anew",
}


def by_hospital(hours: Sequence[Hour], meets: int) -> str:
    """One row a hospital, one box an hour, coloured by state."""
    left, wide, tall = 92.0, 11.0, 26.0
    canvas = pictures.Canvas("Each hospital hour by hour; the line is the meeting of the team.", 214)
    for row, name in enumerate(HOSPITALS):
        y = 22 + row * (tall + 4)
        canvas.text(left - 6, y + 17, name, "small", "end")
        for hour in hours:
            state = hour.states[row]
            canvas.box(
                left + hour.hour * wide, y, wide - 1, tall, _STYLES[state], f"hour {hour.hour}: {state}"
            )
    for at in range(0, HOURS + 1, 12):
        canvas.text(left + at * wide + 5, 14, f"{at} h", "small")
    if meets <= HOURS:
        x = left + meets * wide
        canvas.line(x, 18, x, 176)
    for number, (state, words) in enumerate(_WORDS.items()):
        x = 8 + number * 158
        canvas.box(x, 188, 14, 14, _STYLES[state])
        canvas.text(x + 20, 200, words, "small", "start")
    return canvas.svg()


def copies(hours: Sequence[Hour]) -> str:
    """Copies on the ledger, and hospitals that run the program."""
    stored = [(float(hour.hour), float(hour.copies)) for hour in hours]
    ran = [(float(hour.hour), float(hour.count("runs it") + hour.count("locked"))) for hour in hours]
    lines = [
        plots.Line(f"copies, of {len(PEERS)} peers", stored, "a"),
        plots.Line("hospitals that run it", ran, "b"),
    ]
    return plots.lines("Stored is not run", lines, "hour", "count")
