"""A run that two processes share, as `accelerate launch` starts them, learns what one process does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.training import tiny
from training.config import LoraSettings
from training.corpus import PrepareSettings, QualityLimits, prepare
from training.progress import read_metrics

ROOT = Path(__file__).parents[2]
ENVIRON = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""}
# accelerate's launcher of several processes is named --multi_gpu; with --cpu it starts one, unless by MPI.
LAUNCH = ["-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2"]
LAUNCH += ["--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no"]
LAUNCH += ["--main_process_port", "0"]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shared")
    (folder / "texts").mkdir()
    for number, text in enumerate(tiny.sentences(40, longest=60)):
        (folder / "texts" / f"{number}.txt").write_text(f"Note {number}. {text}", "utf-8")
    limits = QualityLimits(languages=(), min_variety=0.0, max_repeated=1.0)
    prepare([folder / "texts"], folder / "set", PrepareSettings(limits=limits, near=False, held_out=0.2))
    return folder / "set"


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=ENVIRON,
        text=True,
        capture_output=True,
        timeout=300,
        check=False,
    )


@pytest.mark.parametrize("task", ["causal", "masked"])
def test_two_processes_give_the_loss_of_one_with_twice_the_accumulation(
    request: pytest.FixtureRequest, tmp_path: Path, dataset: Path, task: str
) -> None:
    base = request.getfixturevalue("gpt" if task == "causal" else "bert")
    options = {
        "task": task,
        "dataset": str(dataset),
        "method": "lora" if task == "causal" else "full",
        "lora": LoraSettings(rank=4, alpha=8, dropout=0.0),
        "evaluate_every": 3,
        "epochs": 3,
    }
    if task == "masked":
        # Dropout is drawn by each process for itself, so the two would differ by it.
        base = without_dropout(base, tmp_path / "bert")
    one = tiny.config(base, name="one", accumulation=4, **options)
    two = tiny.config(base, name="two", accumulation=2, **options)
    one.to_yaml(tmp_path / "one.yaml")
    two.to_yaml(tmp_path / "two.yaml")
    out = str(tmp_path / "runs")
    alone = command("-m", "training", "run", str(tmp_path / "one.yaml"), "--out", out)
    assert alone.returncode == 0, alone.stderr
    shared = command(*LAUNCH, "-m", "training", "run", str(tmp_path / "two.yaml"), "--out", out)
    assert shared.returncode == 0, shared.stderr
    curves = [list(read_metrics(tmp_path / "runs" / name)) for name in ("one", "two")]
    assert len(curves[0]) > 8
    assert [(line["kind"], line["step"]) for line in curves[0]] == [
        (line["kind"], line["step"]) for line in curves[1]
    ]
    for first, second in zip(*curves, strict=True):
        if "loss" in first:
            assert second["loss"] == pytest.approx(first["loss"], abs=1e-5)
            assert second["label_tokens"] == first["label_tokens"]
    assert (tmp_path / "runs/two/best").is_dir()


def without_dropout(base: Path, folder: Path) -> Path:
    import transformers

    model = transformers.BertForMaskedLM.from_pretrained(
        base, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0
    )
    model.save_pretrained(folder)
    transformers.AutoTokenizer.from_pretrained(base).save_pretrained(folder)
    return folder
