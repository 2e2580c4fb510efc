"""What a run says while it goes on: typed events, and the file that keeps them, one JSON object a line."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from training.safe import PLAIN, Safe

METRICS = "metrics.jsonl"


@dataclass(frozen=True)
class StepDone:
    """An optimiser step; `loss` is the mean over its `label_tokens`. Times in seconds, memory in bytes."""

    step: int
    steps: int
    epoch: float
    loss: float
    rate: float
    gradient_norm: float
    label_tokens: int
    label_tokens_a_second: float
    memory: int
    seconds_left: float


@dataclass(frozen=True)
class Evaluated:
    """The mean loss over the label tokens of the held-out part; `best` if it was never lower."""

    step: int
    loss: float
    label_tokens: int
    best: bool
    samples: tuple[tuple[str, str], ...] = ()

    @property
    def perplexity(self) -> float:
        """e to the loss."""
        return math.exp(min(self.loss, 700.0))


@dataclass(frozen=True)
class Warned:
    """Something a person should know while the run goes on."""

    step: int
    text: str


Event = StepDone | Evaluated | Warned
_NAMES = {StepDone: "step", Evaluated: "evaluation", Warned: "warning"}


def as_line(event: Event) -> str:
    """One line of JSON; numbers that are none are null."""
    values = {name: _plain(value) for name, value in asdict(event).items()}
    if isinstance(event, Evaluated):
        values["perplexity"] = _plain(event.perplexity)
    return json.dumps({"kind": _NAMES[type(event)]} | values, ensure_ascii=False) + "\n"


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def read_metrics(folder: Path, safe: Safe = PLAIN) -> Iterator[dict[str, Any]]:
    """What a run has said so far; a line that a crash cut short is left out."""
    path = folder / METRICS
    if not path.exists():
        return
    for line in safe.lines(path):
        yield json.loads(line)


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        reason: "done", "early" (patience ran out) or "stopped" (it was asked to, and can be resumed).
        first_loss: held out, before the first step; None where nothing is held out.
        best_loss, best_step: the lowest held out, and after which step.
        best: the folder of the model that is to be used; None if the run stopped before there was one.
        epsilon, delta: of a private run, what the steps so far have cost each training document.
    """

    reason: Literal["done", "early", "stopped"]
    steps: int
    first_loss: float | None
    best_loss: float | None
    best_step: int
    best: Path | None
    epsilon: float | None = None
    delta: float | None = None


class Metrics:
    """Appends events to a run's file."""

    def __init__(self, folder: Path, step: int, safe: Safe = PLAIN) -> None:
        """Forget what was said after `step`: it will be said again."""
        kept = [line for line in read_metrics(folder, safe) if line["step"] <= step]
        lines = (json.dumps(line, ensure_ascii=False) for line in kept)
        self._file = safe.growing(folder / METRICS, lines)

    def write(self, event: Event) -> None:
        """Append one event; whole before the next begins."""
        self._file.append(as_line(event).removesuffix("\n"))
