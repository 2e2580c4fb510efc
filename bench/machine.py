"""One line on the machine: a figure without it says nothing."""

from __future__ import annotations

import os
import platform
import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("torch", "transformers", "openvino", "gradio")


def machine() -> str:
    """Processor, cores, memory, load, and the versions that matter."""
    cpu = (
        _found(Path("/proc/cpuinfo"), r"model name\s*:\s*(.+)") or platform.processor() or "unknown processor"
    )
    kib = _found(Path("/proc/meminfo"), r"MemTotal:\s*(\d+)")
    memory = f"{int(kib) / 2**20:.0f} GiB" if kib else "unknown memory"
    versions = ", ".join(f"{name} {_version(name)}" for name in PACKAGES)
    load = os.getloadavg()[0]
    return (
        f"{cpu}, {_cores()} cores, {memory}, load {load:.1f} at the start; "
        f"Python {platform.python_version()}, {versions}"
    )


def busy() -> bool:
    """Whether others took more than a tenth of the cores in the last minute."""
    return os.getloadavg()[0] > 0.1 * _cores()


def _cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _found(path: Path, pattern: str) -> str:
    if not path.is_file():
        return ""
    match = re.search(pattern, path.read_text(encoding="utf-8", errors="replace"))
    return match[1].strip() if match else ""


def _version(name: str) -> str:
    try:
        return version(name).partition("+")[0]
    except PackageNotFoundError:
        return "missing"
