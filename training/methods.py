"""Which weights move: an adapter's, all of them, or all of them from nothing.

With an adapter the base is frozen, so it is kept in the precision that is computed in; whatever moves is
kept in float32.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from training.bases import Base
from training.config import TrainingConfig
from training.errors import BadConfigError

if TYPE_CHECKING:
    import torch

_PEFT_TASKS = {
    "causal": "CAUSAL_LM",
    "seq2seq": "SEQ_2_SEQ_LM",
    "tagging": "TOKEN_CLS",
    "classification": "SEQ_CLS",
}


def choose_device() -> torch.device:
    """CUDA where there is one."""
    import torch

    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def choose_precision(config: TrainingConfig, device: torch.device) -> torch.dtype:
    """What "auto" means here: bf16 on a GPU that has it and on a CPU with AMX, else fp32.

    On a CPU that has bf16 in AVX-512 alone it halves the activations, but took longer when it was measured.
    """
    import torch

    if config.precision != "auto":
        return torch.bfloat16 if config.precision == "bf16" else torch.float32
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    return torch.bfloat16 if torch.cpu.get_capabilities().get("amx_bf16") else torch.float32


def make_trainable(base: Base, config: TrainingConfig, device: torch.device, dtype: torch.dtype) -> Any:
    """The model to train, on its device.

    Raises:
        BadConfigError: `lora.targets` names no module of this base.
    """
    import torch

    torch.manual_seed(config.seed)
    model = base.model
    if config.method == "lora":
        model = _with_adapter(base, config, dtype)
    if config.gradient_checkpointing:
        _body(model).activation_checkpointing_enable({"use_reentrant": False})
    return model.to(device)


def moving(model: Any) -> dict[str, torch.nn.Parameter]:
    """The parameters that are trained, by name."""
    return {name: value for name, value in model.named_parameters() if value.requires_grad}


def _with_adapter(base: Base, run: TrainingConfig, dtype: torch.dtype) -> Any:
    from peft import LoraConfig, get_peft_model

    from training.lora import speed_up

    settings = run.lora
    heads = sorted({name for name, module in _leaves(base.model) if _is_fresh(name, module, base.fresh)})
    config = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        use_dora=settings.dora,
        target_modules=_targets(base, settings.targets, heads),
        modules_to_save=heads or None,
        task_type=_PEFT_TASKS.get(run.task),
    )
    base.model.to(dtype)
    try:
        with warnings.catch_warnings():  # peft asks transformers by a name that is going to change
            warnings.filterwarnings("ignore", "`is_gradient_checkpointing`", FutureWarning)
            model = get_peft_model(base.model, config)
        model.peft_config["default"].base_model_name_or_path = run.base  # no path of this machine
    except ValueError as error:
        raise BadConfigError(
            f"lora.targets must be all-linear or names of the base's modules; it is {settings.targets!r}: "
            f"{str(error).split('. ', 1)[0]}."
        ) from error
    for value in moving(model).values():
        value.data = value.data.float()
    speed_up(model)
    return model


def _body(model: Any) -> Any:
    """The model inside its adapter."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def _leaves(model: Any) -> list[tuple[str, Any]]:
    return [(name, module) for name, module in model.named_modules() if not list(module.children())]


def _is_fresh(name: str, module: Any, fresh: tuple[str, ...]) -> bool:
    """Whether all of a module's own weights are new."""
    own = [f"{name}.{weight}" for weight, _ in module.named_parameters(recurse=False)]
    return bool(own) and all(weight in fresh for weight in own)


def _targets(base: Base, targets: str, heads: list[str]) -> str | list[str]:
    import torch

    if targets != "all-linear":
        return [name.strip() for name in targets.split(",")]
    if not heads:
        return targets
    head = base.model.get_output_embeddings()
    return [
        name
        for name, module in _leaves(base.model)
        if type(module) is torch.nn.Linear and module is not head and name not in heads
    ]
