"""What is watched while a run goes on: a loss that is no number or rises, patience, memory.

It decides and says why; what then happens is the trainer's matter.
"""

from __future__ import annotations

import math
import resource
import sys
from dataclasses import dataclass, field
from pathlib import Path

from training.config import TrainingConfig
from training.errors import OutOfMemoryError, RunError

_MOST_BROKEN = 3
_SMOOTH = 0.9
_SETTLED = 10
_ADVICE = "Lower optimiser.rate, or take precision fp32."


@dataclass
class Patience:
    """The best evaluation so far, and how many came after it."""

    most: int
    best: float = math.inf
    best_step: int = -1
    since: int = 0

    def tell(self, step: int, loss: float) -> bool:
        """Whether this one is the best."""
        if loss < self.best:
            self.best, self.best_step, self.since = loss, step, 0
            return True
        self.since += 1
        return False

    @property
    def over(self) -> bool:
        """Whether to end early."""
        return bool(self.most) and self.since >= self.most


@dataclass
class Health:
    """Sees losses and gradients that are no numbers, and a loss that climbs."""

    broken: int = 0
    _smooth: float = field(default=math.nan, repr=False)
    _lowest: float = field(default=math.inf, repr=False)
    _seen: int = 0
    _warned: bool = False

    def tell(self, loss: float, gradient_norm: float) -> str:
        """A warning, or nothing.

        Raises:
            RunError: it is broken beyond hope.
        """
        if not (math.isfinite(loss) and math.isfinite(gradient_norm)):
            self.broken += 1
            if self.broken >= _MOST_BROKEN:
                raise RunError(
                    f"Loss or gradient was no number for {self.broken} steps in a row, so the run ended; its "
                    f"checkpoints and its best model are as they were. {_ADVICE}"
                )
            return f"Loss or gradient is no number (NaN or infinite); the step was left out. {_ADVICE}"
        self.broken = 0
        self._seen += 1
        self._smooth = loss if self._seen == 1 else _SMOOTH * self._smooth + (1 - _SMOOTH) * loss
        if self._seen >= _SETTLED:
            self._lowest = min(self._lowest, self._smooth)
        if not self._warned and self._smooth > 1.5 * self._lowest + 0.1:
            self._warned = True
            return f"The loss rose from {self._lowest:.3f} to {self._smooth:.3f}: the run diverges. {_ADVICE}"
        return ""


def out_of_memory(config: TrainingConfig, reason: str) -> OutOfMemoryError:
    """Says which options would make the run fit, at the same effective batch."""
    changes: dict[str, object] = {}
    if config.batch_tokens >= 2 * config.context:
        changes = {"batch_tokens": config.batch_tokens // 2, "accumulation": config.accumulation * 2}
    elif not config.batch_tokens and config.batch_size > 1:
        half = -(-config.batch_size // 2)
        changes = {
            "batch_size": half,
            "accumulation": -(-config.batch_size * config.accumulation // half),
        }
    elif not config.gradient_checkpointing:
        changes = {"gradient_checkpointing": True}
    elif config.context >= 64:
        changes = {"context": config.context // 2}
    advice = " and ".join(f"{option} {value}" for option, value in changes.items()) or "a smaller base"
    return OutOfMemoryError(f"The memory didn't suffice ({reason}). Take {advice}.", changes)


def is_out_of_memory(error: RuntimeError | MemoryError) -> bool:
    """torch has an error of its own for a GPU, and for a CPU a text."""
    import torch

    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def memory_peak() -> int:
    """Bytes that this process has had at most: the GPU's where there is one."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    status = Path("/proc/self/status")
    if status.is_file():  # what `getrusage` says outlives exec: it may be of what started this process
        for line in status.read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
