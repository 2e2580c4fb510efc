"""Reads the files of a task; what can't be read is named with its line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from training.errors import BadDataError

_MOST = 64 << 20


def read_text(path: Path) -> str:
    """A file's text.

    Raises:
        BadDataError: it can't be read, is no UTF-8, is empty or larger than 64 MB.
    """
    try:
        if path.stat().st_size > _MOST:
            raise BadDataError(f"{path.name} is larger than {_MOST >> 20} MB. Give a part of it.")
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise BadDataError(f"{path} can't be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise BadDataError(f"{path.name} is no text in UTF-8.") from error
    if not text.strip():
        raise BadDataError(f"{path.name} is empty.")
    return text


def json_line(path: Path, number: int, line: str) -> dict[str, Any]:
    """The object on a line.

    Raises:
        BadDataError: it is none.
    """
    try:
        found = json.loads(line)
    except ValueError as error:
        raise BadDataError(f"{path.name}, line {number} is no JSON.") from error
    if not isinstance(found, dict):
        raise BadDataError(f"{path.name}, line {number} must be a JSON object.")
    return found
