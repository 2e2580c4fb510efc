"""Where a run's model came from: base, version before it, data, and the losses on the way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from assistant import weights
from training import runs
from training.config import TrainingConfig
from training.corpus.dataset import DESCRIPTION
from training.errors import BadDataError, RunError
from training.model_files import hash_of, weights_hash
from training.progress import read_metrics
from training.safe import PLAIN, Safe

_CHECKPOINT_STATE = "checkpoints/step-*/state.json"


def of_run(run_folder: Path, versions: Path, safe: Safe = PLAIN) -> dict[str, Any]:
    """What a version's record says of its origin: the fields of `Version` from `task` to `best_step`.

    Args:
        run_folder: of a run.
        versions: the registry's folder; a base that lies in it is a parent.
        safe: opens the run. A record is plain, so words of a sealed run, its prompts, are not in it.

    Raises:
        RunError: there is no run, or its base can't be read.
    """
    config = runs.config_of(run_folder, safe)
    told = config.to_dict() | ({} if safe.key is None else {"sample_prompts": []})
    try:
        base_hash = hash_of_base(config)
    except OSError as error:
        raise RunError(f"The base {config.base} can't be read: {error.strerror or error}.") from error
    first, best, step = _losses(run_folder, safe)
    return {
        "task": config.task,
        "method": config.method,
        "base": _name_of_base(config),
        "base_hash": base_hash,
        "parent": _parent(config, versions),
        "dataset": _dataset(config, run_folder, safe),
        "config": told,
        "first_loss": first,
        "best_loss": best,
        "best_step": step,
    }


def hash_of_base(config: TrainingConfig) -> str:
    """SHA-256 of the weights that the run began from; "" from scratch, or where they are not on this disk.

    Raises:
        OSError: they can't be read.
    """
    if config.method == "scratch":
        return ""
    if config.base == "gpt":
        return weights.GPT.sha256
    if config.base == "bert":
        return weights.BERT_FILES[0].sha256
    path = Path(config.base).expanduser()
    if path.is_file():
        return hash_of(path)
    if path.is_dir():
        return weights_hash(path)
    return _hash_in_cache(config.base)


def _hash_in_cache(hub_id: str) -> str:
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = try_to_load_from_cache(hub_id, "model.safetensors")
    except HFValidationError:
        return ""
    return hash_of(Path(found)) if isinstance(found, str) else ""


def _name_of_base(config: TrainingConfig) -> str:
    if config.method == "scratch":
        return ""
    path = Path(config.base).expanduser()
    return path.name if path.is_absolute() or path.exists() else config.base


def _parent(config: TrainingConfig, versions: Path) -> str:
    if config.method == "scratch" or config.base in ("gpt", "bert"):
        return ""
    path = Path(config.base).expanduser()
    if not path.is_dir() or not path.resolve().is_relative_to(versions.resolve()):
        return ""
    return path.resolve().relative_to(versions.resolve()).parts[0]


def _dataset(config: TrainingConfig, run_folder: Path, safe: Safe) -> dict[str, Any]:
    """Name, hash and counts; the hash is the one that the run trained on, by its checkpoints."""
    folder = Path(config.dataset).expanduser()
    found: dict[str, Any] = {"name": folder.name, "hash": "", "counts": {}}
    try:
        held = json.loads(safe.read_text(folder / DESCRIPTION))
        found = {
            "name": str(held["name"]),
            "hash": str(held["hash"]),
            "counts": {str(split): int(count) for split, count in held["counts"].items()},
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError, BadDataError):
        pass  # the set may be gone by now; the checkpoints still know its hash
    trained_on = _hash_in_checkpoint(run_folder)
    if trained_on and trained_on != found["hash"]:
        found |= {"hash": trained_on, "counts": {}}
    return found


def _hash_in_checkpoint(run_folder: Path) -> str:
    for path in run_folder.glob(_CHECKPOINT_STATE):
        try:
            return str(json.loads(path.read_text(encoding="utf-8"))["data"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return ""


def _losses(run_folder: Path, safe: Safe) -> tuple[float | None, float | None, int]:
    """Held out: before the first step, the lowest after it, and at which step."""
    first: float | None = None
    best: tuple[float, int] | None = None
    for line in read_metrics(run_folder, safe):
        if line["kind"] != "evaluation" or line["loss"] is None:
            continue
        if line["step"] == 0:
            first = line["loss"]
        elif best is None or line["loss"] < best[0]:
            best = (line["loss"], line["step"])
    return (first, *best) if best else (first, None, 0)
