"""What a command says: words for a person, progress for whoever follows it, and one result at its end.

A command that was started by the page's queue is told where to write with `--progress` and `--report`.
"""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, TextIO

from training.safe import PLAIN, Safe

DONE, BROKEN, UNUSABLE, STOPPED = 0, 1, 2, 3
"""Exit codes: done; something here is broken; what was given can't be used; stopped when asked to."""

_EVERY_S = 0.25


@dataclass
class Console:
    """Where a command's words go.

    Attributes:
        json: print the result as one JSON object, and nothing else, on standard output.
        progress: a file that gets one JSON object a line: {"done", "total", "text", "seconds_left"}.
        report: a file that gets, at the end, {"ok", "message", "changes", "result"}.
        safe: opens what the command reads and seals what it writes.
    """

    json: bool = False
    progress: Path | None = None
    report: Path | None = None
    safe: Safe = PLAIN
    out: TextIO = field(default_factory=lambda: sys.stdout)
    stopping: threading.Event = field(default_factory=threading.Event)
    _last: float = field(default=0.0, repr=False)

    @property
    def is_sealed(self) -> bool:
        """Whether what it finds goes into a sealed report alone: what is printed is kept in a plain log."""
        return self.safe.key is not None and self.report is not None

    def listen(self) -> None:
        """From now on the first SIGTERM or SIGINT asks to stop and save; the next one ends the process."""

        def ask(number: int, _: FrameType | None) -> None:
            self.stopping.set()
            signal.signal(number, signal.SIG_DFL)

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, ask)

    def say(self, text: str) -> None:
        """A line for a person."""
        if not self.json:
            print(text, file=self.out, flush=True)

    def tell(self, done: float, total: float, text: str, seconds_left: float | None = None) -> None:
        """How far it has come; written at most four times a second, but always when all is done."""
        now = time.monotonic()
        if self.progress is None or (now - self._last < _EVERY_S and done < total):
            return
        self._last = now
        line = {"done": done, "total": total, "text": text, "seconds_left": seconds_left}
        with self.progress.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line, ensure_ascii=False) + "\n")

    def end(self, result: dict[str, Any], text: str = "") -> None:
        """The result: as JSON, or `text` for a person."""
        if self.is_sealed:
            self.say("Done. What came of it is in the report, which is sealed.")
        elif self.json:
            print(json.dumps(result, ensure_ascii=False), file=self.out, flush=True)
        elif text:
            self.say(text)
        self._write_report({"ok": True, "message": "", "changes": {}, "result": result})

    def fail(self, message: str, changes: dict[str, object] | None = None) -> None:
        """Why it ended; `changes` are options that would help."""
        self._write_report({"ok": False, "message": message, "changes": changes or {}, "result": {}})

    def _write_report(self, content: dict[str, Any]) -> None:
        if self.report is not None:
            self.safe.write_text(self.report, json.dumps(content, ensure_ascii=False))
