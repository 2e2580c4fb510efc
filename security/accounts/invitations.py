"""Invitations: a link for one person, or one each for a class, and what hangs on a link that was opened.

The steps behind a link are those of enrolment.py; its token decides the role, and nothing that the invited
person sends does. Does not: decide who may invite (people_pages.py does).
"""

from __future__ import annotations

import csv
import secrets
import threading
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from security.accounts.audit import Trail
from security.accounts.database import store_errors
from security.accounts.enrolment import Enrolling, digest
from security.accounts.errors import ClassListError, NameRefusedError, RefusedError
from security.accounts.identity import Role
from security.accounts.links import Links, Made
from security.accounts.policy import checked_name, name_key
from security.accounts.tables import LinkRow, User
from security.accounts.users import TAKEN, NewAccount, Users
from security.crypto.passwords import Hasher
from security.crypto.sealing import RandomBytes

MAX_CLASS = 100
MAX_OPEN = 500
_ROLES = ", ".join(role.value for role in Role)


class _Invited(Enrolling):
    """What hangs on one invitation."""

    def __init__(
        self,
        link: LinkRow,
        links: Links,
        trail: Trail,
        users: Users,
        hasher: Hasher,
        random: RandomBytes,
    ) -> None:
        super().__init__(users, hasher, random)
        self.fixed_name = link.name
        self.expires = link.expires_at
        self._link = link.id
        self._role = Role(link.role)
        self._links = links
        self._trail = trail
        self.start_with(link.digest)

    def check_free(self, name: str) -> None:
        """See that the name is free before anything is scanned."""
        if self._users.by_name(name) is not None:
            raise NameRefusedError(self._taken())

    def create(self, new: NewAccount, now: float) -> None:
        """Store the account, with the role of its invitation."""
        self.check_free(new.name)
        user = self._users.new_id()
        # Before it is done, as in set-up. Should another process be faster in this instant, the entry tells
        # of an account that does not come into being.
        self._trail.note("person-joined", user, now, {"role": self._role.value, "invitation": self._link})
        self._users.add(
            user, new, self._role, now, lambda session: self._links.claim(session, self._link, now)
        )

    def _taken(self) -> str:
        if self.fixed_name is not None:
            return "Somebody here has this name already. Ask who invited you for a link with another name."
        return TAKEN


class Invitations:
    """Makes invitations, and keeps what hangs on the opened ones in memory."""

    def __init__(
        self,
        engine: Engine,
        links: Links,
        users: Users,
        hasher: Hasher,
        trail: Trail,
        random: RandomBytes = secrets.token_bytes,
    ) -> None:
        self._engine = engine
        self._links = links
        self._users = users
        self._hasher = hasher
        self._trail = trail
        self._random = random
        self._lock = threading.Lock()
        # By the token, hashed: as many as there are open invitations, at most.
        self._opened: dict[bytes, _Invited] = {}

    def find(self, token: str, now: float) -> Enrolling | None:
        """What hangs on this token, or None if it opens nothing.

        Raises:
            StoreError: the database can't be read.
        """
        link = self._links.find(token, now, reset=False)
        with self._lock:
            for key in [k for k, one in self._opened.items() if one.is_over(now) or now >= one.expires]:
                del self._opened[key]
            key = digest(token)
            one = self._opened.get(key)
            if link is None:
                # Used a moment ago: the same ticket may see its codes once more. Withdrawn: nothing.
                return one if one is not None and not one.is_open() else None
            if one is None:
                one = _Invited(link, self._links, self._trail, self._users, self._hasher, self._random)
                self._opened[key] = one
            return one

    def forget(self, account: str) -> None:
        """The account with this compared name has signed in: its codes are not shown again."""
        with self._lock:
            opened = list(self._opened.values())
        for one in opened:
            one.forget(account)

    def invite(self, by: str, role: Role, name: str, now: float) -> Made:
        """An invitation; with an empty `name` the invited person chooses.

        Raises:
            NameRefusedError: the name breaks the rules, or is taken or invited already.
            RefusedError: too many invitations are open.
            StoreError: nothing was stored.
        """
        fixed = checked_name(name) if name.strip() else None
        if fixed is not None and name_key(fixed) in self._known(now):
            raise NameRefusedError("Somebody with this name is here or invited already.")
        return self._make(by, [(fixed, role)], now)[0]

    def invite_class(self, by: str, text: str, now: float) -> list[Made]:
        """An invitation for each line "name,role"; all or none.

        Raises:
            ClassListError: a line can't be used; the message says which and why.
            RefusedError: too many invitations are open.
            StoreError: nothing was stored.
        """
        return self._make(by, read_class(text, self._known(now)), now)

    def withdraw(self, by: str, link: str, now: float) -> None:
        """Make an invitation void; not an error if it is already.

        Raises:
            StoreError: it still stands.
        """
        # What a form sends is not written down unread.
        if link not in (one.id for one in self._links.invitations(now)):
            return
        self._trail.note("invitation-withdrawn", by, now, {"invitation": link})
        self._links.withdraw(link)

    def _known(self, now: float) -> set[str]:
        with store_errors("Nobody was invited."), Session(self._engine) as session:
            known = set(session.scalars(select(User.name_key)))
        return known | {name_key(link.name) for link in self._links.invitations(now) if link.name}

    def _make(self, by: str, people: Sequence[tuple[str | None, Role]], now: float) -> list[Made]:
        if len(self._links.invitations(now)) + len(people) > MAX_OPEN:
            raise RefusedError(f"More than {MAX_OPEN} invitations would be open. Withdraw some first.")
        links = [self._links.new_id() for _ in people]
        for (_, role), link in zip(people, links, strict=True):
            self._trail.note("person-invited", by, now, {"role": role.value, "invitation": link})
        with store_errors("Nobody was invited."), Session(self._engine) as session, session.begin():
            return [
                self._links.make(session, role, now, name, link=link)
                for (name, role), link in zip(people, links, strict=True)
            ]


def read_class(text: str, known: set[str]) -> list[tuple[str | None, Role]]:
    """The people of a list "name,role", a line each; a first line "name,role" is a heading.

    Raises:
        ClassListError: it is empty or too long, or a line can't be used.
    """
    try:
        rows = list(csv.reader(text.splitlines(), strict=True))
    except csv.Error as error:
        raise ClassListError(("The list has a quotation mark without its pair.",)) from error
    lines = [(at, row) for at, row in enumerate(rows, 1) if any(cell.strip() for cell in row)]
    if lines and [cell.strip().lower() for cell in lines[0][1]] == ["name", "role"]:
        del lines[0]
    if not lines:
        raise ClassListError(('The list is empty. Write a line for each person, such as "Kim Lee,student".',))
    if len(lines) > MAX_CLASS:
        raise ClassListError((f"A list may have {MAX_CLASS} people; this one has {len(lines)}.",))
    seen, people, problems = set(known), [], []
    for at, row in lines:
        try:
            name, role = _read_line(row)
        except (NameRefusedError, RefusedError) as error:
            problems.append(f"Line {at}: {error}")
            continue
        if name_key(name) in seen:
            problems.append(f"Line {at}: somebody with this name is here, invited or in the list already.")
        seen.add(name_key(name))
        people.append((name, role))
    if problems:
        raise ClassListError(tuple(problems))
    return [(name, role) for name, role in people]


def _read_line(row: Sequence[str]) -> tuple[str, Role]:
    if len(row) != 2:
        raise RefusedError('a line has a name, a comma and a role, such as "Kim Lee,student".')
    role = row[1].strip().lower()
    if role not in set(Role):
        raise RefusedError(f"the role must be one of {_ROLES}.")
    return checked_name(row[0]), Role(role)
