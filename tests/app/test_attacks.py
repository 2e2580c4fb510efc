"""No route, however it is spelled, gives a stranger anything, or a user what is another's."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.app.served import ROOT


def test_every_route_is_shut_to_whom_it_does_not_belong() -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "tests.app.attacks"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert printed.returncode == 0, printed.stderr
    found = json.loads(printed.stdout.splitlines()[-1])
    assert found["paths"] > 40
    assert found["tried"] > 5000
    assert found["breaches"] == []
