"""People who are in, written as the door writes them: for tests of what is behind it."""

from __future__ import annotations

import secrets
import time
from pathlib import Path

from sqlalchemy.orm import Session

from app import House
from security.accounts.duties import EDITION
from security.accounts.identity import Role
from security.accounts.sessions import Sessions
from security.accounts.settings import AccountSettings
from security.accounts.tables import Consent, User
from security.crypto.keyfile import load_key_encryption_key


def add_resident(house: House, folder: Path, name: str, role: Role, *, agrees: bool = True) -> str:
    """An account that nobody can sign in to, with a key of its own; the id."""
    user, now = secrets.token_hex(16), int(time.time())
    _, wrapped = load_key_encryption_key({}, folder, may_create=False).new_data_key(user)
    row = User(id=user, name=name, name_key=name, role=role, created_at=now, wrapped_key=wrapped)
    row.password_hash, row.totp_secret, row.totp_last_step = "x", b"x", 0
    with Session(house.door.database) as session, session.begin():
        session.add(row)
        session.flush()
        if agrees:
            session.add(Consent(user_id=user, edition=EDITION, at=now))
    return user


def session_of(house: House, folder: Path, user: str, begun: float | None = None) -> str:
    """The token of a session that began now, or at `begun`."""
    sessions = Sessions(house.door.database, AccountSettings(data=folder))
    with Session(house.door.database) as session, session.begin():
        return sessions.begin(session, user, time.time() if begun is None else begun)
