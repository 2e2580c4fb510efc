"""A client's work: train the weights it is given on its own text, and measure them on what it holds out.

Plain functions that know nothing of other clients or of how weights travel; a Flower client can call them.
The loop is the trainer's step by step (same plan, batches, loss, optimiser and rate), but it begins with
weights that others made and ends after the round's steps. A hospital keeps its optimiser's moments from
round to round in its own folder; they never leave it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training import optimiser
from training.config import TrainingConfig
from training.errors import BadConfigError, RunError
from training.federated.config import PoisonSettings
from training.federated.poison import spoiled_delta, spoiled_examples
from training.federated.updates import Update, moved
from training.watch import Health

if TYPE_CHECKING:
    from training.batches import Batch, Plan
    from training.examples import Rows
    from training.federated.updates import Weights
    from training.private import Guarantee, Private

_MOMENTS = "moments-{}.safetensors"


@dataclass(frozen=True)
class ClientConfig:
    """What a client is told for one round.

    Attributes:
        training: its whole training over all rounds, as a run; its `context` fits the base.
        labels: of all clients together.
        folder: the client's own place; nobody else looks into it.
        round: from 1.
        steps: of a round; 0 means `epochs` passes instead.
        mu: how strongly it is pulled back to the weights that it got; 0 is FedAvg.
        poison: what it does wrong, if it does.
        ledger: the privacy budget that it is charged to; by default the one beside its set.
    """

    training: TrainingConfig
    labels: tuple[str, ...]
    folder: str
    round: int = 1
    steps: int = 0
    epochs: int = 1
    mu: float = 0.0
    poison: PoisonSettings | None = None
    ledger: str = ""

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ClientConfig:
        """From what `dataclasses.asdict` made of one, through JSON or not."""
        poison = values["poison"]
        return cls(
            **dict(values)
            | {
                "training": TrainingConfig.from_dict(values["training"]),
                "labels": tuple(values["labels"]),
                "poison": PoisonSettings(**poison | {"clients": ()}) if poison else None,
            }
        )


@dataclass(frozen=True)
class HeldOut:
    """The loss summed over `labels` label tokens."""

    loss: float
    labels: int


def client_round(weights: Weights, config: ClientConfig, data: Rows) -> Update:
    """Train for one round, beginning with `weights`.

    Raises:
        BadConfigError, BadDataError: base or data can't be used as the config says.
        RunError: the training broke down.
    """
    work = _Work(config, data, weights)
    losses = work.train()
    delta = moved({name: one.detach() for name, one in work.weights.items()}, weights)
    if config.poison is not None:
        delta = spoiled_delta(delta, config.poison.kind, config.poison.strength)
    finite = [loss for loss in losses if math.isfinite(loss)]
    loss = sum(finite) / len(finite) if finite else None
    return Update(delta, work.examples, {"loss": loss, "epsilon": work.epsilon, "steps": len(losses)})


def held_out(weights: Weights, config: ClientConfig, data: Rows) -> HeldOut:
    """Measure `weights` on the client's held-out documents.

    Raises:
        BadConfigError, BadDataError: base or data can't be used as the config says.
    """
    import torch

    from training.examples import encode

    tools = _Tools(config, weights)
    run = config.training
    found = encode(data, "held_out", run, tools.tokenizer, config.labels).examples
    tools.model.eval()
    loss, labels = 0.0, 0
    with torch.no_grad():
        for batch in tools.collator.held_out(found):
            loss += tools.objective.loss_sum(batch).item()
            labels += batch.labels
    return HeldOut(loss, labels)


def guarantee(config: ClientConfig, data: Rows) -> Guarantee:
    """What private training is going to cost each of the client's documents; nothing is drawn or charged.

    Raises:
        BadConfigError, BadDataError: as `client_round`.
    """
    from training import bases
    from training.examples import encode

    tokenizer = bases.load_base(config.training, config.labels).tokenizer
    found = encode(data, "train", config.training, tokenizer, config.labels).examples
    return _private(config, data, tokenizer, len(found)).guarantee


def leave(folder: Path) -> None:
    """The federation is over: what only more rounds would need goes."""
    from training.private import SECRET

    (folder / SECRET).unlink(missing_ok=True)
    for path in folder.glob(_MOMENTS.format("*")):
        path.unlink()


class _Tools:
    """The model with the weights that came, and what computes its loss."""

    def __init__(self, config: ClientConfig, weights: Weights) -> None:
        import torch

        from training import bases, methods
        from training.batches import Collator
        from training.objective import Objective

        run = config.training
        base = bases.load_base(run, config.labels)
        device = methods.choose_device()
        dtype = methods.choose_precision(run, device)
        self.tokenizer = base.tokenizer
        self.model = methods.make_trainable(base, run, device, dtype)
        self.collator = Collator(run, base.tokenizer, device)
        self.objective = Objective(self.model, run.task, dtype)
        self.weights = methods.moving(self.model)
        if {name: one.shape for name, one in self.weights.items()} != {
            n: o.shape for n, o in weights.items()
        }:
            raise RunError("The weights that came are of another model: their names or shapes differ.")
        with torch.no_grad():
            for name, one in self.weights.items():
                one.copy_(weights[name])


class _Work(_Tools):
    """One round of training."""

    def __init__(self, config: ClientConfig, data: Rows, weights: Weights) -> None:
        from training.batches import Plan
        from training.examples import encode

        super().__init__(config, weights)
        run = config.training
        self._config, self._start = config, weights
        found = encode(data, "train", run, self.tokenizer, config.labels).examples
        self.examples = len(found)
        self._examples = list(found)
        if config.poison is not None and config.poison.kind == "label-noise":
            classes = len(config.labels) or len(self.tokenizer)
            self._examples = spoiled_examples(found, classes, config.poison.strength, run.seed)
        self._private = _private(config, data, self.tokenizer, len(found)) if run.privacy.on else None
        self._plan: Plan | Private = self._private or Plan([len(one.ids) for one in found], run)
        self._count = config.steps or config.epochs * self._plan.steps_in_epoch
        self._first = (config.round - 1) * self._count
        self._steps = run.max_steps or run.epochs * self._plan.steps_in_epoch
        self._optimiser = optimiser.build(self.weights, run.optimiser)
        self._restore()

    @property
    def epsilon(self) -> float | None:
        """What the rounds so far cost each document, if the training is private."""
        return None if self._private is None else self._private.epsilon_after(self._first + self._count)

    def train(self) -> list[float]:
        """The mean loss over the label tokens of each step; NaN where a private run doesn't tell."""
        import numpy as np
        import torch

        seed = np.random.SeedSequence((self._config.training.seed, self._config.round)).generate_state(1)
        torch.manual_seed(int(seed[0]))  # of dropout
        if self._private is not None:
            from security.crypto.privacy import Budget
            from training.private import ledger_of

            run, place = self._config.training, Path(self._config.folder)
            ledger = self._config.ledger or ledger_of(run)
            self._private.begin(place, self._first, self.model, Budget(Path(ledger)))
        self.model.train()
        health = Health()
        losses = [self._advance(*step, health) for step in self._planned()]
        self._keep()
        return losses

    def _planned(self) -> Iterator[tuple[int, int, list[int]]]:
        """(step, epoch, examples or documents) of this round."""
        size = self._plan.steps_in_epoch
        last = self._first + self._count
        for epoch in range(self._first // size, -(-last // size)):
            for step, indices in enumerate(self._plan.epoch(epoch), start=epoch * size):
                if self._first <= step < last:
                    yield step, epoch, indices

    def _advance(self, step: int, epoch: int, indices: list[int], health: Health) -> float:
        run = self._config.training
        loss = self._gradients(step, epoch, indices)
        if self._config.mu:
            for name, weight in self.weights.items():
                if weight.grad is not None:  # of mu/2 times the squared distance to where the round began
                    weight.grad.add_(weight.detach() - self._start[name].to(weight), alpha=self._config.mu)
        norm = optimiser.clip(self.weights.values(), 0.0 if self._private else run.optimiser.clip)
        for group in self._optimiser.param_groups:
            group["lr"] = optimiser.rate_at(step, self._steps, run.optimiser)
        health.tell(0.0 if self._private else loss, norm)
        if not health.broken:
            self._optimiser.step()
        self._optimiser.zero_grad(set_to_none=True)
        return loss

    def _gradients(self, step: int, epoch: int, indices: list[int]) -> float:
        if self._private is not None:
            private = self._private
            documents = (self._batches(private.examples_of(index), epoch) for index in indices)
            private.fill_gradients(step, documents, self.objective, self.weights)
            return math.nan
        batches = self._batches(indices, epoch)
        labels, loss = sum(batch.labels for batch in batches), 0.0
        for batch in batches:
            share = self.objective.loss_sum(batch) / labels
            share.backward()  # type: ignore[no-untyped-call]
            loss += share.item()
        return loss

    def _batches(self, indices: Any, epoch: int) -> list[Batch]:
        return self.collator.step(self._examples, indices, epoch)

    def _restore(self) -> None:
        """The moments that the round before left; without, as where a hospital is new, they begin at 0."""
        import safetensors.torch

        path = Path(self._config.folder) / _MOMENTS.format(self._config.round - 1)
        if not path.exists():
            return
        for key, value in safetensors.torch.load_file(path).items():
            name, moment = key.rsplit("/", 1)
            weight = self.weights[name]
            self._optimiser.state[weight][moment] = value.to(weight.device) if moment != "step" else value

    def _keep(self) -> None:
        """This round's moments, and the last one's, for a round that is done again after a crash."""
        import safetensors.torch

        folder, number = Path(self._config.folder), self._config.round
        folder.mkdir(parents=True, exist_ok=True)
        part = folder / ".moments.part"
        moments = {
            f"{name}/{moment}": value
            for name, weight in self.weights.items()
            for moment, value in self._optimiser.state[weight].items()
        }
        safetensors.torch.save_file(moments, part)
        part.replace(folder / _MOMENTS.format(number))
        (folder / _MOMENTS.format(number - 2)).unlink(missing_ok=True)


def _private(config: ClientConfig, data: Rows, tokenizer: Any, examples: int) -> Private:
    from training.private import Private, documents_of

    run = config.training
    documents = documents_of(data, run, tokenizer, config.labels, examples)
    private = Private(run, documents, data.hash, 1)
    if run.max_steps > private.steps:
        raise BadConfigError(
            f"With so few documents ({len(documents)}), {run.max_steps} private steps are more than "
            f"{run.epochs} passes. Take fewer rounds or local_steps."
        )
    return private
