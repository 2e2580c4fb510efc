"""`budget SET`: what private runs have spent of a data set's privacy, and what they may spend in all."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from training.commands.console import DONE, Console
from training.errors import BadConfigError


def register(commands: Any) -> argparse.ArgumentParser:
    """Add the parser."""
    parser: argparse.ArgumentParser = commands.add_parser("budget", help="the privacy budget of a data set")
    parser.add_argument("set", type=Path, metavar="SET", help="a prepared set")
    parser.add_argument("--allow", type=float, metavar="EPSILON", help="what may be spent in all from now on")
    parser.add_argument("--delta", type=float, help="at which delta; by default as before")
    parser.add_argument(
        "--budget", type=Path, metavar="FILE", help="the ledger, if not the one beside the set"
    )
    parser.set_defaults(run=run)
    return parser


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Show, or allow and show."""
    from security.crypto.errors import CryptoError
    from security.crypto.privacy import Budget, total_epsilon
    from training.corpus.dataset import DataSet
    from training.private import LEDGER

    data = DataSet.open(arguments.set, console.safe).hash
    try:
        budget = Budget(arguments.budget or arguments.set.absolute().parent / LEDGER)
        before = budget.allowance(data)
        if arguments.allow is not None or arguments.delta is not None:
            epsilon = before.epsilon if arguments.allow is None else arguments.allow
            budget.allow(data, epsilon, arguments.delta or before.delta)
        allowed, spent, left = budget.allowance(data), budget.spent(data), budget.left(data)
        entries = [
            {
                "time": entry.time.isoformat(),
                "what": entry.what,
                "epsilon": total_epsilon([entry.mechanism], allowed.delta),
            }
            for entry in budget.entries(data)
        ]
    except CryptoError as error:
        raise BadConfigError(str(error)) from error
    lines = [f"{entry['time']}  epsilon {entry['epsilon']:.2f}  {entry['what']}" for entry in entries]
    lines.append(
        f"Epsilon {spent:.2f} of {allowed.epsilon:g} is spent at delta {allowed.delta:g}; at least "
        f"{left:.2f} is left."
    )
    result = {"data": data, "allowed": allowed.epsilon, "delta": allowed.delta, "spent": spent, "left": left}
    console.end(result | {"entries": entries}, "\n".join(lines))
    return DONE
