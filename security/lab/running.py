"""Running a lesson: checked values, a seed, and a bound on time and memory.

A run works in a process of its own (`worker`), which limits its own memory and processor time, and is killed
when its time is over or its caller is gone. Runs that need a tool of the app, such as its language model,
work in the caller's process: they are bounded in time alone, and only between steps.
"""

from __future__ import annotations

import json
import logging
import os
import select
import signal
import subprocess
import sys
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
_TICK_S = 0.5
_log = logging.getLogger("asklepion.lab")


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
    """A process that has imported what it needs and waits for one run.

    It has none of the app's environment. It runs as the same user, so files are not kept from it.
    """

    def __init__(self) -> None:
        """Start it.

        Raises:
            LabError: the system has no room for another process.
        """
        environment = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(_ROOT), "LANG": "C.UTF-8"}
        try:
            self.process = subprocess.Popen(  # our own interpreter and module
                [sys.executable, "-m", "security.lab.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd=_ROOT,
                env=environment,
            )
        except OSError as error:
            raise LabError(f"The run could not start ({error.strerror}). Try again in a moment.") from error

    def stream(self, lesson: Lesson, run: Run, raw: Mapping[str, Any], seed: int) -> Iterator[Event | None]:
        """Events as they come, and None about twice a second while there is none, so that the caller can
        leave. Leaving the iterator, at its end or before, kills the process.

        Raises:
            TooMuchError: time or memory ran out.
            LabError: the run refused.
        """
        until = time.monotonic() + run.seconds
        try:
            self._send({"lesson": lesson.id, "run": run.id, "seed": seed, "values": _plain(raw)})
            for line in self._lines(until):
                if line is None:
                    yield None
                    continue
                row = json.loads(line)
                if "error" in row:
                    raise _refusal(row)
                if "end" in row:
                    return
                yield from_json(row)
            raise self._cut_short(run, late=time.monotonic() >= until)
        finally:
            self.close()

    def _lines(self, until: float) -> Iterator[bytes | None]:
        """What it prints, line by line, None while it prints nothing; ends with the process or at `until`."""
        assert self.process.stdout is not None
        pipe, waiting = self.process.stdout.fileno(), b""
        while True:
            left = until - time.monotonic()
            if left <= 0:
                return
            ready, _, _ = select.select([pipe], [], [], min(_TICK_S, left))
            if not ready:
                yield None
                continue
            read = os.read(pipe, 1 << 16)
            if not read:
                return
            *lines, waiting = (waiting + read).split(b"\n")
            yield from lines

    def _cut_short(self, run: Run, *, late: bool) -> LabError:
        """Why it ended without saying so: stopped by the clock, by the system for its memory, or broken."""
        if late:
            return TooMuchError(
                f"The run needed more than its {run.seconds:g} seconds and was stopped. "
                "Choose smaller values and run it again."
            )
        code = self.process.wait()
        if code in (-signal.SIGXCPU, -signal.SIGKILL):
            return TooMuchError(
                "The system stopped the run, which needed too much time or memory. "
                "Choose smaller values and run it again."
            )
        return LabError(f"The run broke off (code {code}): this lesson can't do that here. Try another run.")

    def _send(self, order: Mapping[str, Any]) -> None:
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps(order).encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError as error:
            raise LabError("The run could not start. Try again in a moment.") from error

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
    if row.get("trace"):
        _log.error("a lesson broke off: %s", row["trace"])
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
        for told in Worker().stream(lesson, run, raw, seed):
            if told is not None:
                yield told
        return
    missing = [name for name in run.needs if name not in (tools or {})]
    if missing:
        raise NotHereError(f"This run needs the {missing[0]}, which isn't available here.")
    until = time.monotonic() + run.seconds
    for event in work(lesson, run, raw, seed, tools):
        yield event
        if time.monotonic() > until:
            raise TooMuchError(f"The run needed more than its {run.seconds:g} seconds and was stopped.")
