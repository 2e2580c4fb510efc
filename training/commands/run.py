"""`run CONFIG.yaml --out DIR`: a training run in a new folder DIR/NAME."""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.commands.console import DONE, STOPPED, Console
from training.config import TrainingConfig
from training.progress import Evaluated, Event, StepDone, Warned

if TYPE_CHECKING:
    from collections.abc import Callable

    from training.trainer import Outcome

_EVERY_S = 5.0


def register(commands: Any) -> argparse.ArgumentParser:
    """Add the parser."""
    parser: argparse.ArgumentParser = commands.add_parser("run", help="train a model as a config says")
    parser.add_argument("config", type=Path, metavar="CONFIG.yaml")
    parser.add_argument("--out", type=Path, default=Path("runs"), help="where the run's folder is made")
    parser.add_argument("--name", help="the run's name, if not the config's")
    parser.set_defaults(run=run)
    return parser


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Begin a run and go through it."""
    from training import runs, trainer

    config = TrainingConfig.from_yaml(arguments.config)
    if arguments.name:
        config = replace(config, name=arguments.name)
    folder = runs.create(arguments.out, config)
    return follow(console, folder, lambda tell, stop: trainer.train(config, folder, tell, stop))


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
                console.say(
                    f"step {event.step}/{event.steps}  loss {event.loss:.4f}  "
                    f"{event.label_tokens_a_second:.0f} label tokens/s  {event.seconds_left:.0f} s left"
                )
        elif isinstance(event, Evaluated):
            mark = "  (best so far)" if event.best else ""
            console.say(f"step {event.step}: held-out loss {event.loss:.4f}{mark}")
        elif isinstance(event, Warned):
            console.say(f"note: {event.text}")

    outcome = go(tell, console.stopping.is_set)
    result = {
        "folder": str(folder),
        "reason": outcome.reason,
        "steps": outcome.steps,
        "first_loss": outcome.first_loss,
        "best_loss": outcome.best_loss,
        "best_step": outcome.best_step,
        "best": str(outcome.best) if outcome.best else None,
    }
    console.end(result, _in_words(outcome, folder))
    return STOPPED if outcome.reason == "stopped" else DONE


def _in_words(outcome: Outcome, folder: Path) -> str:
    if outcome.reason == "stopped":
        return f"Stopped and saved after step {outcome.steps}. Go on with: python -m training resume {folder}"
    if outcome.first_loss is None or outcome.best_loss is None:
        return f"Done after {outcome.steps} steps. The model is in {outcome.best}."
    change = outcome.best_loss / outcome.first_loss - 1
    return (
        f"Done after {outcome.steps} steps: held-out loss {outcome.first_loss:.4f} -> "
        f"{outcome.best_loss:.4f} ({change:+.1%}). The model is in {outcome.best}."
    )
