"""What a folder must keep to before it may leave for the hub: sizes, and nothing secret inside.

The hub takes files above 10 MB through large file storage alone; 1 GB for all of them is our own limit. Does
not: look for secrets of a form that it does not know. The first defence is that only files known to git are
copied.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tools.space.errors import UnfitFolderError

LFS_BYTES = 10_000_000
TOTAL_BYTES = 1_000_000_000
ATTRIBUTES = ".gitattributes"
SECRET_VARIABLES = ("ASKLEPION_KEY", "ASKLEPION_SETUP_TOKEN", "HF_TOKEN")
_SECRET_NAME = re.compile(r"(?i)\.env(\..*)?|.*\.(key|pem|p12|pfx|db|sqlite3?|age)|id_(rsa|ed25519|ecdsa)")
_SECRET_TEXT = re.compile(
    rb"-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/=]{40}|\bhf_[A-Za-z0-9]{30,}"
    rb"|AGE-SECRET-KEY-1[A-Z0-9]{50}"
)
_LEFT_OUT = frozenset({"tests", "bench", "docs", "tools", "data", "build", ".git", ".venv", "__pycache__"})


@dataclass(frozen=True)
class SpaceFile:
    """A file of the folder; `lfs` if the hub takes it through large file storage only."""

    path: str
    size: int
    lfs: bool


def listed(folder: Path) -> tuple[SpaceFile, ...]:
    """Every file of `folder`, by path.

    Raises:
        UnfitFolderError: there is no such folder, or a link in it.
    """
    if not folder.is_dir():
        raise UnfitFolderError(f"There is no folder {folder}. Build it first: python -m tools.space build")
    files = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            raise UnfitFolderError(f"{name} is a link, which may point outside. Replace it by a file.")
        if path.is_file():
            size = path.stat().st_size
            files.append(SpaceFile(name, size, size > LFS_BYTES or _is_binary(path)))
    return tuple(files)


def attributes(files: tuple[SpaceFile, ...]) -> str:
    """.gitattributes that puts the large and the binary files into large file storage."""
    return "".join(f"{file.path} filter=lfs diff=lfs merge=lfs -text\n" for file in files if file.lfs)


def check_folder(folder: Path, environ: Mapping[str, str]) -> tuple[SpaceFile, ...]:
    """Every file, once the folder keeps to the rules. `environ` has the secrets that must not be in it.

    Raises:
        UnfitFolderError: a rule is broken; the message names the file, not what it found in it.
    """
    files = listed(folder)
    total = sum(file.size for file in files)
    if total > TOTAL_BYTES:
        raise UnfitFolderError(
            f"The folder has {total:,} bytes; at most {TOTAL_BYTES:,} may leave. Leave something out."
        )
    known = _attributed(folder)
    for file in files:
        if file.lfs and file.path not in known:
            raise UnfitFolderError(f"{file.path} needs a line in {ATTRIBUTES}. Build the folder again.")
        parts = file.path.split("/")
        if _LEFT_OUT & set(parts[:1]) or "__pycache__" in parts or _SECRET_NAME.fullmatch(parts[-1]):
            raise UnfitFolderError(f"{file.path} must not leave for the hub. Remove it from the folder.")
        _check_text(folder, file, environ)
    return files


def _check_text(folder: Path, file: SpaceFile, environ: Mapping[str, str]) -> None:
    content = (folder / file.path).read_bytes()
    values = [environ[name].encode() for name in SECRET_VARIABLES if len(environ.get(name, "")) >= 16]
    if any(value in content for value in values) or (not file.lfs and _SECRET_TEXT.search(content)):
        raise UnfitFolderError(
            f"{file.path} holds what looks like a secret. Remove it before anything leaves."
        )


def _attributed(folder: Path) -> set[str]:
    path = folder / ATTRIBUTES
    lines = path.read_text("utf-8").splitlines() if path.is_file() else []
    return {line.split(" ", 1)[0] for line in lines if "filter=lfs" in line}


def _is_binary(path: Path) -> bool:
    with path.open("rb") as stream:
        return b"\0" in stream.read(8192)
