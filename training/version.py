"""A version's record: what is known of a trained model, in canonical JSON, signed by the installation.

The signature covers every field and, by their SHA-256, the model's files. What may change later (tags and
evaluations) is signed anew. An older record of the same version, put back whole, still verifies.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import json
import math
import os
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from security.crypto.signatures import SignatureError, SigningKey, VerifyKey
from training.config import TrainingConfig
from training.errors import BadConfigError, RunError
from training.model_files import hash_of

RECORD = "version.json"
MODEL = "model"
CONTEXT = "model-version"
_FORMAT = 1


@dataclass(frozen=True)
class Version:
    """One model of the registry.

    Attributes:
        name: also of its folder.
        created: UTC, ISO 8601.
        task, method: as the run's config has them.
        base: "gpt", "bert", a hub id, the name of a folder, or "" from scratch.
        base_hash: SHA-256 of the base's weights, or "" where it is not known.
        parent: the version that the run began from, or "".
        dataset: {"name", "hash", "counts"} of the set that it was trained on.
        config: the run's.
        first_loss, best_loss: held out, before the first step and at its lowest; None if nothing was.
        best_step: the step of the lowest.
        evaluations: in the order they were recorded.
        files: SHA-256 by the file's name within `model/`.
        folder: where it lies; not part of the record.
    """

    name: str
    note: str
    created: str
    task: str
    method: str
    base: str
    base_hash: str
    parent: str
    dataset: Mapping[str, Any]
    config: Mapping[str, Any]
    first_loss: float | None
    best_loss: float | None
    best_step: int
    files: Mapping[str, str]
    evaluations: tuple[Mapping[str, Any], ...] = ()
    tags: tuple[str, ...] = ()
    folder: Path = Path()

    @property
    def model(self) -> Path:
        """The model's folder."""
        return self.folder / MODEL

    @property
    def training(self) -> TrainingConfig:
        """The run's config, checked."""
        return TrainingConfig.from_dict(dict(self.config))

    @property
    def size(self) -> int:
        """Bytes of the model's files."""
        return sum((self.model / name).stat().st_size for name in self.files)


def to_json(version: Version) -> dict[str, Any]:
    """Plain values without the folder; numbers that are none are null."""
    held = {field.name: getattr(version, field.name) for field in dataclasses.fields(version)}
    del held["folder"]
    plain: dict[str, Any] = _plain({"format": _FORMAT} | held)
    return plain


def write_record(version: Version, signer: SigningKey) -> None:
    """Sign and write `version.json`; a reader sees the old one or the new one, whole.

    Raises:
        OSError: it can't be written.
    """
    held = to_json(version) | {"signer": signer.verify_key.key_id.hex()}
    signature = signer.sign(_canonical(held), CONTEXT)
    held["signature"] = base64.b64encode(signature).decode("ascii")
    part = version.folder / f".{RECORD}.part"
    with part.open("w", encoding="utf-8") as stream:
        json.dump(held, stream, ensure_ascii=True, indent=1)
        stream.write("\n")
        stream.flush()
        os.fsync(stream.fileno())
    part.replace(version.folder / RECORD)


def read_record(folder: Path, key: VerifyKey, *, named: bool = True) -> Version:
    """The record in `folder`, once its signature is right; the model's files are not looked at.

    Args:
        folder: the version's.
        key: of the installation that signed it.
        named: also see that the folder has the version's name.

    Raises:
        RunError: there is no record, or it was changed, or another installation signed it.
    """
    held = _load(folder)
    try:
        signature = base64.b64decode(held.pop("signature"), validate=True)
        signer = str(held["signer"])
        key.verify(_canonical(held), signature, CONTEXT)
        version = _from_json(held, folder)
    except SignatureError as error:
        if signer != key.key_id.hex():
            raise RunError(
                f"The version {folder.name} was signed by another installation ({signer[:16]!r}, not "
                f"{key.key_id.hex()}). Give that installation's verifying key, or train the model here."
            ) from error
        raise RunError(
            f"The version {folder.name} is refused: its record {RECORD} was changed after it was signed. "
            "Delete the version, or restore its folder from a copy."
        ) from error
    except (KeyError, TypeError, ValueError, AttributeError, binascii.Error, BadConfigError) as error:
        raise RunError(
            f"The version {folder.name} is refused: its record {RECORD} has no signature, or is damaged. "
            "Delete the version, or restore its folder from a copy."
        ) from error
    if named and version.name != folder.name:
        raise RunError(
            f"The version {folder.name} is refused: its record is that of {version.name}. Give the folder "
            "its own name again."
        )
    return version


def is_version(folder: Path) -> bool:
    """Whether a version's record lies in `folder`."""
    return (folder / RECORD).is_file()


def verify_files(version: Version) -> None:
    """Return if the model's files are those that were signed, and no other is beside them.

    Raises:
        RunError: one was changed, is missing, or is one too many; the message names it.
    """
    try:
        found = {path.name for path in version.model.iterdir()}
        for name, expected in version.files.items():
            if name not in found:
                raise RunError(
                    f"The version {version.name} is refused: its file {name} is missing. Restore the file, "
                    "or delete the version."
                )
            path = version.model / name
            if path.is_symlink() or hash_of(path) != expected:
                raise RunError(
                    f"The version {version.name} is refused: its file {name} was changed after it was "
                    "signed. Restore the file, or delete the version."
                )
    except OSError as error:
        raise RunError(
            f"The version {version.name} can't be read: {error.strerror or error}. Delete it, or restore its "
            "folder from a copy."
        ) from error
    extra = sorted(found - version.files.keys())
    if extra:
        raise RunError(
            f"The version {version.name} is refused: the file {extra[0]} was put there after it was signed. "
            "Remove the file."
        )


def _canonical(held: Mapping[str, Any]) -> bytes:
    """One form of the same values: sorted keys, no spaces, ASCII, Python's shortest numbers."""
    text = json.dumps(held, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return text.encode("ascii")


def _load(folder: Path) -> dict[str, Any]:
    path = folder / RECORD
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise RunError(f"There is no version in {folder}. Give the folder of one.") from error
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(
            f"The record {path} can't be read. Delete the version, or restore its folder."
        ) from error
    if not isinstance(held, dict):
        raise RunError(f"The record {path} is no record. Delete the version, or restore its folder.")
    return held


def _from_json(held: dict[str, Any], folder: Path) -> Version:
    if held.pop("format") != _FORMAT:
        raise ValueError("another format")
    del held["signer"]
    hints = typing.get_type_hints(Version)
    values: dict[str, Any] = {
        name: tuple(value) if typing.get_origin(hints[name]) is tuple else value
        for name, value in held.items()
    }
    return Version(**values, folder=folder)


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, str | int | bool):
        return value
    raise BadConfigError(
        f"A version's record holds texts, numbers and lists of them, not {type(value).__name__}."
    )
