"""Tasks of lm-evaluation-harness, where that is installed; it isn't by default, and fetches its own data."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from training.errors import BadConfigError
from training.evaluation.models import load
from training.evaluation.options import EvaluationOptions

_DEFAULTS = EvaluationOptions()
_INSTALL = "Run: pip install lm-eval"


def run_harness(
    model_spec: str, tasks: Sequence[str], options: EvaluationOptions = _DEFAULTS
) -> dict[str, dict[str, float]]:
    """Evaluate a causal model on tasks that the harness knows: {task: {metric: value}}.

    Args:
        model_spec: as `evaluate` takes it.
        tasks: by the harness's names.
        options: `rows` is the most examples of each task.

    Raises:
        BadConfigError: the harness isn't installed, doesn't know a task, or the model can't be loaded.
    """
    if importlib.util.find_spec("lm_eval") is None:
        raise BadConfigError(f"lm-evaluation-harness is not installed. {_INSTALL}")
    loaded = load(model_spec, replace(options, task="causal"))
    harness: Any = importlib.import_module("lm_eval")
    models: Any = importlib.import_module("lm_eval.models.huggingface")
    wrapped = models.HFLM(
        pretrained=loaded.model,
        tokenizer=loaded.tokenizer,
        batch_size=options.batch_size,
        max_length=loaded.config.context,
    )
    try:
        found = harness.simple_evaluate(model=wrapped, tasks=list(tasks), limit=options.rows or None)
    except (KeyError, ValueError, OSError) as error:
        reason = str(error).strip().split("\n", 1)[0][:200].rstrip(".")
        raise BadConfigError(f"The harness can't run {', '.join(tasks)}: {reason}.") from error
    return {
        task: {
            metric.split(",", 1)[0]: float(value)
            for metric, value in values.items()
            if isinstance(value, int | float) and not isinstance(value, bool)
        }
        for task, values in found["results"].items()
    }
