"""Set-up: from the link in the terminal to the first administrator, once.

The steps are those of enrolment.py. A restart prints a new link. Does not: create further users.
"""

from __future__ import annotations

import re
import secrets

from security.accounts.audit import NOBODY, Trail
from security.accounts.enrolment import Enrolling, digest, random_text
from security.accounts.errors import AccountSettingsError
from security.accounts.users import NewAccount, Users
from security.crypto.passwords import Hasher
from security.crypto.sealing import RandomBytes

SETUP_TOKEN_VARIABLE = "ASKLEPION_SETUP_TOKEN"  # noqa: S105  # the name, not the token
_GIVEN = re.compile(r"[A-Za-z0-9_-]{32,256}")
# 32 random characters out of 64 have fewer than this once in billions of tries; "aaaa..." always has.
_GIVEN_KINDS = 10


class Setup(Enrolling):
    """The one set-up of this app."""

    def __init__(
        self, users: Users, hasher: Hasher, trail: Trail, random: RandomBytes = secrets.token_bytes
    ) -> None:
        super().__init__(users, hasher, random)
        self._trail = trail
        self._given = False

    def is_open(self) -> bool:
        """Whether there is no administrator yet. Closed once, it is closed for ever."""
        if not self._closed:
            self._closed = self._users.administrator_exists()
        return not self._closed

    @property
    def given(self) -> bool:
        """Whether the token is one that the operator chose, and not one that is printed."""
        return self._given

    def new_token(self) -> str:
        """A token for the link. Only its hash is kept; an earlier token and what hangs on it are void."""
        token = random_text(self._random)
        self.start_with(digest(token))
        return token

    def take_token(self, token: str) -> None:
        """Use the operator's own token. Only its hash is kept, and it works until there is an administrator.

        Raises:
            AccountSettingsError: it can be guessed, or can't be in a link. The message does not hold it.
        """
        if not _GIVEN.fullmatch(token) or len(set(token)) < _GIVEN_KINDS:
            raise AccountSettingsError(
                f"{SETUP_TOKEN_VARIABLE} must be 32 to 256 random characters out of A-Z, a-z, 0-9, - and _. "
                "Make one: python -c 'import secrets; print(secrets.token_urlsafe(32))'",
                option=SETUP_TOKEN_VARIABLE,
            )
        self._given = True
        self.start_with(digest(token))

    def create(self, new: NewAccount, now: float) -> None:
        """Found the app with its first administrator."""
        # Before it is done: written after it, a full disk would lose the recovery codes of an account
        # that is there.
        self._trail.note("set-up", NOBODY, now)
        self._users.found(new, now)
