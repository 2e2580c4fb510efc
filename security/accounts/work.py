"""Blocking work off the event loop, in a pool that says no when it is full.

bcrypt takes a quarter of a second of a core: without a bound, a flood of sign-ins would grow a queue
that nobody waits for any more (OWASP ASVS 5.0, 2.4.1 and 15.2.2).
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from security.accounts.errors import BusyError

P = ParamSpec("P")
T = TypeVar("T")


class Workers:
    """`threads` that work, and room for `waiting` jobs beyond them."""

    def __init__(self, name: str, threads: int, waiting: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=f"door-{name}")
        self._limit = threads + waiting
        self._held = 0
        self._lock = threading.Lock()

    async def run(self, job: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of `job`, run in a thread.

        Raises:
            BusyError: the pool is full or closed.
        """
        with self._lock:
            if self._held >= self._limit:
                raise BusyError("Too many people are at the door just now. Please try again in a moment.")
            self._held += 1
        try:
            future = self._pool.submit(job, *args, **kwargs)
        except RuntimeError as error:
            self._release()
            raise BusyError("The app is being stopped. Please try again in a moment.") from error
        # Released when the thread is done, not when the visitor has gone away.
        future.add_done_callback(self._release)
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Take no more work and forget what waits; what runs is finished."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _release(self, _: Future[T] | None = None) -> None:
        with self._lock:
            self._held -= 1
