"""What is asked of a role beyond password and second factor, as the table of policies says.

Does not: write the table; the administrators' page does (requirements.py).
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from security.accounts.database import store_errors
from security.accounts.identity import Role
from security.accounts.tables import RolePolicy


@dataclass(frozen=True)
class Requirement:
    """What is asked of a role beyond password and second factor; by default the least.

    `passkey_alone`: a passkey whose device looked at face, fingerprint or PIN signs in by itself.
    """

    role: Role
    passkey_required: bool = False
    passkey_alone: bool = True


def requirement_of(engine: Engine, role: Role) -> Requirement:
    """What is asked of this role.

    Raises:
        StoreError: the database can't be read.
    """
    with store_errors("Please try again in a moment."), Session(engine) as session:
        return as_requirement(role, session.get(RolePolicy, role.value))


def as_requirement(role: Role, row: RolePolicy | None) -> Requirement:
    """A row of the table, or that there is none."""
    return Requirement(role) if row is None else Requirement(role, row.passkey_required, row.passkey_alone)
