"""Hardware to train on: its memory and the operations it can do a second, and this machine, measured.

The table is of the makers' data sheets, dense, without sparsity. No training reaches these peaks; see
`UTILISATION`.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from training.architectures.activations import Device

_GB = 10**9
_T = 10**12
SOURCE = "vendor data sheet"
UTILISATION = (0.25, 0.45)
"""The share of a data sheet's peak that training is taken to reach: an assumption, not measured."""
UTILISATION_HERE = (0.3, 0.7)
"""The same of a product of matrices that was measured on the machine itself."""


@dataclass(frozen=True)
class Accelerator:
    """One kind of hardware.

    Attributes:
        memory: bytes of each device; each holds the whole model.
        devices: how many work side by side.
        fp32, tf32, half: operations a second of one device; half is bf16, or fp16 where `bf16` is false.
        bf16: whether the trainer computes in bf16 on it; otherwise it computes in fp32.
        kind: "cpu" or "cuda": how the trainer computes.
        bandwidth: bytes a second, if measured.
        source: where the figures are from.
        note: what else to know.
    """

    name: str
    memory: int
    fp32: float
    tf32: float
    half: float
    devices: int = 1
    bf16: bool = True
    kind: Device = "cuda"
    bandwidth: float = 0.0
    source: str = SOURCE
    note: str = ""

    def rate(self, bf16: bool) -> float:
        """Operations a second of all devices at their peak."""
        return self.devices * (self.half if bf16 else self.fp32 or self.half)

    @property
    def utilisation(self) -> tuple[float, float]:
        """The least and the most of that which training is taken to reach."""
        return UTILISATION if self.source == SOURCE else UTILISATION_HERE


ACCELERATORS: tuple[Accelerator, ...] = (
    Accelerator("RTX 4080", 16 * _GB, 48.7 * _T, 48.7 * _T, 97.5 * _T),
    Accelerator("RTX 4090", 24 * _GB, 82.6 * _T, 82.6 * _T, 165.2 * _T),
    Accelerator("Tesla P100", 16 * _GB, 9.3 * _T, 0, 18.7 * _T, bf16=False, note="no bf16: computes in fp32"),
    Accelerator(
        "2 x T4", 16 * _GB, 8.1 * _T, 0, 65 * _T, devices=2, bf16=False, note="no bf16: computes in fp32"
    ),
    Accelerator("A100 40 GB", 40 * _GB, 19.5 * _T, 156 * _T, 312 * _T),
    Accelerator("A100 80 GB", 80 * _GB, 19.5 * _T, 156 * _T, 312 * _T),
    Accelerator(
        "TPU v3-8",
        16 * _GB,
        0,
        0,
        61.5 * _T,
        devices=8,
        note="to compare: the trainer here has no TPU support",
    ),
    Accelerator("L4", 24 * _GB, 30.3 * _T, 60 * _T, 121 * _T),
    Accelerator("H100", 80 * _GB, 67 * _T, 494 * _T, 989 * _T),
    Accelerator("H200", 141 * _GB, 67 * _T, 494 * _T, 989 * _T),
)


def measure_here(seconds: float = 1.0) -> Accelerator:
    """This machine: products of matrices in fp32 and bf16, and copies, for about `seconds` in all."""
    import torch

    from training.config import TrainingConfig
    from training.methods import choose_device, choose_precision

    device = choose_device()
    share = seconds / 3
    fp32 = _products(device, torch.float32, share)
    bf16 = choose_precision(TrainingConfig(name="here", dataset="none"), device) == torch.bfloat16
    half = _products(device, torch.bfloat16, share) if bf16 else fp32
    cuda = device.type == "cuda"
    memory = torch.cuda.get_device_properties(device).total_memory if cuda else memory_here()
    return Accelerator(
        name="this machine",
        memory=memory,
        fp32=fp32,
        tf32=0,
        half=half,
        bf16=bf16,
        kind="cuda" if cuda else "cpu",
        bandwidth=_copies(device, share),
        source="measured",
        note=torch.cuda.get_device_name(device) if cuda else f"{torch.get_num_threads()} CPU threads",
    )


def memory_here() -> int:
    """Bytes of memory that are free, or that the machine has where it doesn't say what is free."""
    meminfo = Path("/proc/meminfo")
    for line in meminfo.read_text(encoding="ascii").splitlines() if meminfo.is_file() else ():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _products(device: object, dtype: object, seconds: float) -> float:
    """The most operations a second that a product of square matrices reached."""
    import torch

    size = 4096 if str(device).startswith("cuda") else 768
    left, right = (torch.ones(size, size, device=device, dtype=dtype) for _ in range(2))  # type: ignore[call-overload]
    return _best(lambda: left @ right, 2.0 * size**3, seconds)


def _copies(device: object, seconds: float) -> float:
    import torch

    source = torch.ones(1 << 24, device=device)  # type: ignore[call-overload]
    target = torch.empty_like(source)
    return _best(lambda: target.copy_(source), 2.0 * source.numel() * source.element_size(), seconds)


def _best(work: object, amount: float, seconds: float) -> float:
    import torch

    assert callable(work)
    best, end = 0.0, time.monotonic() + seconds
    work()
    while not best or time.monotonic() < end:
        began = time.perf_counter()
        work()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        best = max(best, amount / (time.perf_counter() - began))
    return best
