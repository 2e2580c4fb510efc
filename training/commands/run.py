"""`run CONFIG.yaml --out DIR`: a training run in a new folder DIR/NAME."""

from __future__ import annotations

import argparse
import math
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.commands.console import DONE, STOPPED, Console
from training.config import TrainingConfig
from training.errors import BadConfigError
from training.progress import METRICS, Evaluated, Event, StepDone, Warned
from training.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

    from security.crypto.privacy import Budget
    from training.progress import Outcome

_EVERY_S = 5.0


def register(commands: Any) -> argparse.ArgumentParser:
    """Add the parser."""
    parser: argparse.ArgumentParser = commands.add_parser("run", help="train a model as a config says")
    parser.add_argument("config", type=Path, metavar="CONFIG.yaml")
    parser.add_argument("--out", type=Path, default=Path("runs"), help="where the run's folder is made")
    parser.add_argument("--name", help="the run's name, if not the config's")
    parser.add_argument(
        "--budget",
        type=Path,
        metavar="FILE",
        help="the privacy ledger that a private run is charged to; by default privacy.sqlite beside the set",
    )
    parser.set_defaults(run=run)
    return parser


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Begin a run and go through it."""
    from training import runs, trainer

    config = TrainingConfig.from_yaml(arguments.config, console.safe)
    if arguments.name:
        config = replace(config, name=arguments.name)
    world = World.join()
    safe = console.safe
    folder = runs.create(arguments.out, config, safe) if world.first else arguments.out / config.name
    world.wait()
    budget = _budget(arguments.budget, config)
    try:
        return follow(
            console,
            folder,
            lambda tell, stop: trainer.train(config, folder, tell, stop, budget=budget, safe=safe),
        )
    except BadConfigError:
        if budget is not None and world.first and not (folder / METRICS).exists():
            shutil.rmtree(folder)  # refused before it began: the name is free again
        raise


def _budget(path: Path | None, config: TrainingConfig) -> Budget | None:
    """The ledger of a private run."""
    if not config.privacy.on:
        return None
    from security.crypto.privacy import Budget
    from training.private import ledger_of

    return Budget(path or ledger_of(config))


def follow(
    console: Console,
    folder: Path,
    go: Callable[[Callable[[Event], None], Callable[[], bool]], Outcome],
) -> int:
    """Go through a run, saying how far it is; a stop is asked for by a signal and saves."""
    console.listen()
    said = 0.0

    def tell(event: Event) -> None:
        nonlocal said
        if isinstance(event, StepDone):
            console.tell(event.step, event.steps, f"step {event.step}", event.seconds_left)
            now = time.monotonic()
            if now - said >= _EVERY_S or event.step == event.steps:
                said = now
                console.say(f"step {event.step}/{event.steps}  {_pace(event)}{event.seconds_left:.0f} s left")
        elif isinstance(event, Evaluated):
            mark = "  (best so far)" if event.best else ""
            console.say(f"step {event.step}: held-out loss {event.loss:.4f}{mark}")
        elif isinstance(event, Warned):
            console.say(f"note: {event.text}")

    outcome = go(tell, console.stopping.is_set)
    world = World.join()
    world.leave()
    if not world.first:
        return STOPPED if outcome.reason == "stopped" else DONE
    result = {
        "folder": str(folder),
        "reason": outcome.reason,
        "steps": outcome.steps,
        "first_loss": outcome.first_loss,
        "best_loss": outcome.best_loss,
        "best_step": outcome.best_step,
        "best": str(outcome.best) if outcome.best else None,
    }
    if outcome.epsilon is not None:
        result |= {"epsilon": outcome.epsilon, "delta": outcome.delta}
    console.end(result, _in_words(outcome, folder))
    return STOPPED if outcome.reason == "stopped" else DONE


def _pace(event: StepDone) -> str:
    """What a private run doesn't tell is left out."""
    if math.isnan(event.loss):
        return ""
    return f"loss {event.loss:.4f}  {event.label_tokens_a_second:.0f} label tokens/s  "


def _in_words(outcome: Outcome, folder: Path) -> str:
    cost = ""
    if outcome.epsilon is not None:
        cost = (
            f" Each training document is protected with epsilon {outcome.epsilon:.2f} at delta "
            f"{outcome.delta:g}."
        )
    if outcome.reason == "stopped":
        advice = f"Go on with: python -m training resume {folder}"
        return f"Stopped and saved after step {outcome.steps}.{cost} {advice}"
    if outcome.first_loss is None or outcome.best_loss is None:
        return f"Done after {outcome.steps} steps. The model is in {outcome.best}.{cost}"
    change = outcome.best_loss / outcome.first_loss - 1
    return (
        f"Done after {outcome.steps} steps: held-out loss {outcome.first_loss:.4f} -> "
        f"{outcome.best_loss:.4f} ({change:+.1%}). The model is in {outcome.best}.{cost}"
    )
