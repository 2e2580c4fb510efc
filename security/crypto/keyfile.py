"""Where the key-encryption key comes from: the environment, or a file that only its owner can read.

Does: reads `ASKLEPION_KEY` (base64 of 32 bytes), else `asklepion.key` in the data folder, else makes that
file. Does not: rotate keys, talk to a key service, or fall back to a weaker place when one is refused.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path

from security.crypto.errors import KeyEncryptionKeyError
from security.crypto.sealing import KEY_BYTES, KeyEncryptionKey, RandomBytes

KEY_VARIABLE = "ASKLEPION_KEY"
KEY_FILE_NAME = "asklepion.key"
_NO_HARD_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}


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
    if _is_missing(path):
        if not may_create:
            raise KeyEncryptionKeyError(
                f"The key file {path} is missing, but there is data that was sealed under it. "
                f"Restore the file, or set {KEY_VARIABLE} to its content.",
                path=path,
            )
        _create(path, random)
    return KeyEncryptionKey(_read(path), random)


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


def _is_missing(path: Path) -> bool:
    """Whether nothing has that name; a link to nowhere is something, and no reason to make a new key."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError as error:
        raise _unreadable(path, error) from error
    return False


def _read(path: Path) -> bytes:
    # O_NOFOLLOW: a link could point at a file whose permission is not the one checked here.
    # O_NONBLOCK: opening a pipe would wait for ever.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags)
        try:
            _check_private(path, os.fstat(descriptor))
            content = os.read(descriptor, 1024)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise _unreadable(path, error) from error
    return _decoded(content.decode("ascii", "replace").strip(), f"The key file {path}")


def _unreadable(path: Path, error: OSError) -> KeyEncryptionKeyError:
    return KeyEncryptionKeyError(f"The key file {path} can't be read: {error.strerror}.", path=path)


def _check_private(path: Path, status: os.stat_result) -> None:
    mode = stat.S_IMODE(status.st_mode)
    if not stat.S_ISREG(status.st_mode):
        raise KeyEncryptionKeyError(f"{path} is not a file. Move it away and start again.", path=path)
    if mode & 0o077:
        raise KeyEncryptionKeyError(
            f"The key file {path} has permission {mode:04o}, so others could read it. Run: chmod 600 {path}",
            path=path,
            mode=mode,
        )
    if status.st_uid != os.geteuid():
        raise KeyEncryptionKeyError(
            f"The key file {path} belongs to user {status.st_uid}, who could read and replace it. "
            f"Run: chown {os.geteuid()} {path}",
            path=path,
            owner=status.st_uid,
        )


def _create(path: Path, random: RandomBytes) -> None:
    """Write a new key so that the file either is there whole or is not there; an older one always wins."""
    content = base64.b64encode(random(KEY_BYTES)) + b"\n"
    scratch = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            _write_new(scratch, content)
            try:
                os.link(scratch, path)  # fails if the name exists: unlike rename it never replaces a key
            except FileExistsError:
                return  # another process was first: its key is the one
            except OSError as error:
                if error.errno not in _NO_HARD_LINKS:
                    raise
                with contextlib.suppress(FileExistsError):
                    _write_new(path, content)
        finally:
            scratch.unlink(missing_ok=True)
    except OSError as error:
        raise KeyEncryptionKeyError(
            f"The key file {path} can't be written: {error.strerror}. "
            f"Free some space or choose a data folder that can be written, or set {KEY_VARIABLE}.",
            path=path,
        ) from error


def _write_new(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError:
        path.unlink(missing_ok=True)
        raise
