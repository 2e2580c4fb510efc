"""The server's work: hand out weights, put the clients' updates together, and keep a record of every round.

It goes on from the last whole round: what clients were doing is done again. A held-out loss is measured by
the clients, each on its own text, and added up; with `secure` the server sees that sum alone, too. Where a
client is missing the round ends with an error that names it, and can be done again.
"""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from security.crypto.errors import CryptoError
from training import runs
from training.errors import RunError
from training.federated import messages, secure
from training.federated.charges import charge_source, ledger_of_client
from training.federated.client import ClientConfig
from training.federated.folder import (
    DATA,
    EXCHANGE,
    config_of,
    data_of,
    newest_round,
    place_of,
    remember_sets,
    remember_training,
    weights_of,
)
from training.federated.messages import Message
from training.federated.processes import StoppedError, run_all
from training.federated.records import ClientDone, ClientRecord, Event, RoundDone, read_rounds, write_round
from training.federated.rules import aggregate
from training.federated.unpacked import is_packed, unpack
from training.federated.updates import length_of, moved
from training.federated.worker import Task
from training.progress import METRICS, Evaluated, as_line
from training.safe import PLAIN, Safe

if TYPE_CHECKING:
    import torch

OnEvent = Callable[[Event], None]


@dataclass(frozen=True)
class Outcome:
    """How a federation ended.

    Attributes:
        reason: "done", or "stopped" (it was asked to, and can go on).
        rounds: that are whole.
        first_loss, best_loss, best_round: held out, over all clients; None where nothing is held out.
        best: the folder of the model that is to be used; None if it stopped before there was one.
        epsilon: the most that any document has cost; None if the training isn't private.
    """

    reason: Literal["done", "stopped"]
    rounds: int
    first_loss: float | None
    best_loss: float | None
    best_round: int
    best: Path | None
    epsilon: float | None = None


def federate(
    folder: Path,
    on_event: OnEvent = lambda _: None,
    stop: Callable[[], bool] = lambda: False,
    ledger: Path | None = None,
    safe: Safe = PLAIN,
) -> Outcome:
    """Begin the federation in `folder`, which `create` made, or go on from its last whole round.

    Args:
        folder: of the federation.
        on_event: told every event.
        stop: asked again and again; what clients are doing is then given up.
        ledger: the privacy budget that private training is charged to, if not those beside the sets.
        safe: opens the clients' sets; the server reads none.

    Raises:
        BadConfigError, BadDataError: base or data can't be used as the config says.
        RunError: a client fails, something has changed since it began, or it can't go on.
    """
    return _Federation(folder.absolute(), on_event, stop, ledger, safe).go()


class _Federation:
    """The server in this process."""

    def __init__(
        self, folder: Path, on_event: OnEvent, stop: Callable[[], bool], ledger: Path | None, safe: Safe
    ) -> None:
        self._safe = safe
        self._config = config_of(folder)
        self._folder, self._on_event, self._stop, self._ledger = folder, on_event, stop, ledger
        self._names = self._config.names
        self._training = self._config.training(str(folder / DATA))
        self._base = self._training.base
        self._labels: tuple[str, ...] = ()
        self._keys: tuple[str, ...] = ()
        self._hashes: list[str] = []
        self._tasks_done = 0

    def go(self) -> Outcome:
        try:
            self._join()
            number = self._begin()
            self._measure(number)
            while number < self._config.rounds:
                number += 1
                self._train(number)
                self._measure(number)
            self._ask("leave", number)
        except StoppedError:
            return self._outcome("stopped")
        except CryptoError as error:
            raise RunError(str(error)) from error
        finally:
            shutil.rmtree(self._folder / EXCHANGE, ignore_errors=True)
        return self._outcome("done")

    # The parts of a federation, in their order.

    def _join(self) -> None:
        """Meet the clients, and see that they fit each other and are those of the beginning."""
        self._keys = ()
        found = self._ask("join", 0, context="keys" if self._config.secure else "")
        told = [message.values for message in found]
        remember_sets(self._config, self._folder, told)
        labels = {label for one in told for label in one["labels"]}
        self._labels = tuple(sorted(labels, key=lambda label: (label != "O", label)))
        self._keys = tuple(one["key"] for one in told)
        self._hashes = [one["hash"] for one in told]

    def _begin(self) -> int:
        """Load the base and the newest weights; returns their round."""
        from training import bases, methods

        run = self._training
        base = bases.load_base(run, self._labels)
        longest = getattr(base.model.config, "max_position_embeddings", None) or run.context
        self._training = replace(run, context=min(run.context, int(longest)))
        remember_training(self._folder, self._training, self._labels)
        if is_packed(run):
            self._base = unpack(base, self._folder / EXCHANGE / "base")
        device = methods.choose_device()
        dtype = methods.choose_precision(run, device)
        self._model, self._tokenizer = methods.make_trainable(base, run, device, dtype), base.tokenizer
        if run.privacy.on and self._config.split.dataset:
            promises = [message.values for message in self._ask("promise", 0)]
            charge_source(self._config, self._folder, promises, self._hashes, self._ledger)
        newest = newest_round(self._folder)
        if newest is None:
            weights = {name: one.detach() for name, one in methods.moving(self._model).items()}
            messages.write(weights_of(self._folder, 0), Message(weights, {"seconds": 0.0, "norm": 0.0}))
            return 0
        self._tasks_done = newest * 2 * len(self._names)
        return newest

    def _train(self, number: int) -> None:
        """One round: every client's update, put together, on the disk."""
        began = time.monotonic()
        weights = messages.read(weights_of(self._folder, number - 1)).tensors
        context = self._session(number, "update")
        found = self._ask("train", number, number - 1, context)
        if context:
            parties = [bytes.fromhex(key) for key in self._keys]
            masked = [messages.to_masked(message) for message in found]
            after = secure.secure_mean(weights, masked, parties, context)
            told = [{"epsilon": message.values["epsilon"]} for message in found]
        else:
            updates = [messages.to_update(message) for message in found]
            combined = aggregate(weights, updates, self._config.aggregation)
            after = combined.weights
            told = [
                {
                    "examples": update.examples,
                    "norm": length_of(update.delta),
                    "left_out": index in combined.left_out,
                    "loss": update.metrics["loss"],
                    "epsilon": update.metrics["epsilon"],
                }
                for index, update in enumerate(updates)
            ]
        self._check(number, after)
        values = {
            "seconds": time.monotonic() - began,
            "norm": length_of(moved(after, weights)),
            "clients": told,
        }
        messages.write(weights_of(self._folder, number), Message(after, values))
        for old in range(1, number - 1):  # the first stays: a comparison begins with it
            weights_of(self._folder, old).unlink(missing_ok=True)

    def _check(self, number: int, weights: dict[str, torch.Tensor]) -> None:
        if not all(bool(one.isfinite().all()) for one in weights.values()):
            raise RunError(
                f"Round {number} gave weights that are no numbers, so it doesn't count. Take a rule that "
                "withstands poisoned clients, or lower optimiser.rate."
            )

    def _measure(self, number: int) -> None:
        """The record of a round whose weights are on the disk."""
        before = [one for one in read_rounds(self._folder) if one.round < number]
        if any(one.round == number for one in read_rounds(self._folder)):
            return
        message = messages.read(weights_of(self._folder, number))
        loss, labels, each = self._held_out(number)
        told = message.values.get("clients") or [{} for _ in self._names]
        clients = tuple(
            ClientRecord(
                name=name,
                held_out_loss=held_out,
                poisoned=at in self._config.poison.clients,
                **values,
            )
            for at, (name, held_out, values) in enumerate(zip(self._names, each, told, strict=True), start=1)
        )
        spent = [one.epsilon for one in clients if one.epsilon is not None]
        record = RoundDone(
            round=number,
            rounds=self._config.rounds,
            loss=loss,
            label_tokens=labels,
            best=number > 0 and self._is_best(loss, before),
            norm=message.values["norm"],
            epsilon=max(spent) if spent else None,
            seconds=message.values["seconds"],
            clients=clients,
        )
        if record.best:
            self._save_best(message.tensors)
        write_round(self._folder, record)
        self._write_metrics()
        self._on_event(record)

    def _held_out(self, number: int) -> tuple[float | None, int, list[float | None]]:
        """Loss and label tokens over all clients, and each one's loss where it may be known."""
        context = self._session(number, "held-out")
        found = self._ask("held-out", number, number, context)
        if context:
            parties = [bytes.fromhex(key) for key in self._keys]
            total, labels = secure.sums([messages.to_masked(one) for one in found], parties, context)
            each: list[float | None] = [None] * len(found)
        else:
            sums = [(float(one.values["loss"]), int(one.values["labels"])) for one in found]
            total, labels = (sum(column) for column in zip(*sums, strict=True))
            each = [loss / count if count else None for loss, count in sums]
        return total / labels if labels else None, int(labels), each

    def _is_best(self, loss: float | None, before: Iterable[RoundDone]) -> bool:
        """The last counts as the best where nothing may or can choose: a held-out loss is not private."""
        if loss is None or self._config.privacy.on:
            return True
        return all(loss < one.loss for one in before if one.round > 0 and one.loss is not None)

    def _save_best(self, weights: dict[str, torch.Tensor]) -> None:
        import torch

        from training import methods

        with torch.no_grad():
            for name, one in methods.moving(self._model).items():
                one.copy_(weights[name])
        runs.recover_best(self._folder)
        runs.save_best(self._folder, self._model, self._tokenizer, self._labels)

    def _write_metrics(self) -> None:
        """As a run tells it; a round is a step."""
        lines = [
            as_line(Evaluated(one.round, one.loss, one.label_tokens, one.best))
            for one in read_rounds(self._folder)
            if one.loss is not None
        ]
        part = self._folder / f".{METRICS}.part"
        part.write_text("".join(lines), "utf-8")
        part.replace(self._folder / METRICS)

    def _outcome(self, reason: Literal["done", "stopped"]) -> Outcome:
        found = list(read_rounds(self._folder))
        losses = [(one.loss, one.round) for one in found if one.best and one.loss is not None]
        best = self._folder / runs.BEST
        return Outcome(
            reason=reason,
            rounds=found[-1].round if found else 0,
            first_loss=found[0].loss if found else None,
            best_loss=losses[-1][0] if losses else None,
            best_round=losses[-1][1] if losses else 0,
            best=best if best.exists() else None,
            epsilon=found[-1].epsilon if found else None,
        )

    # Asking the clients.

    def _session(self, number: int, what: str) -> str:
        """A name that no other sum has, also not of the same round done again; "" without secure sums."""
        return f"round {number} {what} {secrets.token_hex(16)}" if self._config.secure else ""

    def _ask(self, kind: str, number: int, weights: int | None = None, context: str = "") -> list[Message]:
        """The replies of all clients, in their order."""
        total = 2 * len(self._names) * (self._config.rounds + 1)
        tasks = {
            name: self._task(kind, at, number, weights, context)
            for at, name in enumerate(self._names, start=1)
        }

        def done(name: str) -> None:
            self._tasks_done = min(self._tasks_done + 1, total)
            self._on_event(ClientDone(number, name, kind, self._tasks_done, total))

        run_all(tasks, self._config.at_once, done, self._stop, self._safe)
        return [messages.read(Path(task.reply)) for task in tasks.values()]

    def _task(self, kind: str, at: int, number: int, weights: int | None, context: str) -> Task:
        name = self._names[at - 1]
        place = self._folder / EXCHANGE / name
        data = data_of(self._config, self._folder, at)
        client = ClientConfig(
            training=replace(self._training, dataset=str(data), base=self._base),
            labels=self._labels,
            folder=str(place_of(self._config, self._folder, at)),
            round=max(number, 1),
            steps=self._config.local_steps,
            epochs=self._config.local_epochs,
            mu=self._config.mu if self._config.algorithm == "fedprox" else 0.0,
            poison=self._config.poison if at in self._config.poison.clients else None,
            ledger=ledger_of_client(self._config, self._folder, at, self._ledger),
        )
        return Task(
            kind=kind,
            data=str(data),
            client=asdict(client),
            reply=str(place.with_suffix(".reply")),
            error=str(place.with_suffix(".error")),
            weights="" if weights is None else str(weights_of(self._folder, weights)),
            parties=self._keys if context else (),
            context=context,
            threads=max(1, (os.cpu_count() or 1) // self._config.at_once),
        )
