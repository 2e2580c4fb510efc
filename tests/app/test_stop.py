"""Stopping: whatever failed before, the door finishes what it does and lets go of the database."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

import app as asklepion
from security.accounts.errors import BusyError


def test_rooms_that_could_not_be_opened_keep_nothing_from_being_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", "")  # it is set anew, and put back after the test
    settings = asklepion.Settings("127.0.0.1", 0, tmp_path / "data")
    house = asklepion.build_house(settings, {"ASKLEPION_DEVICE": "abacus", "ASKLEPION_ENGINE": "abacus"})

    async def lived() -> None:
        async with house.app.router.lifespan_context(house.app):
            while not house.rooms._failure:
                await asyncio.sleep(0.01)

    with caplog.at_level(logging.ERROR):
        asyncio.run(lived())
    assert "The rooms could not be opened." in caplog.messages
    for workers in (house.door._slow, house.door._clearing):
        with pytest.raises(BusyError):
            asyncio.run(workers.run(int))
