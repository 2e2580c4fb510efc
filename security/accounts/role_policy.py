"""What a role may do with passkeys, as the table of policies says; no row means the least strict.

Does not: write the table; the administrators' page does.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from security.accounts.database import store_errors
from security.accounts.tables import RolePolicy


def may_sign_in_by_passkey_alone(engine: Engine, role: str) -> bool:
    """Whether a passkey with user verification is enough for this role, without name and password.

    Raises:
        StoreError: the database can't be read.
    """
    with store_errors("Please try again in a moment."), Session(engine) as session:
        allowed = session.scalar(select(RolePolicy.passkey_alone).where(RolePolicy.role == role))
    return allowed is None or allowed
