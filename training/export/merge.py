"""A trained model as one model: the adapter put onto its base and added into the base's weights.

Every merge is checked: on a fixed row of tokens the merged model must compute what the adapter on its base
computes, so that an adapter that was not applied, or weights that two layers share, can't slip through.
"""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training import runs
from training.bases import load_base
from training.config import TrainingConfig
from training.errors import BadConfigError, RunError

if TYPE_CHECKING:
    import torch

ADAPTER = "adapter_config.json"
_TOLERANCE = 1e-3
"""Of the largest value: rounding in float32 stays two orders below."""


@dataclass(frozen=True)
class Trained:
    """A model in float32 on the CPU, in evaluation mode, and its tokenizer."""

    model: Any
    tokenizer: Any


def is_adapter(folder: Path) -> bool:
    """Whether a model's folder holds an adapter rather than a whole model."""
    return (folder / ADAPTER).is_file()


def load_trained(folder: Path, config: TrainingConfig) -> Trained:
    """The model in `folder` as it was trained: a whole one, or an adapter (not merged) on its base.

    Args:
        folder: `best/` of a run, or a version's model.
        config: of the run that made it.

    Raises:
        RunError: the model lacks weights, or doesn't fit its base.
        BadConfigError: model or base can't be loaded.
    """
    labels = labels_of(folder)
    if not is_adapter(folder):
        base = load_base(replace(config, base=str(folder), method="full"), labels)
        if base.fresh:
            raise RunError(f"The model in {folder} lacks the weights {base.fresh[0]}. Train it anew.")
        return Trained(base.model.eval(), base.tokenizer)
    base = load_base(config, labels)
    return Trained(_with_adapter(base.model, folder, config).eval(), _tokenizer(folder))


def merged(trained: Trained, task: str = "causal") -> Trained:
    """The same model without its adapter's layers; a whole model is returned as it is.

    The adapter's own model is used up.

    Raises:
        RunError: the merged model would not compute the same.
    """
    if not hasattr(trained.model, "merge_and_unload"):
        return trained
    before = _outputs(trained.model, task)
    try:
        with warnings.catch_warnings():  # what peft only warns of is found by the comparison
            warnings.simplefilter("ignore")
            model = trained.model.merge_and_unload(safe_merge=True).eval()
    except (ValueError, NotImplementedError) as error:
        reason = str(error).split("\n", 1)[0][:200].rstrip(".")
        raise RunError(f"The adapter can't be merged: {reason}. Export it as an adapter.") from error
    after = _outputs(model, task)
    if not (before - after).abs().max() <= _TOLERANCE * before.abs().max():
        raise RunError(
            "The merged model would not say the same as the adapter on its base: the adapter changes weights "
            "that two layers share, or is not finite. Export it as an adapter."
        )
    return Trained(model, trained.tokenizer)


def labels_of(folder: Path) -> tuple[str, ...]:
    """The labels of a tagger or classifier; none for other models.

    Raises:
        RunError: they can't be read.
    """
    path = folder / runs.LABELS
    if not path.is_file():
        return ()
    try:
        return tuple(str(label) for label in json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise RunError(f"The labels {path} can't be read. Train the model anew.") from error


def _with_adapter(model: Any, folder: Path, config: TrainingConfig) -> Any:
    from peft import PeftModel
    from safetensors import SafetensorError

    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            loaded = PeftModel.from_pretrained(model, str(folder), torch_device="cpu")
    except (OSError, ValueError, LookupError, RuntimeError, TypeError, SafetensorError) as error:
        reason = str(error).strip().split("\n", 1)[0][:200].rstrip(".")
        raise BadConfigError(
            f"The adapter in {folder} doesn't fit the base {config.base}: {reason}."
        ) from error
    missing = [str(item.message) for item in caught if "missing adapter keys" in str(item.message)]
    if missing:
        raise RunError(f"The adapter in {folder} lacks weights: it was cut short, or is of another base.")
    return loaded


def _tokenizer(folder: Path) -> Any:
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(str(folder), trust_remote_code=False)
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise BadConfigError(f"The tokenizer in {folder} can't be loaded. Train the model anew.") from error


def _outputs(model: Any, task: str) -> torch.Tensor:
    """Logits of a fixed row of tokens, (1, tokens, vocabulary) or (1, labels)."""
    import torch

    size = int(model.get_input_embeddings().weight.shape[0])
    longest = int(getattr(model.config, "max_position_embeddings", None) or 16)
    ids = torch.arange(min(16, longest)).unsqueeze(0) * 37 % size
    extra = {"decoder_input_ids": ids} if task == "seq2seq" else {}
    with torch.inference_mode():
        logits: torch.Tensor = model(input_ids=ids, attention_mask=torch.ones_like(ids), **extra).logits
    return logits
