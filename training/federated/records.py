"""What a federation says while it goes on: typed events, and a line a round in rounds.jsonl."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROUNDS = "rounds.jsonl"


@dataclass(frozen=True)
class ClientRecord:
    """One client in one round; None is what the server isn't told, or what round 0 doesn't have.

    Attributes:
        examples: that it trained on.
        loss: its mean training loss in the round.
        held_out_loss: of the weights after the round, on its own held-out documents.
        norm: length of its update.
        left_out: whether the rule left its update out.
        epsilon: what each of its documents has cost so far.
        poisoned: whether the config makes it do harm.
    """

    name: str
    examples: int | None = None
    loss: float | None = None
    held_out_loss: float | None = None
    norm: float | None = None
    left_out: bool = False
    epsilon: float | None = None
    poisoned: bool = False


@dataclass(frozen=True)
class RoundDone:
    """A round; 0 is what the federation began with.

    Attributes:
        loss: over all clients' held-out label tokens; None where nothing is held out.
        label_tokens: how many those are.
        best: whether it was never lower.
        norm: how far the weights moved in the round.
        epsilon: the most that any document has cost so far; None if the training isn't private.
        seconds: that the round took.
    """

    round: int
    rounds: int
    loss: float | None
    label_tokens: int
    best: bool
    norm: float
    epsilon: float | None
    seconds: float
    clients: tuple[ClientRecord, ...]


@dataclass(frozen=True)
class ClientDone:
    """A client has done a task; `done` of `total` tasks of the whole federation."""

    round: int
    name: str
    task: str
    done: int
    total: int


Event = RoundDone | ClientDone


def as_line(record: RoundDone) -> str:
    """One line of JSON; numbers that are none are null."""
    return json.dumps(_plain(asdict(record)), ensure_ascii=False) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def read_rounds(folder: Path) -> Iterator[RoundDone]:
    """The rounds so far; a line that a crash cut short is left out."""
    path = folder / ROUNDS
    if not path.exists():
        return
    with path.open(encoding="utf-8") as stream:
        for line in stream:
            if line.endswith("\n"):
                held = json.loads(line)
                yield RoundDone(**held | {"clients": tuple(ClientRecord(**one) for one in held["clients"])})


def write_round(folder: Path, record: RoundDone) -> None:
    """Append a round, in the place of one of the same number and whatever came after."""
    kept = [as_line(one) for one in read_rounds(folder) if one.round < record.round]
    part = folder / f".{ROUNDS}.part"
    part.write_text("".join([*kept, as_line(record)]), "utf-8")
    part.replace(folder / ROUNDS)
