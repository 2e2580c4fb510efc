"""The processes that one run is shared by: started by `accelerate launch` or torchrun, else there is one.

Each computes its share of every step; gradients and losses are summed, so that all have the same weights
without sending them. The first process alone writes and speaks.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import torch

_Thing = TypeVar("_Thing")


@dataclass(frozen=True)
class World:
    """`size` processes, of which this is number `rank`."""

    rank: int = 0
    size: int = 1

    @classmethod
    def join(cls) -> World:
        """Meet the others, if the environment (WORLD_SIZE, RANK) says that there are any."""
        if int(os.environ.get("WORLD_SIZE", "1")) < 2:
            return cls()
        import torch
        from accelerate import PartialState

        state = PartialState(cpu=not torch.cuda.is_available())
        return cls(state.process_index, state.num_processes)

    @property
    def first(self) -> bool:
        """Whether this is the one that writes."""
        return self.rank == 0

    def share(self, things: Sequence[_Thing]) -> list[_Thing]:
        """This process's part of a step; a step with fewer examples than processes leaves some without."""
        return list(things[self.rank :: self.size])

    def add(self, tensors: Iterable[torch.Tensor]) -> None:
        """Replace each by its sum over all processes."""
        if self.size == 1:
            return
        import torch

        every = list(tensors)
        flat = torch.cat([tensor.flatten() for tensor in every])
        torch.distributed.all_reduce(flat)
        at = 0
        for tensor in every:
            tensor.copy_(flat[at : at + tensor.numel()].view_as(tensor))
            at += tensor.numel()

    def total(self, *values: float) -> list[float]:
        """The sums of numbers over all processes."""
        if self.size == 1:
            return list(values)
        import torch

        device = "cuda" if torch.cuda.is_available() else "cpu"
        tensor = torch.tensor(values, dtype=torch.float64, device=device)
        torch.distributed.all_reduce(tensor)
        return [float(value) for value in tensor.tolist()]

    def every(self, thing: Any) -> list[Any]:
        """What each process has, in their order."""
        if self.size == 1:
            return [thing]
        import torch

        out: list[Any] = [None] * self.size
        torch.distributed.all_gather_object(out, thing)
        return out

    def wait(self) -> None:
        """Until all are here."""
        if self.size > 1:
            import torch

            torch.distributed.barrier()

    def leave(self) -> None:
        """The run has ended."""
        if self.size > 1:
            import torch

            # Together: one whose peer is gone can die in taking the group down.
            torch.distributed.barrier()
            torch.distributed.destroy_process_group()


ALONE = World()
