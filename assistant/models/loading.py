"""A generator by its place on disk: a GGUF file, or a folder with safetensors. Adapters are merged before."""

from __future__ import annotations

from pathlib import Path

from assistant.generation.engine import Engine
from assistant.models.folder import check_folder

GGUF = ".gguf"


def load_engine(path: Path, name: str) -> Engine:
    """Load a generator: a GGUF by OpenVINO, or by `transformers` where there is CUDA; a folder by the latter.

    Args:
        path: the file or folder.
        name: for people; the answers bear it.

    Raises:
        EngineError: it isn't there, has no weights that may be opened, or can't be loaded here.
    """
    if path.suffix == GGUF and not _has_cuda():
        from assistant.generation.openvino_engine import OpenVinoEngine

        return OpenVinoEngine(path, name)
    if path.suffix != GGUF:
        check_folder(path, name)
    from assistant.generation.transformers_engine import TransformersEngine

    return TransformersEngine(path, name)


def _has_cuda() -> bool:
    import torch

    return torch.cuda.is_available()
