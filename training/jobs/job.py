"""What a job is and how far it has come: data only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

State = Literal["queued", "running", "stopping", "done", "stopped", "failed", "cancelled"]
ACTIVE: frozenset[State] = frozenset({"queued", "running", "stopping"})
ENDED: frozenset[State] = frozenset({"done", "stopped", "failed", "cancelled"})


@dataclass(frozen=True)
class Job:
    """One command of ours, run in a process of its own.

    Attributes:
        kind: the command, as in `python -m training KIND`.
        name: what the user calls it; one of this user and kind at a time.
        folder: its log, progress and report; made when it begins.
        priority: the higher, the sooner.
        submitted, started, ended: seconds since the epoch.
        message: why it ended, if there is something to say.
        changes: options that would help, when it failed for want of memory.
        result: what the command reports at its end.
    """

    id: str
    user: str
    kind: str
    name: str
    arguments: tuple[str, ...]
    folder: Path
    state: State
    priority: int
    submitted: float
    started: float | None
    ended: float | None
    message: str
    changes: Mapping[str, object]
    result: Mapping[str, Any]


@dataclass(frozen=True)
class Progress:
    """How far a job says it has come: `done` of `total`, in the command's own units."""

    done: float
    total: float
    text: str
    seconds_left: float | None


@dataclass(frozen=True)
class Process:
    """A process and no other: a number is used again, but not with the same birth (ticks since boot)."""

    pid: int
    born: int


@dataclass(frozen=True)
class UnderWay:
    """A job that has a place, with its process, if that is known, and when it was told to stop."""

    job: Job
    process: Process | None
    told: float | None


@dataclass(frozen=True)
class Outcome:
    """What came of a job."""

    state: State
    message: str
    changes: Mapping[str, object]
    result: Mapping[str, Any]
