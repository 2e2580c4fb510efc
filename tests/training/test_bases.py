"""Bases: what loads, what is made fresh, and what is refused in one sentence."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from assistant import weights
from assistant.errors import WeightsError
from tests.training import tiny
from training.bases import load_base
from training.errors import BadConfigError, RunError


def test_the_embedded_bert_restores_words_with_a_fresh_head_and_tags_with_another() -> None:
    base = load_base(tiny.config("bert", task="masked"))
    assert type(base.model).__name__ == "BertForMaskedLM"
    assert all(name.startswith("cls.") for name in base.fresh)
    assert base.tokenizer.mask_token == "[MASK]"
    tagger = load_base(tiny.config("bert", task="tagging"), ("O", "B-X", "I-X"))
    assert tagger.fresh == ("classifier.bias", "classifier.weight")
    assert tagger.model.config.id2label == {0: "O", 1: "B-X", 2: "I-X"}


def test_what_is_fresh_repeats_with_the_seed(bert: Path) -> None:
    one, again, other = (
        load_base(tiny.config(bert, task="tagging", seed=seed), ("O", "B")).model.classifier.weight
        for seed in (1, 1, 2)
    )
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_a_folder_loads_as_it_is(gpt: Path) -> None:
    base = load_base(tiny.config(gpt))
    assert base.fresh == ()
    assert next(base.model.parameters()).dtype == torch.float32


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "model.ckpt"])
def test_a_pickle_is_refused_and_not_opened(gpt: Path, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "model"
    shutil.copytree(gpt, folder)
    (folder / "model.safetensors").unlink()
    (folder / name).write_bytes(b"cos\nsystem\n(S'exit 1'\ntR.")
    with pytest.raises(BadConfigError, match=rf"has its weights as a pickle \({name}\).*refused"):
        load_base(tiny.config(folder))
    with pytest.raises(BadConfigError, match="is a pickle"):
        load_base(tiny.config(folder / name))


def test_a_folder_without_weights_and_a_path_that_is_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadConfigError, match="has no weights in safetensors"):
        load_base(tiny.config(tmp_path))
    with pytest.raises(BadConfigError, match="isn't there"):
        load_base(tiny.config(tmp_path / "none"))
    with pytest.raises(BadConfigError, match="isn't there"):
        load_base(tiny.config("a/b/c d"))


def test_code_that_comes_with_a_model_is_not_run(gpt: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(gpt, folder)
    config = (folder / "config.json").read_text().replace('"model_type": "llama"', '"model_type": "mine"')
    (folder / "config.json").write_text(
        config.replace("{", '{"auto_map": {"AutoConfig": "mine.C", "AutoModelForCausalLM": "mine.M"},', 1)
    )
    (folder / "mine.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    with pytest.raises(BadConfigError, match="can't be loaded"):
        load_base(tiny.config(folder))
    assert not (tmp_path / "ran").exists()


def test_weights_that_were_damaged_are_named(gpt: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(gpt, folder)
    (folder / "model.safetensors").write_bytes(b"\xff" * 64)
    with pytest.raises(BadConfigError, match="can't be loaded"):
        load_base(tiny.config(folder))


def test_a_base_that_lacks_what_the_task_needs_is_refused(bert: Path) -> None:
    with pytest.raises(BadConfigError, match="can't be loaded"):
        load_base(tiny.config(bert, task="seq2seq"))


def test_a_vocabulary_smaller_than_the_tokenizers_is_refused(gpt: Path) -> None:
    shape = {"model_type": "llama", **tiny.SHAPE, "vocab_size": 10}
    with pytest.raises(BadConfigError, match=r"architecture\.vocab_size must be at least .*; it is 10"):
        load_base(tiny.config(gpt, method="scratch", architecture=shape))


def test_a_shape_that_cannot_be_is_refused(gpt: Path) -> None:
    with pytest.raises(BadConfigError, match="can't be loaded"):
        load_base(tiny.config(gpt, method="scratch", architecture={"model_type": "nothing"}))


def test_missing_embedded_weights_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> Path:
        raise WeightsError("The weight file is missing.")

    monkeypatch.setattr(weights, "gpt_file", missing)
    with pytest.raises(RunError, match=r"^The weight file is missing\.$"):
        load_base(tiny.config("gpt"))


def test_the_embedded_gpt_is_for_causal_tasks() -> None:
    with pytest.raises(BadConfigError, match=r"is a GPT\. Choose task causal"):
        load_base(tiny.config("gpt", task="tagging"), ("O", "B"))
