"""Security from a shell: the lessons of the lab, the audit trail, and the vault's keys and backups.

Exit codes: 0 done, 1 the trail is not intact, 2 what was given can't be used or a run was stopped at its
bounds.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from security.accounts import commands as trail
from security.accounts import vault_commands as vault
from security.accounts.errors import AccountsError
from security.crypto.errors import CryptoError
from security.lab import commands
from security.lab.errors import LabError

if TYPE_CHECKING:
    from assistant.pipeline import Assistant


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m security", description="Run, break and mend cryptography."
    )
    with contextlib.ExitStack() as models:
        added = parser.add_subparsers(dest="command", required=True)
        commands.add_parser(added, functools.partial(_tools, models))
        trail.add_parser(added)
        vault.add_parser(added)
        arguments = parser.parse_args(argv)
        try:
            code: int = arguments.run(arguments)
        except (LabError, AccountsError, CryptoError) as error:
            print(f"{arguments.command}: {error}", file=sys.stderr)
            return 2
        except BrokenPipeError:
            sys.stderr.close()
            return 0
        return code


def _tools(models: contextlib.ExitStack) -> Mapping[str, Any]:
    """What runs may need; the assistant is loaded at its first answer, and freed with `models`."""
    from security.tools import lab_tools

    @functools.cache
    def assistant() -> Assistant:
        from assistant.build import load_assistant

        loaded = load_assistant()
        models.callback(loaded.engine.close)
        return loaded

    return lab_tools(assistant)


if __name__ == "__main__":
    sys.exit(main())
