"""What a poisoned client does; only ever to a federation of one's own, to see what its rule withstands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from training.examples import IGNORED, Example
from training.federated.config import Attack

if TYPE_CHECKING:
    import torch


def spoiled_delta(delta: dict[str, torch.Tensor], kind: Attack, strength: float) -> dict[str, torch.Tensor]:
    """The update that it sends instead of its own."""
    factor = {"sign-flip": -strength, "scale": strength, "label-noise": 1.0}[kind]
    return {name: one * factor for name, one in delta.items()}


def spoiled_examples(examples: Sequence[Example], classes: int, share: float, seed: int) -> list[Example]:
    """With about `share` of the labels drawn anew from `classes`."""
    import numpy as np

    rng = np.random.default_rng((seed, 0x90150))
    spoiled = []
    for example in examples:
        wrong = (example.targets != IGNORED) & (rng.random(len(example.targets)) < share)
        targets = example.targets.copy()
        targets[wrong] = rng.integers(classes, size=int(wrong.sum()))
        spoiled.append(Example(example.ids, targets))
    return spoiled
