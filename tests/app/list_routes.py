"""Prints every path that the app lists, as JSON. A process of its own: Gradio leaves event loops open."""

from __future__ import annotations

import contextlib
import json
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.routing import Host, Mount, Route, WebSocketRoute

import app as asklepion
from assistant.models.choices import Choices
from assistant.session import ChatService
from security.crypto.signatures import SigningKey
from security.lab.results import Results
from security.lab.service import Lab
from tests.assistant.fakes import MemoryStore, ScriptedEngine
from tests.assistant.test_session import Loaded
from training.studio.service import Studio


def listed(routes: Any, prefix: str = "") -> Iterator[tuple[str, bool]]:
    """(path with its parameters filled in, whether it is a websocket), of a router and its mounts."""
    for route in routes:
        path = prefix + re.sub(r"\{[^}]*\}", "x", getattr(route, "path", ""))
        if isinstance(route, Mount | Host):
            yield f"{path}/x", False
            yield from listed(getattr(route.app, "routes", []) or [], path)
        elif isinstance(route, WebSocketRoute):
            yield path, True
        elif isinstance(route, Route):
            yield path or "/", False
        elif hasattr(route, "original_router"):  # FastAPI's included routers
            yield from listed(route.original_router.routes, prefix + route.include_context.prefix)
        else:
            raise TypeError(f"{route!r} is a kind of route that this list does not know")


@contextlib.contextmanager
def built(folder: Path) -> Iterator[tuple[asklepion.House, FastAPI]]:
    """The app over a data folder, and its page, which is not in it yet; no model is loaded."""
    settings = asklepion.Settings("127.0.0.1", 7860, folder)
    house = asklepion.build_house(settings, {})
    studio = Studio.open(
        folder / "training",
        Choices(house.door.database),
        SigningKey(bytes(32)),
        asklepion.safes_of(house.door),
    )
    service = ChatService(Loaded(ScriptedEngine()), MemoryStore())
    lab = Lab(Results(house.door.database), time.time)
    yield house, asklepion.build_page(settings, service, studio, lab)
    lab.close()
    studio.close()
    house.door.close()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, built(Path(folder)) as (house, page):
        routes = sorted({item for router in (house.app, page) for item in listed(router.routes)})
    json.dump(routes, sys.stdout)


if __name__ == "__main__":
    main()
