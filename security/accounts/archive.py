"""The form of a backup: a signed list of files, then the files. Every byte of it counts.

    "asklepion-backup-1" LF | length of the list (4, big-endian) | list, JSON | Ed25519 signature (64)
    | the files, one after another as the list says, and nothing after them

Does: finds any damage, before anything is used. Does not: show who made the backup, unless the reader knows
the signing key's id from elsewhere; encrypt.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from security.accounts.errors import BackupError
from security.crypto.errors import CryptoError
from security.crypto.signatures import SIGNATURE_BYTES, SigningKey, VerifyKey

CONTEXT = "backup"
MOST_LIST = 64 * 2**20
_MAGIC = b"asklepion-backup-1\n"
_CHUNK = 2**20


@dataclass(frozen=True)
class Item:
    """A file by its name within the data folder."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Contents:
    """What is in a backup and what isn't, `made` at this many milliseconds since 1970.

    `key` is the id of the key-encryption key, empty if nothing is wrapped; `others` lie in the data folder
    and are not in the backup.
    """

    made: int
    files: tuple[Item, ...]
    others: tuple[Item, ...]
    checkpoint: str
    signer: VerifyKey
    key: str


def item(path: Path, name: str) -> Item:
    """The size and SHA-256 of a file.

    Raises:
        OSError: it can't be read.
    """
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
        return Item(name, stream.tell(), digest)


def write(path: Path, contents: Contents, sources: Mapping[str, Path], key: SigningKey) -> str:
    """Make the file (0600), durable when this returns; its SHA-256.

    Raises:
        OSError: it is there already, or can't be written.
    """
    told = json.dumps({**asdict(contents), "signer": contents.signer.to_text()}).encode("utf-8")
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    digest = hashlib.sha256()
    with os.fdopen(descriptor, "wb") as out:

        def put(part: bytes) -> None:
            digest.update(part)
            out.write(part)

        put(_MAGIC + len(told).to_bytes(4, "big") + told + key.sign(told, CONTEXT))
        for one in contents.files:
            with sources[one.name].open("rb") as stream:
                while part := stream.read(_CHUNK):
                    put(part)
        out.flush()
        os.fsync(out.fileno())
    return digest.hexdigest()


def unpack(path: Path, folder: Path, allowed: Sequence[str]) -> Contents:
    """Put the files of a backup into `folder` (0600), each compared with the list.

    Raises:
        BackupError: the file is damaged, no backup, or names a file that isn't allowed.
        OSError: it can't be read, or a file can't be written.
    """
    with path.open("rb") as stream:
        contents = _contents(stream)
        if [one.name for one in contents.files] != [n for n in allowed if n in _names(contents)]:
            raise BackupError(f"{path} is a backup of another version: it has other files.")
        for one in contents.files:
            _copy(stream, folder / one.name, one)
        if stream.read(1):
            raise _damaged()
    return contents


def _names(contents: Contents) -> set[str]:
    return {one.name for one in contents.files}


def _contents(stream: BinaryIO) -> Contents:
    if stream.read(len(_MAGIC)) != _MAGIC:
        raise BackupError("This is no backup of Asklepion, or its beginning is damaged.")
    size = int.from_bytes(stream.read(4), "big")
    if size > MOST_LIST:
        raise _damaged()
    told, signature = stream.read(size), stream.read(SIGNATURE_BYTES)
    try:
        row = json.loads(told)
        signer = VerifyKey.from_text(row["signer"])
        signer.verify(told, signature, CONTEXT)
        return _parsed(row, signer)
    except (ValueError, TypeError, KeyError, RecursionError, CryptoError) as error:
        raise _damaged() from error


def _parsed(row: Mapping[str, Any], signer: VerifyKey) -> Contents:
    files, others = (
        tuple(Item(str(one["name"]), int(one["size"]), str(one["sha256"])) for one in row[part])
        for part in ("files", "others")
    )
    return Contents(int(row["made"]), files, others, str(row["checkpoint"]), signer, str(row["key"]))


def _copy(stream: BinaryIO, to: Path, expected: Item) -> None:
    descriptor = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    digest, left = hashlib.sha256(), expected.size
    with os.fdopen(descriptor, "wb") as out:
        while left > 0:
            part = stream.read(min(left, _CHUNK))
            if not part:
                raise _damaged()
            digest.update(part)
            out.write(part)
            left -= len(part)
        out.flush()
        os.fsync(out.fileno())
    if digest.hexdigest() != expected.sha256:
        raise _damaged()


def _damaged() -> BackupError:
    return BackupError("The backup is damaged: it is cut short or was changed. Take another copy of it.")
