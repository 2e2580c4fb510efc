"""The door served by itself: real HTTP for a real browser, plain rooms behind it, a clock that tests move."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import uvicorn

from tests.app.served import PATIENCE_S, free_port
from tests.security.accounts.fakes import Admin, Clock, House, set_up


class ServedDoor:
    """A house with its administrator, at http://localhost: passkeys need a name (127.0.0.1 is none)."""

    def __init__(self, data: Path, **settings: Any) -> None:
        self.clock = Clock()
        self.house = House(data, self.clock, **settings)
        self.port = free_port()
        self.url = f"http://localhost:{self.port}"
        self.admin: Admin = apart(set_up, self.house)
        config = uvicorn.Config(self.house.asgi, port=self.port, log_level="warning", lifespan="off")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run)
        self._begun = threading.Event()

    def start(self) -> ServedDoor:
        began = self._server.startup

        async def startup(sockets: Any = None) -> None:
            await began(sockets)
            self._begun.set()

        self._server.startup = startup  # type: ignore[method-assign]
        self._thread.start()
        assert self._begun.wait(PATIENCE_S), "the door was not opened"
        return self

    def code(self) -> str:
        """A code that was not spent yet."""
        self.clock.pass_by(30)
        return self.admin.code(self.clock)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join()
        self.house.close()


def apart(job: Any, *args: Any) -> Any:
    """`job` in a thread of its own: Playwright's has an event loop already."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(job, *args).result()
