"""The process in which one run works: reads an order, limits itself, prints events as lines of JSON.

Started by `running.Worker`; exits after one run, and at once when its standard input is closed: then whoever
started it has gone.
"""

from __future__ import annotations

import json
import math
import os
import resource
import sys
import threading
import traceback
from typing import TextIO

from security.lab import catalogue, running
from security.lab.errors import LabError
from security.lab.lesson import Run
from security.lab.steps import to_json

_LONGEST = 4000
_GRACE_S = 5


def main() -> int:
    """One run; what it prints beside its events goes nowhere."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    sys.stdout = sys.stderr
    catalogue.every()
    line = sys.stdin.readline()
    if not line:
        return 0
    threading.Thread(target=_leave_with_the_caller, daemon=True).start()
    order = json.loads(line)
    lesson = catalogue.lesson(order["lesson"])
    run = lesson.run(order["run"])
    raw = {
        name: bytes.fromhex(value["hex"]) if isinstance(value, dict) else value
        for name, value in order["values"].items()
    }
    _limit(run)
    try:
        for event in running.work(lesson, run, raw, order["seed"]):
            _tell(out, to_json(event))
    except LabError as error:
        _tell(out, {"error": str(error), "kind": type(error).__name__})
    except MemoryError:
        message = f"The run needed more than its {run.megabytes} MB of memory and was stopped. "
        _tell(out, {"error": message + "Choose smaller values and run it again.", "kind": "TooMuchError"})
    except Exception as error:  # noqa: BLE001  # the edge of this process: told to the caller, who logs it
        message = f"The run broke off ({type(error).__name__}): this lesson can't do that here. Try another."
        _tell(out, {"error": message, "trace": traceback.format_exc()[-_LONGEST:]})
    else:
        _tell(out, {"end": True})
    return 0


def _limit(run: Run) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (run.megabytes * 2**20,) * 2)
    seconds = math.ceil(run.seconds) * (os.cpu_count() or 1) + _GRACE_S  # of all threads together
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))


def _leave_with_the_caller() -> None:
    sys.stdin.read()
    os._exit(0)


def _tell(out: TextIO, row: dict[str, object]) -> None:
    out.write(json.dumps(row) + "\n")
    out.flush()


if __name__ == "__main__":
    code = main()
    sys.stderr.flush()
    os._exit(code)
