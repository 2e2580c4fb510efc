"""Set-up: from the link in the terminal to the first administrator, once.

The steps are those of enrolment.py. A restart prints a new link. Does not: create further users.
"""

from __future__ import annotations

import secrets

from security.accounts.audit import NOBODY, Trail
from security.accounts.enrolment import Enrolling, digest, random_text
from security.accounts.users import NewAccount, Users
from security.crypto.passwords import Hasher
from security.crypto.sealing import RandomBytes


class Setup(Enrolling):
    """The one set-up of this app."""

    def __init__(
        self, users: Users, hasher: Hasher, trail: Trail, random: RandomBytes = secrets.token_bytes
    ) -> None:
        super().__init__(users, hasher, random)
        self._trail = trail

    def is_open(self) -> bool:
        """Whether there is no administrator yet. Closed once, it is closed for ever."""
        if not self._closed:
            self._closed = self._users.administrator_exists()
        return not self._closed

    def new_token(self) -> str:
        """A token for the link. Only its hash is kept; an earlier token and what hangs on it are void."""
        token = random_text(self._random)
        self.start_with(digest(token))
        return token

    def create(self, new: NewAccount, now: float) -> None:
        """Found the app with its first administrator."""
        # Before it is done: written after it, a full disk would lose the recovery codes of an account
        # that is there.
        self._trail.note("set-up", NOBODY, now)
        self._users.found(new, now)
