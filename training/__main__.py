"""The studio from a shell: what the page does, by the same functions.

On sealed folders it works with the key that whoever starts it hands over (training/safe.py).

Exit codes: 0 done, 1 something here is broken, 2 what was given can't be used, 3 stopped when asked to.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from training.commands.console import BROKEN, UNUSABLE, Console
from training.errors import BadConfigError, BadDataError, OutOfMemoryError, TrainingError
from training.safe import Safe, print_without_words

COMMANDS = ("prepare", "tokenize", "design", "run", "resume", "evaluate", "export", "federate", "budget")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    arguments = _parser().parse_args(argv)
    console = Console(arguments.json, arguments.progress, arguments.report)
    try:
        console.safe = Safe.handed(os.environ)
        if console.is_sealed:
            sys.excepthook = print_without_words
        code: int = arguments.run(arguments, console)
    except TrainingError as error:
        if not console.is_sealed:
            print(f"{arguments.command}: {error}", file=sys.stderr)
        console.fail(str(error), error.changes if isinstance(error, OutOfMemoryError) else None)
        return UNUSABLE if isinstance(error, BadConfigError | BadDataError) else BROKEN
    except BrokenPipeError:
        # The reader (head, less) has what it wanted.
        sys.stderr.close()
        return 0
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training", description="From your own text to a better model, on your own machine."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name in COMMANDS:
        module = importlib.import_module(f"training.commands.{name}")
        command: argparse.ArgumentParser = module.register(commands)
        command.add_argument("--json", action="store_true", help="print the result as one JSON object")
        command.add_argument("--progress", type=Path, help=argparse.SUPPRESS)
        command.add_argument("--report", type=Path, help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    sys.exit(main())
