"""A tokenizer on disk, and the ones that are there already: embedded, in a folder, or in the hub's cache.

A folder has the files that `transformers` reads, and `lineage.json`: what the tokenizer was made from.
Nothing is fetched from the network, and no code that comes with a tokenizer is run.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant import weights
from assistant.errors import WeightsError
from training.errors import BadConfigError, BadDataError, RunError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

LINEAGE = "lineage.json"
_HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?")


def check_new(folder: Path) -> Path:
    """`folder`, if there is nothing there yet.

    Raises:
        BadDataError: there is something.
    """
    if os.path.lexists(folder):
        raise BadDataError(
            f"There is a {folder.name} already, and it was left as it is. Choose another name."
        )
    return folder


def save(tokenizer: Any, folder: Path, lineage: Mapping[str, Any]) -> None:
    """Write a new folder, in one step once all of it is there.

    The folder can be the `base` of a run from scratch, and `AutoTokenizer` reads it.

    Raises:
        BadDataError: there is something of this name already, or it can't be written.
    """
    check_new(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    except OSError as error:
        raise _unwritable(folder, error) from error
    try:
        tokenizer.save_pretrained(part)
        text = json.dumps(lineage, ensure_ascii=False, indent=1, sort_keys=True)
        (part / LINEAGE).write_text(text + "\n", encoding="utf-8")
        part.chmod(0o755)
        check_new(folder)
        part.rename(folder)
    except OSError as error:
        raise _unwritable(folder, error) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _unwritable(folder: Path, error: OSError) -> BadDataError:
    return BadDataError(f"The tokenizer {folder.name} can't be written: {error.strerror or error}.")


def load(base: str | Path) -> PreTrainedTokenizerFast:
    """The tokenizer of "gpt" or "bert" (the embedded models), of a folder, or of a hub id in the cache.

    Raises:
        BadConfigError: it isn't there, or is of a kind that can't be looked into.
        RunError: the embedded weights are missing or not the ones on record.
    """
    from transformers import AutoTokenizer

    try:
        source, extra = _locate(str(base))
    except WeightsError as error:
        raise RunError(str(error)) from error
    weights.quiet_loading()
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            source, trust_remote_code=False, local_files_only=True, **extra
        )
    except (OSError, ValueError, LookupError, ImportError, RuntimeError, TypeError) as error:
        reason = str(error).strip().split("\n", 1)[0][:200].rstrip(".")
        raise BadConfigError(f"The tokenizer of {base} can't be loaded: {reason}. {_GIVE}") from error
    if not getattr(tokenizer, "is_fast", False):
        raise BadConfigError(f"The tokenizer of {base} has no tokenizer.json to look into. {_GIVE}")
    return tokenizer


_GIVE = "Give gpt, bert, a folder with a tokenizer, or the id of a model that is in the hub's cache."


def _locate(base: str) -> tuple[str, dict[str, str]]:
    if base == "gpt":
        path = weights.gpt_file()
        return str(path.parent), {"gguf_file": path.name}
    if base == "bert":
        return str(weights.bert_folder()), {}
    path = Path(base).expanduser()
    if path.is_dir():
        return str(path), {}
    if path.is_absolute() or path.exists() or not _HUB_ID.fullmatch(base):
        raise BadConfigError(f"There is no tokenizer in {base}. {_GIVE}")
    return base, {}
