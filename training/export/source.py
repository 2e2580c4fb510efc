"""What is exported: the best model of a run, or a version of the registry, verified first."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from security.crypto.errors import CryptoError
from security.crypto.signatures import VerifyKey
from training import runs
from training.config import TrainingConfig
from training.errors import BadConfigError, RunError
from training.model_files import model_files
from training.origin import hash_of_base, of_run
from training.registry import VERIFY_KEY, best_of
from training.safe import PLAIN, Safe
from training.version import Version, is_version, read_record, verify_files


@dataclass(frozen=True)
class Source:
    """A trained model with what is known of it.

    Attributes:
        model: the folder of its files, all of them checked.
        config: of the run that made it.
        version: its record; of a run that was not registered, one that was never signed.
    """

    model: Path
    config: TrainingConfig
    version: Version


def open_source(folder: Path, key: VerifyKey | None = None, safe: Safe = PLAIN) -> Source:
    """A run's folder or a version's.

    Args:
        folder: one of the two.
        key: what a version's signature is checked with; by default the key that lies beside the versions,
            which is no proof against whoever may write there.
        safe: opens what a run says of itself.

    Raises:
        RunError: there is neither, the run has no model yet, a file is refused, or the version was changed.
        BadConfigError: the verifying key is missing or malformed.
    """
    folder = folder.resolve()  # its name is compared with the record's
    if is_version(folder):
        return of_version(read_record(folder, key or _key_beside(folder)))
    if not (folder / runs.CONFIG).is_file():
        raise RunError(f"There is neither a run nor a version in {folder}. Give the folder of one.")
    best = best_of(folder, safe)
    model_files(best)
    version = Version(
        name=folder.name, note="", created="", files={}, folder=folder, **of_run(folder, folder.parent, safe)
    )
    return Source(best, runs.config_of(folder, safe), version)


def of_version(version: Version) -> Source:
    """A version whose record is right already; its files are verified here, and that its base is the same.

    Raises:
        RunError: a file, or the base that an adapter needs, was changed.
    """
    verify_files(version)
    config = version.training
    if version.method == "lora" and version.base_hash:
        try:
            same = hash_of_base(config) in ("", version.base_hash)
        except OSError as error:
            raise RunError(f"The base {version.base} can't be read: {error.strerror or error}.") from error
        if not same:
            raise RunError(
                f"The base {version.base} has changed since {version.name} was trained on it. Restore the "
                "base, or train anew."
            )
    return Source(version.model, config, version)


def read_key(path: Path) -> VerifyKey:
    """A verifying key from a file.

    Raises:
        BadConfigError: it can't be read, or is none.
    """
    try:
        return VerifyKey.from_text(path.read_text(encoding="ascii"))
    except (OSError, UnicodeDecodeError, CryptoError) as error:
        raise BadConfigError(f"The verifying key {path} can't be read: {error}") from error


def _key_beside(folder: Path) -> VerifyKey:
    path = folder.parent / VERIFY_KEY
    if not path.is_file():
        raise BadConfigError(
            f"There is no verifying key beside {folder}, so its signature can't be checked. Give --key FILE."
        )
    return read_key(path)
