"""`federate CONFIG.yaml --out DIR`: a federation in a new folder DIR/NAME, from its last whole round on."""

from __future__ import annotations

import argparse
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.commands.console import DONE, STOPPED, Console
from training.errors import BadConfigError, BadDataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from training.federated.compare import Compared
    from training.federated.config import FederationConfig
    from training.federated.records import Event, RoundDone
    from training.federated.server import Outcome


def register(commands: Any) -> argparse.ArgumentParser:
    """Add the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "federate", help="train one model with several hospitals, each with its own text"
    )
    parser.add_argument("config", type=Path, metavar="CONFIG.yaml")
    parser.add_argument("--out", type=Path, default=Path("federations"), help="where its folder is made")
    parser.add_argument("--name", help="the federation's name, if not the config's")
    parser.add_argument("--resume", action="store_true", help="go on with the federation of this name")
    parser.add_argument(
        "--compare", action="store_true", help="then train on all text together, and each client alone"
    )
    parser.add_argument(
        "--budget",
        type=Path,
        metavar="FILE",
        help="the privacy ledger to charge; by default privacy.sqlite beside each set",
    )
    parser.set_defaults(run=run)
    return parser


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Go through a federation."""
    from training.federated import compare as comparing
    from training.federated import folder as places
    from training.federated.config import FederationConfig
    from training.federated.processes import StoppedError
    from training.federated.server import federate

    config = FederationConfig.from_yaml(arguments.config, console.safe)
    if arguments.name:
        config = FederationConfig.from_dict(config.to_dict() | {"name": arguments.name})
    if arguments.compare:
        comparing.check(config)
    folder = (
        _folder(arguments, config) if arguments.resume else places.create(arguments.out, config, console.safe)
    )
    console.listen()

    def tell(event: Event) -> None:
        _say(console, event)

    try:
        outcome = federate(folder, tell, console.stopping.is_set, arguments.budget, console.safe)
    except (BadConfigError, BadDataError):
        if places.newest_round(folder) is None:
            shutil.rmtree(folder)  # refused before it began: the name is free again
        raise
    result = _result(outcome, folder)
    text = _in_words(outcome, folder)
    if outcome.reason == "done" and arguments.compare:
        console.say(text)
        try:
            rows = comparing.compare(
                folder,
                lambda done, total, what: console.tell(done, total, f"comparison: {what}"),
                console.stopping.is_set,
                console.safe,
            )
        except StoppedError:
            console.fail("The comparison was stopped; the federation is done.")
            return STOPPED
        result["comparison"], text = [asdict(row) for row in rows], _table(rows)
    console.end(result, text)
    return STOPPED if outcome.reason == "stopped" else DONE


def _folder(arguments: argparse.Namespace, config: FederationConfig) -> Path:
    from training.federated.folder import config_of

    folder: Path = arguments.out / config.name
    if config_of(folder) != config:
        raise BadConfigError(
            f"The config {arguments.config} is not the one that the federation {config.name} began with. "
            f"Give that one ({folder / 'federation.yaml'}), or another name."
        )
    return folder


def _say(console: Console, event: Event) -> None:
    from training.federated.records import RoundDone

    if isinstance(event, RoundDone):
        console.say(_round(event))
    else:
        console.tell(event.done, event.total, f"round {event.round}: {event.task}, {event.name}")


def _round(event: RoundDone) -> str:
    loss = "nothing is held out" if event.loss is None else f"held-out loss {event.loss:.4f}"
    left = [client.name for client in event.clients if client.left_out]
    notes = ["(best so far)"] if event.best and event.loss is not None else []
    notes += [f"left out: {', '.join(left)}"] if left else []
    notes += [] if event.epsilon is None else [f"epsilon {event.epsilon:.2f}"]
    return "  ".join([f"round {event.round}/{event.rounds}: {loss}", *notes])


def _result(outcome: Outcome, folder: Path) -> dict[str, Any]:
    values = asdict(outcome) | {"best": str(outcome.best) if outcome.best else None}
    return {"folder": str(folder)} | values


def _in_words(outcome: Outcome, folder: Path) -> str:
    if outcome.reason == "stopped":
        return f"Stopped after round {outcome.rounds} in {folder}. Go on with: --resume"
    if outcome.first_loss is None or outcome.best_loss is None:
        return f"Done after {outcome.rounds} rounds. The model is in {outcome.best}."
    change = outcome.best_loss / outcome.first_loss - 1
    return (
        f"Done after {outcome.rounds} rounds: held-out loss {outcome.first_loss:.4f} -> "
        f"{outcome.best_loss:.4f} ({change:+.1%}). The model is in {outcome.best}."
    )


def _table(rows: Sequence[Compared]) -> str:
    lines = [f"{'':<18}{'steps':>8}  {'held-out loss':>13}"]
    for row in rows:
        loss = "-" if row.loss is None else f"{row.loss:.4f}"
        lines.append(f"{row.name:<18}{row.steps:>8}  {loss:>13}")
    return "\n".join(lines)
