"""A federation beside what it is an answer to: all text in one place, and each hospital alone.

Everything begins with the same weights and is measured by the same sum of losses over all clients' held-out
parts. The central training makes as many optimiser steps as all clients of the federation together, a
client alone as many as it made in the federation. Nobody is poisoned here, and nothing is private: all text
is put together on this machine, so this is for sets of one's own.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from training.bases import load_base
from training.corpus.dataset import SPLITS, DataSet
from training.errors import BadConfigError
from training.federated import messages
from training.federated.client import ClientConfig
from training.federated.config import FederationConfig
from training.federated.folder import config_of, data_of, newest_round, training_of, weights_of
from training.federated.hospitals import Row, write_set
from training.federated.messages import Message
from training.federated.processes import run_all
from training.federated.records import read_rounds
from training.federated.server import federate
from training.federated.unpacked import is_packed, unpack
from training.federated.updates import added
from training.federated.worker import Task
from training.safe import PLAIN, Safe

COMPARISON = "comparison.json"
_FOLDER = "comparison"


@dataclass(frozen=True)
class Compared:
    """One way to train.

    Attributes:
        name: "before", "federated", "central" or "CLIENT alone".
        steps: optimiser steps, of all clients together.
        loss: held out, over all clients; None where nothing is held out.
        each: the same for every client's held-out part by itself; None where it isn't known.
    """

    name: str
    kind: Literal["before", "federated", "central", "alone"]
    steps: int
    loss: float | None
    each: tuple[float | None, ...]


def check(config: FederationConfig) -> None:
    """Return if a comparison can be made.

    Raises:
        BadConfigError: the training is private, so every further one would have to be paid for.
    """
    if config.privacy.on:
        raise BadConfigError(
            "A comparison trains on the same documents again without protection. Set privacy.target_epsilon "
            "to 0 to compare."
        )


def compare(
    folder: Path,
    on_done: Callable[[int, int, str], None] = lambda *_: None,
    stop: Callable[[], bool] = lambda: False,
    safe: Safe = PLAIN,
) -> list[Compared]:
    """Train and measure what a federation that is done is compared with; also kept in comparison.json.

    Args:
        folder: of the federation; it is finished first if it isn't.
        on_done: told (done, total, what).
        stop: asked again and again.
        safe: opens the clients' sets, and seals them where they are put together.

    Raises:
        BadConfigError: the training is private.
        StoppedError: `stop` said so.
        TrainingError: as `federate`.
    """
    folder = folder.absolute()
    config = config_of(folder)
    check(config)
    if newest_round(folder) != config.rounds:
        federate(folder, stop=stop, safe=safe)
    place = folder / _FOLDER
    shutil.rmtree(place, ignore_errors=True)
    try:
        others = _Others(config, folder, place, stop, safe)
        trained = others.train(on_done)
        rows = others.rows(trained, on_done)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    (folder / COMPARISON).write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n", "utf-8")
    return rows


class _Others:
    """Trains and measures."""

    def __init__(
        self, config: FederationConfig, folder: Path, place: Path, stop: Callable[[], bool], safe: Safe
    ) -> None:
        self._config, self._folder, self._place, self._stop = config, folder, place, stop
        self._safe = safe
        self._sets = [data_of(config, folder, number) for number in range(1, config.size + 1)]
        self._training, self._labels = training_of(folder)
        if is_packed(self._training):
            base = unpack(load_base(self._training, self._labels), place / "base")
            self._training = replace(self._training, base=base)
        self._start = messages.read(weights_of(folder, 0)).tensors
        self._total = config.size + 1 + (config.size + 1) * config.size
        self._done = 0

    def train(self, on_done: Callable[[int, int, str], None]) -> dict[str, int]:
        """The steps that each made, by name; the weights lie beside."""
        pooled = [DataSet.open(folder, self._safe) for folder in self._sets]
        whole = self._place / "data"
        together = {split: _together(pooled, split) for split in SPLITS}
        write_set(whole, "all", pooled[0].kind, together, self._safe)
        tasks = {"central": self._task("train", "central", whole, self._config.size)}
        for name, data in zip(self._config.names, self._sets, strict=True):
            tasks[f"{name} alone"] = self._task("train", f"{name} alone", data, 1)
        self._run(tasks, on_done)
        steps = {}
        for name, task in tasks.items():
            update = messages.to_update(messages.read(Path(task.reply)))
            messages.write(self._weights(name), Message(added(self._start, update.delta)))
            steps[name] = int(update.metrics["steps"] or 0)
        return steps

    def rows(self, trained: dict[str, int], on_done: Callable[[int, int, str], None]) -> list[Compared]:
        """The table."""
        rounds = list(read_rounds(self._folder))
        together = sum(steps for name, steps in trained.items() if name != "central")
        rows = [
            Compared(kind, kind, steps, one.loss, tuple(client.held_out_loss for client in one.clients))  # type: ignore[arg-type]
            for kind, steps, one in (("before", 0, rounds[0]), ("federated", together, rounds[-1]))
        ]
        for name, steps in trained.items():
            kind: Literal["central", "alone"] = "central" if name == "central" else "alone"
            rows.append(Compared(name, kind, steps, *self._measured(name, on_done)))
        return rows

    def _measured(
        self, name: str, on_done: Callable[[int, int, str], None]
    ) -> tuple[float | None, tuple[float | None, ...]]:
        tasks = {
            client: self._task("held-out", client, data, 1, self._weights(name))
            for client, data in zip(self._config.names, self._sets, strict=True)
        }
        self._run(tasks, on_done)
        found = [messages.read(Path(task.reply)).values for task in tasks.values()]
        labels = sum(int(one["labels"]) for one in found)
        each = tuple(one["loss"] / one["labels"] if one["labels"] else None for one in found)
        return (sum(one["loss"] for one in found) / labels if labels else None), each

    def _run(self, tasks: dict[str, Task], on_done: Callable[[int, int, str], None]) -> None:
        def done(name: str) -> None:
            self._done += 1
            on_done(self._done, self._total, name)

        run_all(tasks, self._config.at_once, done, self._stop, self._safe)

    def _weights(self, name: str) -> Path:
        return self._place / f"{name.replace(' ', '-')}.safetensors"

    def _task(self, kind: str, name: str, data: Path, times: int, weights: Path | None = None) -> Task:
        config, place = self._config, self._place / name.replace(" ", "-")
        steps = config.rounds * config.local_steps * times
        run = replace(self._training, dataset=str(data), max_steps=steps)
        client = ClientConfig(
            run, self._labels, str(place), steps=steps, epochs=config.rounds * config.local_epochs
        )
        return Task(
            kind=kind,
            data=str(data),
            client=asdict(client),
            reply=str(place.with_suffix(".reply")),
            error=str(place.with_suffix(".error")),
            weights=str(weights or weights_of(self._folder, 0)),
            threads=max(1, (os.cpu_count() or 1) // config.at_once),
        )


def _together(sets: Sequence[DataSet], split: str) -> Iterator[Row]:
    for one in sets:
        yield from one.rows(split)
