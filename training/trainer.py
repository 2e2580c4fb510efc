"""Train a model as a config says: `train` begins a run, `resume` goes on with one as if it had never stopped.

One device a process, and one process unless `accelerate launch` starts more (see `world`); no threads, no
page. It stops when it is asked to, after the step under way.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from training import optimiser, runs
from training.config import TrainingConfig
from training.errors import RunError
from training.progress import METRICS, Evaluated, Event, Metrics, Outcome, StepDone, Warned
from training.safe import PLAIN, Safe
from training.watch import Health, Patience, is_out_of_memory, memory_peak, out_of_memory
from training.world import ALONE, World

if TYPE_CHECKING:
    from security.crypto.privacy import Budget
    from training.batches import Batch
    from training.examples import Example, Rows
    from training.private import Private

_SAMPLE_TOKENS = 48
OnStep = Callable[[Event], None]


def _ignore(_: Event) -> None:
    """Nobody listens."""


def _never() -> bool:
    return False


def train(
    config: TrainingConfig,
    folder: Path,
    on_step: OnStep = _ignore,
    stop: Callable[[], bool] = _never,
    data: Rows | None = None,
    budget: Budget | None = None,
    safe: Safe = PLAIN,
) -> Outcome:
    """Run from the first step in `folder`, which `runs.create` made.

    Args:
        config: what to do.
        folder: where the run keeps everything.
        on_step: told every event.
        stop: asked after each step.
        data: the prepared set, if not the one that lies in `config.dataset`.
        budget: what a private run is charged to, if not the ledger beside the set.
        safe: opens the set, and seals what the run says; weights and tokenizer stay plain.

    Raises:
        RunError: the folder has a run in it already, or the run can't go on.
        BadConfigError, BadDataError: base or data can't be used as the config says.
    """
    world = World.join()
    if (folder / METRICS).exists():
        raise RunError(f"The run {config.name} has begun already. Resume it, or choose another name.")
    world.wait()  # until all have looked
    if world.first:
        config.to_yaml(folder / runs.CONFIG, safe)
    return _Run(config, folder, on_step, data, world, budget, safe).go(stop)


def resume(
    folder: Path,
    on_step: OnStep = _ignore,
    stop: Callable[[], bool] = _never,
    data: Rows | None = None,
    budget: Budget | None = None,
    safe: Safe = PLAIN,
) -> Outcome:
    """Go on from the newest checkpoint, or from the first step where there is none.

    Raises:
        RunError: there is no run, its data or checkpoint have changed, or it can't go on.
        BadConfigError, BadDataError: as `train`.
    """
    config = runs.config_of(folder, safe)
    return _Run(config, folder, on_step, data, World.join(), budget, safe).go(stop)


def _open_data(config: TrainingConfig, safe: Safe) -> Rows:
    from training.corpus.dataset import DataSet

    return DataSet.open(Path(config.dataset), safe)


class _Run:
    """One run in this process: model, optimiser, plan, and how far it has come."""

    def __init__(
        self,
        config: TrainingConfig,
        folder: Path,
        on_step: OnStep,
        data: Rows | None,
        world: World,
        budget: Budget | None,
        safe: Safe,
    ) -> None:
        from training import bases, checkpoints, examples, methods
        from training.batches import Collator, Plan
        from training.objective import Objective

        self._config, self._folder, self._on_step, self._world = config, folder, on_step, world
        self._data = data or _open_data(config, safe)
        labels = examples.label_names(self._data)
        base = bases.load_base(config, labels)
        self._labels = labels
        self._tokenizer = base.tokenizer
        context = min(config.context, _longest(base.model, config.context))
        fitting = replace(config, context=context)
        encoded = examples.encode(self._data, "train", fitting, base.tokenizer, labels)
        held_out = examples.encode(
            self._data, "held_out", fitting, base.tokenizer, labels, config.evaluate_rows
        )
        self._examples: Sequence[Example] = encoded.examples
        self._private = self._privately(fitting, len(encoded.examples)) if config.privacy.on else None
        self._plan = self._private or Plan(
            [len(example.ids) for example in encoded.examples], config, world.size
        )
        device = methods.choose_device()
        dtype = methods.choose_precision(config, device)
        self._model = methods.make_trainable(base, config, device, dtype)
        self._collator = Collator(config, base.tokenizer, device)
        self._held_out = held_out.examples
        self._objective = Objective(self._model, config.task, dtype)
        self._weights = methods.moving(self._model)
        self._optimiser = optimiser.build(self._weights, config.optimiser)
        self._patience, self._health = Patience(config.patience), Health()
        self._first_loss: float | None = None
        self._every = config.evaluate_every or self._plan.steps_in_epoch
        self._step = self._restore()
        checkpoints.check_space(folder, checkpoints.size_of(self._weights))
        if self._private is not None:
            self._private.begin(folder, self._step, self._model, budget)
        self._metrics = Metrics(folder, self._step or -1, safe) if world.first else None
        self._began, self._began_at = time.monotonic(), self._step
        self._opening(encoded, held_out, context)

    def _privately(self, config: TrainingConfig, examples: int) -> Private:
        from training.private import Private, documents_of

        documents = documents_of(self._data, config, self._tokenizer, self._labels, examples)
        return Private(self._config, documents, self._data.hash, self._world.size)

    def _opening(self, encoded: Any, held_out: Any, context: int) -> None:
        """What a person should know before the first step."""
        if self._step:
            return
        if context < self._config.context:
            self._tell(Warned(0, f"The base takes {context} tokens at most, so the context is cut to that."))
        for name, part in (("train", encoded), ("held_out", held_out)):
            if part.dropped:
                self._tell(Warned(0, f"{part.dropped} examples of {name} have no label within the context."))
            if part.cut:
                self._tell(Warned(0, f"{part.cut} examples of {name} were cut to the context."))
        for note in self._private.notes() if self._private is not None else ():
            self._tell(Warned(0, note))
        if not self._held_out:
            self._tell(Warned(0, "Nothing is held out, so the last model counts as the best."))

    def go(self, stop: Callable[[], bool]) -> Outcome:
        """Every step that is left."""
        try:
            return self._go(stop)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            reason = str(error).strip().split("\n", 1)[0][:120].rstrip(".")
            raise out_of_memory(self._config, reason or "no reason given") from error

    def _go(self, stop: Callable[[], bool]) -> Outcome:
        self._world.wait()  # until the first has written what the others would miss
        if self._step == 0 and self._held_out:
            self._evaluate()
        for epoch, indices in self._steps_left():
            if self._patience.over:
                break
            self._tell(self._advance(epoch, indices))
            last = self._step == self._plan.steps
            due = self._step % self._every == 0 or last
            if due:
                self._evaluate()
            every = self._config.save_every
            if due or (every and self._step % every == 0):
                self._save()
            if not last and self._world.total(stop())[0]:
                if not due:
                    self._save()
                return self._outcome("stopped")
        if self._private is not None:
            self._private.finish(self._folder)
        return self._outcome("early" if self._patience.over else "done")

    def _steps_left(self) -> Iterator[tuple[int, list[int]]]:
        size = self._plan.steps_in_epoch
        for epoch in range(self._step // size, -(-self._plan.steps // size)):
            for at, indices in enumerate(self._plan.epoch(epoch), start=epoch * size):
                if self._step <= at < self._plan.steps:
                    yield epoch, indices

    def _advance(self, epoch: int, indices: list[int]) -> StepDone:
        """One optimiser step."""
        began = time.monotonic()
        self._model.train()
        loss, labels = self._gradients(epoch, indices)
        norm = optimiser.clip(self._weights.values(), 0.0 if self._private else self._config.optimiser.clip)
        rate = optimiser.rate_at(self._step, self._plan.steps, self._config.optimiser)
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        trouble = self._health.tell(0.0 if self._private else loss, norm)
        if not self._health.broken:
            self._optimiser.step()
        self._optimiser.zero_grad(set_to_none=True)
        self._step += 1
        if trouble:
            self._tell(Warned(self._step, trouble))
        now = time.monotonic()
        pace = (now - self._began) / (self._step - self._began_at)
        return StepDone(
            step=self._step,
            steps=self._plan.steps,
            epoch=self._step / self._plan.steps_in_epoch,
            loss=loss,
            rate=rate,
            gradient_norm=norm,
            label_tokens=labels,
            label_tokens_a_second=math.nan if self._private else labels / max(now - began, 1e-9),
            memory=memory_peak(),
            seconds_left=pace * (self._plan.steps - self._step),
        )

    def _gradients(self, epoch: int, indices: list[int]) -> tuple[float, int]:
        """Of the mean over all label tokens of the step; loss and label tokens, which a private run hides."""
        if self._private is not None:
            documents = (
                self._collator.step(self._examples, self._private.examples_of(index), epoch)
                for index in indices
            )
            self._private.fill_gradients(self._step, documents, self._objective, self._weights)
            return math.nan, 0
        batches = self._collator.step(self._examples, self._world.share(indices), epoch)
        labels = int(self._world.total(sum(batch.labels for batch in batches))[0])
        loss = 0.0
        for batch in batches:
            share = self._objective.loss_sum(batch) / labels
            share.backward()  # type: ignore[no-untyped-call]
            loss += share.item()
        (loss,) = self._world.total(loss)
        self._add_gradients()
        return loss, labels

    def _add_gradients(self) -> None:
        """Over the processes; one that had no example of this step has none yet."""
        if self._world.size == 1:
            return
        import torch

        for weight in self._weights.values():
            if weight.grad is None:
                weight.grad = torch.zeros_like(weight)
        self._world.add(weight.grad for weight in self._weights.values() if weight.grad is not None)

    def _evaluate(self) -> None:
        if not self._held_out:
            self._save_best()
            return
        batches = self._world.share(self._collator.held_out(self._held_out))
        loss, labels = held_out_loss(self._model, self._objective, batches, self._world)
        samples = tuple((prompt, self._sample(prompt)) for prompt in self._config.sample_prompts)
        if self._step == 0:
            self._first_loss = loss
            self._tell(Evaluated(0, loss, labels, False, samples))
            return
        if self._private is not None:
            self._patience.best = math.inf  # documents that no guarantee covers don't choose the model
        best = self._patience.tell(self._step, loss)
        if best:
            self._save_best()
        self._tell(Evaluated(self._step, loss, labels, best, samples))

    def _save_best(self) -> None:
        if not self._world.first:
            return
        runs.save_best(self._folder, self._model, self._tokenizer, self._labels)

    def _sample(self, prompt: str) -> str:
        """What the model says next, always its likeliest word, so that nothing is drawn."""
        if self._config.task != "causal":
            return ""
        from training.sampling import continuation

        chat = self._data.kind == "pairs"
        with self._objective.autocast():
            return continuation(self._model, self._tokenizer, prompt, _SAMPLE_TOKENS, chat=chat)

    def _save(self) -> None:
        from training import checkpoints

        patience = {name: getattr(self._patience, name) for name in ("best", "best_step", "since")}
        state = {
            "data": self._data.hash,
            "steps": self._plan.steps,
            "first_loss": self._first_loss,
            "patience": patience if self._patience.best_step >= 0 else {},
        }
        randoms = self._world.every(checkpoints.random_state())
        if self._world.first:
            place, moving = (self._folder, self._step), (self._weights, self._optimiser)
            checkpoints.save(*place, *moving, state, self._config.keep, randoms)

    def _restore(self) -> int:
        from training import checkpoints

        if self._world.first:
            runs.recover_best(self._folder)
        checkpoint = checkpoints.latest(self._folder)
        if checkpoint is None:
            return 0
        state = checkpoints.restore(checkpoint, self._weights, self._optimiser, self._world.rank)
        if (state["data"], state["steps"]) != (self._data.hash, self._plan.steps):
            raise RunError(
                f"The data set {self._data.name} or the config has changed since the run {self._config.name} "
                "began, so it can't go on as it was. Begin a new run."
            )
        self._first_loss = state["first_loss"]
        for name, value in state["patience"].items():
            setattr(self._patience, name, value)
        return int(state["step"])

    def _tell(self, event: Event) -> None:
        if self._metrics is not None:
            self._metrics.write(event)
            self._on_step(event)

    def _outcome(self, reason: Literal["done", "early", "stopped"]) -> Outcome:
        best = self._folder / runs.BEST
        found = self._patience.best_step >= 0
        return Outcome(
            reason=reason,
            steps=self._step,
            first_loss=self._first_loss,
            best_loss=self._patience.best if found else None,
            best_step=self._patience.best_step if found else self._step,
            best=best if best.exists() else None,
            epsilon=None if self._private is None else self._private.epsilon_after(self._step),
            delta=None if self._private is None else self._private.guarantee.delta,
        )


def _longest(model: Any, default: int) -> int:
    return int(getattr(model.config, "max_position_embeddings", None) or default)


def held_out_loss(
    model: Any, objective: Any, batches: Sequence[Batch], world: World = ALONE
) -> tuple[float, int]:
    """The mean over all label tokens of `batches`, and how many there are; nothing is drawn.

    In a run that is shared, `batches` are this process's.
    """
    import torch

    model.eval()
    total, labels = 0.0, 0
    with torch.no_grad():
        for batch in batches:
            total += objective.loss_sum(batch).item()
            labels += batch.labels
    total, every = world.total(total, labels)
    return total / every, int(every)
