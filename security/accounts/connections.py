"""Connections of those who dawdle: closed when a request's head has not come in time (CWE-400).

uvicorn stops its own timer at a connection's first byte, so that anybody could hold any number of them open
with a byte now and then. Does not: time a body that somebody is reading; who reads it does (forms.py).
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_S = 20.0


class Hurried(H11Protocol):
    """uvicorn's HTTP/1.1, with `head_s` from a connection's beginning or its last answer to the next head.

    What is left of a body that was answered without being read has to come in that time, too.
    """

    head_s = HEAD_S
    _timer: asyncio.TimerHandle | None = None

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

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for any more."""
        self._stop()
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
