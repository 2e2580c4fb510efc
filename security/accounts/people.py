"""What an administrator may do to accounts: list, roles, disable, reset, delete.

There is always an administrator who can sign in: the last one can't be deleted, disabled or demoted, also
not by two who do it to each other at the same moment. OWASP ASVS 5.0, 6.4.6 (a reset chooses no password) and
7.4.2 (sessions end with the account). Does not: decide who is an administrator or whether
they proved it lately (people_pages.py does).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from security.accounts import administrators
from security.accounts.account import Tools
from security.accounts.database import store_errors
from security.accounts.erasure import Cleared, Erasure, forget_in_rooms
from security.accounts.errors import RefusedError, StoreError, UnknownUserError
from security.accounts.identity import Role
from security.accounts.links import Made
from security.accounts.tables import Disabled, User
from security.accounts.vault import shred

_log = logging.getLogger("asklepion.accounts")
_UNKNOWN = "This person is not here any more. Load the page again."


@dataclass(frozen=True)
class Member:
    """A line of the list."""

    id: str
    name: str
    role: Role
    disabled: bool
    created_at: int


@dataclass(frozen=True)
class Deleted:
    """A deletion as it went. `scrubbed`: no remnant is in the database's files either."""

    name: str
    scrubbed: bool
    cleared: Cleared


class People:
    """The accounts, as administrators manage them. `by` is the id of who does it. Every method blocks."""

    def __init__(self, tools: Tools, erasure: Erasure) -> None:
        self._tools = tools
        self._erasure = erasure

    def everybody(self) -> list[Member]:
        """All accounts, by name."""
        with store_errors("Please try again in a moment."), Session(self._tools.engine) as session:
            rows = session.execute(
                select(User, Disabled.since)
                .outerjoin(Disabled, Disabled.user_id == User.id)
                .order_by(User.name_key)
            ).all()
        return [Member(u.id, u.name, Role(u.role), since is not None, u.created_at) for u, since in rows]

    def set_role(self, by: str, user: str, role: Role, now: float) -> None:
        """Change a role; the sessions of this person go on, with the new role.

        Raises:
            RefusedError: there is no such account, or it is the last administrator.
            StoreError: nothing was changed.
        """

        def change(session: Session) -> None:
            session.execute(update(User).where(User.id == user).values(role=role.value))

        self._do(by, user, now, "role-changed", {"role": role.value}, change, role is not Role.ADMINISTRATOR)

    def disable(self, by: str, user: str, now: float) -> None:
        """Let nobody sign in to an account, and end its sessions. Raises as `set_role` does."""

        def change(session: Session) -> None:
            session.merge(Disabled(user_id=user, since=int(now)))
            self._tools.sessions.end_all(session, user)
            self._tools.links.void_resets(session, user)

        self._do(by, user, now, "person-disabled", {}, change, guarded=True)

    def enable(self, by: str, user: str, now: float) -> None:
        """Take back `disable`. Raises as `set_role` does."""

        def change(session: Session) -> None:
            session.execute(delete(Disabled).where(Disabled.user_id == user))

        self._do(by, user, now, "person-enabled", {}, change, guarded=False)

    def delete(self, by: str, user: str, now: float) -> Deleted:
        """Destroy an account, its data key and what the app keeps of it; what can't go at once is told.

        Without the data key, what was sealed under it is unreadable in old copies of the sealed rows too; a
        backup that holds the wrapped key as well still opens them. Raises as `set_role` does.
        """
        tools = self._tools

        def forget(session: Session, gone: str) -> None:
            forget_in_rooms(session, gone)
            tools.links.sweep(session, now)  # a used invitation still has a name
            self._erasure.note(session, gone, now)

        with store_errors("Nothing was changed."), Session(tools.engine) as session:
            name = self._check(session, user, guarded=True).name
        tools.trail.note("person-deleted", by, now, {"person": user})
        try:
            scrubbed = shred(tools.engine, user, [forget])
        except UnknownUserError as error:
            raise RefusedError(_UNKNOWN) from error
        if by != user:  # who deletes the own account is still to be answered
            tools.sessions.endings.tell()
        try:
            cleared = self._erasure.clear(user)
        except StoreError as error:
            _log.warning("The files of a deleted account were not cleared: %s", error)
            cleared = Cleared((), ("files and work in the rooms",))
        return Deleted(name, scrubbed, cleared)

    def clear_rest(self, but: str) -> None:
        """Clear what earlier deletions left; `but` was deleted just now, and what it left is told already."""
        try:
            self._erasure.clear_rest(but)
        except StoreError as error:
            _log.warning("What deleted accounts left was not cleared: %s", error)

    def uncleared(self) -> int:
        """Of how many deleted accounts something is still to be removed."""
        return len(self._erasure.waiting())

    def reset(self, by: str, user: str, now: float) -> Made:
        """A link to a new password; earlier ones are void. Raises as `set_role` does."""
        made: list[Made] = []

        def change(session: Session) -> None:
            if session.get(Disabled, user) is not None:
                raise RefusedError("This account is disabled. Enable it first.")
            row = session.get_one(User, user)
            self._tools.links.void_resets(session, user)
            made.append(self._tools.links.make(session, Role(row.role), now, row.name, user))

        self._do(by, user, now, "reset-link-made", {}, change, guarded=False)
        return made[0]

    def _do(
        self,
        by: str,
        user: str,
        now: float,
        kind: str,
        fields: dict[str, str],
        change: Callable[[Session], None],
        guarded: bool,
    ) -> None:
        with store_errors("Nothing was changed."), Session(self._tools.engine) as session:
            self._check(session, user, guarded)
        self._tools.trail.note(kind, by, now, {"person": user, **fields})
        with store_errors("Nothing was changed."), Session(self._tools.engine) as session, session.begin():
            administrators.take_turn(session)
            self._check(session, user, guarded)
            change(session)

    def _check(self, session: Session, user: str, guarded: bool) -> User:
        row = session.get(User, user)
        if row is None:
            raise RefusedError(_UNKNOWN)
        if guarded:
            administrators.check_not_last(session, row)
        return row
