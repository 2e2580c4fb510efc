"""Runs that have ended, made without training: tiny models whose adapters are drawn, and not small."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from tests.training import tiny
from training import bases, methods, runs
from training.config import TrainingConfig


def finished_run(root: Path, config: TrainingConfig, labels: tuple[str, ...] = (), seed: int = 0) -> Path:
    """A run's folder with a best model; an adapter's weights are of the size of the base's own."""
    folder = runs.create(root, config)
    base = bases.load_base(config, labels)
    model = methods.make_trainable(base, config, torch.device("cpu"), torch.float32)
    shake(model, seed)
    runs.save_best(folder, model, base.tokenizer, labels)
    losses = [(0, 3.5, False), (5, 2.25, True), (10, 2.5, False)]
    lines = [
        {"kind": "evaluation", "step": step, "loss": loss, "label_tokens": 9, "best": best, "samples": []}
        for step, loss, best in losses
    ]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    return folder


def shake(model: Any, seed: int) -> None:
    """Draw what an untrained adapter has as zeros, so that leaving it out changes every answer."""
    generator = torch.Generator().manual_seed(seed)
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            weight.data.copy_(torch.randn(weight.shape, generator=generator) * 0.3)


def lora_run(root: Path, base: Path | str, name: str = "run", **changes: Any) -> Path:
    """A run with an adapter on `base`."""
    return finished_run(root, replace(tiny.config(base, **changes), name=name))
