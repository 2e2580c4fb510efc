"""The lab: how long each run of each lesson takes with its default values, in a worker that waits for it.

Runs that need the app's language model are left out. The target is for runs that are not marked as heavy.
"""

from __future__ import annotations

import time

from bench.report import Row, hand_over

TARGET_S = 2.0


def compare() -> list[Row]:
    """The slowest run of each lesson, and its default run."""
    from security.lab import catalogue, running

    rows = []
    for lesson in catalogue.every():
        seconds: dict[str, float] = {}
        for run in lesson.runs:
            if run.needs:
                continue
            worker = running.Worker()
            time.sleep(1.0)  # it imports meanwhile, as it does in the app
            began = time.perf_counter()
            list(worker.stream(lesson, run, {}, 0))
            seconds[run.id] = time.perf_counter() - began
        default = lesson.run().id
        rows.append(Row(f"{lesson.id}: default run", seconds[default], "s", f"target {TARGET_S:g}"))
        light = {run.id: seconds[run.id] for run in lesson.runs if run.id in seconds and not run.heavy}
        slowest = max(light, key=lambda name: light[name])
        heavy = ", ".join(
            f"{run.id} {seconds[run.id]:.1f} s" for run in lesson.runs if run.heavy and run.id in seconds
        )
        rows.append(
            Row(f"{lesson.id}: slowest, {slowest}", light[slowest], "s", f"heavy: {heavy}" if heavy else "")
        )
    return rows


if __name__ == "__main__":
    hand_over(compare())
