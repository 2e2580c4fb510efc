"""`prepare INPUT... --out DIR`: files -> a clean data set with a report."""

from __future__ import annotations

import argparse
import json
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.commands.console import DONE, STOPPED, Console
from training.errors import BadConfigError

if TYPE_CHECKING:
    from training.corpus.settings import PrepareSettings

_SWITCHES = ("repair", "boilerplate", "exact", "near", "quality")


class _StoppedError(Exception):
    """It was asked to stop."""


def register(commands: Any) -> argparse.ArgumentParser:
    """Add the parser."""
    parser: argparse.ArgumentParser = commands.add_parser("prepare", help="files -> a clean data set")
    parser.add_argument("inputs", nargs="+", type=Path, metavar="INPUT", help="files, folders or zip files")
    parser.add_argument("--out", type=Path, required=True, help="the set's new folder")
    parser.add_argument("--kind", default="auto", help="auto, text, pairs, tagged or labelled")
    parser.add_argument("--held-out", type=float, help="share of documents set aside, 0 to 0.5")
    parser.add_argument("--seed", type=int, help="of the split")
    parser.add_argument(
        "--off", action="append", default=[], choices=_SWITCHES, help="a step to leave out; repeatable"
    )
    parser.add_argument(
        "--column", action="append", default=[], metavar="ROLE=NAME", help="which column is what; repeatable"
    )
    parser.add_argument("--keep", action="append", default=[], metavar="ID", help="a document that stays")
    parser.add_argument("--settings", type=Path, help="a JSON file with any of the settings")
    parser.set_defaults(run=run)
    return parser


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Prepare."""
    from training.corpus import Progress, prepare

    console.listen()

    def follow(progress: Progress) -> None:
        if console.stopping.is_set():
            raise _StoppedError
        console.tell(progress.done, max(progress.total, 1), progress.step)

    try:
        report = prepare(arguments.inputs, arguments.out, settings_of(arguments), follow)
    except _StoppedError:
        console.fail("The preparation was stopped; nothing of it was kept.")
        return STOPPED
    console.end(report.to_json(), report.told())
    return DONE


def settings_of(arguments: argparse.Namespace) -> PrepareSettings:
    """The settings that a file and the options name; an option wins."""
    from training.corpus import PrepareSettings, QualityLimits

    settings = PrepareSettings()
    if arguments.settings is not None:
        try:
            given = json.loads(arguments.settings.read_text(encoding="utf-8"))
            unknown = set(given) - {option.name for option in fields(PrepareSettings)}
            if unknown:
                raise BadConfigError(f"{sorted(unknown)[0]} is not a setting of a preparation.")
            if "limits" in given:
                limits = given["limits"] | {"languages": tuple(given["limits"].get("languages", ("en",)))}
                given["limits"] = QualityLimits(**limits)
            given["keep"] = frozenset(given.get("keep", ()))
            settings = PrepareSettings(**given)
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise BadConfigError(f"The settings {arguments.settings} can't be read: {error}.") from error
    changes: dict[str, Any] = dict.fromkeys(arguments.off, False)
    changes |= {"kind": arguments.kind} if arguments.kind != "auto" else {}
    for option in ("held_out", "seed"):
        if getattr(arguments, option) is not None:
            changes[option] = getattr(arguments, option)
    columns = dict(pair.partition("=")[::2] for pair in arguments.column)
    if columns:
        changes["columns"] = dict(settings.columns) | columns
    if arguments.keep:
        changes["keep"] = settings.keep | frozenset(arguments.keep)
    return replace(settings, **changes)
