"""The queue as a service: every method names the user it acts for, and no user learns of another's jobs."""

from __future__ import annotations

import functools
import logging
import os
import re
import shutil
import sys
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from training.errors import BadConfigError, BadDataError, RunError
from training.jobs.dispatcher import TURN_S, Dispatcher, Terms
from training.jobs.fairness import order
from training.jobs.job import ENDED, Job, Outcome, Progress
from training.jobs.outcome import REPORT, SEALED, opened, read_log, read_progress, sealed
from training.jobs.process import LOG
from training.jobs.store import Store
from training.places import check_name
from training.safe import PLAIN, NoKeyError, Safe

_OURS = "ASKLEPION_"
_log = logging.getLogger("asklepion.jobs")
_KIND = re.compile(r"[a-z][a-z0-9-]{0,31}")
_ROOT = Path(__file__).parents[2]


class Jobs:
    """Jobs of all users in one folder; any number of processes may have one open on it.

    What is submitted, and what came of it, is on disk before a method returns. Jobs outlive this process: the
    next one to be started on the folder finds them.
    """

    def __init__(  # noqa: PLR0913  # each has its default, and is named
        self,
        folder: Path,
        *,
        slots: int = 1,
        now: Callable[[], float] = time.time,
        environ: Mapping[str, str] | None = None,
        passed: Collection[str] = (),
        program: Sequence[str] = (sys.executable, "-m", "training"),
        cwd: Path | None = None,
        most_queued: int = 20,
        grace_s: float = 120,
        safes: Callable[[str], Safe] = lambda _: PLAIN,
    ) -> None:
        """Open the queue, or make it.

        Args:
            folder: private to it.
            slots: how many jobs run at once, of all users together.
            environ: what the jobs' environment is made of; this process's own by default. No ASKLEPION_
                variable gets through, for there are secrets among them, but those named in `passed`.
            program: what stands before the kind and its arguments.
            cwd: where jobs are run; the folder that holds the package `training` by default.
            most_queued: how many jobs of a user may wait.
            grace_s: seconds that a job has to stop and save before it is killed.
            safes: of each user; a job gets its own when it begins, and its report and result are sealed
                with it. Raises NoKeyError where the account is gone, any other RunError to wait.

        Raises:
            RunError: the folder can't be used.
        """
        if slots < 1:
            raise BadConfigError(f"slots must be at least 1; it is {slots}.")
        folder = folder.absolute()
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)
        except OSError as error:
            raise RunError(f"The queue's folder {folder} can't be used: {error.strerror}.") from error
        inherited = os.environ if environ is None else environ
        kept = {
            name: value for name, value in inherited.items() if not name.startswith(_OURS) or name in passed
        }
        self._terms = Terms(folder, slots, grace_s, tuple(program), cwd or _ROOT, kept, now, safes)
        self._most_queued = most_queued
        self._store = Store(folder / "jobs.sqlite3")
        self._news = threading.Condition()
        self._starting = threading.Lock()
        self._dispatcher: Dispatcher | None = None

    def start(self) -> None:
        """Adopt what still runs from before, and run what waits, in a thread; a second call does nothing.

        Where another process does so already, this one takes over when that one ends.
        """
        with self._starting:
            if self._dispatcher is None:
                self._dispatcher = Dispatcher(self._store, self._terms, self._tell)

    def close(self) -> None:
        """Start nothing more; what runs goes on, and waits for the next start to be noticed."""
        with self._starting:
            if self._dispatcher is not None:
                self._dispatcher.close()
                self._dispatcher = None
        self._store.close()

    def submit(self, user: str, kind: str, name: str, arguments: Sequence[str], priority: int = 0) -> Job:
        """Put `python -m training KIND ARGUMENTS...` in the queue.

        Raises:
            RunError: too many of the user's jobs wait, or one of this kind and name has not ended.
            BadConfigError: the name, the kind or an argument can't be used.
        """
        if not _KIND.fullmatch(kind):
            raise BadConfigError(f"The kind of a job is the name of a command; {kind!r} is none.")
        check_name("job", name)
        for argument in arguments:
            _check_argument(argument)
        job = self._store.add(
            user, kind, name, arguments, priority=priority, now=self._terms.now(), most=self._most_queued
        )
        self._wake()
        return job

    def jobs(self, user: str) -> tuple[Job, ...]:
        """All of the user's jobs, newest first."""
        safes = functools.cache(self._terms.safes)  # a key for each call, not for each job: pages ask often
        return tuple(_opened(job, safes) for job in self._store.of(user))

    def job(self, user: str, id: str) -> Job:
        """One of the user's jobs.

        Raises:
            RunError: the user has none of this id.
        """
        return _opened(self._store.get(user, id), self._terms.safes)

    def progress(self, user: str, id: str) -> Progress | None:
        """How far it says it has come; None if it hasn't said yet. Raises like `job`."""
        return read_progress(self.job(user, id).folder)

    def log(self, user: str, id: str, lines: int = 200) -> str:
        """The last lines it wrote. Raises like `job`."""
        return read_log(self.job(user, id).folder, lines)

    def ahead(self, user: str, id: str) -> int:
        """How many will be started before it, if nobody adds any; 0 if it doesn't wait. Raises like `job`."""
        if self.job(user, id).state != "queued":
            return 0
        running = [entry.job for entry in self._store.under_way()]
        line = order(self._store.waiting(), running, self._store.turns(), self._terms.slots)
        return next((place for place, job in enumerate(line) if job.id == id), 0)

    def stop(self, user: str, id: str) -> Job:
        """Cancel it if it waits; if it runs, ask it to stop and save. An ended one stays as it is.

        Raises like `job`.
        """
        self.job(user, id)
        if self._store.cancel(id, self._terms.now()):
            self._tell()
        elif self._store.ask_to_stop(id):
            self._wake()
        return self.job(user, id)

    def again(
        self, user: str, id: str, kind: str | None = None, arguments: Sequence[str] | None = None
    ) -> Job:
        """Submit an ended job anew, under the same name; as another kind, or with other arguments, if given.

        Raises:
            RunError: it has not ended, or as in `submit`.
        """
        job = self.job(user, id)
        if job.state not in ENDED:
            raise RunError(f"{job.name} waits or runs still. Stop it first, or wait for its end.")
        return self.submit(
            user, kind or job.kind, job.name, job.arguments if arguments is None else arguments, job.priority
        )

    def forget(self, user: str, id: str) -> None:
        """Remove an ended job and its folder; what it made elsewhere stays.

        Raises:
            RunError: it has not ended, or as in `job`.
        """
        job = self.job(user, id)
        if not self._store.delete(id):
            raise RunError(f"{job.name} waits or runs still. Stop it first, then remove it.")
        # What can't be removed now, the next start sweeps away.
        shutil.rmtree(job.folder, ignore_errors=True)

    def end_all(self, user: str, timeout: float) -> None:
        """End all jobs of a user who is gone; what runs is killed, without saving anything.

        Raises:
            RunError: one still runs after `timeout` seconds; it ends soon.
        """
        self._store.condemn(user, self._terms.now())
        self._wake()
        deadline = time.monotonic() + timeout
        for job in self._store.of(user):
            # As the store has it: what is sealed of it can't be opened any more.
            if self._when_ended(user, job.id, deadline - time.monotonic()).state not in ENDED:
                raise RunError(f"{job.name} has not ended yet.")

    def forget_all(self, user: str, timeout: float) -> None:
        """Remove all jobs of a user who is gone, as `end_all` ends them.

        Raises:
            RunError: one has not ended, and the next call removes it; or all are removed, but the queue's
                database is in use, so that remnants may be in it.
            OSError: a job's folder can't be removed.
        """
        self.end_all(user, timeout)
        for job in self._store.of(user):
            if job.folder.exists():
                shutil.rmtree(job.folder)
        self._store.erase(user)

    def seal_old(self, user: str) -> int:
        """Seal what came of ended jobs from before there was sealing; returns how many there were."""
        safe, count = self._terms.safes(user), 0
        for job in self._store.of(user):
            if job.state not in ENDED or SEALED in job.result or not (job.message or job.result):
                continue
            came = sealed(Outcome(job.state, job.message, job.changes, job.result), safe, job.id)
            self._store.reword(job.id, came)
            if (job.folder / REPORT).is_file():
                safe.seal(job.folder / REPORT)
            (job.folder / LOG).unlink(missing_ok=True)  # it may repeat what the report says
            count += 1
        if count and not self._store.scrub():
            _log.warning("The queue's database is in use, and may hold remnants of what is sealed now.")
        return count

    def wait(self, user: str, id: str, timeout: float) -> Job:
        """The job when it has ended, or as it is after `timeout` seconds. Raises like `job`."""
        return _opened(self._when_ended(user, id, timeout), self._terms.safes)

    def _when_ended(self, user: str, id: str, timeout: float) -> Job:
        deadline = time.monotonic() + timeout
        with self._news:
            while True:
                job = self._store.get(user, id)
                left = deadline - time.monotonic()
                if job.state in ENDED or left <= 0:
                    return job
                # Another process may be the one that starts and ends it.
                self._news.wait(min(left, TURN_S))

    def _tell(self) -> None:
        with self._news:
            self._news.notify_all()

    def _wake(self) -> None:
        with self._starting:
            if self._dispatcher is not None:
                self._dispatcher.wake()


def _opened(job: Job, safes: Callable[[str], Safe]) -> Job:
    """With its message and result to be read, if they are sealed."""
    if SEALED not in job.result:
        return job
    try:
        return opened(job, safes(job.user))
    except (BadDataError, NoKeyError) as error:
        return replace(job, message=str(error), result={})


def _check_argument(argument: str) -> None:
    try:
        usable = argument != "--" and b"\0" not in os.fsencode(argument)
    except UnicodeEncodeError:
        usable = False
    if not usable:
        raise BadConfigError(f"A job's argument can't be {argument[:80]!r}.")
