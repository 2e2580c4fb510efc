"""What an evaluation is told: how much of the held-out text, how long the answers, in which precision."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from training.config import Precision, Task, TrainingConfig
from training.errors import BadConfigError

OnProgress = Callable[[int, int, str], None]
"""Told (done, total, what is being done)."""


def unheard(done: int, total: int, text: str) -> None:
    """Nobody listens."""


@dataclass(frozen=True)
class EvaluationOptions:
    """How to evaluate. With a run's own values, the loss is the one that the run reported.

    Attributes:
        task: what the model is for; None reads it from the model and the kind of the set.
        context, overlap, precision, seed: as in a run's config. The seed also draws the masks.
        rows: the most held-out rows to score; 0 means all.
        generate: the most prompts to answer, where the set has pairs; 0 means none.
        tokens: the most tokens of an answer.
        batch_size: the most rows that are computed at once.
    """

    task: Task | None = None
    context: int = 512
    overlap: float = 0.0625
    precision: Precision = "auto"
    seed: int = 0
    rows: int = 0
    generate: int = 20
    tokens: int = 128
    batch_size: int = 8

    def __post_init__(self) -> None:
        for option, least, most in (
            ("rows", 0, 10_000_000),
            ("generate", 0, 100_000),
            ("tokens", 1, 4096),
        ):
            value = getattr(self, option)
            if not least <= value <= most:
                raise BadConfigError(f"{option} must be from {least} to {most}; it is {value}.")
        if self.generate and self.tokens >= self.context:
            raise BadConfigError(f"tokens must be below the context, {self.context}; it is {self.tokens}.")
        self.config("gpt", self.task or "causal")

    def config(self, base: str, task: Task) -> TrainingConfig:
        """The same as the config of a run, which is what bases, examples and batches take.

        Raises:
            BadConfigError: a value is out of its range.
        """
        return TrainingConfig(
            name="evaluation",
            dataset="held-out",
            base=base,
            task=task,
            method="full",
            context=self.context,
            overlap=self.overlap,
            precision=self.precision,
            seed=self.seed,
            batch_size=self.batch_size,
        )
