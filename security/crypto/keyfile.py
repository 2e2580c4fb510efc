"""Where the key-encryption key comes from: the environment, or a file that only its owner can read.

Does: reads `ASKLEPION_KEY` (base64 of 32 bytes), else `asklepion.key` in the data folder, else makes that
file. While a key is being changed, the new one is in `ASKLEPION_NEW_KEY` or `asklepion.key.new`; the file is
what tells, after a crash, that the change isn't finished. Does not: talk to a key service, or fall back to
a weaker place when one is refused.
"""

from __future__ import annotations

import base64
import binascii
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from security.crypto.errors import KeyEncryptionKeyError
from security.crypto.private_file import PrivateFileError, create_private, is_missing, read_private
from security.crypto.sealing import KEY_BYTES, KeyEncryptionKey, RandomBytes

KEY_VARIABLE = "ASKLEPION_KEY"
KEY_FILE_NAME = "asklepion.key"
NEW_KEY_VARIABLE = "ASKLEPION_NEW_KEY"
NEW_KEY_FILE_NAME = "asklepion.key.new"


def load_key_encryption_key(
    environ: Mapping[str, str],
    folder: Path,
    *,
    may_create: bool = True,
    random: RandomBytes = secrets.token_bytes,
) -> KeyEncryptionKey:
    """The key from the environment if it is set there, else from the file in `folder`.

    A missing file is created when `may_create`; a caller who already holds data sealed under an older
    key passes False, for a new key could open nothing.

    Raises:
        KeyEncryptionKeyError: the value or file is malformed, readable by others, missing although it
            may not be created, or can't be written.
    """
    value = environ.get(KEY_VARIABLE, "").strip()
    if value:
        return KeyEncryptionKey(_decoded(value, f"The environment variable {KEY_VARIABLE}"), random)
    path = folder / KEY_FILE_NAME
    try:
        if is_missing(path):
            if not may_create:
                raise KeyEncryptionKeyError(
                    f"The key file {path} is missing, but there is data that was sealed under it. "
                    f"Restore the file, or set {KEY_VARIABLE} to its content.",
                    path=path,
                )
            create_private(path, base64.b64encode(random(KEY_BYTES)) + b"\n")
        return read_key_file(path, random)
    except PrivateFileError as error:
        raise KeyEncryptionKeyError(f"{error} Or set {KEY_VARIABLE}.", **error.evidence) from error


def load_new_key(
    environ: Mapping[str, str],
    folder: Path,
    *,
    may_create: bool,
    random: RandomBytes = secrets.token_bytes,
) -> KeyEncryptionKey | None:
    """The key that takes the place of the present one, or None if there is none and none may be created.

    Raises:
        KeyEncryptionKeyError: the value or file is malformed, or both are there and differ.
        PrivateFileError: others could read the file, or it can't be read or written.
    """
    path = folder / NEW_KEY_FILE_NAME
    value = environ.get(NEW_KEY_VARIABLE, "").strip()
    named = None
    if value:
        named = KeyEncryptionKey(_decoded(value, f"The environment variable {NEW_KEY_VARIABLE}"), random)
    if is_missing(path):
        if named is not None or not may_create:
            return named
        create_private(path, base64.b64encode(random(KEY_BYTES)) + b"\n")
    found = read_key_file(path, random)
    if named is not None and named.key_id != found.key_id:
        raise KeyEncryptionKeyError(
            f"A change to the key in {path} was begun and is not finished. Finish it without "
            f"{NEW_KEY_VARIABLE}; then change to that one.",
            path=path,
        )
    return found


def put_new_key_in_place(folder: Path, old: KeyEncryptionKey | None) -> None:
    """End a change of keys: the new file takes the old one's name; without a new file the one of `old` goes.

    Only to be called when nothing is wrapped under the old key any more.

    Raises:
        KeyEncryptionKeyError: the folder can't be written.
        PrivateFileError: the key file can't be read.
    """
    present = folder / KEY_FILE_NAME
    try:
        if not is_missing(folder / NEW_KEY_FILE_NAME):
            (folder / NEW_KEY_FILE_NAME).replace(present)
        elif old is not None and not is_missing(present) and read_key_file(present).key_id == old.key_id:
            present.unlink()
        # The names are on the disk only when the folder is.
        descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise KeyEncryptionKeyError(
            f"The key in {folder} can't be put in place: {error.strerror}. Make the folder writable and run "
            "the change of keys again.",
            path=folder,
        ) from error


def read_key_file(path: Path, random: RandomBytes = secrets.token_bytes) -> KeyEncryptionKey:
    """The key in a file of any name.

    Raises:
        KeyEncryptionKeyError: it is malformed.
        PrivateFileError: others could read it, or it can't be read.
    """
    content = read_private(path)
    return KeyEncryptionKey(
        _decoded(content.decode("ascii", "replace").strip(), f"The key file {path}"), random
    )


def _decoded(text: str, origin: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise KeyEncryptionKeyError(
            f"{origin} is not base64. It must be the base64 of {KEY_BYTES} random bytes (44 characters)."
        ) from None
    if len(key) != KEY_BYTES:
        raise KeyEncryptionKeyError(
            f"{origin} holds {len(key)} bytes. It must be the base64 of {KEY_BYTES} random bytes.",
            length=len(key),
        )
    return key
