"""What lies plain from before there was sealing is sealed, a user at a time, when the user next comes.

Each file is replaced whole, so that whoever reads meanwhile finds one form or the other, and after a crash
the rest follows the next time. Nothing is done while a job of the user's waits or goes on: it may write.
Does not: wipe what the plain files left on the disk, or touch weights, tokenizers and what holds no text.
"""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from training import runs
from training.errors import BadDataError
from training.jobs import ACTIVE, Jobs
from training.places import Places
from training.progress import METRICS
from training.safe import NoKeyError, Safe

_log = logging.getLogger("asklepion.studio")
_TEXTS = (
    "sets/*/*",
    "sources/**/*",
    f"runs/*/{runs.CONFIG}",
    "configs/*.yaml",
    "federations/*/clients/*/data/*",
    "federations/*/comparison/data/*",
)


class Old:
    """Seals once for each user and process."""

    def __init__(self, jobs: Jobs, safes: Callable[[str], Safe]) -> None:
        self._jobs, self._safes = jobs, safes
        self._done: set[str] = set()
        self._locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def seal(self, user: str, places: Places) -> None:
        """Seal what is plain, unless that was done, has to wait, or nobody has the key any more.

        Raises:
            RunError: the accounts can't be read just now.
        """
        if user in self._done:
            return
        with self._lock:
            mine = self._locks.setdefault(user, threading.Lock())
        with mine:
            if user in self._done:
                return
            if any(job.state in ACTIVE for job in self._jobs.jobs(user)):
                return
            try:
                safe = self._safes(user)
            except NoKeyError:
                return  # whoever removes what an account left needs no key
            _clear(places)
            count = sum(_sealed(path, safe) for path in _plain(places.root))
            count += self._jobs.seal_old(user)
            self._done.add(user)
        if count:
            _log.info("%d files from before there was sealing are sealed now.", count)


def _clear(places: Places) -> None:
    """Remove what preparations left that were killed: no job goes on, so nobody needs it."""
    for left in places.sets.glob(".*"):
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left, ignore_errors=True)


def _plain(root: Path) -> Iterator[Path]:
    for pattern in _TEXTS:
        yield from (path for path in root.glob(pattern) if path.is_file() and not path.is_symlink())
    yield from root.glob(f"runs/*/{METRICS}")


def _sealed(path: Path, safe: Safe) -> bool:
    try:
        return safe.seal_lines(path) if path.name == METRICS else safe.seal(path)
    except (OSError, BadDataError) as error:
        # What can't be sealed now must not keep its owner out; it is tried again by the next process.
        _log.warning("%s could not be sealed: %s", path, error)
        return False
