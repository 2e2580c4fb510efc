"""Which examples make an optimiser step, and how a step is cut into what is computed at once.

The examples of a step are drawn at random; only then are they sorted by length and cut so that little is
padded. The loss of a step is a sum over its label tokens, so the cut changes the speed and nothing else.
Everything follows from seed and epoch: to go on from any step, its number is enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from training.config import Task, TrainingConfig
from training.examples import IGNORED, Example, Ids

MASKED = 0.15
_OVERHEAD = {"cpu": 96, "cuda": 2048}
"""What one more forward and backward costs, in tokens."""
_SLICE = 256


@dataclass(frozen=True, eq=False)
class Batch:
    """What is computed at once.

    Attributes:
        ids, mask: (rows, length); the mask is None where padding is out of sight anyway (causal).
        positions: (labels,) places in the flattened (rows, length) where something is to be said.
        targets: (labels,) what.
        decoder: (rows, length) the answers of seq2seq, IGNORED where padded.
    """

    ids: torch.Tensor
    mask: torch.Tensor | None
    positions: torch.Tensor
    targets: torch.Tensor
    decoder: torch.Tensor | None = None

    @property
    def labels(self) -> int:
        """How many labels."""
        return len(self.targets)

    def to(self, device: torch.device) -> Batch:
        """On a device."""
        return Batch(
            *(
                None if value is None else value.to(device)
                for value in (self.ids, self.mask, self.positions, self.targets, self.decoder)
            )  # type: ignore[arg-type]  # None only where it may be
        )


class Plan:
    """The steps of every epoch."""

    def __init__(self, lengths: Sequence[int], config: TrainingConfig, processes: int = 1) -> None:
        """`processes` that share a step make it as many times as large."""
        self._lengths = np.array(lengths, dtype=np.int64)
        self._seed = config.seed
        self._rows = config.batch_size * config.accumulation * processes
        tokens = config.batch_tokens * config.accumulation * processes
        count = len(lengths)
        self.by_tokens = bool(tokens)
        if tokens:
            self.steps_in_epoch = max(1, int(self._lengths.sum()) // tokens)
        else:
            self.steps_in_epoch = -(-count // self._rows)
        whole = self.steps_in_epoch * config.epochs
        self.steps = min(whole, config.max_steps) if config.max_steps else whole

    def epoch(self, number: int) -> list[list[int]]:
        """The examples of each step of an epoch (from 0), by index."""
        order = np.random.default_rng((self._seed, number)).permutation(len(self._lengths))
        if not self.by_tokens:
            return [order[at : at + self._rows].tolist() for at in range(0, len(order), self._rows)]
        lengths = self._lengths[order]
        # Each step's share is at least as long as any example, so that none is left empty.
        share = lengths.sum() / self.steps_in_epoch
        step = np.minimum(((lengths.cumsum() - lengths) / share).astype(np.int64), self.steps_in_epoch - 1)
        return [part.tolist() for part in np.split(order, np.flatnonzero(np.diff(step)) + 1)]


def cut(lengths: Sequence[int], rows: int, tokens: int, overhead: int) -> list[list[int]]:
    """Groups of examples to be computed at once, the longest first, with the least work in all.

    Args:
        lengths: of the examples.
        rows, tokens: the most that a group may have, padding counted; 0 for tokens is no limit.
        overhead: what a group costs by itself, in tokens.
    """
    order = sorted(range(len(lengths)), key=lambda index: -lengths[index])
    best = [0.0] + [float("inf")] * len(order)
    begin = [0] * (len(order) + 1)
    for first in range(len(order)):
        longest = lengths[order[first]]
        for last in range(first + 1, min(first + rows, len(order)) + 1):
            if tokens and last - first > 1 and longest * (last - first) > tokens:
                break
            cost = best[first] + overhead + longest * (last - first)
            if cost < best[last]:
                best[last], begin[last] = cost, first
    groups, last = [], len(order)
    while last:
        groups.append(order[begin[last] : last])
        last = begin[last]
    return groups[::-1]


class Collator:
    """Examples -> batches: padded, corrupted where the task is to restore, with their labels' places."""

    def __init__(self, config: TrainingConfig, tokenizer: Any, device: torch.device) -> None:
        self._task: Task = config.task
        self._seed = config.seed
        self._rows = config.batch_tokens or config.batch_size
        self._tokens = config.batch_tokens
        self._pad = tokenizer.pad_token_id or 0
        self._overhead = _OVERHEAD.get(device.type, _OVERHEAD["cuda"])
        self._mask = tokenizer.mask_token_id
        if self._task == "masked":
            special = set(tokenizer.all_special_ids)
            self._words = np.array([i for i in range(len(tokenizer)) if i not in special], dtype=np.int32)

    def step(self, examples: Sequence[Example], indices: Sequence[int], epoch: int) -> list[Batch]:
        """The batches of one step: `indices` of `examples`, in the given epoch."""
        chosen = [self._corrupted(examples[index], epoch, index) for index in indices]
        groups = cut([len(example.ids) for example in chosen], self._rows, self._tokens, self._overhead)
        return [self.batch([chosen[index] for index in group]) for group in groups]

    def held_out(self, examples: Sequence[Example]) -> list[Batch]:
        """Batches of everything, corrupted the same way every time."""
        order = sorted(range(len(examples)), key=lambda index: -len(examples[index].ids))
        return [
            batch
            for at in range(0, len(order), _SLICE)
            for batch in self.step(examples, order[at : at + _SLICE], -1)
        ]

    def batch(self, examples: Sequence[Example]) -> Batch:
        """Pad to the longest."""
        lengths = [len(example.ids) for example in examples]
        ids = _padded([example.ids for example in examples], self._pad)
        mask = None
        if self._task != "causal":
            mask = torch.arange(ids.shape[1])[None] < torch.tensor(lengths)[:, None]
            mask = mask.to(torch.int64)
        if self._task == "classification":
            targets = torch.tensor([int(example.targets[0]) for example in examples])
            return Batch(ids, mask, torch.arange(len(examples)), targets)
        spread = _padded([example.targets for example in examples], IGNORED)
        flat = spread.flatten()
        positions = torch.nonzero(flat != IGNORED).squeeze(1)
        return Batch(ids, mask, positions, flat[positions], spread if self._task == "seq2seq" else None)

    def _corrupted(self, example: Example, epoch: int, index: int) -> Example:
        """For masked: of 15 in 100 tokens 80 percent masked, 10 another, 10 as they are; at least one."""
        if self._task != "masked":
            return example
        rng = np.random.default_rng((self._seed, epoch + 1, index))
        able = np.flatnonzero(example.targets != IGNORED)
        chosen = able[rng.random(len(able)) < MASKED]
        if not len(chosen):
            chosen = able[rng.integers(len(able), size=1)]
        ids = example.ids.copy()
        fate = rng.random(len(chosen))
        ids[chosen[fate < 0.8]] = self._mask
        others = chosen[(fate >= 0.8) & (fate < 0.9)]
        ids[others] = rng.choice(self._words, size=len(others))
        targets = np.full_like(example.targets, IGNORED)
        targets[chosen] = example.targets[chosen]
        return Example(ids, targets)


def _padded(rows: Sequence[Ids], value: int) -> torch.Tensor:
    out = np.full((len(rows), max(len(row) for row in rows)), value, dtype=np.int64)
    for index, row in enumerate(rows):
        out[index, : len(row)] = row
    return torch.from_numpy(out)
