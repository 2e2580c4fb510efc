"""The model that a run starts from, with its tokenizer; weights in safetensors or GGUF and nothing else.

A pickle runs code when it is opened, and so does a model that brings its own; both are refused. What the
task needs and the base lacks (a head) is made new, and said so in `fresh`.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assistant import weights
from assistant.errors import WeightsError
from training.config import Task, TrainingConfig
from training.errors import BadConfigError, RunError

_PICKLES = ("*.bin", "*.pt", "*.pth", "*.pkl", "*.ckpt")
_HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?")
_CLASSES: dict[Task, str] = {
    "causal": "AutoModelForCausalLM",
    "masked": "AutoModelForMaskedLM",
    "seq2seq": "AutoModelForSeq2SeqLM",
    "tagging": "AutoModelForTokenClassification",
    "classification": "AutoModelForSequenceClassification",
}


@dataclass(frozen=True)
class Base:
    """A model in float32 and its tokenizer; `fresh` are the parameters that the files didn't have."""

    model: Any
    tokenizer: Any
    fresh: tuple[str, ...]


def load_base(config: TrainingConfig, labels: tuple[str, ...] = ()) -> Base:
    """Load what `config.base` names, for `config.task`; `labels` are a classifier's.

    Raises:
        BadConfigError: the base can't serve the task, isn't there, or comes as a pickle.
        RunError: the embedded weights are missing or not the ones on record.
    """
    try:
        source, extra = _locate(config)
    except WeightsError as error:
        raise RunError(str(error)) from error
    if extra and config.task != "causal" and config.method != "scratch":
        raise BadConfigError(f"The base {config.base} is a GPT. Choose task causal, or another base.")
    import torch

    weights.quiet_loading()
    torch.manual_seed(config.seed)  # what is fresh is drawn
    with _load_errors(config.base):
        tokenizer = _tokenizer(*((config.tokenizer, {}) if config.tokenizer else (source, extra)))
        if config.method == "scratch":
            return Base(_scratch(config, tokenizer, labels), tokenizer, ())
        base = Base(*_pretrained(config, source, extra, labels, tokenizer))
        if config.tokenizer:
            from training.tokenizers import grow_embeddings

            grow_embeddings(base.model, tokenizer)
        return base


def check_folder(folder: Path) -> None:
    """Return if a model's folder has weights in safetensors.

    Raises:
        BadConfigError: it has none; where it has a pickle instead, the message says so.
    """
    if any(folder.glob("*.safetensors")):
        return
    pickles = sorted(path.name for kind in _PICKLES for path in folder.glob(kind))
    if pickles:
        raise BadConfigError(
            f"The base {folder} has its weights as a pickle ({pickles[0]}), which can run code when it is "
            "opened, and is refused. Give a model in safetensors."
        )
    raise BadConfigError(f"The base {folder} has no weights in safetensors. Give a model that has.")


def check_base(config: TrainingConfig) -> None:
    """Return if what `config.base` names can be there, without loading it; a hub id can't be asked for.

    Raises:
        BadConfigError: it isn't there, or is a pickle.
        RunError: the embedded weights are missing or not the ones on record.
    """
    try:
        _locate(config)
    except WeightsError as error:
        raise RunError(str(error)) from error


def _locate(config: TrainingConfig) -> tuple[str, dict[str, Any]]:
    if config.base == "gpt":
        path = weights.gpt_file()
        return str(path.parent), {"gguf_file": path.name}
    if config.base == "bert":
        return str(weights.bert_folder()), {}
    path = Path(config.base).expanduser()
    if path.suffix in {kind[1:] for kind in _PICKLES}:
        raise BadConfigError(
            f"The base {config.base} is a pickle, which can run code when it is opened, and is refused. "
            "Give a model in safetensors or GGUF."
        )
    if path.is_file() and path.suffix == ".gguf":
        return str(path.parent), {"gguf_file": path.name}
    if path.is_dir():
        if config.method != "scratch":
            check_folder(path)
        return str(path), {}
    if path.is_absolute() or not _HUB_ID.fullmatch(config.base):
        raise BadConfigError(f"The base {config.base} isn't there. Give gpt, bert, a folder or a hub id.")
    return config.base, {}


@contextmanager
def _load_errors(base: str) -> Iterator[None]:
    from safetensors import SafetensorError

    wrong = (OSError, ValueError, LookupError, ImportError, RuntimeError, TypeError, struct.error)
    try:
        yield
    except (*wrong, SafetensorError) as error:
        reason = str(error).strip().split("\n", 1)[0][:200].rstrip(".")
        raise BadConfigError(
            f"The base {base} can't be loaded: {reason}. Give gpt, bert, a folder with safetensors, "
            "a GGUF file or the id of a model on the hub."
        ) from error


def _tokenizer(source: str, extra: dict[str, Any]) -> Any:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(source, trust_remote_code=False, **extra)
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token
    return tokenizer


def _label_options(labels: tuple[str, ...]) -> dict[str, Any]:
    if not labels:
        return {}
    ids = {label: index for index, label in enumerate(labels)}
    return {"num_labels": len(labels), "label2id": ids, "id2label": {v: k for k, v in ids.items()}}


def _pretrained(
    config: TrainingConfig, source: str, extra: dict[str, Any], labels: tuple[str, ...], tokenizer: Any
) -> tuple[Any, Any, tuple[str, ...]]:
    import torch
    import transformers
    from transformers import modeling_gguf_pytorch_utils

    # The bar for a GGUF has no switch, and would land between the lines that the shell prints.
    modeling_gguf_pytorch_utils.tqdm = lambda tensors, **_: tensors
    model, loading = getattr(transformers, _CLASSES[config.task]).from_pretrained(
        source,
        dtype=torch.float32,
        trust_remote_code=False,
        use_safetensors=None if extra else True,
        output_loading_info=True,
        **extra,
        **_label_options(labels),
        **({"ignore_mismatched_sizes": True} if labels else {}),
    )
    wrong = {name for name, *_ in loading["mismatched_keys"]}
    fresh = set(loading["missing_keys"]) | wrong
    if len(fresh) * 2 > sum(1 for _ in model.parameters()) or (fresh and config.task == "causal"):
        raise BadConfigError(
            f"The base {config.base} lacks {len(fresh)} of the weights that task {config.task} needs. "
            "Choose another base or task."
        )
    _forget_quantizer(model)
    return model, tokenizer, tuple(sorted(fresh))


def _forget_quantizer(model: Any) -> None:
    """A de-quantised model still says that it is quantised, and can then be neither saved nor merged."""
    for owner, name in ((model, "hf_quantizer"), (model.config, "quantization_config")):
        if hasattr(owner, name):
            delattr(owner, name)
    for name in ("is_quantized", "quantization_method"):
        if getattr(model, name, None):
            setattr(model, name, None)


def _scratch(config: TrainingConfig, tokenizer: Any, labels: tuple[str, ...]) -> Any:
    import torch
    import transformers

    shape = dict(config.architecture)
    kind = shape.pop("model_type")
    ends = {f"{name}_token_id": getattr(tokenizer, f"{name}_token_id") for name in ("bos", "eos", "pad")}
    options = {"vocab_size": len(tokenizer)} | ends | shape | _label_options(labels)
    if options["vocab_size"] < len(tokenizer):
        raise BadConfigError(
            f"architecture.vocab_size must be at least the tokenizer's {len(tokenizer)}; "
            f"it is {options['vocab_size']}."
        )
    made = transformers.AutoConfig.for_model(kind, **options)
    return getattr(transformers, _CLASSES[config.task]).from_config(made, dtype=torch.float32)
