"""A forgotten password: the link that an administrator makes sets a new one, for who proves a second factor.

OWASP ASVS 5.0, 6.4.3: a reset does not go around the second factor. If app, recovery codes and passkeys are
all lost, an administrator can only delete the account and invite anew. Does not: slow down guessing over
several links; its pages ask the limiter, as those of sign-in do.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import update
from sqlalchemy.orm import Session

from security.accounts.account import Tools
from security.accounts.database import store_errors
from security.accounts.errors import RefusedError, SetupClosedError
from security.accounts.factors import factors_of
from security.accounts.policy import Check, check_password, name_key
from security.accounts.proof import Second
from security.accounts.tables import LinkRow, User
from security.accounts.users import NO_USER

CLOSED = "This link does not work, or does not work any more. Ask an administrator for a new one."
NO_CODE = (
    "This code or passkey does not match, or was used already. Wait for the next code, or use a recovery "
    "code. After five attempts the link is void, and after ten wrong codes none is accepted for an hour."
)


def _always() -> bool:
    return True


class Resets:
    """New passwords by link. Every method blocks."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    def admits(self, token: str, now: float) -> bool:
        """Whether this link can still be used."""
        return self.account(token, now) is not None

    def account(self, token: str, now: float) -> str | None:
        """The compared name of whose link this is, for the limiter; None if it can't be used."""
        owner = self.owner(token, now)
        return None if owner is None else name_key(owner)

    def owner(self, token: str, now: float) -> str | None:
        """Whose password this link sets, by name; None if it can't be used."""
        found = self._found(token, now)
        return None if found is None else found[1].name

    def reset(
        self,
        token: str,
        password: str,
        second: Second,
        now: float,
        gate: Callable[[], bool] = _always,
        check: Check = check_password,
    ) -> int:
        """Set the new password; all sessions of the account end. Returns how many passkeys it has.

        `gate` is asked once, when a code is about to be looked at; where it says no, no code is right and
        none is spent. `check` is what the password has to pass; it may know that it has.

        Raises:
            SetupClosedError: the link is unknown, used, too old or tried too often, or the account disabled.
            PasswordRefusedError: the new password breaks the rules; no attempt is counted.
            RefusedError: the second factor does not match; the attempt is counted.
            StoreError: the database refuses; nothing was changed.
        """
        tools = self._tools
        found = self._found(token, now)
        if found is None:
            raise SetupClosedError(CLOSED)
        link, user = found
        check(password, user.name)
        passkeys = factors_of(tools.engine, user.id).passkeys
        renewed = tools.hasher.hash(password)
        if not tools.links.count_try(link.id, now):
            raise SetupClosedError(CLOSED)
        # As at sign-in: the same work whatever the gate says, so that its time doesn't tell.
        spender = user.id if gate() else NO_USER
        match = tools.proof.match(user, second, now)
        with store_errors("Nothing was changed."), Session(tools.engine) as session, session.begin():
            proved = tools.proof.spend(session, spender, match, now)
        if not proved:
            tools.trail.refused(user.id, now)
            raise RefusedError(NO_CODE)
        tools.trail.note("password-reset", user.id, now)
        with store_errors("Nothing was changed."), Session(tools.engine) as session, session.begin():
            if not tools.links.claim(session, link.id, now):
                raise SetupClosedError(CLOSED)
            session.execute(update(User).where(User.id == user.id).values(password_hash=renewed))
            tools.sessions.end_all(session, user.id)
            tools.links.void_resets(session, user.id)
        return passkeys

    def _found(self, token: str, now: float) -> tuple[LinkRow, User] | None:
        link = self._tools.links.find(token, now, reset=True)
        if link is None or link.user_id is None or self._tools.users.is_disabled(link.user_id):
            return None
        user = self._tools.users.by_id(link.user_id)
        return None if user is None else (link, user)
