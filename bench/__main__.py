"""`python -m bench [NAME ...] [--json]`: all of them if none is named."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict

from bench.machine import busy, machine
from bench.report import as_table, in_a_process

TITLES = {
    "generation": "Generation: SmolLM2-135M-Instruct on the CPU",
    "startup": "Start: a new data folder each time",
    "door": "The door: sign-ins, the event loop meanwhile, and what it adds to a page",
    "extraction": "Extraction: facts of a text",
    "training": "Training: LoRA on the embedded GPT, beside transformers.Trainer with peft",
    "preparation": "Preparation: files to a clean data set",
    "lab": "The lab: seconds from Run to the outcome",
    "memory": "Memory of training: estimated beside measured",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure how fast the app is here.")
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(TITLES)}; all by default")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args(argv)
    unknown = sorted(set(arguments.names) - set(TITLES))
    if unknown:
        parser.error(f"there is no benchmark {unknown[0]!r}; there are {', '.join(TITLES)}")
    here = machine()
    if busy():
        print(
            "Other programs keep this machine busy. The engines suffer from that unequally (torch most), so "
            "take these figures, the ratios above all, for a trial.",
            file=sys.stderr,
        )
    if not arguments.json:
        print(here, flush=True)
    results: dict[str, list[dict[str, object]]] = {}
    failed = False
    for name in arguments.names or TITLES:
        try:
            rows = in_a_process(f"bench.{name}")
        except RuntimeError as error:
            failed = True
            print(error, file=sys.stderr)
            continue
        results[name] = [asdict(row) for row in rows]
        if not arguments.json:
            print(f"\n{as_table(TITLES[name], rows)}", flush=True)
    if arguments.json:
        print(json.dumps({"machine": here, "results": results}, ensure_ascii=False))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
