"""Is there a whole model in a folder, in a form that may be opened? Looks at names; reads nothing."""

from __future__ import annotations

from pathlib import Path

from assistant.errors import EngineError

ADAPTER = "adapter_config.json"
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.pkl", "*.ckpt")


def check_folder(folder: Path, name: str) -> None:
    """Return if `folder` has a model's config.json and weights in safetensors. `name` is for people.

    Raises:
        EngineError: it isn't there, or has an adapter alone, a pickle or nothing.
    """
    if (folder / ADAPTER).exists():
        raise EngineError(f"{name} is an adapter alone, which has to be merged first.")
    if not (folder / "config.json").is_file():
        raise EngineError(f"{name} isn't there: {folder} has no config.json.")
    if any(folder.glob("*.safetensors")):
        return
    pickle = next((file.name for kind in _PICKLES for file in sorted(folder.glob(kind))), "")
    if pickle:
        raise EngineError(
            f"{name} has its weights as a pickle ({pickle}), which can run code when it is opened, "
            "and is refused."
        )
    raise EngineError(f"{name} has no weights in safetensors.")
