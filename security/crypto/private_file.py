"""A small secret in a file that only its owner can read: written once, whole, and never replaced.

Does: makes the file with mode 0600 so that it is either there whole or not there, and refuses to read one
that others could read or replace, or that is a link. Does not: know what the secret is, or seal it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from pathlib import Path

from security.crypto.errors import CryptoError

_NO_HARD_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}
_MOST_BYTES = 1024


class PrivateFileError(CryptoError):
    """The file is open to others, no regular file, or can't be read or written."""


def is_missing(path: Path) -> bool:
    """Whether nothing has that name; a link to nowhere is something, and no reason to make a new secret.

    Raises:
        PrivateFileError: its folder can't be looked into.
    """
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError as error:
        raise _unreadable(path, error) from error
    return False


def read_private(path: Path) -> bytes:
    """The content, at most 1024 bytes.

    Raises:
        PrivateFileError: it can't be read, is no regular file, or others could read or replace it.
    """
    # O_NOFOLLOW: a link could point at a file whose permission is not the one checked here.
    # O_NONBLOCK: opening a pipe would wait for ever.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags)
        try:
            _check_private(path, os.fstat(descriptor))
            return os.read(descriptor, _MOST_BYTES)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise _unreadable(path, error) from error


def create_private(path: Path, content: bytes) -> None:
    """Write `content` unless the name is taken already: an older file always wins, without an error.

    Raises:
        PrivateFileError: it can't be written.
    """
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
            _sync_folder(path.parent)
        finally:
            scratch.unlink(missing_ok=True)
    except OSError as error:
        raise PrivateFileError(
            f"The key file {path} can't be written: {error.strerror}. "
            "Free some space or choose a data folder that can be written.",
            path=path,
        ) from error


def _unreadable(path: Path, error: OSError) -> PrivateFileError:
    return PrivateFileError(f"The key file {path} can't be read: {error.strerror}.", path=path)


def _check_private(path: Path, status: os.stat_result) -> None:
    mode = stat.S_IMODE(status.st_mode)
    if not stat.S_ISREG(status.st_mode):
        raise PrivateFileError(f"{path} is not a file. Move it away and start again.", path=path)
    if mode & 0o077:
        raise PrivateFileError(
            f"The key file {path} has permission {mode:04o}, so others could read it. Run: chmod 600 {path}",
            path=path,
            mode=mode,
        )
    if status.st_uid != os.geteuid():
        raise PrivateFileError(
            f"The key file {path} belongs to user {status.st_uid}, who could read and replace it. "
            f"Run: chown {os.geteuid()} {path}",
            path=path,
            owner=status.st_uid,
        )


def _sync_folder(folder: Path) -> None:
    # Without it a power cut can take the name of a key that data was sealed under meanwhile.
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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
