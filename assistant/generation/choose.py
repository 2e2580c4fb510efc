"""Which engine answers: OpenVINO on a CPU, `transformers` where there is CUDA, or as the settings say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from assistant import weights
from assistant.errors import BadInputError
from assistant.generation.engine import Engine

EngineKind = Literal["auto", "openvino", "transformers"]
EMBEDDED_NAME = "SmolLM2-135M-Instruct"


@dataclass(frozen=True)
class EngineSettings:
    """What can be chosen.

    Attributes:
        kind: "auto" takes `transformers` where there is CUDA or `model` is given, else OpenVINO.
        model: a folder with safetensors, a GGUF file or a model id; the embedded weights if empty.

    Raises:
        BadInputError: `kind` is unknown, or the two don't go together.
    """

    kind: EngineKind = "auto"
    model: str = ""

    def __post_init__(self) -> None:
        if self.kind not in get_args(EngineKind):
            raise BadInputError(
                f"The engine must be one of {', '.join(get_args(EngineKind))}; it is {self.kind!r}."
            )
        if self.kind == "openvino" and self.model and not self.model.endswith(".gguf"):
            raise BadInputError("The engine openvino reads a GGUF file. Name one, or choose transformers.")

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> EngineSettings:
        """From ASKLEPION_ENGINE and ASKLEPION_MODEL."""
        kind = environ.get("ASKLEPION_ENGINE") or "auto"
        return cls(kind, environ.get("ASKLEPION_MODEL", ""))  # type: ignore[arg-type]  # checked above


def build_engine(settings: EngineSettings = EngineSettings()) -> Engine:
    """Load the chosen engine; the embedded weights are verified first.

    Raises:
        WeightsError: the embedded weights are missing or not the ones on record.
        EngineError: the model can't be loaded here.
    """
    from pathlib import Path

    kind = settings.kind
    if kind == "auto":
        kind = "transformers" if settings.model or _has_cuda() else "openvino"
    model = Path(settings.model) if settings.model else weights.gpt_file()
    name = (model.name.removesuffix(".gguf") or settings.model) if settings.model else EMBEDDED_NAME
    if kind == "openvino":
        from assistant.generation.openvino_engine import OpenVinoEngine

        return OpenVinoEngine(model, name)
    from assistant.generation.transformers_engine import TransformersEngine

    return TransformersEngine(settings.model or model, name)


def _has_cuda() -> bool:
    import torch

    return torch.cuda.is_available()
