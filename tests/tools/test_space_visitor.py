"""The visitor of the trial gets through the door of a Space as it is, and notices a cookie for no frame."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from tests.security.accounts.fakes import House
from tools.space.errors import TrialError
from tools.space.trial import SPACE_HOST
from tools.space.visitor import Visitor

TOKEN = "Qm3x-8Zt_v5LkR0yWc2NdH7bJs4PfGa1"


@contextmanager
def served(data: Path, **settings: Any) -> Iterator[Visitor]:
    """Somebody before a Space that is not set up, with the limits of the app."""
    environ = {"ASKLEPION_SETUP_TOKEN": TOKEN}
    house = House(
        data,
        time.time,  # type: ignore[arg-type]  # the visitor's codes are of now
        limiter=None,
        environ=environ,
        public_url=f"https://{SPACE_HOST}",
        **settings,
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(house.asgi, log_level="error", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield Visitor(listener.getsockname()[1], SPACE_HOST)
        finally:
            server.should_exit = True
            thread.join()
            house.close()


def test_it_sets_up_signs_in_and_is_let_into_the_rooms(tmp_path: Path) -> None:
    with served(tmp_path, frame_ancestors=("https://huggingface.co",)) as visitor:
        visitor.set_up(TOKEN)
        visitor.expect("GET", "/", 303)
        visitor.sign_in()
        assert "room for" in visitor.expect("GET", "/", 200).text


def test_a_cookie_that_no_browser_takes_in_a_frame_fails_the_trial(tmp_path: Path) -> None:
    with served(tmp_path) as visitor:
        visitor.set_up(TOKEN)
        with pytest.raises(TrialError, match="cookie"):
            visitor.sign_in()
