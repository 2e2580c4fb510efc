"""Exports of tiny models: each form says what the adapter on its base says, and nothing is half written."""

from __future__ import annotations

import json
import resource
import shutil
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import torch
import transformers

from security.crypto.signatures import SigningKey
from tests.training import tiny
from tests.training.finished import finished_run, lora_run
from training import runs
from training.__main__ import main
from training.errors import BadConfigError, RunError
from training.export import export, open_source, read_key
from training.export.merge import load_trained
from training.registry import Registry

KEY = SigningKey(bytes(range(32)))
IDS = torch.tensor([[5, 17, 200, 33, 8, 90, 41, 3, 260, 12]])


def logits(model: Any, ids: torch.Tensor = IDS, **extra: Any) -> torch.Tensor:
    with torch.inference_mode():
        return model.eval()(input_ids=ids, **extra).logits


def greedy(model: Any, ids: torch.Tensor = IDS, tokens: int = 32) -> list[int]:
    with torch.inference_mode():
        for _ in range(tokens):
            ids = torch.cat((ids, logits(model, ids)[:, -1:].argmax(-1)), 1)
    return ids[0].tolist()


def read_gguf(path: Path) -> tuple[Any, Any]:
    where = {"pretrained_model_name_or_path": str(path.parent), "gguf_file": path.name}
    model = transformers.AutoModelForCausalLM.from_pretrained(**where, dtype=torch.float32)
    return model, transformers.AutoTokenizer.from_pretrained(**where)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, gpt: Path) -> Path:
    return lora_run(tmp_path_factory.mktemp("runs"), gpt)


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory, gpt: Path) -> Path:
    """A run whose matrices have rows that Q8_0 can hold, and whose embeddings are its output as well."""
    shape = {**tiny.SHAPE, "hidden_size": 64, "intermediate_size": 96, "num_attention_heads": 4}
    architecture = {"model_type": "llama", **shape, "num_key_value_heads": 2, "tie_word_embeddings": True}
    config = tiny.config(gpt, method="scratch", architecture=architecture, name="wide")
    return finished_run(tmp_path_factory.mktemp("wide"), config)


@pytest.fixture
def expected(run: Path) -> torch.Tensor:
    return logits(load_trained(run / "best", runs.config_of(run)).model)


def test_the_adapter_changes_what_the_base_says(run: Path, gpt: Path, expected: torch.Tensor) -> None:
    trained = load_trained(run / "best", runs.config_of(run)).model
    with trained.disable_adapter():
        assert not torch.allclose(logits(trained), expected, atol=0.1)
        base = greedy(trained)
    assert greedy(trained) != base


def test_merged_says_what_the_adapter_on_its_base_says(
    run: Path, tmp_path: Path, expected: torch.Tensor
) -> None:
    told: list[tuple[float, float, str]] = []
    out = export(open_source(run), "merged", tmp_path / "out", lambda *a: told.append(a))
    model = transformers.AutoModelForCausalLM.from_pretrained(out, use_safetensors=True)
    assert torch.allclose(logits(model), expected, atol=1e-5)
    assert greedy(model) == greedy(load_trained(run / "best", runs.config_of(run)).model)
    tokenizer = transformers.AutoTokenizer.from_pretrained(out)
    assert tokenizer.chat_template == tiny.TEMPLATE
    assert told[-1] == (1, 1, "done")
    assert not any(str(tmp_path.parent) in path.read_text() for path in out.glob("*.json"))


@pytest.mark.parametrize("quantization", ["f16", "q8_0"])
def test_gguf_read_by_transformers_says_what_the_adapter_says(
    run: Path, tmp_path: Path, expected: torch.Tensor, quantization: Any
) -> None:
    source = open_source(run)
    out = export(source, "gguf", tmp_path / "out.gguf", quantization=quantization)
    model, tokenizer = read_gguf(out)
    # Rows of 16 are too short for Q8_0, so most of it is F16 either way.
    tolerance = {"f16": 0.01, "q8_0": 0.05}[quantization]
    assert torch.allclose(logits(model), expected, atol=tolerance)
    if quantization == "f16":
        assert greedy(model) == greedy(load_trained(run / "best", source.config).model)
    own = transformers.AutoTokenizer.from_pretrained(run / "best")
    for text in (
        "asthma narrows the airways .",
        " 12 pills, 3.5 mg!\n\n'tis",
        "naïve 発熱",
        "<s>user\nhi</s>",
    ):
        assert tokenizer(text)["input_ids"] == own(text)["input_ids"]
    turn = [{"role": "user", "content": "hi"}]
    assert tokenizer.apply_chat_template(turn, tokenize=False) == own.apply_chat_template(
        turn, tokenize=False
    )


def test_q8_0_rounds_matrices_only_and_shared_embeddings_are_written_once(wide: Path, tmp_path: Path) -> None:
    out = export(open_source(wide), "gguf", tmp_path / "out.gguf", quantization="q8_0")
    kinds = {tensor.name: tensor.tensor_type.name for tensor in gguf.GGUFReader(out).tensors}
    assert {kind for name, kind in kinds.items() if "norm" in name} == {"F32"}
    assert {kind for name, kind in kinds.items() if "norm" not in name} == {"Q8_0"}
    assert "output.weight" not in kinds
    model, _ = read_gguf(out)
    trained = load_trained(wide / "best", runs.config_of(wide)).model
    assert torch.allclose(logits(model), logits(trained), atol=0.01)
    assert out.stat().st_size < (wide / "best" / "model.safetensors").stat().st_size


def test_queries_and_keys_lie_as_llama_cpp_wants_them(wide: Path, tmp_path: Path) -> None:
    out = export(open_source(wide), "gguf", tmp_path / "out.gguf")
    model = load_trained(wide / "best", runs.config_of(wide)).model
    found = {tensor.name: tensor.data for tensor in gguf.GGUFReader(out).tensors}
    for name, heads in (("q", 4), ("k", 2)):
        own = getattr(model.model.layers[1].self_attn, f"{name}_proj").weight.detach().numpy()
        size = own.shape[0] // heads
        for head in range(heads):
            for pair in range(size // 2):
                row = found[f"blk.1.attn_{name}.weight"][head * size + 2 * pair]
                assert np.allclose(row, own[head * size + pair], atol=1e-3)
    value = model.model.layers[1].self_attn.v_proj.weight.detach().numpy()
    assert np.allclose(found["blk.1.attn_v.weight"], value, atol=1e-3)


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft's own
def test_the_adapter_form_loads_by_peft_and_names_no_path(run: Path, tmp_path: Path, gpt: Path) -> None:
    from peft import PeftModel

    out = export(open_source(run), "adapter", tmp_path / "out")
    base = transformers.AutoModelForCausalLM.from_pretrained(gpt)
    expected = logits(load_trained(run / "best", runs.config_of(run)).model)
    assert torch.allclose(logits(PeftModel.from_pretrained(base, str(out))), expected, atol=1e-5)
    assert json.loads((out / "adapter_config.json").read_text())["base_model_name_or_path"] == gpt.name
    assert str(gpt.parent) not in (out / "README.md").read_text()


def test_dora_merges_too(gpt: Path, tmp_path: Path) -> None:
    from training.config import LoraSettings

    folder = lora_run(tmp_path, gpt, lora=LoraSettings(rank=4, alpha=8, dropout=0.0, dora=True))
    expected = logits(load_trained(folder / "best", runs.config_of(folder)).model)
    out = export(open_source(folder), "merged", tmp_path / "out")
    model = transformers.AutoModelForCausalLM.from_pretrained(out)
    assert torch.allclose(logits(model), expected, atol=1e-4)


@pytest.mark.filterwarnings("ignore:Model has `tie_word_embeddings=True`")  # that is what it is about
def test_a_merge_that_would_say_something_else_is_refused(wide: Path, tmp_path: Path) -> None:
    from training.config import LoraSettings

    lora = LoraSettings(rank=4, alpha=8, targets="lm_head,q_proj")  # the output is the embeddings
    folder = lora_run(tmp_path, wide / "best", lora=lora)
    with pytest.raises(RunError, match="would not say the same"):
        export(open_source(folder), "merged", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_whole_model_is_copied(wide: Path, tmp_path: Path) -> None:
    out = export(open_source(wide), "merged", tmp_path / "out")
    for path in (wide / "best").iterdir():
        assert (out / path.name).read_bytes() == path.read_bytes()
    with pytest.raises(BadConfigError, match="is a whole model, not an adapter"):
        export(open_source(wide), "adapter", tmp_path / "adapter")


@pytest.mark.parametrize(
    ("task", "kind"),
    [
        ("tagging", "AutoModelForTokenClassification"),
        ("classification", "AutoModelForSequenceClassification"),
        ("masked", "AutoModelForMaskedLM"),
    ],
)
def test_a_bert_is_merged_with_its_head_and_labels_and_is_no_gguf(
    bert: Path, tmp_path: Path, task: Any, kind: str
) -> None:
    labels = () if task == "masked" else ("O", "B-Drug", "I-Drug")
    folder = finished_run(tmp_path, tiny.config(bert, task=task), labels)
    out = export(open_source(folder), "merged", tmp_path / "out")
    model = getattr(transformers, kind).from_pretrained(out)
    expected = logits(load_trained(folder / "best", runs.config_of(folder)).model, IDS % 40)
    assert torch.allclose(logits(model, IDS % 40), expected, atol=1e-5)
    if labels:
        assert model.config.id2label == dict(enumerate(labels))
        assert json.loads((out / "labels.json").read_text()) == list(labels)
    with pytest.raises(BadConfigError, match="GGUF is for models that write text"):
        export(open_source(folder), "gguf", tmp_path / "out.gguf")


def test_a_t5_is_merged(t5: Path, tmp_path: Path) -> None:
    folder = lora_run(tmp_path, t5, task="seq2seq")
    out = export(open_source(folder), "merged", tmp_path / "out")
    model = transformers.AutoModelForSeq2SeqLM.from_pretrained(out)
    trained = load_trained(folder / "best", runs.config_of(folder)).model
    answers = [logits(each, decoder_input_ids=IDS) for each in (model, trained)]
    assert torch.allclose(*answers, atol=1e-5)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"attention_bias": True}, "biases in attention"),
        ({"mlp_bias": True}, "biases in its feed-forward"),
        ({"hidden_act": "gelu"}, "the activation gelu"),
        (
            {"rope_parameters": {"rope_type": "linear", "factor": 2.0, "rope_theta": 10000.0}},
            "scaled positions",
        ),
    ],
)
def test_a_shape_that_gguf_would_get_wrong_is_refused(
    gpt: Path, tmp_path: Path, change: dict[str, Any], told: str
) -> None:
    architecture = {"model_type": "llama", **tiny.SHAPE, **change}
    config = tiny.config(gpt, method="scratch", architecture=architecture)
    folder = finished_run(tmp_path, config)
    with pytest.raises(BadConfigError, match=told):
        export(open_source(folder), "gguf", tmp_path / "out.gguf")


def test_another_architecture_is_refused_as_gguf(gpt: Path, tmp_path: Path) -> None:
    architecture = {"model_type": "gpt2", "n_embd": 16, "n_layer": 1, "n_head": 2, "n_positions": 32}
    folder = finished_run(tmp_path, tiny.config(gpt, method="scratch", architecture=architecture))
    with pytest.raises(BadConfigError, match="this is a gpt2"):
        export(open_source(folder), "gguf", tmp_path / "out.gguf")


def test_a_tokenizer_that_gguf_has_no_name_for_is_refused(bert: Path, tmp_path: Path) -> None:
    architecture = {"model_type": "llama", **tiny.SHAPE}
    folder = finished_run(tmp_path, tiny.config(bert, method="scratch", architecture=architecture))
    with pytest.raises(BadConfigError, match="this one is WordPiece"):
        export(open_source(folder), "gguf", tmp_path / "out.gguf")


def test_nothing_is_replaced(run: Path, tmp_path: Path) -> None:
    (tmp_path / "out.gguf").write_text("mine")
    with pytest.raises(RunError, match="is there already"):
        export(open_source(run), "gguf", tmp_path / "out.gguf")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(RunError, match="is there already"):
        export(open_source(run), "merged", tmp_path / "link")
    with pytest.raises(BadConfigError, match=r"must end in \.gguf"):
        export(open_source(run), "gguf", tmp_path / "out.bin")
    assert (tmp_path / "out.gguf").read_text() == "mine"


@pytest.mark.parametrize(("form", "name"), [("adapter", "out"), ("merged", "out"), ("gguf", "out.gguf")])
def test_when_the_disk_gives_out_nothing_half_written_stays(
    run: Path, tmp_path: Path, form: Any, name: str
) -> None:
    source = open_source(run)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, hard))
    try:
        with pytest.raises(RunError, match="can't be written"):
            export(source, form, tmp_path / name)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_has_no_model_yet_and_a_folder_that_is_neither_are_said(gpt: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="stopped before there was a model"):
        open_source(runs.create(tmp_path, tiny.config(gpt)))
    with pytest.raises(RunError, match="neither a run nor a version"):
        open_source(tmp_path)


def test_a_pickle_in_a_run_is_refused(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "run")
    (tmp_path / "run" / "best" / "adapter_model.bin").write_bytes(b"cos\nsystem\n")
    with pytest.raises(RunError, match=r"adapter_model\.bin .*is a pickle"):
        open_source(tmp_path / "run")


def test_an_adapter_of_another_base_is_refused(run: Path, bert: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "run")
    weights = tmp_path / "run" / "best" / "adapter_model.safetensors"
    import safetensors.torch

    tensors = safetensors.torch.load_file(weights)
    safetensors.torch.save_file(dict(list(tensors.items())[:3]), weights)
    with pytest.raises(RunError, match="lacks weights"):
        export(open_source(tmp_path / "run"), "merged", tmp_path / "out")
    safetensors.torch.save_file(
        {name: value[..., :1].contiguous() for name, value in tensors.items()}, weights
    )
    with pytest.raises(BadConfigError, match="doesn't fit the base"):
        export(open_source(tmp_path / "run"), "merged", tmp_path / "out")


def test_a_version_is_verified_before_it_is_exported(run: Path, tmp_path: Path) -> None:
    version = Registry(tmp_path / "versions", KEY).register(run, "first")
    (tmp_path / "key").write_text(KEY.verify_key.to_text())
    (tmp_path / "other").write_text(SigningKey(bytes(32)).verify_key.to_text())
    assert open_source(version.folder).version == version  # by the key beside
    assert open_source(version.folder, read_key(tmp_path / "key")).version == version
    with pytest.raises(RunError, match="signed by another installation"):
        open_source(version.folder, read_key(tmp_path / "other"))
    (tmp_path / "versions" / "signer.pub").unlink()
    with pytest.raises(BadConfigError, match="Give --key FILE"):
        open_source(version.folder)
    (tmp_path / "versions" / "signer.pub").write_text("no key")
    with pytest.raises(BadConfigError, match="can't be read"):
        open_source(version.folder)
    (version.model / "config.json").write_text("{}")
    with pytest.raises(RunError, match=r"config\.json was put there"):
        open_source(version.folder, KEY.verify_key)


def test_a_base_that_changed_since_is_refused(gpt: Path, tmp_path: Path) -> None:
    base = tmp_path / "base"
    shutil.copytree(gpt, base)
    version = Registry(tmp_path / "versions", KEY).register(lora_run(tmp_path / "runs", base), "first")
    tiny.make_gpt(base)
    content = bytearray((base / "model.safetensors").read_bytes())
    content[-3] ^= 1
    (base / "model.safetensors").write_bytes(bytes(content))
    with pytest.raises(RunError, match="The base base has changed since first"):
        open_source(version.folder)


def test_the_shell_exports_and_says_so(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "small.gguf"
    command = ["export", str(run), "--form", "gguf", "--out", str(out), "--quantize", "q8_0", "--json"]
    assert main(command) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == {"out": str(out), "form": "gguf", "bytes": out.stat().st_size, "version": "run"}
    assert main(command) == 1
    assert "is there already" in capsys.readouterr().err
