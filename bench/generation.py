"""The CPU engine beside `transformers`, on the same weights, prompt and number of tokens.

OpenVINO reads the 4-bit file as it is and computes with 8-bit activations; `transformers` de-quantizes the
same file and computes in float32. Both say greedily what comes next, each engine in a process of its own.
"""

from __future__ import annotations

import statistics
import sys
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bench.report import Row, hand_over, in_a_process

if TYPE_CHECKING:
    from assistant.generation.engine import Engine
    from assistant.types import Message

PROMPT_TOKENS = 600
NEW_TOKENS = 128
RUNS = 3
TARGET = 2.5
CONDITION = "Parkinson's disease"


@dataclass(frozen=True)
class Run:
    """One answer: seconds to its first token, tokens a second after that, and how many there were."""

    first_s: float
    tokens_per_s: float
    tokens: int


def conversation(engine: Engine, number: int) -> list[Message]:
    """A grounded prompt of PROMPT_TOKENS or a little more from the library; another beginning each number.

    The turns before the question are the library's own texts, as many as it takes.
    """
    from assistant.generation.grounding import grounded_messages
    from assistant.knowledge.corpus import read_corpus
    from assistant.types import Message, Passage

    chunks = [chunk for chunk in read_corpus() if chunk.title.startswith(CONDITION)]
    passage = Passage(1, chunks[0].title, chunks[0].source, chunks[0].text, 0.9)
    history: list[Message] = []
    messages: list[Message] = []
    for chunk in chunks[1:]:
        question = f"Explain {CONDITION} to me in as much detail as you can, with examples."
        messages = grounded_messages(question, "", (), [passage], history)
        # A prefix cache finds nothing when the first words differ.
        messages[0] = replace(messages[0], content=f"Conversation {number}. {messages[0].content}")
        if engine.count(messages) >= PROMPT_TOKENS:
            break
        history += [Message("user", f"What about {chunk.title}?"), Message("assistant", chunk.text)]
    return messages


def timed(engine: Engine, messages: list[Message]) -> Run:
    """One greedy answer."""
    from assistant.generation.engine import Sampling

    sampling = Sampling(max_new_tokens=NEW_TOKENS, temperature=0.0, repetition_penalty=1.0)
    began = time.perf_counter()
    first, tokens_at_first, tokens = 0.0, 0, 0
    for piece in engine.stream(messages, sampling):
        tokens = piece.tokens
        if not first:
            first, tokens_at_first = time.perf_counter(), piece.tokens
    ended = time.perf_counter()
    return Run(first - began, (tokens - tokens_at_first) / (ended - first), tokens)


def of_engine(kind: str) -> list[Row]:
    """Median of RUNS after a warm-up: with a prompt that is new, and with one just read."""
    from assistant import weights
    from assistant.generation.openvino_engine import OpenVinoEngine
    from assistant.generation.transformers_engine import TransformersEngine

    gguf = weights.gpt_file()
    engine: Engine = (
        OpenVinoEngine(gguf, "") if kind == "openvino" else TransformersEngine(gguf, "", device="cpu")
    )
    timed(engine, conversation(engine, 0))
    cold, again = [], []
    for number in range(1, RUNS + 1):
        messages = conversation(engine, number)
        cold.append(timed(engine, messages))
        if kind == "openvino":
            again.append(timed(engine, messages))
    size = engine.count(conversation(engine, 1))
    engine.close()
    said = statistics.median(run.tokens for run in cold)
    note = f"prompt of {size} tokens, {said:.0f} new ones, median of {RUNS}"
    rows = [
        Row(f"{kind}: tokens/s", statistics.median(run.tokens_per_s for run in cold), "tokens/s", note),
        Row(f"{kind}: first token", statistics.median(run.first_s for run in cold), "s", "a new prompt"),
    ]
    if again:
        rate = statistics.median(run.tokens_per_s for run in again)
        first = statistics.median(run.first_s for run in again)
        rows += [
            Row(f"{kind}: tokens/s, prefix cached", rate, "tokens/s", "the same prompt again"),
            Row(f"{kind}: first token, prefix cached", first, "s", "the same prompt again"),
        ]
    return rows


def compare() -> list[Row]:
    """Both engines, and how many times the tokens a second."""
    ours = in_a_process("bench.generation", "openvino")
    theirs = in_a_process("bench.generation", "transformers")
    note = f"openvino to transformers, a new prompt; the target is at least {TARGET}"
    return [*ours, *theirs, Row("ratio of tokens/s", ours[0].value / theirs[0].value, "times", note)]


if __name__ == "__main__":
    hand_over(of_engine(sys.argv[1]) if len(sys.argv) > 1 else compare())
