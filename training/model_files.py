"""What may lie in a model's folder: weights in safetensors, and the texts that say how to use them.

A pickle runs code when it is opened, and so does Python that comes with a model. Names are not trusted: a
file named .safetensors must be one, and one named .json must be JSON.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import Path

from training.errors import RunError

_PICKLES = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib", ".npy", ".npz")
_TEXTS = (".json", ".txt", ".jinja")
_WEIGHTS = ".safetensors"
_PIECES = ("spiece.model", "tokenizer.model", "sentencepiece.bpe.model")
CARD = "README.md"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_CHUNK = 1 << 20


def model_files(folder: Path) -> list[Path]:
    """The files of the model in `folder`, by name; its card is none of them.

    Raises:
        RunError: a file is a pickle, code, a link, or nothing that a model needs; the message names it.
    """
    try:
        found = sorted(folder.iterdir())
    except OSError as error:
        raise RunError(f"The model's folder {folder} can't be read: {error.strerror}.") from error
    files = [path for path in found if path.name != CARD]
    for path in files:
        check_file(path)
    if not any(path.suffix == _WEIGHTS for path in files):
        raise RunError(f"{folder} has no weights in safetensors, so there is no model in it.")
    return files


def check_file(path: Path) -> None:
    """Return if a file may be part of a model.

    Raises:
        RunError: it may not; the message says why.
    """
    if path.suffix in _PICKLES:
        raise RunError(
            f"The file {path.name} in {path.parent} is a pickle or may hold one, which can run code when it "
            "is opened, and is refused. Remove it; weights belong in safetensors."
        )
    known = path.suffix in (_WEIGHTS, *_TEXTS) or path.name in _PIECES
    if path.is_symlink() or not path.is_file() or not known or not _NAME.fullmatch(path.name):
        raise RunError(
            f"{path.name} in {path.parent} is nothing that a model needs (weights in safetensors, its "
            "configuration, its tokenizer), and is refused. Remove it."
        )
    try:
        if path.suffix == _WEIGHTS:
            _check_weights(path)
        elif path.suffix in _TEXTS:
            _check_text(path)
    except OSError as error:
        raise RunError(f"The model's file {path} can't be read: {error.strerror or error}.") from error


def hash_of(path: Path) -> str:
    """SHA-256 of a file, in hex, read in pieces.

    Raises:
        OSError: it can't be read.
    """
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def weights_hash(folder: Path) -> str:
    """SHA-256 of a model's weights: of the one file, or of the list of their hashes where there are more.

    Raises:
        OSError: a file can't be read.
    """
    hashes = [hash_of(path) for path in sorted(folder.glob(f"*{_WEIGHTS}"))]
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("\n".join(hashes).encode()).hexdigest()


def copy_file(source: Path, target: Path) -> str:
    """Copy what is there now and see that it is on the disk; the SHA-256 of what was written.

    Raises:
        OSError: no room, or one of the two can't be reached.
    """
    digest = hashlib.sha256()
    with source.open("rb") as reader, target.open("xb") as writer:
        while chunk := reader.read(_CHUNK):
            digest.update(chunk)
            writer.write(chunk)
        writer.flush()
        os.fsync(writer.fileno())
    return digest.hexdigest()


def _check_weights(path: Path) -> None:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np"):
            pass
    except SafetensorError as error:
        raise RunError(
            f"The file {path.name} in {path.parent} is not what its name says: no safetensors, or cut short. "
            "Train the model anew, or restore the file."
        ) from error


def _check_text(path: Path) -> None:
    try:
        text = path.read_text(encoding="utf-8")
        held = json.loads(text) if path.suffix == ".json" else None
    except ValueError as error:
        raise RunError(
            f"The file {path.name} in {path.parent} is not what its name says. Remove it."
        ) from error
    if isinstance(held, dict) and held.get("auto_map"):
        raise RunError(f"The file {path.name} in {path.parent} names code of its own, which is refused.")
