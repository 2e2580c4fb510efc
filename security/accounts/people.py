"""What an administrator may do to accounts: list, roles, disable, reset, delete.

There is always an administrator who can sign in: the last one can't be deleted, disabled or demoted, also
not by two who do it to each other at the same moment. OWASP ASVS 5.0, 6.4.6 (a reset chooses no password) and
7.4.2 (sessions end with the account). Does not: decide who is an administrator or whether
they proved it lately (people_pages.py does), or remove files outside this database.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import ColumnClause, column, delete, func, inspect, select, table, update
from sqlalchemy.orm import Session

from security.accounts.account import Tools
from security.accounts.database import store_errors
from security.accounts.errors import RefusedError
from security.accounts.identity import Role
from security.accounts.links import Made
from security.accounts.tables import Disabled, Foundation, User

_LAST = "This is the last administrator who can sign in. Make somebody else administrator first."
_UNKNOWN = "This person is not here any more. Load the page again."


@dataclass(frozen=True)
class Member:
    """A line of the list."""

    id: str
    name: str
    role: Role
    disabled: bool
    created_at: int


class People:
    """The accounts, as administrators manage them. `by` is the id of who does it. Every method blocks."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

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

    def delete(self, by: str, user: str, now: float) -> None:
        """Destroy an account, its data key and what this database keeps of it. Raises as `set_role` does.

        Without the data key, what was sealed under it is unreadable in old copies of the sealed rows too; a
        backup that holds the wrapped key as well still opens them.
        """

        def change(session: Session) -> None:
            _forget_in_rooms(session, user)
            # The founding is over for ever; its row passes to who deletes, for it must name somebody.
            session.execute(
                update(Foundation)
                .where(Foundation.administrator == user)
                .values(administrator=self._other(session, user))
            )
            session.execute(delete(User).where(User.id == user))

        self._do(by, user, now, "person-deleted", {}, change, guarded=True)

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
            # A write to the one row of the founding: whoever else changes people waits here, so what is
            # checked below is still so when it is done.
            session.execute(update(Foundation).values(founded_at=Foundation.founded_at))
            self._check(session, user, guarded)
            change(session)

    def _check(self, session: Session, user: str, guarded: bool) -> None:
        row = session.get(User, user)
        if row is None:
            raise RefusedError(_UNKNOWN)
        if guarded and row.role == Role.ADMINISTRATOR.value and self._other(session, user) is None:
            raise RefusedError(_LAST)

    def _other(self, session: Session, user: str) -> str | None:
        return session.scalar(
            select(func.min(User.id))
            .outerjoin(Disabled, Disabled.user_id == User.id)
            .where(User.role == Role.ADMINISTRATOR.value, User.id != user, Disabled.user_id.is_(None))
        )


def _forget_in_rooms(session: Session, user: str) -> None:
    """Delete the rows of the rooms behind the door, which name their owner in a column `user`.

    What tables there are is read from the database: accounts know nothing of the rooms, and a room that
    is not open yet has rows too. The trail stays: it holds an id that then belongs to nobody.
    """
    inspector = inspect(session.connection())
    for name in inspector.get_table_names():
        ours = name.startswith(("accounts_", "ledger_"))
        if not ours and any(one["name"] == "user" for one in inspector.get_columns(name)):
            owner: ColumnClause[str] = column("user")
            session.execute(delete(table(name, owner)).where(owner == user))
