"""Which factors a role must have: password and a second factor always, a passkey where the policy says so.

NIST SP 800-63B (assurance by risk); OWASP ASVS 5.0, 6.3.3. Counts at once, also for sessions that run. Does
not: check factors. Sign-in asks here whether a passkey alone is enough; duties.py leads to it who has none.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from security.accounts.account import Tools
from security.accounts.database import store_errors
from security.accounts.errors import RefusedError
from security.accounts.identity import Role
from security.accounts.role_policy import Requirement, as_requirement, requirement_of
from security.accounts.tables import Passkey, RolePolicy, User


@dataclass(frozen=True)
class Standing:
    """How a role stands to a requirement: how many people it has, and how many of them have no passkey."""

    requirement: Requirement
    people: int
    without_passkey: int


class Requirements:
    """The requirements of all roles. Every method blocks."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    def of(self, role: Role) -> Requirement:
        """What is asked of this role.

        Raises:
            StoreError: the database can't be read.
        """
        return requirement_of(self._tools.engine, role)

    def standings(self) -> list[Standing]:
        """Every role, in the order of Role.

        Raises:
            StoreError: the database can't be read.
        """
        lacks = ~exists().where(Passkey.user_id == User.id)
        with store_errors("Please try again in a moment."), Session(self._tools.engine) as session:
            rows = {row.role: row for row in session.scalars(select(RolePolicy))}
            counted = select(User.role, func.count().label("number")).group_by(User.role)
            people = {row.role: row.number for row in session.execute(counted)}
            without = {row.role: row.number for row in session.execute(counted.where(lacks))}
            return [
                Standing(as_requirement(role, rows.get(role)), people.get(role, 0), without.get(role, 0))
                for role in Role
            ]

    def change(self, by: str, wanted: Requirement, now: float) -> bool:
        """Ask this of a role from now on; False if that is so already.

        Raises:
            RefusedError: administrators would need a passkey, and the one who says so has none.
            StoreError: the database refuses; nothing was changed.
        """
        if self.of(wanted.role) == wanted:
            return False
        # Who owes a passkey reaches no page of administrators. One of them can always take it back then.
        if wanted.role is Role.ADMINISTRATOR and wanted.passkey_required and not self._has_passkey(by):
            raise RefusedError("Add a passkey to your own account first, so that one administrator has one.")
        fields = {
            "role": wanted.role.value,
            "passkey-required": wanted.passkey_required,
            "passkey-alone": wanted.passkey_alone,
        }
        self._tools.trail.note("policy-changed", by, now, fields)
        with store_errors("Nothing was changed."), Session(self._tools.engine) as session, session.begin():
            session.merge(
                RolePolicy(
                    role=wanted.role.value,
                    passkey_required=wanted.passkey_required,
                    passkey_alone=wanted.passkey_alone,
                )
            )
        # Answers that run now are looked at again, and end where a passkey is owed.
        self._tools.sessions.endings.tell()
        return True

    def _has_passkey(self, user: str) -> bool:
        with store_errors("Nothing was changed."), Session(self._tools.engine) as session:
            return session.scalar(select(exists().where(Passkey.user_id == user))) is True
