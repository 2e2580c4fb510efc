"""Connections of those who dawdle: closed when a head has not come in time, or an answer stays unread.

uvicorn stops its own timer at a connection's first byte, and times no writing, so that anybody could hold any
number of them open with a byte now and then, or by reading nothing (CWE-400). Does not: time a body that
somebody is reading; who reads it does (forms.py). Nor does it ask for a speed: an answer may take as long as
it likes while something of it arrives.
"""

from __future__ import annotations

import asyncio
import fcntl
import struct
import termios
from typing import Any, cast

from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_S = 20.0
UNREAD_S = 60.0


class Hurried(H11Protocol):
    """uvicorn's HTTP/1.1, with `head_s` from a connection's beginning or its last answer to the next head.

    What is left of a body that was answered without being read has to come in that time, too. Of an answer
    that waits to be read something must go in each `unread_s`.
    """

    head_s = HEAD_S
    unread_s = UNREAD_S
    _timer: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None
    _left = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The time begins."""
        super().connection_made(transport)
        self._look()

    def data_received(self, data: bytes) -> None:
        """More bytes don't prolong it; a whole head ends it."""
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        """It begins anew."""
        self._stop()
        super().on_response_complete()
        self._look()
        # Also where uvicorn closes: it then waits for the rest to be read.
        self._watch()

    def pause_writing(self) -> None:
        """The visitor reads more slowly than we write."""
        super().pause_writing()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for any more."""
        self._stop()
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None
        super().connection_lost(exc)

    def _look(self) -> None:
        cycle = cast(Any, self.cycle)  # None until the first head
        if cycle is not None and not cycle.response_complete:
            self._stop()
        elif self._timer is None and not self.transport.is_closing():
            self._timer = self.loop.call_later(self.head_s, self._give_up)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _give_up(self) -> None:
        self._timer = None
        self.transport.close()
        self._watch()

    def _watch(self) -> None:
        """Look again in a while, as long as something waits to be read."""
        if self._unread is None and self.transport.get_write_buffer_size():
            self._left = self._waiting()
            self._unread = self.loop.call_later(self.unread_s, self._see_progress)

    def _see_progress(self) -> None:
        self._unread = None
        # More than before is progress too: while too much waits, nothing more is written.
        if self.transport.get_write_buffer_size() and self._waiting() == self._left:
            self.transport.abort()
        else:
            self._watch()

    def _waiting(self) -> int:
        """Bytes that the visitor's machine has not taken: those here, and those in the system's hands."""
        there = 0
        connection = self.transport.get_extra_info("socket")
        if connection is not None and connection.fileno() >= 0:
            try:
                (there,) = struct.unpack("i", fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, bytes(4)))
            except OSError:
                there = 0  # a system that doesn't tell: what is here has to do
        return self.transport.get_write_buffer_size() + there
