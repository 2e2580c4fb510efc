"""Preparing text to train on: MB/s and memory at its peak, as the text grows.

Each size in a process of its own, on JSON lines of made-up notes, a file for each MB, every tenth a copy;
clean, judged, de-duplicated and split as the studio does it unless told otherwise. Sizes in MB are in the
environment variable ASKLEPION_BENCH_SIZES, "10,100,1000" if it isn't set; the largest takes some ten minutes.
"""

from __future__ import annotations

import json
import os
import random
import resource
import sys
import tempfile
import time
from pathlib import Path

from bench.report import Row, hand_over, in_a_process

SIZES = os.environ.get("ASKLEPION_BENCH_SIZES", "10,100,1000")
FILE_MB = 1.0


def write_notes(folder: Path, megabytes: float) -> None:
    """Files of FILE_MB of JSON lines, each line a note, from the library's own sentences."""
    from assistant.knowledge import sentences
    from assistant.knowledge.corpus import read_corpus

    said = [text for chunk in read_corpus() for text in sentences.texts(chunk.text)]
    rng = random.Random(0)
    left, number = megabytes * 1e6, 0
    notes: list[str] = []
    while left > 0:
        with (folder / f"{number}.jsonl").open("w", encoding="utf-8") as out:
            room = min(left, FILE_MB * 1e6)
            while room > 0:
                if notes and number % 10 == 9:
                    note = rng.choice(notes)
                else:
                    values = f"Seen on day {rng.randrange(10**6)}, pulse {rng.randrange(50, 120)}. "
                    note = values + " ".join(rng.sample(said, rng.randrange(6, 40)))
                if len(notes) < 1000:
                    notes.append(note)
                out.write(json.dumps({"text": note}) + "\n")
                room -= len(note)
                left -= len(note)
                number += 1


def measure(megabytes: float) -> list[Row]:
    """One preparation."""
    from training.corpus import PrepareSettings, prepare

    with tempfile.TemporaryDirectory() as place:
        source = Path(place) / "notes"
        source.mkdir()
        write_notes(source, megabytes)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
        began = time.perf_counter()
        report = prepare([source], Path(place) / "set", PrepareSettings())
        seconds = time.perf_counter() - began
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    documents = f"{report.funnel[0].documents:,} documents, {report.funnel[-1].documents:,} kept"
    return [
        Row(f"{megabytes:g} MB of text", report.bytes_read / 1e6 / seconds, "MB/s", documents),
        Row(f"{megabytes:g} MB of text, memory at the peak", peak, "MB", f"{before:.0f} MB before it began"),
    ]


def compare() -> list[Row]:
    """Every size."""
    return [row for size in SIZES.split(",") for row in in_a_process("bench.preparation", size)]


if __name__ == "__main__":
    hand_over(measure(float(sys.argv[1])) if len(sys.argv) > 1 else compare())
