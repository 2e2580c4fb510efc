"""The process in which one run works: reads an order, limits its own memory, prints events as lines of JSON.

Started by `running.Worker`; exits after one run, or when its standard input is closed.
"""

from __future__ import annotations

import json
import os
import resource
import sys

from security.lab import catalogue, running
from security.lab.errors import LabError
from security.lab.steps import to_json


def main() -> int:
    """One run; what it prints beside its events goes nowhere."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    sys.stdout = sys.stderr
    catalogue.every()
    line = sys.stdin.readline()
    if not line:
        return 0
    order = json.loads(line)

    def tell(row: dict[str, object]) -> None:
        out.write(json.dumps(row) + "\n")
        out.flush()

    lesson = catalogue.lesson(order["lesson"])
    run = lesson.run(order["run"])
    raw = {
        name: bytes.fromhex(value["hex"]) if isinstance(value, dict) else value
        for name, value in order["values"].items()
    }
    resource.setrlimit(resource.RLIMIT_AS, (run.megabytes * 2**20,) * 2)
    try:
        for event in running.work(lesson, run, raw, order["seed"]):
            tell(to_json(event))
    except LabError as error:
        tell({"error": str(error), "kind": type(error).__name__})
        return 0
    except MemoryError:
        tell(
            {
                "error": f"The run needed more than its {run.megabytes} MB of memory and was stopped. "
                "Choose smaller values and run it again.",
                "kind": "TooMuchError",
            }
        )
        return 0
    tell({"end": True})
    return 0


if __name__ == "__main__":
    sys.exit(main())
