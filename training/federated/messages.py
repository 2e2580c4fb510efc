"""What travels, as files: tensors in safetensors with a few plain values beside; whole or not there."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from security.crypto.secure_sum import Masked
from training.errors import RunError
from training.federated.updates import Update

if TYPE_CHECKING:
    import torch

_WORDS = "words"


@dataclass(frozen=True, eq=False)
class Message:
    """Tensors by name, and plain values as JSON has them."""

    tensors: dict[str, torch.Tensor] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)


def write(path: Path, message: Message) -> None:
    """On the disk when this returns.

    Raises:
        RunError: it can't be written.
    """
    import safetensors
    import safetensors.torch

    part = path.with_name(f".{path.name}.part")
    tensors = {name: one.detach().contiguous().cpu() for name, one in message.tensors.items()}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        safetensors.torch.save_file(tensors, part, {"values": json.dumps(message.values)})
        handle = os.open(part, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        part.replace(path)
    except (OSError, safetensors.SafetensorError) as error:
        raise RunError(f"{path} can't be written: {error}. Make room, and go on.") from error


def read(path: Path) -> Message:
    """What was written.

    Raises:
        RunError: it is missing or damaged.
    """
    import safetensors
    import safetensors.torch

    try:
        with safetensors.safe_open(path, "pt") as opened:
            values = json.loads(opened.metadata()["values"])
            return Message({name: opened.get_tensor(name) for name in opened.keys()}, values)  # noqa: SIM118
    except (OSError, ValueError, LookupError, TypeError, safetensors.SafetensorError) as error:
        raise RunError(f"The message {path} is missing or damaged: {error}.") from error


def of_update(update: Update) -> Message:
    """An update that the server may see."""
    return Message(update.delta, {"examples": update.examples, "metrics": update.metrics})


def to_update(message: Message) -> Update:
    """What `of_update` made a message of."""
    return Update(message.tensors, int(message.values["examples"]), dict(message.values["metrics"]))


def of_masked(masked: Masked, values: Mapping[str, Any] | None = None) -> Message:
    """Words of a secure sum."""
    import numpy as np
    import torch

    held = {"sender": masked.sender.hex(), "session": masked.session.hex()}
    return Message({_WORDS: torch.from_numpy(masked.words.view(np.int64))}, held | dict(values or {}))


def to_masked(message: Message) -> Masked:
    """What `of_masked` made a message of."""
    import numpy as np

    sender, session = (bytes.fromhex(message.values[name]) for name in ("sender", "session"))
    return Masked(sender, session, message.tensors[_WORDS].numpy().view(np.uint64))
