"""Keeps an eye on the audit trail while the app runs: what is new, a part of the old, and all on demand.

Does: remembers what it has verified as marks, a few hundred bytes for each stretch of entries. A look
verifies what is new and, one after another, the stretches that it verified before; a mark that differs tells
of a change even if hashes and tree were computed anew to fit. A check of everything compares with the last
checkpoint too, which lies in the data folder beside the signing key, and then signs a new one. Does not:
find what was done before the first check by somebody who has that folder; a checkpoint kept elsewhere does.

Every method blocks; one check runs at a time.
"""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from security.crypto.errors import CryptoError
from security.crypto.ledger import Checkpoint, CheckpointError, Ledger, LedgerDamagedError, Mark
from security.crypto.signatures import SigningKey

CHECKPOINT_FILE = "trail.checkpoint"
STRETCH = 4096
_MOST_TEXT = 8192
_log = logging.getLogger("asklepion.accounts")


@dataclass(frozen=True)
class Alarm:
    """What was found.

    Attributes:
        entry: the first entry that is wrong or gone; None if the trail can't be read at all.
        reason: what is wrong, in words.
    """

    entry: int | None
    reason: str


@dataclass(frozen=True)
class Checked:
    """What is known of the trail.

    Attributes:
        size: how many entries were verified.
        at: when the newest of them were, in Unix seconds; None for never.
        whole_at: when all of them were.
        signed: the last checkpoint.
        alarm: None if nothing was found.
    """

    size: int = 0
    at: float | None = None
    whole_at: float | None = None
    signed: Checkpoint | None = None
    alarm: Alarm | None = None


class TrailWatch:
    """The watch over one ledger. `folder` is the data folder."""

    def __init__(self, ledger: Ledger, folder: Path, stretch: int = STRETCH) -> None:
        self._ledger = ledger
        self._folder = folder
        self._stretch = stretch
        self._checking = threading.Lock()
        # The mark at the end of each full stretch, and the last one, wherever it is.
        self._marks: list[Mark] = [Mark()]
        self._next = 0
        self._state = Checked()

    def state(self) -> Checked:
        """What the last check found; doesn't wait for one that runs."""
        return self._state

    def is_checking(self) -> bool:
        """Whether a check runs just now."""
        return self._checking.locked()

    def look(self, now: float) -> Checked:
        """Verify what is new and one stretch of what is old; what a check that runs has found so far if one
        does. What was found stays until `everything` finds it mended."""
        if not self._checking.acquire(blocking=False):
            return self._state
        try:
            known = self._state.alarm
            if known is None or known.entry is None:
                self._judge(lambda: self._new(now) or self._old())
        finally:
            self._checking.release()
        return self._state

    def everything(self, now: float) -> Checked:
        """Verify all from the first entry on, compare it with the last checkpoint, and sign a new one."""
        with self._checking:
            self._judge(lambda: self._all(now))
            return self._state

    def _judge(self, check: Callable[[], Alarm | None]) -> None:
        try:
            alarm = check()
        except LedgerDamagedError as error:
            alarm = Alarm(0, str(error))
        except CryptoError as error:
            alarm = Alarm(None, str(error))
        if alarm is not None and alarm != self._state.alarm:
            at = (
                "can't be checked"
                if alarm.entry is None
                else f"is not as it was written, at entry {alarm.entry}"
            )
            _log.warning("The audit trail %s: %s", at, alarm.reason)
        self._state = replace(self._state, alarm=alarm)

    def _new(self, now: float) -> Alarm | None:
        """From the last mark to the end of the ledger."""
        marks = self._marks
        for found in self._walk(marks[-1]):
            if isinstance(found, Alarm):
                return found
            _extend(marks, found, self._stretch)
        self._state = replace(self._state, size=marks[-1].size, at=now)
        return None

    def _old(self) -> Alarm | None:
        """The next stretch again, which must lead to the mark that it led to before."""
        if len(self._marks) < 2:
            return None
        self._next = self._next % (len(self._marks) - 1)
        before, after = self._marks[self._next : self._next + 2]
        found = self._ledger.go_on(before, after.size - before.size)
        self._next += 1
        if found.first_bad is not None:
            return Alarm(found.first_bad, found.reason)
        return None if found.mark == after else _rewritten(before, after)

    def _all(self, now: float) -> Alarm | None:
        kept_file = self._folder / CHECKPOINT_FILE
        signer = SigningKey.load_or_create(self._folder, may_create=not kept_file.exists())
        kept = self._kept(signer)
        known, there = max(self._marks[-1].size, kept.size if kept else 0), len(self._ledger)
        if there < known:
            return Alarm(there, f"the trail has {there} entries, and had {known} before: its end was cut off")
        marks = [Mark()]
        for found in self._walk(Mark()):
            if isinstance(found, Alarm):
                return found
            _extend(marks, found, self._stretch)
        size = marks[-1].size
        for before, after in pairwise(self._marks):
            if self._ledger.root(after.size) != after.root():
                return _rewritten(before, after)
        if kept is not None and self._ledger.root(kept.size) != kept.root:
            # All again, for the words.
            report = self._ledger.verify([kept], signer.verify_key)
            return Alarm(report.first_bad or 0, report.reason)
        self._marks, self._next = marks, 0
        checkpoint = self._ledger.checkpoint(signer, now, size)
        self._keep(checkpoint)
        self._state = replace(self._state, size=size, at=now, whole_at=now, signed=checkpoint)
        return None

    def _walk(self, mark: Mark) -> Iterator[Mark | Alarm]:
        while True:
            # To the end of a stretch, so that marks stand at the same places each time.
            found = self._ledger.go_on(mark, self._stretch - mark.size % self._stretch)
            if found.first_bad is not None:
                yield Alarm(found.first_bad, found.reason)
                return
            mark = found.mark
            yield mark
            if mark.size >= found.size:
                return

    def _kept(self, signer: SigningKey) -> Checkpoint | None:
        """The last checkpoint.

        Raises:
            CheckpointError: it was changed.
        """
        file = self._folder / CHECKPOINT_FILE
        try:
            text = file.read_bytes()[:_MOST_TEXT].decode("utf-8")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError):
            raise CheckpointError(
                f"The checkpoint {CHECKPOINT_FILE} in the data folder can't be read."
            ) from None
        kept = Checkpoint.from_text(text, signer.verify_key)
        if kept.name != self._ledger.name:
            raise CheckpointError(f"{CHECKPOINT_FILE} in the data folder is a checkpoint of another ledger.")
        return kept

    def _keep(self, checkpoint: Checkpoint) -> None:
        file = self._folder / CHECKPOINT_FILE
        scratch = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
        try:
            try:
                scratch.write_text(checkpoint.to_text() + "\n", encoding="utf-8")
                scratch.replace(file)
            finally:
                scratch.unlink(missing_ok=True)
        except OSError as error:
            _log.warning("A checkpoint of the audit trail was not kept (%s).", error.strerror)


def _extend(marks: list[Mark], mark: Mark, stretch: int) -> None:
    """Put `mark` behind the others; one that is no end of a stretch gives way."""
    if mark.size > marks[-1].size:
        if marks[-1].size % stretch:
            marks.pop()
        marks.append(mark)


def _rewritten(before: Mark, after: Mark) -> Alarm:
    return Alarm(
        before.size,
        f"entries {before.size} to {after.size - 1} aren't those that were verified before: the trail was "
        "written anew while the app ran",
    )
