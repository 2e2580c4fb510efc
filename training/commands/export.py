"""`export RUN_OR_VERSION --form FORM --out PATH`: a trained model as a file or folder for other programs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from training.commands.console import DONE, STOPPED, Console


class _StoppedError(Exception):
    """It was asked to stop."""


def register(commands: Any) -> argparse.ArgumentParser:
    """Add the parser."""
    parser: argparse.ArgumentParser = commands.add_parser("export", help="a trained model for other programs")
    parser.add_argument("source", type=Path, metavar="RUN_OR_VERSION", help="the folder of one of the two")
    parser.add_argument("--form", required=True, choices=("adapter", "merged", "gguf"))
    parser.add_argument("--out", required=True, type=Path, help="a new folder, or a new file NAME.gguf")
    parser.add_argument(
        "--quantize", default="f16", choices=("f16", "q8_0"), help="of a GGUF: how its weights are rounded"
    )
    parser.add_argument(
        "--key", type=Path, metavar="FILE", help="the key that a version's signature must fit"
    )
    parser.add_argument("--name-dataset", action="store_true", help="let the card name the data set")
    parser.add_argument("--licence", default="", help="of the weights, for the card")
    parser.set_defaults(run=run)
    return parser


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Export."""
    from training import export
    from training.cards import CardChoices

    console.listen()

    def follow(done: float, total: float, text: str) -> None:
        if console.stopping.is_set():
            raise _StoppedError
        console.tell(done, total, text)

    key = export.read_key(arguments.key) if arguments.key else None
    source = export.open_source(arguments.source, key, console.safe)
    card = CardChoices(arguments.name_dataset, arguments.licence)
    try:
        out = export.export(source, arguments.form, arguments.out, follow, arguments.quantize, card)
    except _StoppedError:
        console.fail("The export was stopped; nothing of it was kept.")
        return STOPPED
    size = sum(path.stat().st_size for path in (out.iterdir() if out.is_dir() else (out,)))
    result = {"out": str(out), "form": arguments.form, "bytes": size, "version": source.version.name}
    console.end(result, f"Exported {source.version.name} as {arguments.form} to {out} ({size / 1e6:.1f} MB).")
    return DONE
