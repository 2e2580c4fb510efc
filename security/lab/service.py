"""The lab as the page uses it: runs in warm workers, quizzes, results, and who may see whose."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO

from security.lab import running
from security.lab.lesson import Lesson, Run
from security.lab.parameters import Chosen
from security.lab.quiz import Marked, mark
from security.lab.results import Attempt, Results, Standing
from security.lab.steps import Event

AT_ONCE = 3


class Lab:
    """One for the app.

    Args:
        results: where attempts are kept.
        now: Unix seconds.
        tools: what runs may need, such as the language model, by name.
        opened: opens a file for the user who uploaded it.
    """

    def __init__(
        self,
        results: Results,
        now: Callable[[], float],
        tools: Mapping[str, Any] = MappingProxyType({}),
        opened: Callable[[str, Path], BinaryIO] = lambda _, path: path.open("rb"),
    ) -> None:
        self._results = results
        self._now = now
        self._tools = tools
        self.opened = opened
        self._lock = threading.Lock()
        self._places = threading.Semaphore(AT_ONCE)
        self._working: set[running.Worker] = set()
        self._spare: running.Worker | None = None
        self._closed = False

    def stream(self, lesson: Lesson, run: Run, raw: Mapping[str, Any], seed: int) -> Iterator[Event | None]:
        """The run within its bounds; a worker that has its imports behind it takes it, when one of AT_ONCE
        places is free. While nothing happens None comes about twice a second, so that the caller can leave.

        Raises:
            LabError: a value can't be used, a tool isn't there, or time or memory ran out.
        """
        if run.needs:
            yield from running.stream(lesson, run, raw, seed, self._tools)
            return
        Chosen.parse(run.parameters, raw)
        while not self._places.acquire(timeout=0.5):
            yield None
        # A place is free again when its process is gone, not when the page has lost interest.
        try:
            worker = self._take()
            self._working.add(worker)
            try:
                self.warm()
                yield from worker.stream(lesson, run, raw, seed)
            finally:
                worker.close()
                self._working.discard(worker)
        finally:
            self._places.release()

    def _take(self) -> running.Worker:
        with self._lock:
            worker, self._spare = self._spare, None
        if worker is not None and worker.process.poll() is None:
            return worker
        if worker is not None:
            worker.close()
        return running.Worker()

    def warm(self) -> None:
        """Start the next run's process, so that it has imported everything by the time it is wanted."""
        with self._lock:
            if self._spare is None and not self._closed:
                self._spare = running.Worker()

    def marked(self, lesson: Lesson, chosen: Sequence[str | None], user: str, name: str) -> list[Marked]:
        """Mark a quiz and keep how many were right.

        Raises:
            LabError: the answers aren't this quiz's, or can't be saved.
        """
        found = mark(lesson, chosen)
        right = sum(one.correct for one in found)
        self._results.record(Attempt(user, name, lesson.id, right, len(found), int(self._now())))
        return found

    def standings(self, user: str, *, teacher: bool) -> list[Standing]:
        """One's own, or to a teacher everybody's.

        Raises:
            LabError: they can't be read.
        """
        return self._results.of(None if teacher else user)

    def close(self) -> None:
        """End every worker, and start no more."""
        with self._lock:
            self._closed = True
            spare, self._spare = self._spare, None
        for worker in [*self._working, *([spare] if spare is not None else [])]:
            worker.process.kill()
        if spare is not None:
            spare.close()
