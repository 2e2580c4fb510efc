"""Long answers end with their session: at once on sign-out, otherwise at the next look (ASVS 5.0, 7.4.1)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Awaitable, Callable, Iterator

from starlette.types import Message, Send

from security.accounts.errors import BusyError, StoreError

LOOK_EVERY_S = 15.0
_GRACE_S = 5.0
_PATIENCE = 2
Pause = Callable[[float], Awaitable[None]]
_log = logging.getLogger("asklepion.accounts")


class Endings:
    """Tells running answers, from any thread, that their session may be over. Of this process only."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: dict[asyncio.Event, tuple[asyncio.AbstractEventLoop, bytes]] = {}

    @contextlib.contextmanager
    def listening(self, session: bytes) -> Iterator[asyncio.Event]:
        """An event that is set when the session of this digest ends; to be used inside an event loop."""
        event = asyncio.Event()
        with self._lock:
            self._listeners[event] = (asyncio.get_running_loop(), session)
        try:
            yield event
        finally:
            with self._lock:
                del self._listeners[event]

    def tell(self, session: bytes | None = None) -> None:
        """Let the answers of this session, or of all with None, look at once whether it still holds."""
        with self._lock:
            for event, (loop, digest) in self._listeners.items():
                if session in (None, digest) and not loop.is_closed():
                    loop.call_soon_threadsafe(event.set)


async def watched(
    run: Callable[[Send], Awaitable[None]],
    send: Send,
    good: Callable[[], Awaitable[bool]],
    woken: asyncio.Event,
    pause: Pause,
) -> bool:
    """Run the app with `send` until it is done or its session is over; whether all is still to be said.

    True: the session ended before the answer began, and the caller has to answer. Does not undo what the
    app has done, nor stop a thread that it has started.
    """
    answer = _Answer(send)
    work = asyncio.ensure_future(run(answer.send))
    watcher = asyncio.ensure_future(_until_over(good, woken, pause))
    try:
        await asyncio.wait({work, watcher}, return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            work.result()
            return False
        answer.over = True
        watcher.result()
        work.cancel()
        await asyncio.wait({work}, timeout=_GRACE_S)
        await answer.finish()
        return not answer.begun
    finally:
        for task in (work, watcher):
            task.cancel()
        await asyncio.wait({work, watcher}, timeout=_GRACE_S)
        # What the app says of being stopped is no news; what it raised by itself was raised above.
        if work.done() and not work.cancelled() and answer.over:
            work.exception()


class _Answer:
    """An answer that can be broken off."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.over = False
        self.begun = False
        self._done = False
        self._counted = False

    async def send(self, message: Message) -> None:
        if self.over:
            raise OSError("the session of this answer has ended")
        if message["type"] == "http.response.start":
            self.begun = True
            self._counted = any(name.lower() == b"content-length" for name, _ in message.get("headers", ()))
        elif message["type"] == "http.response.body":
            self._done = not message.get("more_body", False)
        await self._send(message)

    async def finish(self) -> None:
        # An answer of a stated length can't be ended early: the server closes the connection instead.
        if self.begun and not self._done and not self._counted:
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})


async def _until_over(good: Callable[[], Awaitable[bool]], woken: asyncio.Event, pause: Pause) -> None:
    failed = 0
    while failed < _PATIENCE:
        waits = [asyncio.ensure_future(woken.wait()), asyncio.ensure_future(pause(LOOK_EVERY_S))]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        woken.clear()
        try:
            if not await good():
                return
            failed = 0
        except (BusyError, StoreError) as error:
            # One busy moment throws nobody out; a session that can't be read twice in a row is none.
            failed += 1
            _log.warning("a running answer could not be checked: %s", error)
