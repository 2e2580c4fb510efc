"""Everything that a run needs to go on as if it had never stopped, without one pickle.

Tensors are in safetensors, the rest in JSON. A checkpoint is written beside its place and then renamed, so
that a folder `step-N` is whole or isn't there, whatever ends the process.
"""

from __future__ import annotations

import base64
import json
import os
import random
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.torch
import torch

from training.errors import RunError

FOLDER = "checkpoints"
_WEIGHTS, _OPTIMISER, _STATE = "weights.safetensors", "optimiser.safetensors", "state.json"


def size_of(weights: Mapping[str, torch.Tensor]) -> int:
    """Bytes of a checkpoint: the weights, and two moments of each."""
    return sum(value.numel() * (value.element_size() + 8) for value in weights.values()) + (1 << 20)


def check_space(folder: Path, size: int) -> None:
    """Return if `size` bytes fit.

    Raises:
        RunError: they don't.
    """
    free = shutil.disk_usage(folder).free
    if free < size:
        raise RunError(
            f"The disk is too full for a checkpoint: it needs {size >> 20} MB and {free >> 20} MB are free. "
            "Make room; the run can then be resumed from its last checkpoint."
        )


def save(
    run: Path,
    step: int,
    weights: Mapping[str, torch.nn.Parameter],
    optimiser: torch.optim.Optimizer,
    state: Mapping[str, Any],
    keep: int,
    randoms: Sequence[Mapping[str, Any]] = (),
) -> Path:
    """Write `checkpoints/step-N` and remove all but the newest `keep`.

    `randoms` are the random states of the processes that share the run; without them, this one's.

    Raises:
        RunError: there is no room on the disk.
    """
    folder = run / FOLDER
    folder.mkdir(exist_ok=True)
    check_space(folder, size_of(weights))
    part, place = folder / f".part-{step}", folder / f"step-{step}"
    for left in folder.glob(".part-*"):
        shutil.rmtree(left)
    part.mkdir()
    moments = {
        f"{name}/{moment}": value
        for name, weight in weights.items()
        for moment, value in optimiser.state[weight].items()
    }
    safetensors.torch.save_file({name: value.detach() for name, value in weights.items()}, part / _WEIGHTS)
    safetensors.torch.save_file(moments, part / _OPTIMISER)
    held = {"step": step, **state, "random": list(randoms) or [random_state()]}
    (part / _STATE).write_text(json.dumps(held), "utf-8")
    for path in part.iterdir():
        _sync(path)
    if place.exists():
        shutil.rmtree(place)
    part.rename(place)
    _sync(folder)
    for old in _all(run)[:-keep]:
        shutil.rmtree(old)
    return place


def latest(run: Path) -> Path | None:
    """The newest checkpoint of a run."""
    found = _all(run)
    return found[-1] if found else None


def restore(
    checkpoint: Path,
    weights: Mapping[str, torch.nn.Parameter],
    optimiser: torch.optim.Optimizer,
    rank: int = 0,
) -> dict[str, Any]:
    """Put everything back as it was; returns what was given to `save` as state, and the step.

    Raises:
        RunError: the checkpoint is damaged, or of another model.
    """
    try:
        saved = safetensors.torch.load_file(checkpoint / _WEIGHTS)
        moments = safetensors.torch.load_file(checkpoint / _OPTIMISER)
        state: dict[str, Any] = json.loads((checkpoint / _STATE).read_text("utf-8"))
        if saved.keys() != weights.keys():
            raise KeyError("its weights are those of another model")
        with torch.no_grad():
            for name, weight in weights.items():
                weight.copy_(saved[name])
        for key, value in moments.items():
            name, moment = key.rsplit("/", 1)
            device = weights[name].device if moment != "step" else "cpu"
            optimiser.state[weights[name]][moment] = value.to(device)
        _set_random_state(state.pop("random")[rank])
    except (OSError, ValueError, LookupError, RuntimeError, safetensors.SafetensorError) as error:
        raise RunError(
            f"The checkpoint {checkpoint.name} can't be used: {error}. Remove its folder to go on from the "
            "one before."
        ) from error
    return state


def _all(run: Path) -> list[Path]:
    found = [path for path in (run / FOLDER).glob("step-*") if path.name[5:].isdigit()]
    return sorted(found, key=lambda path: int(path.name[5:]))


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def random_state() -> dict[str, Any]:
    """What this process will draw next, as JSON holds it."""
    version, numbers, gauss = random.getstate()
    kind, keys, position, has_gauss, cached = np.random.get_state(legacy=True)
    return {
        "python": [version, list(numbers), gauss],
        "numpy": [kind, np.asarray(keys).tolist(), position, has_gauss, cached],
        "torch": _as_text(torch.get_rng_state()),
        "cuda": [_as_text(state) for state in torch.cuda.get_rng_state_all()],
    }


def _set_random_state(state: dict[str, Any]) -> None:
    version, numbers, gauss = state["python"]
    random.setstate((version, tuple(numbers), gauss))
    kind, keys, *rest = state["numpy"]
    np.random.set_state((kind, np.array(keys, dtype=np.uint32), *rest))
    torch.set_rng_state(_as_state(state["torch"]))
    if state["cuda"] and torch.cuda.device_count() == len(state["cuda"]):
        torch.cuda.set_rng_state_all([_as_state(text) for text in state["cuda"]])


def _as_text(state: torch.Tensor) -> str:
    return base64.b64encode(state.numpy().tobytes()).decode("ascii")


def _as_state(text: str) -> torch.Tensor:
    return torch.frombuffer(bytearray(base64.b64decode(text)), dtype=torch.uint8)
