"""The studio put together: one object that the page is given."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from training.jobs import Jobs
from training.places import Places
from training.studio.federations import Federations
from training.studio.models import Models
from training.studio.old import Old
from training.studio.runs import Runs
from training.studio.sets import Opened, Sets
from training.studio.versions import Note, Uses, Versions, unnoted
from training.studio.words import Words

if TYPE_CHECKING:
    from security.crypto.signatures import SigningKey
    from training.safe import Safe

QUOTA = 20_000_000_000
"""Bytes that an account may have, if nothing else is said."""


@dataclass(frozen=True)
class Studio:
    """Everything behind the page; every method of every part names the user it acts for."""

    roots: Callable[[str], Path]
    jobs: Jobs
    sets: Sets
    words: Words
    runs: Runs
    models: Models
    versions: Versions
    federations: Federations

    @classmethod
    def open(
        cls,
        folder: Path,
        uses: Uses,
        signer: SigningKey,
        safes: Callable[[str], Safe],
        quota: int = QUOTA,
        slots: int = 1,
        note: Note = unnoted,
        opened: Opened | None = None,
    ) -> Studio:
        """The studio whose files are in `folder`.

        `uses` is the assistant's memory of who uses what; versions are signed by `signer`; `note` keeps the
        audit trail of what is done with them; `opened` opens an upload for its user.
        `safes` gives the safe of a user, by id: it is asked anew each time, and raises NoKeyError where the
        account is gone.

        Raises:
            RunError: the folder can't be used.
        """
        jobs = Jobs(folder / ".jobs", slots=slots, safes=safes)

        old = Old(jobs, safes)

        def places(user: str) -> Places:
            found = Places.of(folder, user)
            old.seal(user, found)
            return found

        sets = Sets(places, jobs, quota, safes, opened)
        return cls(
            roots=lambda user: Places.of(folder, user).root,
            jobs=jobs,
            sets=sets,
            words=Words(places, jobs, sets),
            runs=Runs(places, jobs, sets, safes),
            models=Models(places, jobs, sets),
            versions=Versions(places, jobs, sets, uses, signer, note, safes=safes),
            federations=Federations(places, jobs, sets, safes),
        )

    def start(self) -> None:
        """Adopt what still runs, and begin what waits."""
        self.jobs.start()

    def forget(self, user: str, timeout: float = 10) -> None:
        """Remove all of a user who is gone: jobs, sets, tokenizers, runs, versions and federations.

        Raises:
            RunError: a job has not ended within `timeout` seconds, or the queue can't be used. What can go
                without it is gone all the same.
            OSError: a file can't be removed.
        """
        self.jobs.end_all(user, timeout)
        root = self.roots(user)
        if root.exists():
            shutil.rmtree(root)
        self.jobs.forget_all(user, timeout)  # last, since whoever else has the queue open may be in its way

    def close(self) -> None:
        """Begin nothing more; what runs goes on and is found again."""
        self.jobs.close()
