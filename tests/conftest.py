"""For every test: no deadlines (the machine is shared), no network, no waiting for the disk."""

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from sqlalchemy import event
from sqlalchemy.engine import Engine

os.environ.update(
    {"HF_HUB_OFFLINE": "1", "GRADIO_ANALYTICS_ENABLED": "False", "TOKENIZERS_PARALLELISM": "false"}
)
settings.register_profile("asklepion", deadline=None, max_examples=60)
settings.load_profile("asklepion")


def _does_not_wait(connection: Any, record: Any, _: object) -> None:
    # Who reads the file next finds what was written, also after a kill: only a power cut would tell.
    if isinstance(connection, sqlite3.Connection) and record.info.setdefault("waits", True):
        connection.execute("PRAGMA synchronous = OFF")
        record.info["waits"] = False


event.listen(Engine, "checkout", _does_not_wait)


@pytest.fixture
def waiting_for_the_disk() -> Iterator[None]:
    """For a test of what the app asks of the disk; put it before what opens a database."""
    event.remove(Engine, "checkout", _does_not_wait)
    yield
    event.listen(Engine, "checkout", _does_not_wait)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long begins first, so that several workers end at about the same time: files with a browser,
    then those with real weights, then the rest."""

    def place(item: pytest.Item) -> int:
        return min(ranks[item.path])

    ranks: dict[Path, set[int]] = {}
    for item in items:
        rank = 0 if item.get_closest_marker("browser") else 1 if item.get_closest_marker("model") else 2
        ranks.setdefault(item.path, set()).add(rank)
    items.sort(key=place)
