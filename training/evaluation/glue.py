"""Four tasks of GLUE (Wang et al. 2018) from their own files: SST-2, MRPC, CoLA and RTE, for a classifier.

Files as they are published (TSV), or JSON Lines with `sentence`, or `sentence1` and `sentence2`, and
`label`. Two sentences are given to the model as its tokenizer pairs them.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from training.errors import BadConfigError, BadDataError
from training.evaluation.files import json_line, read_text
from training.evaluation.labels import class_scores, confusion
from training.evaluation.models import Loaded
from training.evaluation.options import EvaluationOptions, OnProgress, unheard

_DEFAULTS = EvaluationOptions()


@dataclass(frozen=True)
class GlueTask:
    """Labels in GLUE's order, and what columns are called; `bare` are those of a file without a header."""

    labels: tuple[str, ...]
    sentences: tuple[tuple[str, ...], ...]
    label: tuple[str, ...] = ("label", "Quality")
    bare: tuple[str, ...] = ()


_PAIR = (("sentence1", "#1 String"), ("sentence2", "#2 String"))
TASKS: Mapping[str, GlueTask] = {
    "sst2": GlueTask(("negative", "positive"), (("sentence", "text"),)),
    "mrpc": GlueTask(("not_equivalent", "equivalent"), _PAIR),
    "cola": GlueTask(
        ("unacceptable", "acceptable"), (("sentence", "text"),), bare=("source", "label", "mark", "sentence")
    ),
    "rte": GlueTask(("entailment", "not_entailment"), _PAIR),
}


@dataclass(frozen=True)
class GlueRow:
    """One or two sentences, and the number of their label in GLUE's order."""

    sentences: tuple[str, ...]
    label: int


def run(
    name: str,
    loaded: Loaded,
    path: Path,
    options: EvaluationOptions = _DEFAULTS,
    on_progress: OnProgress = unheard,
) -> dict[str, float]:
    """Accuracy; F1 too for MRPC; Matthews' correlation for CoLA.

    Raises:
        BadDataError: the file is not the task's.
        BadConfigError: the model has not as many labels as the task.
    """
    task = TASKS[name]
    rows = list(islice(read(name, path), options.rows or None))
    places = _places(name, task, loaded)
    said = [places[index] for index in _said(loaded, [row.sentences for row in rows], name, on_progress)]
    table = confusion([row.label for row in rows], said, task.labels)
    metrics = {"accuracy": sum(table.counts[i][i] for i in range(2)) / len(rows)}
    if name == "mrpc":
        score = class_scores(table).get("equivalent")
        metrics["f1"] = score.f1 if score else 0.0
    if name == "cola":
        metrics["matthews"] = matthews(table.counts)
    return metrics


def matthews(counts: Sequence[Sequence[int]]) -> float:
    """Matthews' correlation (1975) of a table of two labels, -1 to 1; 0 where it is undefined."""
    (no, false), (missed, yes) = counts
    below = (yes + false) * (yes + missed) * (no + false) * (no + missed)
    return (yes * no - false * missed) / math.sqrt(below) if below else 0.0


def read(name: str, path: Path) -> Iterator[GlueRow]:
    """The rows of a task's file.

    Raises:
        BadDataError: a column is missing, or a label is not the task's.
    """
    task = TASKS[name]
    count = 0
    for number, values in _records(task, path):
        sentences = tuple(_one_of(values, names, path, number) for names in task.sentences)
        given = str(_one_of(values, task.label, path, number))
        if given in task.labels:
            label = task.labels.index(given)
        elif given in ("0", "1"):
            label = int(given)
        else:
            raise BadDataError(
                f"{path.name}, line {number}: the label is {given!r}; {name} has {', '.join(task.labels)} "
                "(0 and 1). The published test parts have none: give the development part."
            )
        yield GlueRow(sentences, label)
        count += 1
    if not count:
        raise BadDataError(f"{path.name} has no rows.")


def _records(task: GlueTask, path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    text = read_text(path).removeprefix("\ufeff")
    if text.lstrip().startswith("{"):
        for number, line in enumerate(text.split("\n"), start=1):
            if line.strip():
                yield number, json_line(path, number, line)
        return
    lines = csv.reader(io.StringIO(text), delimiter="\t", quoting=csv.QUOTE_NONE)
    header = list(task.bare)
    for number, cells in enumerate(lines, start=1):
        if not cells:
            continue
        if not header or (number == 1 and "label" in cells):
            header = cells
        else:
            yield number, dict(zip(header, cells, strict=False))


def _one_of(values: Mapping[str, Any], names: tuple[str, ...], path: Path, number: int) -> str:
    for name in names:
        if name in values:
            return str(values[name])
    raise BadDataError(f"{path.name}, line {number} has no {' or '.join(names)}.")


def _places(name: str, task: GlueTask, loaded: Loaded) -> list[int]:
    """For each output of the model, the number of its label in GLUE's order.

    By name where the names are the task's, else by place.
    """
    if len(loaded.labels) != len(task.labels):
        raise BadConfigError(
            f"{loaded.spec} has {len(loaded.labels)} labels; {name} has {len(task.labels)}: "
            f"{', '.join(task.labels)}. Give a model that was trained on {name}."
        )
    names = [label.lower() for label in loaded.labels]
    if sorted(names) == sorted(task.labels):
        return [task.labels.index(label) for label in names]
    if sorted(names) == ["0", "1"]:
        return [int(label) for label in names]
    return [0, 1]


def _said(
    loaded: Loaded, sentences: Sequence[tuple[str, ...]], name: str, on_progress: OnProgress
) -> list[int]:
    import torch

    size = loaded.config.batch_size
    order = sorted(range(len(sentences)), key=lambda index: -sum(map(len, sentences[index])))
    said = [0] * len(sentences)
    device = next(loaded.model.parameters()).device
    for at in range(0, len(order), size):
        group = order[at : at + size]
        columns = [list(column) for column in zip(*(sentences[index] for index in group), strict=True)]
        inputs = loaded.tokenizer(
            *columns, truncation=True, max_length=loaded.config.context, padding=True, return_tensors="pt"
        )
        with torch.no_grad(), loaded.autocast():
            logits = loaded.model(**inputs.to(device)).logits
        for index, label in zip(group, logits.argmax(1).tolist(), strict=True):
            said[index] = label
        on_progress(at + len(group), len(order), name)
    return said
