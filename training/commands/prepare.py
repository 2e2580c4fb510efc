"""`prepare INPUT... --out DIR`: files -> a clean data set with a report."""

from __future__ import annotations

import argparse
import json
import secrets
import shutil
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.commands.console import DONE, STOPPED, Console
from training.errors import BadConfigError

if TYPE_CHECKING:
    from assistant.extraction.deidentify import Mode
    from training.corpus.prepare import Extras
    from training.corpus.settings import PrepareSettings
    from training.safe import Safe

MODES = ("mask", "surrogate", "shift")
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
    parser.add_argument(
        "--deidentify",
        choices=MODES,
        help="take out names, dates and the other identifiers: masked, replaced, or with dates shifted",
    )
    parser.add_argument(
        "--rules-only", action="store_true", help="of --deidentify: quick, and most names and places stay"
    )
    parser.add_argument("--consume", action="store_true", help="delete the INPUTs once the set is made")
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
        report = prepare(
            arguments.inputs,
            arguments.out,
            settings_of(arguments),
            follow,
            _extras(arguments.deidentify, arguments.rules_only, console.safe),
        )
    except _StoppedError:
        console.fail("The preparation was stopped; nothing of it was kept.")
        return STOPPED
    if arguments.consume:
        for path in arguments.inputs:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    console.end(report.to_json(), report.told())
    return DONE


def _extras(mode: Mode | None, rules_only: bool, safe: Safe) -> Extras:
    """De-identification where it is wanted; a set's surrogates and shifts can't be told from another's."""
    from training.corpus import Extras

    if mode is None:
        return Extras(safe=safe)
    from assistant.extraction.deidentify import Deidentifier

    deidentifier = Deidentifier() if rules_only else Deidentifier.load()
    return Extras(deidentify=deidentifier.rewriter(mode, secrets.token_bytes(32)), safe=safe)


def settings_of(arguments: argparse.Namespace) -> PrepareSettings:
    """The settings that a file and the options name; an option wins."""
    from training.corpus import PrepareSettings

    settings = PrepareSettings()
    if arguments.settings is not None:
        try:
            settings = settings_from(json.loads(arguments.settings.read_text(encoding="utf-8")))
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


def settings_from(given: dict[str, Any]) -> PrepareSettings:
    """Settings from what JSON holds; `PrepareSettings.to_json` writes it.

    Raises:
        BadConfigError: an option is unknown or out of range.
        TypeError: a value is of another kind.
    """
    from training.corpus import PrepareSettings, QualityLimits

    unknown = set(given) - {option.name for option in fields(PrepareSettings)}
    if unknown:
        raise BadConfigError(f"{sorted(unknown)[0]} is not a setting of a preparation.")
    values = dict(given)
    if "limits" in values:
        limits = values["limits"]
        values["limits"] = QualityLimits(**limits | {"languages": tuple(limits.get("languages", ("en",)))})
    values["keep"] = frozenset(values.get("keep", ()))
    return PrepareSettings(**values)
