"""Peak memory of training runs beside what the design page estimates for them.

Each run is the trainer's own, of three optimiser steps on rows that are all as long as the context, in a new
process. The peak is the process's high-water mark from /proc, since what getrusage says is inherited from
whoever started it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.report import ROOT, Row, hand_over
from training.architectures import USUAL_TASK, DesignRequest, Shape, training_memory
from training.config import LoraSettings, TrainingConfig

STEPS = 3
WORDS = 500
_MB = 1e6


@dataclass(frozen=True)
class Case:
    """One run to measure."""

    name: str
    request: DesignRequest


def _case(name: str, shape: Shape, **options: Any) -> Case:
    values = {"task": USUAL_TASK[shape.family], "precision": "fp32", "accumulation": 1} | options
    return Case(name, DesignRequest(shape, **values))


_GPT = Shape(layers=5, hidden_size=448, heads=7, feed_forward_size=1280, vocabulary=12_000)
_WIDE = Shape(
    layers=3, hidden_size=1280, heads=20, key_value_heads=4, feed_forward_size=3456, vocabulary=32_000
)
_GPT2 = Shape(positions="learned", layers=4, hidden_size=512, heads=8, feed_forward_size=2048, dropout=0.1)
_BERT = Shape(
    family="bert",
    positions="learned",
    layers=4,
    hidden_size=640,
    heads=10,
    feed_forward_size=2560,
    vocabulary=28_996,
    context=512,
    dropout=0.1,
)
_T5 = Shape(
    family="t5",
    positions="relative",
    layers=3,
    hidden_size=448,
    heads=7,
    feed_forward_size=1792,
    vocabulary=20_000,
    dropout=0.1,
)
_BF16: dict[str, Any] = {"precision": "bf16"}
_AGAIN: dict[str, Any] = {"checkpointing": True}
_FULL: dict[str, Any] = {"method": "full"}

CASES = (
    _case("GPT, all weights, 6 x 300", _GPT, batch=6, length=300, **_FULL),
    _case("GPT, all weights, bf16, 2 x 4 x 400", _GPT, batch=4, length=400, accumulation=2, **_FULL, **_BF16),
    _case("GPT, LoRA, bf16, 4 x 2 x 512", _GPT, batch=2, length=512, accumulation=4, **_BF16),
    _case("GPT, LoRA, again, 10 x 300", _GPT, batch=10, length=300, **_AGAIN),
    _case("wide GPT, all weights, 2 x 48", _WIDE, batch=2, length=48, **_FULL),
    _case("GPT-2, all weights, again, 8 x 250", _GPT2, batch=8, length=250, **_FULL, **_AGAIN),
    _case("BERT, all weights, 8 x 160", _BERT, batch=8, length=160, **_FULL),
    _case("BERT, LoRA, bf16, 10 x 200", _BERT, batch=10, length=200, **_BF16),
    _case("BERT, tagging, all weights, 4 x 300", _BERT, batch=4, length=300, task="tagging", **_FULL),
    _case("T5, all weights, 8 x 150", _T5, batch=8, length=150, **_FULL),
    _case("T5, LoRA, bf16, 6 x 220", _T5, batch=6, length=220, **_BF16),
    _case("T5, LoRA, again, 12 x 200", _T5, batch=12, length=200, **_AGAIN),
)
"""Other shapes than those that the constants were found on. "Again": with gradient checkpointing."""


def measure(case: Case, threads: int = 0) -> dict[str, int]:
    """Bytes at most, in a new process: {"start", "loaded", "stepped", "peak"}.

    Raises:
        RuntimeError: the run failed; the end of what it printed says why.
    """
    environ = dict(os.environ) | ({"OMP_NUM_THREADS": str(threads)} if threads else {})
    with tempfile.TemporaryDirectory() as folder:
        make_base(Path(folder), case)
        command = [sys.executable, "-m", "bench.memory", folder, repr(case)]
        done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{case.name} failed:\n{done.stderr[-2000:]}")
    found: dict[str, int] = json.loads(done.stdout.strip().rsplit("\n", 1)[-1])
    return found


def compare() -> list[Row]:
    """Every case: measured, and how far the estimate is off."""
    rows = []
    for case in CASES:
        peak = measure(case)["peak"]
        error = estimated(case) / peak - 1
        rows += [
            Row(case.name, peak / _MB, "MB", "measured peak"),
            Row("  estimate", 100 * error, "%", "off; the target is 15 at most"),
        ]
    return rows


def estimated(case: Case) -> int:
    """Bytes at most, by the formulas."""
    return training_memory(case.request, case.request.precision == "bf16").peak


def make_base(folder: Path, case: Case) -> None:
    """A tokenizer of a few words, and a base with random weights unless it is trained from scratch."""
    import tokenizers
    import torch
    import transformers

    from assistant import weights

    special = ["<pad>", "</s>", "<unk>", "[CLS]", "[SEP]", "[MASK]"]
    words = {word: index for index, word in enumerate(special + [f"w{i}" for i in range(WORDS)])}
    core = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="<unk>"))
    core.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    names = {"pad": "<pad>", "eos": "</s>", "unk": "<unk>", "mask": "[MASK]"}
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=core, **{f"{name}_token": text for name, text in names.items()}
    )
    tokenizer.save_pretrained(folder)
    if case.request.method == "scratch":
        return
    shape = case.request.shape.to_architecture()
    config = transformers.AutoConfig.for_model(
        shape.pop("model_type"), **shape, pad_token_id=0, bos_token_id=1, eos_token_id=1
    )
    kinds = {"gpt": "CausalLM", "bert": "MaskedLM", "t5": "Seq2SeqLM"}
    torch.manual_seed(0)
    weights.quiet_loading()
    made = getattr(transformers, f"AutoModelFor{kinds[case.request.shape.family]}").from_config(config)
    made.save_pretrained(folder)


class _Rows:
    """As many rows as the run reads, all of one length."""

    name, hash = "words", "0" * 64

    def __init__(self, case: Case) -> None:
        self._request = case.request
        kinds = {"causal": "text", "masked": "text", "seq2seq": "pairs", "tagging": "tagged"}
        self.kind = kinds.get(case.request.task, "labelled")

    def rows(self, split: str) -> Iterator[dict[str, Any]]:
        """The rows of `train`; nothing is held out."""
        request = self._request
        count = request.batch * request.accumulation * STEPS if split == "train" else 0
        for number in range(count):
            words = [f"w{(number + i) % WORDS}" for i in range(request.length)]
            text = " ".join(words)
            turns = [{"role": "user", "content": text}]
            turns += [{"role": "assistant", "content": " ".join(words[: request.answer_length])}]
            tags = [("O", "B-A")[i % 2] for i in range(len(words))]
            yield {"id": str(number), "source": "made", "text": text, "messages": turns} | {
                "tokens": words,
                "tags": tags,
                "label": tags[number % 2],
            }


def config_of(case: Case, base: str) -> TrainingConfig:
    """The run."""
    request = case.request
    return TrainingConfig(
        name="measured",
        dataset="none",
        base=base,
        task=request.task,
        method=request.method,
        epochs=1,
        batch_size=request.batch,
        accumulation=request.accumulation,
        context=request.length,
        overlap=0.0,
        precision=request.precision,
        gradient_checkpointing=request.checkpointing,
        lora=request.lora,
        architecture=request.shape.to_architecture() if request.method == "scratch" else {},
    )


def _run(folder: Path, case: Case) -> dict[str, int]:
    from training import runs, trainer
    from training.progress import Event, StepDone

    found = {"start": _high_water()}

    def note(event: Event) -> None:
        found["stepped" if isinstance(event, StepDone) else "loaded"] = _high_water()

    config = config_of(case, str(folder))
    trainer.train(config, runs.create(folder / "runs", config), note, data=_Rows(case))
    return found | {"peak": _high_water()}


def _high_water() -> int:
    """Bytes of memory that this process has had at most.

    Raises:
        RuntimeError: the system doesn't say.
    """
    status = Path("/proc/self/status")
    for line in status.read_text(encoding="ascii").splitlines() if status.is_file() else ():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("This benchmark needs Linux: /proc says what a process has had at most.")


def _case_of(text: str) -> Case:
    names = {kind.__name__: kind for kind in (Case, DesignRequest, Shape, LoraSettings)}
    case = eval(text, names | {"frozenset": frozenset})  # what `measure` wrote, of this file's own cases
    assert isinstance(case, Case)
    return case


def main(arguments: list[str]) -> None:
    """Without arguments compare all cases; with a folder and a case run that one."""
    if not arguments:
        hand_over(compare())
        return
    folder, text = arguments
    print(json.dumps(_run(Path(folder), _case_of(text))), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
