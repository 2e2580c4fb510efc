"""What is left on the disk, in plain, at each step of a person's stay; prints it as JSON.

A real app without models, in a process of its own as Gradio leaves event loops open: a note is uploaded,
asked about and prepared over HTTP, results and a run are there too, and then the account is deleted.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

import app as asklepion
from assistant.conversations import Conversations
from assistant.models.choices import Choices
from assistant.models.serving import Models
from assistant.session import ChatService
from personal_data import Rooms, clearings, exporters
from security.accounts.arrivals import COOKIE
from security.accounts.identity import Role
from security.accounts.sealed_uploads import SealedUploads
from security.accounts.sessions import Sessions
from security.accounts.settings import AccountSettings
from security.accounts.tables import User
from security.crypto.signatures import SigningKey
from security.lab.results import Attempt, Results
from security.lab.service import Lab
from tests.app.attacks import HOST
from tests.app.requests import asked
from tests.app.residents import add_resident, session_of
from tests.app.spellings import Spelling
from tests.assistant.fakes import ScriptedEngine
from tests.assistant.test_session import Loaded
from tests.security.accounts.fakes import passkey_row
from training.jobs import ENDED
from training.studio.service import Studio

MARKER = "Schwabing tremor ward seven"
NAME = "ada"
FORM = "application/x-www-form-urlencoded"
PATIENCE_S = 120


class Stay:
    """The app, its rooms, and two people in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.house = asklepion.build_house(asklepion.Settings("127.0.0.1", 7860, folder), {})
        door = self.house.door
        self.uploads = SealedUploads(folder / "uploads", door.vault)
        choices = Choices(door.database)
        self.conversations, self.results = Conversations(door.database, door.vault), Results(door.database)
        self.studio = Studio.open(
            folder / "training",
            choices,
            SigningKey(bytes(32)),
            asklepion.safes_of(door),
            opened=self.uploads.open,
        )
        self.studio.start()
        models = Models(Loaded(ScriptedEngine()), choices)
        self.chat = ChatService(models, self.conversations, opened=self.uploads.once)
        self.lab = Lab(self.results, time.time, opened=self.uploads.open)
        door.erasure.open(clearings(Rooms(self.chat, models, self.studio, door.forget_uploads)))
        door.exports.open(exporters(self.conversations, self.results, self.studio))
        self.page = asklepion.build_page(
            asklepion.Settings("127.0.0.1", 7860, folder), self.chat, self.studio, self.lab
        )
        for name in ("ada", "bob"):
            add_resident(self.house, folder, name, Role.ADMINISTRATOR)
        with Session(door.database) as session:
            self.ids = {row.name: row.id for row in session.query(User)}
        self.tokens = {name: session_of(self.house, folder, user) for name, user in self.ids.items()}
        self.told: dict[str, Any] = {}

    def close(self) -> None:
        self.lab.close()
        self.studio.close()
        self.house.door.close()

    async def ask(
        self, who: str, method: str, path: str, body: bytes = b"", kind: str = "", query: str = ""
    ) -> Any:
        """(status, body, headers) of one request."""
        headers = [(b"host", HOST.encode()), (b"accept", b"*/*")]
        headers += [(b"origin", f"http://{HOST}".encode()), (b"sec-fetch-site", b"same-origin")]
        headers += [(b"cookie", f"{COOKIE}={self.tokens[who]}".encode())]
        headers += [(b"content-type", kind.encode())] if kind else []
        spelling = Spelling("plain", path, path.encode())
        status, answer, told = await asked(
            self.house.asgi, method, spelling, headers, query=query.encode(), body=body
        )
        return status, answer, dict(told)

    async def upload(self, who: str, name: str, content: bytes) -> str:
        body = (
            (
                f'--B\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n'
                "Content-Type: text/plain\r\n\r\n"
            ).encode()
            + content
            + b"\r\n--B--\r\n"
        )
        status, answer, _ = await self.ask(
            who, "POST", "/gradio_api/upload", body, "multipart/form-data; boundary=B"
        )
        assert status == 200, (status, answer)
        (path,) = json.loads(answer)
        return str(path)

    async def call(self, who: str, event: dict[str, Any], changed: dict[int, Any]) -> bytes:
        """Do what pressing a button does; all the events that come of it."""
        page = f"page{who}"
        values = {one["id"]: one["props"].get("value") for one in self.config["components"]}
        data = [changed.get(one, values.get(one)) for one in event["inputs"]]
        said = {
            "data": data,
            "fn_index": event["id"],
            "session_hash": page,
            "event_data": None,
            "trigger_id": None,
        }
        status, answer, _ = await self.ask(
            who, "POST", "/gradio_api/queue/join", json.dumps(said).encode(), "application/json"
        )
        assert status == 200, (status, answer)
        status, answer, _ = await self.ask(who, "GET", "/gradio_api/queue/data", query=f"session_hash={page}")
        assert status == 200, (status, answer)
        return bytes(answer)

    @property
    def config(self) -> Any:
        mounted = next(
            route.app for route in self.page.routes if hasattr(getattr(route, "app", None), "get_blocks")
        )
        return mounted.get_blocks().get_config_file()

    def event(self, elem_id: str, trigger: str) -> tuple[int, dict[str, Any]]:
        """(the component's id, the event that begins with it)."""
        one = self.component("elem_id", elem_id)
        found = [d for d in self.config["dependencies"] if [one, trigger] in [list(t) for t in d["targets"]]]
        return one, found[0]

    def component(self, by: str, wanted: str) -> int:
        (found,) = [one["id"] for one in self.config["components"] if one["props"].get(by) == wanted]
        return int(found)

    def find(self, stage: str, *markers: str) -> None:
        """Note every file in which one of the texts is, in plain."""
        sought = [one.encode() for one in markers or (MARKER,)]
        found = [
            str(path.relative_to(self.folder))
            for path in self.folder.rglob("*")
            if path.is_file() and any(one in path.read_bytes() or one.decode() in path.name for one in sought)
        ]
        self.told[stage] = sorted(found)


def file_of(path: str) -> dict[str, Any]:
    return {"path": path, "orig_name": Path(path).name, "size": 1, "meta": {"_type": "gradio.FileData"}}


async def stay(one: Stay) -> None:
    note = f"{MARKER}: the patient denies falls and has asthma. It narrows the airways at night.".encode()
    for who in ("ada", "bob"):
        name = who
        path = await one.upload(who, "note.txt", note)
        one.find(f"{name}: uploaded")
        status, content, _ = await one.ask(who, "GET", f"/gradio_api/file={path}")
        one.told[f"{name}: reads it again"] = [status, content == note]
        box, submit = one.event("ask", "submit")
        await one.call(who, submit, {box: {"text": "What is asthma?", "files": [file_of(path)]}})
        (turn,) = one.conversations.load(one.ids[name])
        one.told[f"{name}: the note arrived"] = turn.note == note.decode()
        one.told[f"{name}: the upload is gone"] = not Path(path).exists()
        one.find(f"{name}: asked")
        await prepare(one, who, name, note)
    await asyncio.to_thread(keep_more, one)
    status, archive, headers = await one.ask("ada", "POST", "/account/export", b"sure=yes", FORM)
    one.told["export"] = [status, {name.decode(): value.decode() for name, value in headers.items()}]
    one.told["exported"] = read(archive)
    left = await one.upload("ada", "left.txt", note)
    one.find("before", one.ids[NAME])
    await delete(one, left)


async def prepare(one: Stay, who: str, name: str, note: bytes) -> None:
    other = f"{MARKER}, too: a headache that begins on one side and lasts a day, says {name}.".encode()
    paths = [await one.upload(who, f"{name}-{at}.txt", content) for at, content in enumerate((note, other))]
    _, start = one.event("prepare-start", "click")
    given = {one.component("elem_id", "prepare-files"): [file_of(path) for path in paths]}
    answer = await one.call(who, start, given | {one.component("label", "Held out"): 0})
    jobs = one.studio.jobs.jobs(one.ids[name])
    assert jobs, answer[-2000:]
    one.find(f"{name}: handed over")
    ended = await asyncio.to_thread(one.studio.jobs.wait, one.ids[name], jobs[0].id, PATIENCE_S)
    assert ended.state in ENDED
    one.told[f"{name}: prepared"] = [ended.state, ended.message]
    one.told[f"{name}: both uploads are gone"] = not any(Path(path).exists() for path in paths)
    one.find(f"{name}: prepared, lying in plain")


def keep_more(one: Stay) -> None:
    """A run, results, a passkey, and a session that was proved lately; the consent is there."""
    now, door = time.time(), one.house.door
    sessions = Sessions(door.database, AccountSettings(data=one.folder))
    for name, user in one.ids.items():
        run = one.studio.roots(user) / "runs" / "first"
        run.mkdir(parents=True)
        (run / "notes.txt").write_text(f"{MARKER} {name}")
        one.results.record(Attempt(user, name, "hashing", 1, 2, int(now)))
        with Session(door.database) as session, session.begin():
            keys = {"credential": f"cred-{name}".encode() * 4, "public_key": f"public-{name}".encode()}
            session.add(passkey_row(user, name=f"{name}s laptop", **keys))
    with Session(door.database) as session, session.begin():
        sessions.step_up(session, one.tokens["ada"], now)
        sessions.step_up(session, one.tokens["bob"], now)


def read(archive: bytes) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return {name: opened.read(name).decode() for name in opened.namelist()}


async def delete(one: Stay, left: str) -> None:
    """Bob, who is an administrator too, deletes ada over HTTP."""
    user = one.ids[NAME]
    body = f"action=delete&person={user}&sure=yes".encode()
    status, page, _ = await one.ask("bob", "POST", "/account/people", body, FORM)
    one.told["deleted"] = [status, page.decode()]
    with one.house.door.database.connect() as connection:
        trail = connection.execute(
            text("SELECT count(*) FROM ledger_entries WHERE data LIKE :u"), {"u": f"%{user}%"}
        )
        one.told["trail entries"] = trail.scalar()
        names = (
            connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'")).scalars().all()
        )
        rows = {
            name: sum(user in str(row) for row in connection.execute(text(f"SELECT * FROM {name}")).all())
            for name in names
        }
    one.told["rows of ada"] = {name: count for name, count in rows.items() if count and "ledger" not in name}
    one.told["her upload is gone"] = not Path(left).exists()
    one.told["her session"] = (await one.ask("ada", "GET", "/gradio_api/app_id"))[0]
    hers = ("ada-0", "ada-1", "says ada", f"{MARKER} ada", "cred-ada", "public-ada", "adas laptop")
    one.find("ada: deleted", *hers)
    folders = [str(path.relative_to(one.folder)) for path in one.folder.rglob("*") if user in path.name]
    one.told["her folders"] = folders
    # The trail keeps the id on purpose; nothing else of the queue's or the database's does.
    jobs = b"".join(path.read_bytes() for path in (one.folder / "training" / ".jobs").glob("jobs.sqlite3*"))
    one.told["her id in the queue"] = user.encode() in jobs
    turns = one.conversations.load(one.ids["bob"])
    one.told["bob's"] = [
        len(turns),
        len(one.studio.sets.every(one.ids["bob"])),
        len(one.results.of(one.ids["bob"])),
    ]


async def run(one: Stay) -> None:
    async with one.page.router.lifespan_context(one.page):
        one.house.rooms.open(one.page)
        await stay(one)


@contextlib.contextmanager
def staying() -> Iterator[Stay]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        os.environ["GRADIO_TEMP_DIR"] = str(folder / "uploads")
        one = Stay(folder)
        try:
            yield one
        finally:
            one.close()


def main() -> None:
    with staying() as one:
        asyncio.run(run(one))
    json.dump(one.told, sys.stdout)


if __name__ == "__main__":
    main()
