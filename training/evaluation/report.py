"""What an evaluation found, and what changed from one model to another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from assistant.extraction.scoring import Score
from training.config import Task
from training.errors import BadDataError
from training.evaluation.answers import Answer
from training.evaluation.bootstrap import Interval, loss_difference
from training.evaluation.labels import Confusion

_LOWER_IS_BETTER = ("loss", "perplexity", "bits_per_byte")
_BY_TOKEN = {"loss", "perplexity", "accuracy"}


@dataclass(frozen=True)
class Evaluation:
    """One model on one set.

    Attributes:
        model, data, data_hash, task: what was evaluated, on what, as what.
        metrics: by name. Losses in nats a label; rates from 0 to 1.
        rows, dropped, cut: held-out rows that were scored, those without a label within the context, and
            those that lost some of their labels to it.
        losses: {row: (sum of its losses in nats, its labels)}.
        tokens: names the model's vocabulary; the loss of two models compares only where it is the same.
        by_label: scores of each entity label or class.
        confusion: of a classifier.
        answers: to held-out prompts.
    """

    model: str
    data: str
    data_hash: str
    task: Task
    metrics: Mapping[str, float]
    rows: int
    dropped: int
    cut: int
    losses: Mapping[int, tuple[float, int]]
    tokens: str
    by_label: Mapping[str, Score] = field(default_factory=dict)
    confusion: Confusion | None = None
    answers: tuple[Answer, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain values; `from_json` reads them."""
        return asdict(self) | {
            "losses": [[row, *values] for row, values in self.losses.items()],
            "answers": [asdict(answer) for answer in self.answers],
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Evaluation:
        """What `to_json` made, before or after it was a file.

        Raises:
            BadDataError: it is something else.
        """
        try:
            table = values["confusion"]
            given = {
                "losses": {int(row): (float(nats), int(labels)) for row, nats, labels in values["losses"]},
                "by_label": {label: Score(**score) for label, score in values["by_label"].items()},
                "answers": tuple(Answer(**answer) for answer in values["answers"]),
                "confusion": table
                and Confusion(tuple(table["labels"]), tuple(tuple(row) for row in table["counts"])),
            }
            return cls(**(dict(values) | given))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BadDataError("This is no evaluation. Evaluate the model anew.") from error


@dataclass(frozen=True)
class Change:
    """One metric of two evaluations.

    `better` is None where nothing changed, or where the two can't be compared. The interval is that of
    the change, and only the loss has one.
    """

    metric: str
    before: float
    after: float
    change: float
    better: bool | None
    interval: Interval | None = None


def lower_is_better(metric: str) -> bool:
    """Whether less of it is better."""
    return metric.endswith(_LOWER_IS_BETTER)


def compare(before: Evaluation, after: Evaluation, seed: int = 0) -> tuple[Change, ...]:
    """What changed in each metric that both have.

    Where the vocabularies differ, a token isn't the same thing, so loss, perplexity and accuracy of a
    language model are shown without a verdict; bits per byte has one.

    Raises:
        BadDataError: they are of different sets or tasks.
    """
    if (before.data_hash, before.task) != (after.data_hash, after.task):
        raise BadDataError(
            f"{before.model} was evaluated on {before.data} as {before.task}, {after.model} on {after.data} "
            f"as {after.task}. Evaluate both on the same set."
        )
    foreign = before.tokens != after.tokens and before.task in ("causal", "masked", "seq2seq")
    rows = []
    for metric in before.metrics:
        if metric not in after.metrics:
            continue
        old, new = before.metrics[metric], after.metrics[metric]
        better = None if old == new else (new < old) == lower_is_better(metric)
        interval = None
        if foreign and metric in _BY_TOKEN:
            better = None
        elif metric == "loss":
            interval = loss_difference(before.losses, after.losses, seed)
        rows.append(Change(metric, old, new, new - old, better, interval))
    return tuple(rows)
