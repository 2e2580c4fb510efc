"""Well-known tasks from files on this machine: WikiText, LAMBADA and four of GLUE. Nothing is fetched.

WikiText (Merity et al. 2016): a plain text; perplexity by tokens and by words, in windows that overlap by
half, each token scored once. LAMBADA (Paperno et al. 2016): the last word of each passage, right if every
token of it is the likeliest. GLUE (Wang et al. 2018): see `glue`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from training.config import Task
from training.errors import BadConfigError, BadDataError
from training.evaluation import glue
from training.evaluation.files import json_line, read_text
from training.evaluation.models import Loaded, load
from training.evaluation.options import EvaluationOptions, OnProgress, unheard

if TYPE_CHECKING:
    from training.examples import Example

_HALF = 0.5
_DEFAULTS = EvaluationOptions()
_Task = Callable[[Loaded, Path, EvaluationOptions, OnProgress], dict[str, float]]


def run_task(
    name: str,
    path: Path,
    model_spec: str,
    options: EvaluationOptions = _DEFAULTS,
    on_progress: OnProgress = unheard,
) -> dict[str, float]:
    """Load a model as the task needs it, and evaluate it on a file.

    Args:
        name: wikitext, lambada, sst2, mrpc, cola or rte.
        path: the task's file.
        model_spec: as `evaluate` takes it.
        options: `rows` is the most lines that are read.
        on_progress: told how far it is.

    Raises:
        BadConfigError: there is no such task, or the model can't serve it.
        BadDataError: the file can't be read, or is not the task's.
    """
    task = _task(name)
    wanted: Task = "classification" if name in glue.TASKS else "causal"
    kind = "labelled" if name in glue.TASKS else "text"
    labels = glue.TASKS[name].labels if name in glue.TASKS else ()
    loaded = load(model_spec, replace(options, task=wanted), kind, labels)
    return task(loaded, path, options, on_progress)


def _task(name: str) -> _Task:
    if name in glue.TASKS:
        return lambda loaded, path, options, tell: glue.run(name, loaded, path, options, tell)
    found: dict[str, _Task] = {"wikitext": wikitext, "lambada": lambada}
    if name not in found:
        raise BadConfigError(f"There is no task {name}. There are: {', '.join((*found, *glue.TASKS))}.")
    return found[name]


def wikitext(
    loaded: Loaded, path: Path, options: EvaluationOptions = _DEFAULTS, on_progress: OnProgress = unheard
) -> dict[str, float]:
    """Perplexity by tokens and by words, bits per byte, and next-token accuracy of a plain text."""
    from training.evaluation.scoring import HeldOut, encode_rows, score_examples, scored_bytes

    text = read_text(path)
    if options.rows:
        text = "\n".join(text.split("\n")[: options.rows])
    sliding = replace(loaded, config=replace(loaded.config, overlap=_HALF))
    encoded = encode_rows(HeldOut(path.name, "text", ({"text": text},)), sliding)
    score = score_examples(sliding, encoded, on_progress, "wikitext")[0]
    loss = score.nats / score.labels
    return {
        "loss": loss,
        "perplexity": _perplexity(loss),
        "word_perplexity": _perplexity(score.nats / max(len(text.split()), 1)),
        "bits_per_byte": score.nats / math.log(2) / max(scored_bytes(sliding, encoded), 1),
        "accuracy": score.right / score.labels,
    }


def lambada(
    loaded: Loaded, path: Path, options: EvaluationOptions = _DEFAULTS, on_progress: OnProgress = unheard
) -> dict[str, float]:
    """How often the last word is the greedy one, and the perplexity of last words.

    The file has one passage a line: as it is, or as a JSON object with `text`. A passage that is longer
    than the context loses its beginning.
    """
    from training.evaluation.scoring import RowsEncoded, score_examples

    passages = list(_passages(path, options.rows))
    examples = [_last_word(loaded, text) for text in passages]
    encoded = RowsEncoded(tuple(examples), tuple(range(len(examples))), 0, 0)
    scores = score_examples(loaded, encoded, on_progress, "lambada")
    right = sum(score.right == score.labels for score in scores)
    return {
        "accuracy": right / len(scores),
        "perplexity": _perplexity(sum(score.nats for score in scores) / len(scores)),
    }


def _last_word(loaded: Loaded, passage: str) -> Example:
    from training.examples import IGNORED, Example

    context, word = passage.rstrip().rsplit(None, 1)
    before, whole = loaded.tokenizer([context, f"{context} {word}"])["input_ids"]
    if whole[-1:] == [loaded.tokenizer.eos_token_id]:
        before, whole = before[:-1], whole[:-1]
    kept = min(len(whole), loaded.config.context + 1)
    first = max(min(len(before), len(whole) - 1), len(whole) - kept + 1)
    targets = np.full(len(whole), IGNORED, np.int32)
    targets[first:] = whole[first:]
    begin = len(whole) - kept
    return Example(np.array(whole[begin:-1], np.int32), targets[begin + 1 :])


def _passages(path: Path, limit: int) -> Iterator[str]:
    count = 0
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        text = line.strip()
        if not text:
            continue
        if text.startswith("{"):
            text = str(json_line(path, number, text).get("text", "")).strip()
        if len(text.split()) < 2:
            raise BadDataError(f"{path.name}, line {number} must be a passage of two words or more.")
        yield text
        count += 1
        if count == limit:
            return
    if not count:
        raise BadDataError(f"{path.name} has no passage.")


def _perplexity(loss: float) -> float:
    return math.exp(min(loss, 700.0))
