"""The studio's trainer beside `transformers.Trainer` with peft: label tokens a second and memory at its peak.

Both fine-tune the embedded GPT by LoRA on the same questions and answers, with the same seed, rank,
effective batch, rate and number of steps, each in a process of its own; the loss on the same held-out pairs
is then computed by the same code. The baseline pads each batch to its longest, as its users do. Label tokens
are those of the answers; padding and prompts don't count.

The pairs are made of the library's texts, or come from ASKLEPION_BENCH_PAIRS: a file of JSON lines (or .gz)
with "question" and "answer", of which answers of 10 to 256 tokens are taken.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.report import Row, hand_over, in_a_process

STEPS = int(os.environ.get("ASKLEPION_BENCH_STEPS", "10"))
TRAIN, HELD_OUT = 500, 40
LONGEST = 256
TARGET = 1.5
BATCH, ACCUMULATION, RATE = 4, 4, 2e-4


@dataclass(frozen=True)
class Pairs:
    """Questions and answers as a prepared set has them."""

    train: list[dict[str, Any]]
    held_out: list[dict[str, Any]]
    name: str
    kind: str = "pairs"
    hash: str = "0" * 64

    def rows(self, split: str) -> Iterator[dict[str, Any]]:
        """The rows of a split."""
        return iter(self.train if split == "train" else self.held_out)


def pairs(tokenizer: Any) -> Pairs:
    """What both are trained on, shuffled by a fixed seed."""
    path = os.environ.get("ASKLEPION_BENCH_PAIRS")
    every = list(_from_file(Path(path)) if path else _from_library())
    random.Random(0).shuffle(every)
    rows = []
    for question, answer in every:
        if 10 <= len(tokenizer(answer)["input_ids"]) <= LONGEST:
            turns = (("user", question), ("assistant", answer))
            rows.append({"messages": [{"role": role, "content": text} for role, text in turns]})
        if len(rows) == TRAIN + HELD_OUT:
            break
    return Pairs(rows[HELD_OUT:], rows[:HELD_OUT], Path(path).name if path else "the library's texts")


def _from_file(path: Path) -> Iterator[tuple[str, str]]:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as stream:
        for line in stream:
            row = json.loads(line)
            yield row["question"], row["answer"]


def _from_library() -> Iterator[tuple[str, str]]:
    from assistant.knowledge.corpus import read_corpus

    for chunk in read_corpus():
        yield f"What should I know about {chunk.title}?", chunk.text


def _config(precision: str) -> Any:
    from training.config import OptimiserSettings, TrainingConfig

    return TrainingConfig(
        name="bench",
        dataset="in memory",
        precision=precision,  # type: ignore[arg-type]  # from the command line of this file
        batch_size=BATCH,
        accumulation=ACCUMULATION,
        epochs=100,
        max_steps=STEPS,
        evaluate_every=1_000_000,
        optimiser=OptimiserSettings(rate=RATE),
    )


def ours(precision: str) -> list[Row]:
    """The studio's own trainer, through the function that the page's runs call."""
    from training import bases, runs
    from training.progress import Evaluated, Event, StepDone
    from training.trainer import train

    config = _config(precision)
    data = pairs(bases.load_base(config).tokenizer)
    steps: list[tuple[float, int]] = []
    losses: list[float] = []

    def note(event: Event) -> None:
        if isinstance(event, StepDone):
            steps.append((time.perf_counter(), event.label_tokens))
        elif isinstance(event, Evaluated):
            losses.append(event.loss)

    with tempfile.TemporaryDirectory() as folder:
        train(config, runs.create(Path(folder), config), note, data=data)
    return _rows(steps, losses[-1])


def theirs(precision: str) -> list[Row]:
    """`transformers.Trainer`, peft's LoRA, dynamic padding."""
    import torch
    import transformers
    from peft import LoraConfig, get_peft_model

    from training import bases, examples
    from training.batches import Collator
    from training.objective import Objective
    from training.trainer import held_out_loss

    config = _config(precision)
    base = bases.load_base(config)
    data = pairs(base.tokenizer)
    rows = [_features(example) for example in examples.encode(data, "train", config, base.tokenizer).examples]
    held_out = examples.encode(data, "held_out", config, base.tokenizer).examples
    torch.manual_seed(config.seed)
    lora = LoraConfig(
        r=16, lora_alpha=32, lora_dropout=0.05, target_modules="all-linear", task_type="CAUSAL_LM"
    )
    model = get_peft_model(base.model, lora)
    steps: list[tuple[float, int]] = []
    counted = [0]
    pad = transformers.DataCollatorForSeq2Seq(base.tokenizer, padding=True)

    def collate(some: list[dict[str, Any]]) -> Any:
        counted[0] += sum(label != examples.IGNORED for row in some for label in row["labels"])
        return pad(some)

    class Watch(transformers.TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, *_: Any, **__: Any) -> None:
            steps.append((time.perf_counter(), counted[0]))
            counted[0] = 0

    with tempfile.TemporaryDirectory() as folder:
        arguments = transformers.TrainingArguments(
            output_dir=folder,
            per_device_train_batch_size=BATCH,
            gradient_accumulation_steps=ACCUMULATION,
            max_steps=STEPS,
            learning_rate=RATE,
            lr_scheduler_type="cosine",
            warmup_steps=max(1, STEPS // 20),
            bf16=precision == "bf16",
            use_cpu=not torch.cuda.is_available(),
            seed=config.seed,
            report_to=[],
            save_strategy="no",
            logging_strategy="no",
            disable_tqdm=True,
        )
        transformers.Trainer(
            model=model, args=arguments, train_dataset=rows, data_collator=collate, callbacks=[Watch()]
        ).train()
    peak = _peak()
    device = next(model.parameters()).device
    collator = Collator(config, base.tokenizer, device)
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    loss, _ = held_out_loss(model, Objective(model, "causal", dtype), collator.held_out(held_out))
    return _rows(steps, loss, peak)


def _features(example: Any) -> dict[str, Any]:
    """Ids and labels as the baseline takes them, which shifts the labels itself."""
    ids, targets = example.ids.tolist(), example.targets.tolist()
    return {
        "input_ids": [*ids, targets[-1]],
        "labels": [-100, *targets],
        "attention_mask": [1] * (len(ids) + 1),
    }


def _peak() -> float:
    import torch

    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def _rows(steps: list[tuple[float, int]], loss: float, peak: float | None = None) -> list[Row]:
    """Rates without the first step, in which kernels and memory warm up."""
    seconds, labels = steps[-1][0] - steps[0][0], sum(count for _, count in steps[1:])
    return [
        Row(
            "label tokens a second", labels / seconds, "tokens/s", f"{len(steps) - 1} steps, {labels} labels"
        ),
        Row("held-out loss after them", loss, "nats"),
        Row("memory at the peak", peak or _peak(), "MB"),
    ]


def compare() -> list[Row]:
    """Both in float32, the studio's default here too, and the ratios."""
    import torch

    able = torch.cpu.get_capabilities()
    precisions = ["fp32"]
    if torch.cuda.is_available() or able.get("amx_bf16"):
        precisions.append("bf16")
    out: list[Row] = []
    for precision in precisions:
        found = {name: in_a_process("bench.training", name, precision) for name in ("ours", "theirs")}
        for name, title in (("ours", "studio"), ("theirs", "Trainer + peft")):
            out += [
                Row(f"{title}, {precision}: {row.what}", row.value, row.unit, row.note) for row in found[name]
            ]
        mine, other = found["ours"], found["theirs"]
        note = f"target {TARGET}; the losses differ by {abs(mine[1].value / other[1].value - 1):.2%}"
        out.append(Row(f"ratio of speed, {precision}", mine[0].value / other[0].value, "times", note))
        out.append(Row(f"ratio of memory, {precision}", mine[2].value / other[2].value, "times", "at most 1"))
    return out


if __name__ == "__main__":
    if len(sys.argv) > 1:
        hand_over({"ours": ours, "theirs": theirs}[sys.argv[1]](sys.argv[2]))
    else:
        hand_over(compare())
