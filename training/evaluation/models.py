"""The model that is evaluated: an embedded one, a folder, a GGUF file, a hub id, or an adapter on one.

A folder with `adapter_config.json` is a peft adapter, and names its base inside. What a model was trained
to say (its labels) lies beside it in `labels.json`, or in its own config.
"""

from __future__ import annotations

import json
import re
import warnings
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant import weights
from assistant.errors import WeightsError
from training import bases, methods, runs
from training.config import Task
from training.errors import BadConfigError, RunError
from training.evaluation.options import EvaluationOptions

if TYPE_CHECKING:
    import torch

    from training.config import TrainingConfig

ADAPTER = "adapter_config.json"
ADAPTER_WEIGHTS = "adapter_model.safetensors"
_UNNAMED = re.compile(r"LABEL_\d+")
_HEADS = ("ForTokenClassification", "ForSequenceClassification")
_BY_KIND: dict[str, Task] = {"tagged": "tagging", "labelled": "classification"}


@dataclass(frozen=True)
class Loaded:
    """A model that is ready to be asked.

    Attributes:
        spec: what it was loaded by.
        labels: what a classifier says, in the order of its outputs; empty for the others.
        config: as a run's, with the context cut to what the model takes.
        precision: what matrices are multiplied in.
    """

    spec: str
    model: Any
    tokenizer: Any
    labels: tuple[str, ...]
    config: TrainingConfig
    precision: torch.dtype

    @property
    def task(self) -> Task:
        """What it is for."""
        return self.config.task

    def autocast(self) -> AbstractContextManager[Any]:
        """What forward passes run under."""
        import torch

        enabled = self.precision != torch.float32
        return torch.autocast(self.model.device.type, torch.bfloat16, enabled=enabled)


def load(
    spec: str, options: EvaluationOptions, kind: str = "text", data_labels: tuple[str, ...] = ()
) -> Loaded:
    """Load a model for what a set of `kind` asks of it.

    Args:
        spec: "gpt", "bert", a folder with a model or an adapter, a GGUF file or a hub id.
        options: with `task`, if it isn't to be read from model and set.
        kind: of the set: text, pairs, tagged or labelled.
        data_labels: what a head that has to be made new says.

    Raises:
        BadConfigError: the model isn't there, can't be loaded, or can't serve the task.
        RunError: the embedded weights are missing or not the ones on record.
    """
    base_spec = _base_of(spec)
    task = options.task or _BY_KIND.get(kind) or _family(base_spec)
    labels: tuple[str, ...] = ()
    if task in _BY_KIND.values():
        labels = _labels_of(spec) or _labels_in_config(base_spec, data_labels) or data_labels
    config = options.config(base_spec, task)
    base = bases.load_base(config, labels)
    device = methods.choose_device()
    precision = methods.choose_precision(config, device)
    model = base.model
    if base_spec != spec:
        model = _with_adapter(model.to(precision), spec)
    model.to(device).eval()
    longest = int(getattr(model.config, "max_position_embeddings", None) or config.context)
    fitting = replace(config, context=min(config.context, longest))
    return Loaded(spec, model, base.tokenizer, labels, fitting, precision)


def _base_of(spec: str) -> str:
    """What `spec` stands on; itself, if it is no adapter."""
    path = Path(spec).expanduser() / ADAPTER
    if not path.is_file():
        return spec
    if not (path.parent / ADAPTER_WEIGHTS).is_file():
        raise BadConfigError(
            f"The adapter {spec} has no {ADAPTER_WEIGHTS}. Give an adapter with its weights in safetensors."
        )
    try:
        base = json.loads(path.read_text(encoding="utf-8"))["base_model_name_or_path"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadConfigError(f"The adapter {spec} doesn't say which base it stands on.") from error
    if not isinstance(base, str) or not base or (Path(base).expanduser() / ADAPTER).exists():
        raise BadConfigError(f"The adapter {spec} must stand on a model; it names {base!r}.")
    return base


def _with_adapter(model: Any, spec: str) -> Any:
    from peft import PeftModel
    from safetensors import SafetensorError

    from training.lora import speed_up

    try:
        with warnings.catch_warnings():  # peft asks transformers by a name that is going to change
            warnings.filterwarnings("ignore", "`is_gradient_checkpointing`", FutureWarning)
            model = PeftModel.from_pretrained(model, str(Path(spec).expanduser()), is_trainable=False)
    except (OSError, ValueError, LookupError, RuntimeError, TypeError, SafetensorError) as error:
        reason = str(error).strip().split("\n", 1)[0][:200].rstrip(".")
        raise BadConfigError(f"The adapter {spec} doesn't fit its base: {reason}.") from error
    speed_up(model)
    return model


def _labels_of(spec: str) -> tuple[str, ...]:
    path = Path(spec).expanduser() / runs.LABELS
    if not path.is_file():
        return ()
    try:
        return tuple(str(label) for label in json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise BadConfigError(f"The labels {path} can't be read. Train the model anew.") from error


def _labels_in_config(base_spec: str, data_labels: tuple[str, ...]) -> tuple[str, ...]:
    """The names in the config of a model that has a head; where it has none, those of the data."""
    if base_spec in ("gpt", "bert"):
        return ()
    shape = _shape(base_spec)
    if not any(name.endswith(_HEADS) for name in shape.architectures or ()):
        return ()
    names = tuple(str(shape.id2label[index]) for index in range(len(shape.id2label)))
    unnamed = all(_UNNAMED.fullmatch(name) for name in names)
    return data_labels if unnamed and len(data_labels) == len(names) else names


def _shape(spec: str) -> Any:
    from transformers import AutoConfig

    try:
        source = str(weights.bert_folder() if spec == "bert" else Path(spec).expanduser())
        return AutoConfig.from_pretrained(source, trust_remote_code=False)
    except WeightsError as error:
        raise RunError(str(error)) from error
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise BadConfigError(
            f"The model {spec} can't be loaded. Give gpt, bert, a folder with a model or an adapter, a GGUF "
            "file or the id of a model on the hub."
        ) from error


def _family(spec: str) -> Task:
    """What a model without a head of its own is for."""
    if spec == "gpt" or spec.endswith(".gguf"):
        return "causal"
    from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES as MASKED

    shape = _shape(spec)
    if shape.is_encoder_decoder:
        return "seq2seq"
    names = shape.architectures or ()
    if any(name.endswith(("ForCausalLM", "LMHeadModel")) for name in names):
        return "causal"
    return "masked" if shape.model_type in MASKED else "causal"
