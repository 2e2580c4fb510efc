"""`resume RUN`: go on with a run that was stopped or cut short, exactly as if it had not been."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from training.commands.console import Console
from training.commands.run import follow


def register(commands: Any) -> argparse.ArgumentParser:
    """Add the parser."""
    parser: argparse.ArgumentParser = commands.add_parser("resume", help="go on with a run")
    parser.add_argument("folder", type=Path, metavar="RUN", help="the run's folder")
    parser.set_defaults(run=run)
    return parser


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Go on."""
    from training import trainer

    folder: Path = arguments.folder
    return follow(console, folder, lambda tell, stop: trainer.resume(folder, tell, stop, safe=console.safe))
