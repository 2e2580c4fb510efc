"""`python -m security lab list | run | code`: the lessons from a shell."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from security.lab import catalogue, running
from security.lab.errors import BadParameterError, LabError
from security.lab.glossary import plain
from security.lab.lesson import Lesson, Run
from security.lab.parameters import File
from security.lab.steps import Download, Event, Outcome, Step, to_json

Tools: TypeAlias = Callable[[], Mapping[str, Any]]
_SHOWN = 120


def add_parser(commands: Any, tools: Tools) -> None:
    """Add `lab` and its commands; `tools` makes what runs may need, when one does."""
    lab = commands.add_parser("lab", help="the lessons of the security lab")
    inside = lab.add_subparsers(dest="lab_command", required=True)

    listed = inside.add_parser("list", help="all lessons")
    listed.add_argument("--json", action="store_true", help="print [{id, title, topic, ...}]")
    listed.set_defaults(run=_list)

    run = inside.add_parser("run", help="run a lesson, an attack or a cure")
    run.add_argument("id", metavar="ID[/RUN]", help="a lesson; after a slash one of its runs")
    run.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="a parameter; a file is @PATH"
    )
    run.add_argument("--seed", default="0", help="the same seed gives the same steps everywhere")
    run.add_argument("--json", action="store_true", help="print the run and its steps as one JSON object")
    run.add_argument("--out", type=Path, help="a folder for the files that the run hands out")
    run.set_defaults(run=lambda arguments: _run(arguments, tools))

    code = inside.add_parser("code", help="print the lesson's program, which runs by itself")
    code.add_argument("id", metavar="ID")
    code.set_defaults(run=_code)


def _list(arguments: argparse.Namespace) -> int:
    every = catalogue.every()
    if arguments.json:
        print(json.dumps([_described(lesson) for lesson in every], ensure_ascii=False, indent=1))
        return 0
    for lesson in every:
        print(f"{lesson.number:2}  {lesson.id:<16} {lesson.title}")
        for run in lesson.runs:
            print(f"      {run.kind:<7} {lesson.id}/{run.id}: {run.title}")
    return 0


def _described(lesson: Lesson) -> dict[str, Any]:
    return {
        "id": lesson.id,
        "title": lesson.title,
        "topic": lesson.topic,
        "number": lesson.number,
        "question": lesson.question,
        "runs": [
            {
                "id": run.id,
                "kind": run.kind,
                "title": run.title,
                "parameters": [
                    {"name": p.name, "label": p.label, "kind": type(p).__name__.lower()}
                    for p in run.parameters
                ],
            }
            for run in lesson.runs
        ],
    }


def _run(arguments: argparse.Namespace, tools: Tools) -> int:
    name, _, which = arguments.id.partition("/")
    lesson = catalogue.lesson(name)
    run = lesson.run(which)
    raw = _values(run, arguments.set)
    seed = running.check_seed(arguments.seed)
    events: list[Event] = []
    for event in running.stream(lesson, run, raw, seed, tools() if run.needs else None):
        events.append(event)
        if not arguments.json:
            _print(event)
    files = [file for event in events if isinstance(event, Step) for file in event.files]
    if arguments.out is not None:
        _write(arguments.out, files)
    if arguments.json:
        told = {"lesson": lesson.id, "run": run.id, "kind": run.kind, "seed": seed}
        print(json.dumps({**told, "events": [to_json(event) for event in events]}, ensure_ascii=False))
    return 0


def _values(run: Run, given: list[str]) -> dict[str, Any]:
    raw: dict[str, Any] = {}
    files = {p.name: p for p in run.parameters if isinstance(p, File)}
    for pair in given:
        name, found, value = pair.partition("=")
        if not found:
            raise BadParameterError("--set", f"write NAME=VALUE; it is {pair!r}.")
        raw[name] = _file(files[name], value) if name in files else value
    return raw


def _file(parameter: File, value: str) -> bytes:
    if not value.startswith("@"):
        raise BadParameterError(parameter.name, "it is a file; write @ and its path.")
    try:
        with Path(value[1:]).open("rb") as stream:
            return stream.read(parameter.most + 1)
    except OSError as error:
        raise BadParameterError(parameter.name, f"{value[1:]} can't be read ({error.strerror}).") from error


def _print(event: Event) -> None:
    if isinstance(event, Outcome):
        print(f"\n=> {event.verdict}: {plain(event.text)}", flush=True)
        return
    print(f"\n## {event.title}{' (measured here)' if event.measured else ''}")
    if event.text:
        print(plain(event.text))
    for value in event.values:
        shown = value.shown()
        if isinstance(value.value, bytes):
            shown = f"{shown[:_SHOWN]}{'...' if len(shown) > _SHOWN else ''} ({len(value.value):,} bytes)"
        print(f"  {value.name}: {shown}{f'  ({plain(value.note)})' if value.note else ''}")
    if event.table is not None:
        for row in (event.table.headings, *event.table.rows):
            print("  " + " | ".join(row))
    for file in event.files:
        print(f"  file: {file.name}, {len(file.data):,} bytes{f'; {file.reads}' if file.reads else ''}")
    sys.stdout.flush()


def _write(folder: Path, files: list[Download]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file in files:
            with (folder / Path(file.name).name).open("xb") as stream:
                stream.write(file.data)
    except OSError as error:
        raise LabError(
            f"{folder}: the files can't be written ({error.strerror}). Name a new folder."
        ) from error


def _code(arguments: argparse.Namespace) -> int:
    print(catalogue.lesson(arguments.id).code, end="")
    return 0
