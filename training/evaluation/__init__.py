"""A model on held-out text and tasks, before and after: what became better, and how sure that is."""

from training.evaluation.options import EvaluationOptions
from training.evaluation.report import Change, Evaluation, compare
from training.evaluation.suite import evaluate

__all__ = ["Change", "Evaluation", "EvaluationOptions", "compare", "evaluate"]
