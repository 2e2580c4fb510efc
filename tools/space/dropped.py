"""How the trial gives up root: as nobody, which is as little as a process can be.

Where nobody can't reach this Python (it lies in a home that is closed), util-linux's setpriv leaves it one
right of root's, to read; it still can't write. Does not: take away the network or memory.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

NOBODY = 65534
_TRY_S = 60
_READ_ALONE = "-all,+dac_read_search"


@dataclass(frozen=True)
class Dropped:
    """What stands before the command, and what subprocess is told."""

    how: str
    prefix: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)


def dropped() -> Dropped:
    """The least that this Python can be run as on this machine; `how` says it."""
    if os.geteuid() != 0:
        return Dropped(f"user {os.geteuid()}, who started it")
    plain = Dropped("nobody", (), {"user": NOBODY, "group": NOBODY, "extra_groups": []})
    if _runs(plain):
        return plain
    setpriv = shutil.which("setpriv")
    if setpriv is not None:
        user = ("--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups")
        rights = [f"--{kind}={_READ_ALONE}" for kind in ("inh-caps", "ambient-caps", "bounding-set")]
        reading = Dropped("nobody, with root's right to read", (setpriv, *user, *rights, "--"))
        if _runs(reading):
            return reading
    return Dropped("root, since nobody can't run this Python")


def _runs(way: Dropped) -> bool:
    try:
        ended = subprocess.run(  # noqa: S603  # this Python
            [*way.prefix, sys.executable, "-I", "-c", "import encodings"],
            check=False,
            capture_output=True,
            cwd="/",
            timeout=_TRY_S,
            **way.options,
        )
    except OSError:
        return False
    return ended.returncode == 0
