"""Starting, and failing to start: one clear sentence, nothing half-written, nothing left running."""

from __future__ import annotations

import asyncio
import os
import resource
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx

from app import Settings, open_listener
from tests.app.served import ROOT, App


def refused(data: Path, limit: Callable[[], None] | None = None, **environ: str) -> str:
    """What `python app.py` says when it can't start."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("ASKLEPION_")}
    ended = subprocess.run(
        [sys.executable, "app.py"],
        cwd=ROOT,
        env=clean | {"ASKLEPION_DATA": str(data), "ASKLEPION_PORT": "0"} | environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        preexec_fn=limit,
    )
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.stderr.startswith("Asklepion can't start. ")
    assert ended.stderr.strip().count("\n") == 0
    return ended.stderr


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert port in refused(tmp_path / "data", ASKLEPION_PORT=port)


def test_a_data_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("x")
    assert "ASKLEPION_DATA" in refused(tmp_path / "data", ASKLEPION_PORT="17861")
    assert (tmp_path / "data").read_text() == "x"


def test_a_full_disk_is_said_and_leaves_nothing_behind(tmp_path: Path) -> None:
    def no_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

    said = refused(tmp_path / "data", no_room, ASKLEPION_PORT="17862")
    assert "Free some space" in said
    assert list((tmp_path / "data").iterdir()) == []


def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "asklepion.key").write_text("QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=\n")
    (data / "asklepion.key").chmod(0o644)
    assert "chmod 600" in refused(data, ASKLEPION_PORT="17863")


def test_a_damaged_database_is_said(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "asklepion.db").write_bytes(b"this is no database " * 500)
    assert "asklepion.db" in refused(data, ASKLEPION_PORT="17864")


def test_before_the_set_up_everybody_is_sent_to_the_door_and_the_link_works_once_told(empty: Path) -> None:
    running = App(empty).start()
    try:
        with httpx.Client(base_url=running.url) as stranger:
            assert stranger.get("/healthz").status_code == 200
            assert stranger.get("/", headers={"accept": "text/html"}).headers["location"] == "/login"
            assert stranger.get("/setup?token=wrong").status_code in (403, 404)
            assert "administrator" in stranger.get(running.setup_link).text
        assert (empty.stat().st_mode & 0o777) == 0o700
    finally:
        assert running.stop() == 0
    assert "token=" not in "".join(line for line in running.lines if "http" not in line)


def test_no_answer_waits_for_the_acknowledgement_of_its_head(tmp_path: Path) -> None:
    async def accepted() -> int:
        taken: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        async def take(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            taken.set_result(
                writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            )
            writer.close()

        listener = open_listener(Settings("127.0.0.1", 0, tmp_path))
        async with await asyncio.start_server(take, sock=listener):
            _, writer = await asyncio.open_connection(*listener.getsockname())
            found = await taken
            writer.close()
            await writer.wait_closed()
        return found

    assert asyncio.run(accepted())
