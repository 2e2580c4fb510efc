"""Running a lesson: checked values, a seed, and a bound on time and memory that nothing in it can lift.

A run works in a process of its own (`worker`), which is killed when its time is over. Runs that need a
tool of the app, such as its language model, work in the caller's process; they bound themselves between
steps.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from security.lab.errors import BadParameterError, LabError, NotHereError, TooMuchError
from security.lab.lesson import Lesson, Run, seeded
from security.lab.parameters import Chosen
from security.lab.steps import Event, from_json

MOST_SEED = 2**31 - 1
_ROOT = Path(__file__).parents[2]
_LONGEST = 2000


def check_seed(seed: Any) -> int:
    """A seed from a link, a field or a shell.

    Raises:
        BadParameterError: it isn't a whole number from 0 to MOST_SEED.
    """
    text = str(seed).strip()
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and int(text) <= MOST_SEED):
        raise BadParameterError("seed", f"give a whole number from 0 to {MOST_SEED}.")
    return int(text)


def work(
    lesson: Lesson, run: Run, raw: Mapping[str, Any], seed: int, tools: Mapping[str, Any] | None = None
) -> Iterator[Event]:
    """The run, here and unbounded; parameters are checked before the first step.

    Raises:
        LabError: a value can't be used, or the run refuses.
    """
    chosen = Chosen.parse(run.parameters, raw, tools)
    return run.work(chosen, seeded(lesson.id, run.id, seed))


class Worker:
    """A process that has imported what it needs and waits for one run."""

    def __init__(self) -> None:
        # Isolated from the app's secrets: a lesson needs no environment, and could print it.
        environment = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(_ROOT), "LANG": "C.UTF-8"}
        self.process = subprocess.Popen(  # our own interpreter and module
            [sys.executable, "-m", "security.lab.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
            cwd=_ROOT,
            env=environment,
        )

    def stream(self, lesson: Lesson, run: Run, raw: Mapping[str, Any], seed: int) -> Iterator[Event]:
        """Events as they come; leaving the iterator, at its end or before, kills the process.

        Raises:
            TooMuchError: time or memory ran out.
            LabError: the run refused.
        """
        assert self.process.stdin is not None and self.process.stdout is not None
        order = {"lesson": lesson.id, "run": run.id, "seed": seed, "values": _plain(raw)}
        late = threading.Event()

        def stop() -> None:
            late.set()
            self.process.kill()

        timer = threading.Timer(run.seconds, stop)
        timer.start()
        try:
            self._send(json.dumps(order))
            ended = False
            for line in self.process.stdout:
                row = json.loads(line)
                if "error" in row:
                    raise _refusal(row)
                if "end" in row:
                    ended = True
                    break
                yield from_json(row)
            if not ended:
                raise self._cut_short(run, late=late.is_set())
        finally:
            timer.cancel()
            self.close()

    def _cut_short(self, run: Run, *, late: bool) -> LabError:
        """Why it ended without saying so: killed by the clock, by the system for its memory, or broken."""
        code = self.process.wait()
        if not late and code > 0:
            return LabError("The run broke off: something in this lesson is broken. Its other runs may work.")
        what = f"its {run.seconds:g} seconds" if late else f"its {run.megabytes} MB of memory"
        return TooMuchError(
            f"The run needed more than {what} and was stopped. Choose smaller values and run it again."
        )

    def _send(self, line: str) -> None:
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
        except BrokenPipeError as error:
            raise TooMuchError("The run could not start. Try again in a moment.") from error

    def close(self) -> None:
        """End the process, whatever it does."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue  # what was still to be written has no reader any more


def _plain(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {name: {"hex": value.hex()} if isinstance(value, bytes) else value for name, value in raw.items()}


def _refusal(row: Mapping[str, Any]) -> LabError:
    message = str(row["error"])[:_LONGEST]
    kinds: dict[str, type[LabError]] = {"TooMuchError": TooMuchError, "NotHereError": NotHereError}
    return kinds.get(str(row.get("kind")), LabError)(message)


def stream(
    lesson: Lesson, run: Run, raw: Mapping[str, Any], seed: int, tools: Mapping[str, Any] | None = None
) -> Iterator[Event]:
    """The run within its bounds: in a worker, or here if it needs tools.

    Raises:
        LabError: a value can't be used, a tool isn't there, or time or memory ran out.
    """
    Chosen.parse(run.parameters, raw)  # before a process is started for it
    if not run.needs:
        yield from Worker().stream(lesson, run, raw, seed)
        return
    missing = [name for name in run.needs if name not in (tools or {})]
    if missing:
        raise NotHereError(f"This run needs the {missing[0]}, which isn't available here.")
    until = time.monotonic() + run.seconds
    for event in work(lesson, run, raw, seed, tools):
        yield event
        if time.monotonic() > until:
            raise TooMuchError(f"The run needed more than its {run.seconds:g} seconds and was stopped.")
