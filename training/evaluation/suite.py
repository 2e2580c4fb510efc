"""Evaluate one model on the held-out part of a set: the measures that its task has."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from training.evaluation.answers import Answer, answer_all
from training.evaluation.labels import class_scores, confusion, entity_scores, macro_f1
from training.evaluation.models import Loaded, load
from training.evaluation.options import EvaluationOptions, OnProgress, unheard
from training.evaluation.report import Evaluation
from training.examples import Rows, label_names

if TYPE_CHECKING:
    from training.evaluation.scoring import RowScore, RowsEncoded

_DEFAULTS = EvaluationOptions()
_LANGUAGE = ("causal", "masked", "seq2seq")


def evaluate(
    model_spec: str,
    data: Rows,
    options: EvaluationOptions = _DEFAULTS,
    on_progress: OnProgress = unheard,
) -> Evaluation:
    """Load a model and evaluate it on what `data` holds out.

    Raises:
        BadConfigError: the model isn't there, can't be loaded, or doesn't fit the set.
        BadDataError: nothing is held out, or its labels are not the model's.
        RunError: the embedded weights are missing.
    """
    loaded = load(model_spec, options, data.kind, label_names(data))
    return evaluate_loaded(loaded, data, options, on_progress)


def evaluate_loaded(
    loaded: Loaded,
    data: Rows,
    options: EvaluationOptions = _DEFAULTS,
    on_progress: OnProgress = unheard,
) -> Evaluation:
    """Evaluate a model that is loaded; raises as `evaluate`."""
    from training.evaluation.scoring import encode_rows, score_examples

    encoded = encode_rows(data, loaded, options.rows)
    scores = score_examples(loaded, encoded, on_progress)
    metrics = _language(loaded, encoded, scores)
    found: dict[str, Any] = {}
    if loaded.task == "tagging":
        metrics |= _tagging(loaded, scores, found)
    elif loaded.task == "classification":
        metrics |= _classification(loaded, scores, found)
    elif data.kind == "pairs" and options.generate:
        answers = answer_all(loaded, data, options, on_progress)
        metrics |= means_of(answers)
        found["answers"] = answers
    return Evaluation(
        model=loaded.spec,
        data=data.name,
        data_hash=data.hash,
        task=loaded.task,
        metrics=metrics,
        rows=len(scores),
        dropped=encoded.dropped,
        cut=encoded.cut,
        losses={score.row: (score.nats, score.labels) for score in scores},
        tokens=_vocabulary(loaded.tokenizer),
        **found,
    )


def _language(loaded: Loaded, encoded: RowsEncoded, scores: Sequence[RowScore]) -> dict[str, float]:
    """Loss and accuracy at the labels; perplexity and bits per byte where a whole text is predicted."""
    from training.evaluation.scoring import scored_bytes

    nats = sum(score.nats for score in scores)
    labels = sum(score.labels for score in scores)
    loss = nats / labels
    metrics = {"loss": loss}
    if loaded.task in _LANGUAGE:
        metrics["perplexity"] = math.exp(min(loss, 700.0))
    if loaded.task in ("causal", "seq2seq") and (size := scored_bytes(loaded, encoded)):
        metrics["bits_per_byte"] = nats / math.log(2) / size
    metrics["accuracy"] = sum(score.right for score in scores) / labels
    return metrics


def _tagging(loaded: Loaded, scores: Sequence[RowScore], found: dict[str, Any]) -> dict[str, float]:
    def tags(ids: Any) -> list[str]:
        return [loaded.labels[index] for index in ids.tolist()]

    micro, by_label = entity_scores((tags(score.targets), tags(score.said)) for score in scores)
    found["by_label"] = by_label
    metrics = {"precision": micro.precision, "recall": micro.recall, "f1": micro.f1}
    return metrics | {f"f1 {label}": score.f1 for label, score in by_label.items()}


def _classification(loaded: Loaded, scores: Sequence[RowScore], found: dict[str, Any]) -> dict[str, float]:
    true, said = (
        np.concatenate([getattr(score, name) for score in scores]).tolist() for name in ("targets", "said")
    )
    table = confusion(true, said, loaded.labels)
    by_label = class_scores(table)
    found |= {"confusion": table, "by_label": by_label}
    metrics = {"macro_f1": macro_f1(by_label.values())}
    return metrics | {f"f1 {label}": score.f1 for label, score in by_label.items()}


def means_of(answers: Sequence[Answer]) -> dict[str, float]:
    """The mean of each score over answers; nothing where there are none."""
    if not answers:
        return {}
    names: Mapping[str, str] = {
        "exact_match": "exact_match",
        "answer_f1": "f1",
        "rouge1": "rouge1",
        "rouge2": "rouge2",
        "rougeL": "rouge_l",
    }
    return {
        metric: sum(getattr(answer, field) for answer in answers) / len(answers)
        for metric, field in names.items()
    }


def _vocabulary(tokenizer: Any) -> str:
    digest = hashlib.sha256()
    for token, index in sorted(tokenizer.get_vocab().items()):
        digest.update(f"{index}\t{token}\n".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:16]
