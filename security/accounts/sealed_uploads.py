"""Uploaded files at rest: sealed under the key of who uploaded them, read once, and gone.

Does: seal a file as it comes in, open it for its owner alone, and remove it when it was read, when its
owner signs out or is deleted, after an hour, and at every start, when nobody may read the files of before.
Does not: know who may ask for which path (indoors.py does), or hide names and lengths of files while they
are there.
"""

from __future__ import annotations

import asyncio
import io
import logging
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol, cast

from security.accounts.endings import Pause
from security.accounts.errors import AccountsError, ClearingError, StoreError
from security.crypto.errors import CryptoError
from security.crypto.files import SealedReader, SealedWriter, is_sealed
from security.crypto.sealing import SealContext

if TYPE_CHECKING:
    from typing_extensions import Buffer

PURPOSE = "uploads"
LIFE_S = 3600
SWEEP_EVERY_S = 600
_DAMAGED = "it is damaged or not yours; upload it again"
_log = logging.getLogger("asklepion.accounts")


class FileKeys(Protocol):
    """What is needed of a vault."""

    def file_key(self, user: str, purpose: str) -> bytes:
        """The key of the user's files for this purpose."""


class SealedUploads:
    """The upload folder. Every method blocks; safe from threads."""

    def __init__(self, folder: Path, keys: FileKeys) -> None:
        self.folder = folder.resolve()
        self._keys = keys

    def writer(self, user: str) -> Callable[[BinaryIO], SealedWriter]:
        """What makes a sealed file of a user's on whatever it is given.

        Raises:
            UnknownUserError: no account has this id.
        """
        key, context = self._key(user), _context(user)
        return lambda target: SealedWriter(target, key, context)

    def open(self, user: str, path: Path) -> BinaryIO:
        """What the user uploaded, in plain, to be read from any place.

        Raises:
            OSError: it is gone or can't be read, or was changed, or is another's; the message says so.
                Raised while it is read, too.
        """
        try:
            return cast(BinaryIO, io.BufferedReader(_Reader.open(path, self._key(user), _context(user))))
        except StoreError as error:
            raise OSError(None, str(error)) from error  # it passes: nothing is wrong with the file
        except (CryptoError, AccountsError) as error:
            raise OSError(None, _DAMAGED) from error

    @contextmanager
    def once(self, user: str, path: Path) -> Iterator[BinaryIO]:
        """As `open`; when the block is left, in whatever way, the file is no more. What didn't open stays."""
        plain = self.open(user, path)
        try:
            with plain:
                yield plain
        finally:
            self.remove(path)

    def holds(self, path: Path) -> bool:
        """Whether there is a sealed file at `path`."""
        try:
            return is_sealed(path)
        except OSError:
            return False

    def remove(self, path: Path) -> None:
        """Remove a file below the folder, and the folder of its own that Gradio made for it."""
        path.unlink(missing_ok=True)
        if path.parent.parent == self.folder:
            with suppress(OSError):  # others are in it
                path.parent.rmdir()

    def clear(self, names: list[str]) -> None:
        """Remove files by their names below the folder.

        Raises:
            ClearingError: one can't be removed.
        """
        try:
            for name in names:
                self.remove(self.folder / name)
        except OSError as error:
            raise ClearingError(f"An upload can't be removed ({error.strerror}).") from error

    def empty(self) -> None:
        """At a start: remove everything, also what a crash left half written."""
        for path in self.folder.iterdir() if self.folder.exists() else ():
            try:
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                else:
                    path.unlink()
            except OSError as error:
                _log.warning("Something in the upload folder could not be removed (%s).", error.strerror)

    def sweep(self, now: float) -> None:
        """Remove what was uploaded an hour ago, whole or broken off, and was not read."""
        # os.walk passes over what is removed while it walks.
        for path in [Path(folder, name) for folder, _, names in os.walk(self.folder) for name in names]:
            try:
                old = path.is_file() and now - path.lstat().st_ctime > LIFE_S
                # What Gradio keeps there itself is left to its own clock.
                if old and (is_sealed(path) or not path.stat().st_size):
                    self.remove(path)
            except OSError as error:
                _log.warning("Something in the upload folder could not be swept (%s).", error.strerror)

    async def keep_swept(self, pause: Pause = asyncio.sleep) -> None:
        """Sweep every ten minutes until it is cancelled."""
        while True:
            await pause(SWEEP_EVERY_S)
            await asyncio.to_thread(self.sweep, time.time())

    def _key(self, user: str) -> bytes:
        return self._keys.file_key(user, PURPOSE)


class _Reader(SealedReader):
    """Says as an OSError that a chunk was changed: whoever reads a file expects those."""

    def readinto(self, buffer: Buffer, /) -> int:
        try:
            return super().readinto(buffer)
        except CryptoError as error:
            raise OSError(None, _DAMAGED) from error


def _context(user: str) -> SealContext:
    return SealContext(user, PURPOSE)
