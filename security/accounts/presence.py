"""Who uses a data folder: the app shares it with others of its kind, a change of keys has it alone.

By flock on the folder, which the kernel lets go of when a process dies, also by kill -9. Does not: keep out
a process on another machine that shares only the database.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType

from security.accounts.errors import StoreError


class Presence:
    """Held from its making until `close`, or as a context."""

    def __init__(self, folder: Path, *, alone: bool = False) -> None:
        """Be in `folder` with others, or alone.

        Raises:
            StoreError: somebody is there alone, or is there at all; or the folder can't be locked.
        """
        self._folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise StoreError(f"The data folder {folder} can't be opened ({error.strerror}).") from error
        try:
            self._lock(fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        except StoreError:
            self.close()
            raise

    def __enter__(self) -> Presence:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def only_me(self) -> None:
        """Go on alone.

        Raises:
            StoreError: somebody else is there.
        """
        self._lock(fcntl.LOCK_EX)

    def with_others(self) -> None:
        """Let others in again."""
        self._lock(fcntl.LOCK_SH)

    def close(self) -> None:
        """Leave; a second time does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _lock(self, kind: int) -> None:
        try:
            fcntl.flock(self._descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StoreError(
                f"The data folder {self._folder} is in use: the app runs with it, or its key is being "
                "changed. Stop that one, or try again when it is done.",
                folder=str(self._folder),
            ) from error
        except OSError as error:
            raise StoreError(
                f"The data folder {self._folder} can't be locked ({error.strerror}). Choose one on a disk "
                "of this machine."
            ) from error
