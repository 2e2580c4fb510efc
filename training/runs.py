"""A run's folder: by the run's name, and never of two runs.

config.yaml     what the run was told
metrics.jsonl   what it said
checkpoints/    step-N, to go on from
best/           the model with the lowest held-out loss, as peft or transformers read it
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from training.config import TrainingConfig
from training.errors import RunError
from training.safe import PLAIN, Safe

CONFIG = "config.yaml"
BEST = "best"
LABELS = "labels.json"


def create(root: Path, config: TrainingConfig, safe: Safe = PLAIN) -> Path:
    """Make the folder of a new run.

    Raises:
        RunError: there is a run of this name, whatever its case; or the folder can't be made.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        taken = {path.name.casefold() for path in root.iterdir()}
    except OSError as error:
        raise RunError(f"Runs can't be made in {root}: {error.strerror}.") from error
    folder = root / config.name
    try:
        if config.name.casefold() in taken:
            raise FileExistsError
        folder.mkdir()
    except FileExistsError:
        raise RunError(
            f"There is a run named {config.name} already. Resume it, or choose another name."
        ) from None
    except OSError as error:
        raise RunError(f"The run's folder {folder} can't be made: {error.strerror}.") from error
    config.to_yaml(folder / CONFIG, safe)
    return folder


def config_of(folder: Path, safe: Safe = PLAIN) -> TrainingConfig:
    """What the run in `folder` was told.

    Raises:
        RunError: there is no run.
        BadConfigError: its config can't be used.
    """
    if not (folder / CONFIG).is_file():
        raise RunError(f"There is no run in {folder}. Give the folder of one.")
    return TrainingConfig.from_yaml(folder / CONFIG, safe)


def recover_best(folder: Path) -> None:
    """Finish a replacement of `best/` that a crash cut short."""
    part, place = folder / ".best.part", folder / BEST
    if part.exists() and not place.exists():
        part.rename(place)


def save_best(folder: Path, model: Any, tokenizer: Any, labels: Sequence[str] = ()) -> None:
    """Replace `best/`; a crash between leaves the old one, or the new one as `.best.part`."""
    part, place, old = folder / ".best.part", folder / BEST, folder / ".best.old"
    for left in (part, old):
        if left.exists():
            shutil.rmtree(left)
    # peft would otherwise ask the hub whether the base's vocabulary has grown.
    options = {"save_embedding_layers": False} if hasattr(model, "peft_config") else {}
    model.save_pretrained(part, **options)
    tokenizer.save_pretrained(part)
    if labels:
        (part / LABELS).write_text(json.dumps(list(labels), ensure_ascii=False), "utf-8")
    if place.exists():
        place.rename(old)
    part.rename(place)
    if old.exists():
        shutil.rmtree(old)
