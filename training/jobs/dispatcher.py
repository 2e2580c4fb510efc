"""The one thread that starts jobs, watches them and ends them. Of all processes of the app, one has the lead.

The others try to take the lead over, and so does the next start of the app: whatever still runs is adopted.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import math
import os
import re
import select
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from training.errors import RunError
from training.jobs import gate
from training.jobs import process as processes
from training.jobs.fairness import choose
from training.jobs.job import Job, Outcome, Process, UnderWay
from training.jobs.outcome import PROGRESS, REPORT, outcome, sealed
from training.jobs.process import Ended
from training.jobs.store import Store
from training.safe import NoKeyError, Safe

TURN_S = 0.5
_ID = re.compile(r"[0-9a-f]{16}")
_log = logging.getLogger("asklepion.jobs")


@dataclass(frozen=True)
class Terms:
    """How jobs are run.

    Attributes:
        folder: where the lock and the jobs' folders are.
        slots: how many at once.
        grace_s: seconds between being told to stop and being killed.
        program: what stands before the kind and the arguments.
        cwd: where they are run.
        environ: their whole environment.
        now: seconds since the epoch.
        safes: whose files are sealed with what. Asked whenever a job begins or ends, and not remembered.
    """

    folder: Path
    slots: int
    grace_s: float
    program: Sequence[str]
    cwd: Path
    environ: Mapping[str, str]
    now: Callable[[], float]
    safes: Callable[[str], Safe]


class Dispatcher:
    """Starts when told to; `changed` is called whenever a job has begun or ended."""

    def __init__(self, store: Store, terms: Terms, changed: Callable[[], None]) -> None:
        self._store = store
        self._terms = terms
        self._changed = changed
        self._watched: dict[str, tuple[Process, int | None]] = {}
        self._lock: int | None = None
        self._bell = os.eventfd(0, os.EFD_NONBLOCK)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="jobs", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """There is something to do."""
        os.eventfd_write(self._bell, 1)

    def close(self) -> None:
        """End the thread and give up the lead; what runs goes on."""
        self._closing.set()
        self.wake()
        self._thread.join()
        for _, descriptor in self._watched.values():
            if descriptor is not None:
                os.close(descriptor)
        for held in (self._lock, self._bell):
            if held is not None:
                os.close(held)

    def _loop(self) -> None:
        said = ""
        while not self._closing.is_set():
            try:
                seconds, descriptors = self._turn()
                said = ""
            except (RunError, OSError) as error:
                # A full disk, say: it is tried again, and an end that couldn't be noted is not lost.
                if str(error) != said:
                    said = str(error)
                    _log.warning("The queue waits: %s", said)
                seconds, descriptors = TURN_S, []
            self._rest(seconds, descriptors)

    def _turn(self) -> tuple[float, list[int]]:
        """All that can be done now; returns how long to rest at most, and what may end the rest."""
        if not self._leads():
            return TURN_S, []
        for entry in self._store.under_way():
            if entry.job.id in self._watched or self._adopt(entry):
                self._follow(entry)
        self._fill()
        left = (self._grace_left(entry) for entry in self._store.under_way())
        # What is over already was dealt with: its process only takes its time to go.
        seconds = min((one for one in left if one > 0), default=TURN_S)
        return min(seconds, TURN_S), [one for _, one in self._watched.values() if one is not None]

    def _rest(self, seconds: float, descriptors: list[int]) -> None:
        poll = select.poll()
        for descriptor in (self._bell, *descriptors):
            poll.register(descriptor, select.POLLIN)
        poll.poll(seconds * 1000)
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._bell)

    def _leads(self) -> bool:
        if self._lock is not None:
            return True
        lock = os.open(self._terms.folder / "lead", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            return False
        self._lock = lock
        self._sweep()
        return True

    def _sweep(self) -> None:
        """Remove the folders of jobs that were forgotten when a crash came between."""
        known = self._store.identities()
        for folder in self._terms.folder.iterdir():
            if _ID.fullmatch(folder.name) and folder.name not in known:
                shutil.rmtree(folder, ignore_errors=True)

    def _adopt(self, entry: UnderWay) -> bool:
        """Watch what an earlier leader started; False if it runs no more, and then it is settled here."""
        job, process = entry.job, entry.process
        if process is not None and processes.is_the(process, f"{job.id}/{REPORT}"):
            self._watch(job, process)
            return True
        # If there is such a process, but with another command, it is another's.
        ended = None if process is None else processes.end_of(process)
        self._settle(job, ended or Ended(None))
        if process is not None and ended is not None:
            processes.reap(process)
        return False

    def _watch(self, job: Job, process: Process) -> None:
        self._watched[job.id] = process, processes.watch(process)

    def _follow(self, entry: UnderWay) -> None:
        """See whether it has ended; tell it to stop, or kill it, if it is time."""
        job, now = entry.job, self._terms.now()
        process, _ = self._watched[job.id]
        ended = processes.end_of(process)
        if ended is not None:
            self._end(job, ended)
        elif job.state == "stopping" and entry.told is None:
            self._store.tell(job.id, now)
            processes.tell_to_stop(process)
        elif self._grace_left(entry) <= 0:
            processes.kill(process)

    def _grace_left(self, entry: UnderWay) -> float:
        """Seconds before it is killed."""
        return math.inf if entry.told is None else entry.told + self._terms.grace_s - self._terms.now()

    def _end(self, job: Job, ended: Ended) -> None:
        self._settle(job, ended)
        process, descriptor = self._watched.pop(job.id)
        if descriptor is not None:
            os.close(descriptor)
        if ended.code is None or ended.code < 0:
            processes.kill(process)  # Its helpers, which it couldn't end itself.
        processes.reap(process)

    def _settle(self, job: Job, ended: Ended) -> None:
        """Note what came of a job that runs no more."""
        stopping = job.state == "stopping"
        if processes.has_begun(job.folder):
            came = self._outcome(job, ended)
        elif stopping:
            came = Outcome("cancelled", "", {}, {})
        elif ended.code in (None, gate.NO_WORD):
            # Whoever gave it a place ended before it let it begin.
            self._store.put_back(job.id)
            return
        else:
            came = self._outcome(job, ended)
        self._store.finish(job.id, came, self._terms.now())
        self._changed()

    def _outcome(self, job: Job, ended: Ended) -> Outcome:
        """What came of it; the words and the result of it sealed, as the report was."""
        try:
            safe = self._terms.safes(job.user)
        except NoKeyError as error:
            return Outcome("failed", str(error), {}, {})
        came = outcome(job.folder, ended, job.state == "stopping", safe)
        return sealed(came, safe, job.id)

    def _fill(self) -> None:
        while len(self._watched) < self._terms.slots and not self._closing.is_set():
            running = [entry.job for entry in self._store.under_way()]
            job = choose(self._store.waiting(), running, self._store.turns())
            if job is None:
                return
            try:
                # Before it has a place: where the accounts can't be read just now, it goes on waiting.
                handed = self._terms.safes(job.user).to_hand()
            except NoKeyError as error:
                self._refuse(job, str(error))
                continue
            if self._store.claim(job.id, self._terms.now()):
                self._start(job, handed)
                self._changed()

    def _refuse(self, job: Job, message: str) -> None:
        if self._store.claim(job.id, self._terms.now()):
            self._store.finish(job.id, Outcome("failed", message, {}, {}), self._terms.now())
            self._changed()

    def _start(self, job: Job, handed: bytes) -> None:
        try:
            job.folder.mkdir(mode=0o700, exist_ok=True)
            files = ("--progress", str(job.folder / PROGRESS), "--report", str(job.folder / REPORT))
            command = (*self._terms.program, job.kind, *job.arguments, *files)
            held = processes.hold(command, job.folder, self._terms.cwd, self._terms.environ)
        except (OSError, ValueError) as error:
            message = f"Its process can't be started: {error}."
            self._store.finish(job.id, Outcome("failed", message, {}, {}), self._terms.now())
            return
        self._watch(job, held.process)
        wanted = False
        try:
            wanted = self._store.record(job.id, held.process)
        finally:
            if wanted:
                held.let_go(handed)
            else:
                held.give_up()
