"""A base that every task of every client can load at once, where its own file takes long to unpack.

Weights in a GGUF file are quantised; to read the embedded GPT takes a quarter of a minute, and there are two
tasks a client and round.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from training.bases import Base
from training.config import TrainingConfig
from training.errors import RunError


def is_packed(training: TrainingConfig) -> bool:
    """Whether the base comes as a GGUF file."""
    return training.base == "gpt" or training.base.endswith(".gguf")


def unpack(base: Base, folder: Path) -> str:
    """Write `base`, as it was loaded, to `folder`, for `TrainingConfig.base`.

    Raises:
        RunError: there is no room.
    """
    shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.mkdir(parents=True)
        base.model.save_pretrained(folder)
        base.tokenizer.save_pretrained(folder)
    except OSError as error:
        raise RunError(f"The base can't be unpacked to {folder}: {error.strerror or error}.") from error
    return str(folder)
