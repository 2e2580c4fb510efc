"""Whose turn it is: pure functions of what waits and what runs."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence

from training.jobs.job import Job


def choose(waiting: Sequence[Job], running: Sequence[Job], turns: Mapping[str, int]) -> Job | None:
    """The job to start next, or None.

    The highest priority goes first; among equals the user who has the fewest running, then the one whose last
    start is longest ago, then whoever came first.

    Args:
        waiting: first in, first.
        running: all that have a place.
        turns: the number of each user's last start, counted over all users; a user without one comes first.
    """
    share = Counter(job.user for job in running)
    return min(
        waiting, key=lambda job: (-job.priority, share[job.user], turns.get(job.user, -1)), default=None
    )


def order(
    waiting: Sequence[Job], running: Sequence[Job], turns: Mapping[str, int], slots: int
) -> tuple[Job, ...]:
    """All that wait, in the order of their starts if nothing is added and the oldest always ends first."""
    left, places, turns = list(waiting), deque(running), dict(turns)
    started: list[Job] = []
    while left:
        while len(places) >= max(slots, 1):
            places.popleft()
        job = choose(left, places, turns)
        assert job is not None
        left.remove(job)
        places.append(job)
        started.append(job)
        turns[job.user] = max(turns.values(), default=0) + 1
    return tuple(started)
