"""space.yaml, read and checked: what the hub is told of the Space, and what the Space needs to be told.

The keys are those of the hub's "Spaces Configuration Reference"; an unknown one is an error, since the hub
would pass over it in silence. Does not: ask the hub anything.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tools.space.errors import BadInputError

FILE = "space.yaml"
COLOURS = frozenset({"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"})
HARDWARE = frozenset(
    {"cpu-basic", "cpu-upgrade", "zero-a10g", "t4-small", "t4-medium", "l4x1", "l4x4", "l40sx1"}
    | {"a10g-small", "a10g-large", "a100-large"}
)
SHORT = 60
_NEEDED = (
    "title",
    "emoji",
    "colorFrom",
    "colorTo",
    "sdk",
    "sdk_version",
    "python_version",
    "app_file",
    "license",
)
_OPTIONAL = (
    "pinned",
    "short_description",
    "models",
    "preload_from_hub",
    "tags",
    "fullWidth",
    "suggested_hardware",
)
_NOT_FOR_THE_HUB = ("hardware", "variables", "secrets")
_LISTS = ("models", "preload_from_hub", "tags")
_NAME = re.compile(r"[A-Z][A-Z0-9_]*")


@dataclass(frozen=True)
class Metadata:
    """`front` goes to the hub; the others are names with their meaning, never values."""

    front: Mapping[str, Any]
    hardware: Mapping[str, str]
    variables: Mapping[str, str]
    secrets: Mapping[str, str]

    def front_matter(self) -> str:
        """The YAML block at the head of the Space's README."""
        shown = {key: value for key, value in self.front.items() if value != []}
        return f"---\n{yaml.safe_dump(shown, sort_keys=False, allow_unicode=True)}---\n"


def read_metadata(root: Path) -> Metadata:
    """space.yaml of the repository at `root`.

    Raises:
        BadInputError: it is missing, no YAML, or says what the hub does not take; the message names the key.
    """
    path = root / FILE
    try:
        found = yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        raise BadInputError(
            f"{path} can't be read ({error.strerror}). Run this in the repository."
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadInputError(f"{path} is not YAML: {str(error).splitlines()[0]}.") from error
    if not isinstance(found, dict):
        raise BadInputError(f"{path} must be a table of keys and values.")
    _check_keys(found)
    _check_values(found, root)
    hardware, variables, secrets = (_meanings(found, name) for name in _NOT_FOR_THE_HUB)
    front = {key: found[key] for key in (*_NEEDED, *_OPTIONAL) if key in found}
    return Metadata(front, hardware, variables, secrets)


def _check_keys(found: Mapping[str, Any]) -> None:
    missing = [key for key in (*_NEEDED, "secrets") if key not in found]
    if missing:
        raise BadInputError(f"{FILE} needs {', '.join(missing)}.")
    unknown = sorted(str(key) for key in found.keys() - {*_NEEDED, *_OPTIONAL, *_NOT_FOR_THE_HUB})
    if unknown:
        raise BadInputError(f"{FILE} has keys that nothing reads: {', '.join(unknown)}. Remove them.")


def _check_values(found: Mapping[str, Any], root: Path) -> None:
    for key in (*_NEEDED, "short_description", "suggested_hardware"):
        if not isinstance(found.get(key, "-"), str) or not found.get(key, "-").strip():
            raise BadInputError(f"{key} in {FILE} must be text; put it in quotes. It is {found[key]!r}.")
    for key in _LISTS:
        if not isinstance(found.get(key, []), list) or not all(
            isinstance(e, str) for e in found.get(key, [])
        ):
            raise BadInputError(f"{key} in {FILE} must be a list of texts.")
    rules = {
        "emoji": (not found["emoji"].isascii(), "one emoji"),
        "colorFrom": (found["colorFrom"] in COLOURS, f"one of {', '.join(sorted(COLOURS))}"),
        "colorTo": (found["colorTo"] in COLOURS, f"one of {', '.join(sorted(COLOURS))}"),
        "sdk": (found["sdk"] == "gradio", "gradio"),
        "sdk_version": (
            re.fullmatch(r"\d+\.\d+\.\d+", found["sdk_version"]),
            "a whole version such as 6.31.0",
        ),
        "python_version": (re.fullmatch(r"3\.\d+", found["python_version"]), "a version such as 3.11"),
        "app_file": ((root / found["app_file"]).is_file(), "a file of the repository"),
        "short_description": (
            len(found.get("short_description", "")) <= SHORT,
            f"at most {SHORT} characters",
        ),
        "suggested_hardware": (
            found.get("suggested_hardware", "cpu-basic") in HARDWARE,
            f"one of {', '.join(sorted(HARDWARE))}",
        ),
    }
    for key, (fits, wanted) in rules.items():
        if not fits:
            raise BadInputError(f"{key} in {FILE} must be {wanted}; it is {found.get(key)!r}.")


def _meanings(found: Mapping[str, Any], key: str) -> dict[str, str]:
    table = found.get(key) or {}
    if not isinstance(table, dict) or not all(isinstance(text, str) for text in table.values()):
        raise BadInputError(f"{key} in {FILE} must be names with their meaning.")
    for name in table:
        known = name in HARDWARE if key == "hardware" else _NAME.fullmatch(str(name))
        if not known:
            raise BadInputError(f"{key} in {FILE} has {name!r}, which can't be such a name.")
    return dict(table)
