"""Security from a shell: the lessons of the lab.

Exit codes: 0 done, 2 what was given can't be used or a run was stopped at its bounds.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from security.lab import commands
from security.lab.errors import LabError


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m security", description="Run, break and mend cryptography."
    )
    commands.add_parser(parser.add_subparsers(dest="command", required=True), dict)
    arguments = parser.parse_args(argv)
    try:
        code: int = arguments.run(arguments)
    except LabError as error:
        print(f"{arguments.command}: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    return code


if __name__ == "__main__":
    sys.exit(main())
