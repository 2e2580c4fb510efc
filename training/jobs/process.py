"""A job's process on Linux: start it, know it again, tell it to stop, see how it ended. Nothing of queues.

A process here leads a session and a group of its own, so that it outlives the app.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from training.jobs import gate
from training.jobs.job import Process

LOG = "log.txt"
_PROC = Path("/proc")
_DEFAULTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGPIPE, signal.SIGCHLD)


@dataclass(frozen=True)
class Ended:
    """How a process ended: its exit code, minus the signal that ended it, or None if nobody can know."""

    code: int | None


@dataclass(frozen=True)
class Held:
    """A process at the gate: it does nothing before it gets the word."""

    process: Process
    _word: int

    def let_go(self, handed: bytes = b"") -> None:
        """Let it become the command, and hand it a key, which it finds as `Safe.handed` says."""
        with contextlib.suppress(BrokenPipeError):  # It ended at the gate; whoever watches it sees that.
            os.write(self._word, gate.GO + handed)
        os.close(self._word)

    def give_up(self) -> None:
        """Let it end without having begun."""
        os.close(self._word)


def hold(command: Sequence[str], folder: Path, cwd: Path, environ: Mapping[str, str]) -> Held:
    """A new process for `command`, waiting at the gate; its words go to `folder`/log.txt.

    Raises:
        OSError: the system has no room for another process, or the arguments are too long.
    """
    reading, writing = os.pipe()
    try:
        pid = os.posix_spawn(
            sys.executable,
            [sys.executable, "-I", "-S", gate.__file__, str(folder), str(cwd), *command],
            dict(environ),
            file_actions=[
                (os.POSIX_SPAWN_DUP2, reading, 0),
                (os.POSIX_SPAWN_OPEN, 1, str(folder / LOG), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
            setsid=True,
            setsigmask=(),
            setsigdef=_DEFAULTS,
        )
    except BaseException:
        os.close(writing)
        raise
    finally:
        os.close(reading)
    process = find(pid)
    assert process is not None  # A child stays in the table until it is reaped.
    return Held(process, writing)


def find(pid: int) -> Process | None:
    """The process that has this number now."""
    found = _stat(pid)
    return None if found is None else Process(pid, found[0])


def has_begun(folder: Path) -> bool:
    """Whether the command of the job in `folder` was ever started."""
    return (folder / gate.BEGUN).exists()


def is_the(process: Process, mark: str) -> bool:
    """Whether `process` still runs and has an argument that ends in `mark`."""
    found = _stat(process.pid)
    if found is None or found[0] != process.born or found[1] in "ZX":
        return False
    try:
        line = (_PROC / str(process.pid) / "cmdline").read_bytes()
    except OSError:
        return False
    # One that is just ending has lost its arguments already.
    return not line or any(argument.endswith(os.fsencode(mark)) for argument in line.split(b"\0"))


def watch(process: Process) -> int | None:
    """A descriptor that becomes readable when it ends; None where the system has none. Close it."""
    try:
        return os.pidfd_open(process.pid)
    except OSError:
        return None


def end_of(process: Process) -> Ended | None:
    """How it ended, or None while it runs. A child of ours stays in the table until it is reaped."""
    found = _stat(process.pid)
    if found is None or found[0] != process.born:
        return Ended(None)
    try:
        info = os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return Ended(None) if found[1] in "ZX" else None
    if info is None:
        return None
    return Ended(info.si_status if info.si_code == os.CLD_EXITED else -info.si_status)


def reap(process: Process) -> None:
    """Remove an ended child of ours from the system's table; of another's child, nothing."""
    found = _stat(process.pid)
    if found is not None and found == (process.born, "Z"):
        with contextlib.suppress(ChildProcessError):
            os.waitpid(process.pid, os.WNOHANG)


def tell_to_stop(process: Process) -> None:
    """SIGTERM, to the process alone: it ends its own helpers."""
    found = _stat(process.pid)
    if found is not None and found[0] == process.born:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGTERM)


def kill(process: Process) -> None:
    """SIGKILL, to it and to all of its group, also when only the others are left."""
    found = _stat(process.pid)
    # A number isn't given again while a group has it: with no such process, the group is still ours.
    if found is None or found[0] == process.born:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


def _stat(pid: int) -> tuple[int, str] | None:
    """When the process was born, in ticks since boot, and its state's letter; proc(5)."""
    try:
        text = (_PROC / str(pid) / "stat").read_text("utf-8", "replace")
    except OSError:
        return None
    # The name in brackets may hold anything, brackets too.
    fields = text.rpartition(")")[2].split()
    return int(fields[19]), fields[0]
