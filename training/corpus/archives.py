"""Zip archives from strangers: looked at before anything is unpacked, then unpacked under names of our own.

Nothing in an archive decides where a file is written. A hostile archive is refused whole, in one sentence.
"""

from __future__ import annotations

import re
import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from training.errors import BadDataError
from training.safe import PLAIN, Safe

_CHUNK = 1024 * 1024


@dataclass(frozen=True)
class ArchiveLimits:
    """How much an archive may hold: members, bytes once unpacked, and how tightly it may be packed."""

    members: int = 20_000
    unpacked: int = 4 * 1024**3
    ratio: int = 200
    ratio_from: int = 1024 * 1024


LIMITS = ArchiveLimits()
DOCUMENT_LIMITS = ArchiveLimits(members=5_000, unpacked=256 * 1024**2)


@dataclass(frozen=True)
class Member:
    """A file in an archive: what it is called there, and where it lies now."""

    name: str
    path: Path


@contextmanager
def opened(
    path: Path, name: str, limits: ArchiveLimits = LIMITS, safe: Safe = PLAIN
) -> Iterator[zipfile.ZipFile]:
    """An archive that has been looked at.

    Raises:
        BadDataError: it is no zip archive, is damaged or encrypted, holds a link or a path that leads out
            of it, or would unpack to too much.
    """
    try:
        with safe.open(path) as stream, zipfile.ZipFile(stream) as archive:
            _check(archive, name, limits)
            yield archive
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, UnicodeDecodeError) as error:
        raise BadDataError(
            f"{name} is not a zip archive that can be read: it is damaged or packed in an unusual way. "
            "Pack it anew as plain zip."
        ) from error


def unpack(
    path: Path, name: str, folder: Path, limits: ArchiveLimits = LIMITS, safe: Safe = PLAIN
) -> list[Member]:
    """The files of an archive, written into `folder` (made here) as 0.txt, 1.txt and so on.

    Files that differ in their ending alone keep a common stem, as a brat pair needs it. Hidden files and
    what macOS adds are left out.

    Raises:
        BadDataError: as `opened`, or the disk is too small. Nothing is left in `folder` then.
    """
    folder.mkdir(parents=True)
    try:
        with opened(path, name, limits, safe) as archive:
            return _unpacked(archive, name, folder, safe)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _unpacked(archive: zipfile.ZipFile, name: str, folder: Path, safe: Safe) -> list[Member]:
    entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    needed = sum(entry.file_size for entry in entries)
    if needed > shutil.disk_usage(folder).free:
        raise BadDataError(
            f"{name} needs {needed / 1e6:,.0f} MB of disk once unpacked and there is less. Make room, or "
            "give it in parts."
        )
    stems: dict[PurePosixPath, str] = {}
    members: list[Member] = []
    for entry in sorted(entries, key=lambda entry: entry.filename):
        inside = PurePosixPath(entry.filename)
        if any(part.startswith((".", "__MACOSX")) for part in inside.parts):
            continue
        stem = stems.setdefault(inside.with_suffix(""), str(len(stems)))
        suffix = inside.suffix.lower()
        target = folder / f"{stem}{suffix if re.fullmatch(r'[.][a-z0-9]{1,8}', suffix) else '.other'}"
        if target.exists():  # names that differ in the case of their ending alone
            target = folder / f"{len(stems)}-{len(members)}{target.suffix}"
        _write(archive, entry, safe, target, name)
        members.append(Member(f"{name}/{entry.filename}", target))
    return members


def _write(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, safe: Safe, target: Path, name: str) -> None:
    written = 0
    with archive.open(entry) as packed, safe.create(target) as out:
        while chunk := packed.read(_CHUNK):
            written += len(chunk)
            if written > entry.file_size:
                raise BadDataError(f"{name}: {entry.filename} is larger than the archive says. Pack it anew.")
            out.write(chunk)


def _check(archive: zipfile.ZipFile, name: str, limits: ArchiveLimits) -> None:
    entries = archive.infolist()
    if len(entries) > limits.members:
        raise BadDataError(
            f"{name} holds {len(entries):,} files; up to {limits.members:,} can be read. Give it in parts."
        )
    unpacked = sum(entry.file_size for entry in entries)
    packed = sum(entry.compress_size for entry in entries)
    if unpacked > limits.unpacked:
        raise BadDataError(
            f"{name} would unpack to {unpacked / 1e6:,.0f} MB; up to {limits.unpacked / 1e6:,.0f} MB can be "
            "read. Give it in parts."
        )
    if unpacked > limits.ratio_from and unpacked > limits.ratio * packed:
        raise BadDataError(
            f"{name} would unpack to {unpacked // max(packed, 1):,} times its size, as a zip bomb does; it "
            "is refused. Give the files themselves."
        )
    for entry in entries:
        _check_entry(entry, name)


def _check_entry(entry: zipfile.ZipInfo, name: str) -> None:
    inside = entry.filename.replace("\\", "/")
    if inside.startswith("/") or ".." in inside.split("/") or re.match(r"[A-Za-z]:", inside):
        raise BadDataError(
            f"{name} holds a path that leads out of it ({entry.filename[:80]!r}); it is refused. "
            "Pack it anew."
        )
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise BadDataError(
            f"{name} holds a link ({entry.filename[:80]!r}); it is refused. Put the file itself in its place."
        )
    if entry.flag_bits & 0x1:
        raise BadDataError(f"{name} is locked by a password. Unpack it and give the files.")
