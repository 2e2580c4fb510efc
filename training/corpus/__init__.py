"""Files -> clean, deduplicated documents in two splits, with a report on what became of each."""

from training.corpus.dataset import DataSet
from training.corpus.prepare import Extras, prepare
from training.corpus.problems import EmptySetError, Problem
from training.corpus.report import Report
from training.corpus.settings import PrepareSettings, QualityLimits
from training.corpus.shelf import Progress

__all__ = [
    "DataSet",
    "EmptySetError",
    "Extras",
    "PrepareSettings",
    "Problem",
    "Progress",
    "QualityLimits",
    "Report",
    "prepare",
]
