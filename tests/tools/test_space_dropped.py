"""The trial runs as somebody who may write nowhere but where it is let."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools.space.dropped import NOBODY, dropped

PROGRAM = """
import os, pathlib, sys
print(os.geteuid(), os.getgroups())
try:
    pathlib.Path(sys.argv[1], "x").write_text("x")
except PermissionError:
    print("refused")
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has something to give up")
def test_root_is_given_up(tmp_path: Path) -> None:
    way = dropped()
    if way.how.startswith("root"):
        pytest.skip("nobody can't run this Python, and there is no setpriv")
    ended = subprocess.run(
        [*way.prefix, sys.executable, "-I", "-c", PROGRAM, str(tmp_path)],
        cwd="/",
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        **way.options,
    )
    assert ended.stdout.splitlines() == [f"{NOBODY} []", "refused"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root has something to give up")
def test_others_stay_who_they_are() -> None:
    way = dropped()
    assert (way.prefix, dict(way.options)) == ((), {})
    assert str(os.geteuid()) in way.how
