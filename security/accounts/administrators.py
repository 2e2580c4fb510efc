"""There is always an administrator who can sign in: who changes people waits for a turn and asks here.

Every function works within the caller's transaction. Does not: decide who is an administrator.
"""

from __future__ import annotations

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from security.accounts.errors import RefusedError
from security.accounts.identity import Role
from security.accounts.tables import Disabled, Foundation, User

_LAST = "This is the last administrator who can sign in. Make somebody else administrator first."


def take_turn(session: Session) -> None:
    """Wait until nobody else changes people; the turn ends with the transaction.

    A write to the one row of the founding: what is checked after it is still so at the commit.
    """
    session.execute(update(Foundation).values(founded_at=Foundation.founded_at))


def check_not_last(session: Session, user: User) -> None:
    """Return if `user` may go, or stop being an administrator.

    Raises:
        RefusedError: nobody else could let people in.
    """
    if user.role == Role.ADMINISTRATOR.value and _another(session, user.id) is None:
        raise RefusedError(_LAST)


def hand_over(session: Session, user: str) -> None:
    """Let the row that closes set-up for ever name another administrator, if it names `user`."""
    row = session.scalar(select(Foundation).where(Foundation.administrator == user))
    if row is None:
        return
    heir = _another(session, user)
    if heir is None:
        raise RefusedError(_LAST)
    row.administrator = heir
    session.flush()


def _another(session: Session, user: str) -> str | None:
    return session.scalar(
        select(func.min(User.id))
        .outerjoin(Disabled, Disabled.user_id == User.id)
        .where(User.role == Role.ADMINISTRATOR.value, User.id != user, Disabled.user_id.is_(None))
    )
