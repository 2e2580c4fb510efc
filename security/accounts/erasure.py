"""What a deleted account leaves behind: rows of the rooms go with it, files are cleared after it.

Does: note in the transaction of the deletion that the rest is still to be cleared, so that a crash or a file
that is busy forgets nothing: it is tried again at the next start, and at the next deletion. Work that was
under way may write once more after a clearing; so the note goes only when a second clearing, then, leaves
nothing either. The account stays deleted whatever happens to the rest. Does not: know what the rooms keep
(app.py hands in what clears it), reach backups, or touch the trail.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnClause, CursorResult, column, delete, inspect, select, table
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from security.accounts.database import scrub, store_errors
from security.accounts.errors import ClearingError, StoreError
from security.accounts.tables import Uncleared, User

ROOMS_CLOSED = "files and work in the rooms, which are not open yet"
_log = logging.getLogger("asklepion.accounts")


@dataclass(frozen=True)
class Clearing:
    """How a room removes what it holds of a user outside the database.

    `what` says for people what that is. `clear` is called after the account is gone, in any thread, perhaps
    more than once; it raises ClearingError or OSError when something is left.
    """

    what: str
    clear: Callable[[str], None]


@dataclass(frozen=True)
class Cleared:
    """What was removed after the deletion, and what is still there, for people."""

    done: tuple[str, ...]
    left: tuple[str, ...]


class Erasure:
    """Clears up after deleted accounts. Every method blocks; safe from threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._clearings: tuple[Clearing, ...] | None = None
        self._once: set[str] = set()  # cleared, and to be cleared a second time

    def open(self, clearings: Sequence[Clearing]) -> None:
        """The rooms are there: from now on they clear, and what is left from before is cleared now."""
        self._clearings = tuple(clearings)
        try:
            for user in self._noted():
                self._clear(user, last=True)  # work of before this start writes no more
        except StoreError as error:
            _log.warning("What deleted accounts left was not cleared: %s", error)

    def note(self, session: Session, user: str, now: float) -> None:
        """Write within the transaction of a deletion that files of `user` are still to be cleared."""
        session.merge(Uncleared(former=user, since=int(now)))

    def waiting(self) -> list[str]:
        """The ids of deleted accounts of which something is known to be left."""
        return [user for user in self._noted() if user not in self._once]

    def _noted(self) -> list[str]:
        with store_errors("Please try again in a moment."), Session(self._engine) as session:
            return list(session.scalars(select(Uncleared.former).order_by(Uncleared.since)))

    def clear_rest(self, but: str = "") -> None:
        """Try once more to clear what is left of all who are deleted, `but` one that was cleared just now.

        Raises:
            StoreError: the database can't be read.
        """
        for user in self._noted():
            if user != but:
                self._clear(user)

    def clear(self, user: str) -> Cleared:
        """Remove what a deleted account has left; what can't be removed now is tried again later.

        Raises:
            StoreError: the database can't be used.
        """
        return self._clear(user)

    def _clear(self, user: str, *, last: bool = False) -> Cleared:
        if self._clearings is None:
            return Cleared((), (ROOMS_CLOSED,))
        with self._lock:
            with store_errors("Nothing was cleared."), Session(self._engine) as session:
                here = session.get(User, user) is not None
            if here:  # a database that was put back: whose account it is keeps everything
                self._tick_off(user)
                return Cleared((), ())
            done, left = [], []
            for one in self._clearings:
                try:
                    one.clear(user)
                except (ClearingError, OSError) as error:
                    _log.warning("Of a deleted account there are still %s (%s).", one.what, error)
                    left.append(one.what)
                else:
                    done.append(one.what)
            swept = self._sweep_rows(user)
            if left:
                self._once.discard(user)
            elif (last or user in self._once) and not swept:
                self._tick_off(user)
            else:
                self._once.add(user)
            return Cleared(tuple(done), tuple(left))

    def _sweep_rows(self, user: str) -> int:
        """A room may have written a row between the deletion and being told of it; how many."""
        with store_errors("Rows may be left."), Session(self._engine) as session, session.begin():
            found = forget_in_rooms(session, user)
        if found:
            scrub(self._engine)
        return found

    def _tick_off(self, user: str) -> None:
        with store_errors("It is cleared again later."), Session(self._engine) as session, session.begin():
            session.execute(delete(Uncleared).where(Uncleared.former == user))
        self._once.discard(user)


def forget_in_rooms(session: Session, user: str) -> int:
    """Delete the rows of the rooms behind the door, which name their owner in a column `user`; how many.

    What tables there are is read from the database: accounts know nothing of the rooms, a room that is not
    open yet has rows too, and one that is new can't be forgotten. The trail stays: it holds an id that then
    belongs to nobody.
    """
    inspector, count = inspect(session.connection()), 0
    for name in inspector.get_table_names():
        ours = name.startswith(("accounts_", "ledger_"))
        if not ours and any(one["name"] == "user" for one in inspector.get_columns(name)):
            owner: ColumnClause[str] = column("user")
            result = session.execute(delete(table(name, owner)).where(owner == user))
            assert isinstance(result, CursorResult)
            count += result.rowcount
    return count
