"""What the rooms hold of a person, put together for the door: how it is removed, and how it is handed out.

It stands beside app.py, which hands this to accounts: they know none of the rooms.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from stat import S_ISREG
from typing import TYPE_CHECKING, Any

from assistant.errors import AssistantError
from security.accounts.erasure import Clearing
from security.accounts.errors import ClearingError, StoreError
from security.accounts.export import Entry, Exporter, as_json, stamp
from security.lab.errors import LabError
from training.errors import TrainingError

if TYPE_CHECKING:
    from assistant.conversations import Conversations
    from assistant.models.serving import Models
    from assistant.session import ChatService
    from security.lab.results import Results
    from training.studio.service import Studio


@dataclass(frozen=True)
class Rooms:
    """The rooms that keep something of a person. `forget_uploads` is the door's."""

    chat: ChatService
    models: Models
    studio: Studio
    forget_uploads: Callable[[str], None]


def clearings(rooms: Rooms) -> list[Clearing]:
    """What is outside the database, in the order in which it goes: who might still write comes first."""
    return [
        Clearing(
            "the conversation in memory, and the answer that was under way", _raising(rooms.chat.forget)
        ),
        Clearing("uploads that nothing had read yet", rooms.forget_uploads),
        Clearing(
            "jobs, data sets, tokenizers, runs, models and federations of the studio",
            _raising(lambda user: _forget_studio(rooms, user)),
        ),
    ]


def _forget_studio(rooms: Rooms, user: str) -> None:
    rooms.models.forget(rooms.studio.roots(user))
    rooms.studio.forget(user)


def _raising(clear: Callable[[str], None]) -> Callable[[str], None]:
    """With the rooms' own errors as the one that accounts know."""

    def clear_it(user: str) -> None:
        try:
            clear(user)
        except (AssistantError, TrainingError) as error:
            raise ClearingError(str(error)) from error

    return clear_it


def exporters(conversations: Conversations, results: Results, studio: Studio) -> list[Exporter]:
    """What the rooms tell of a person; the first two are small, a data set is read row by row."""
    return [
        Exporter("the conversations", lambda user: _conversations(conversations, user)),
        Exporter("the results in the security lab", lambda user: _results(results, user)),
        Exporter("the training studio", lambda user: _studio(studio, user)),
    ]


def _conversations(conversations: Conversations, user: str) -> Iterator[Entry]:
    try:
        turns = conversations.load(user)
    except AssistantError as error:
        raise StoreError(str(error)) from error
    yield "conversations.json", [as_json([asdict(turn) for turn in turns])]


def _results(results: Results, user: str) -> Iterator[Entry]:
    try:
        found = results.of(user)
    except LabError as error:
        raise StoreError(str(error)) from error
    yield "lab-results.json", [as_json([asdict(one) for one in found])]


def _studio(studio: Studio, user: str) -> Iterator[Entry]:
    try:
        sets = studio.sets.every(user)
        yield (
            "studio/studio.json",
            [as_json({"data sets": [asdict(one) for one in sets], **_made(studio, user)})],
        )
        for one in sets:
            yield f"studio/sets/{one.name}.jsonl", _lines(studio, user, one.name)
    except TrainingError as error:
        raise StoreError(str(error)) from error


def _made(studio: Studio, user: str) -> dict[str, Any]:
    root = studio.roots(user)
    return {
        "runs": [{"name": name, "bytes": _size(root / "runs" / name)} for name in studio.runs.names(user)],
        "versions": [
            {"name": one.name, "note": one.note, "created": one.created, "bytes": _size(one.folder)}
            for one in studio.versions.every(user)
        ],
        "federations": list(studio.federations.names(user)),
        "jobs": [
            {"kind": job.kind, "name": job.name, "state": job.state, "submitted": stamp(job.submitted)}
            for job in studio.jobs.jobs(user)
        ],
    }


def _size(folder: Path) -> int:
    """Of what is there while it is looked through: a run that goes on removes files."""
    size = 0
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            found = path.lstat()
            size += found.st_size if S_ISREG(found.st_mode) else 0
    return size


def _lines(studio: Studio, user: str, name: str) -> Iterator[bytes]:
    try:
        for split, row in studio.sets.every_row(user, name):
            yield (
                json.dumps({"split": split, **row}, ensure_ascii=False).encode("utf-8", "surrogatepass")
                + b"\n"
            )
    except TrainingError as error:
        raise StoreError(str(error)) from error
