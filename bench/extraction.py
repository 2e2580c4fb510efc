"""The extractor on a long text, beside the same network called for one sentence at a time.

One call for each sentence is what `transformers.pipeline` does with a list unless it is told to batch. That
pipeline itself can't run this network (several heads on one encoder), so the baseline is our own code called
that way, rules for assertion included. The text is the sample note over and over: few sentences, many times.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from bench.report import Row, hand_over

COPIES = 20
RUNS = 3


def compare() -> list[Row]:
    """Median of RUNS after a warm-up, both ways, and the ratio."""
    from assistant.examples import SAMPLE_NOTE
    from assistant.extraction.extractor import Extractor
    from assistant.knowledge import sentences

    extractor = Extractor.load()
    text = "\n\n".join([SAMPLE_NOTE] * COPIES)
    parts = [part for part in sentences.texts(text) if part.strip()]
    size = f"{len(parts)} sentences, {len(text):,} characters, median of {RUNS}"
    whole = _median_s(lambda: extractor.findings(text))
    single = _median_s(lambda: [extractor.findings(part) for part in parts])
    return [
        Row("the whole text at once", len(parts) / whole, "sentences/s", size),
        Row("the whole text at once", len(text) / whole, "characters/s"),
        Row("a sentence a call", len(parts) / single, "sentences/s", "the same sentences and network"),
        Row("ratio", single / whole, "times", "at once to a sentence a call"),
    ]


def _median_s(run: Callable[[], object]) -> float:
    run()
    seconds = []
    for _ in range(RUNS):
        began = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


if __name__ == "__main__":
    hand_over(compare())
