"""Reading and founding accounts. Everything secret is hashed, sealed or wrapped here, before it is stored."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.engine import Engine
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from security.accounts.database import store_errors
from security.accounts.errors import SetupClosedError
from security.accounts.identity import Role
from security.accounts.policy import name_key
from security.accounts.tables import Foundation, RecoveryCode, User
from security.accounts.vault import TOTP_PURPOSE
from security.crypto import recovery
from security.crypto.sealing import KeyEncryptionKey, RandomBytes, SealContext

_FOUNDATION = 1


@dataclass(frozen=True)
class NewAdministrator:
    """All that is known about the first administrator before anything is stored."""

    name: str
    password_hash: str = field(repr=False)
    totp_secret: str = field(repr=False)
    totp_last_step: int
    recovery_codes: Sequence[str] = field(repr=False)


class Users:
    """The accounts in the database."""

    def __init__(
        self, engine: Engine, kek: KeyEncryptionKey, random: RandomBytes = secrets.token_bytes
    ) -> None:
        self._engine = engine
        self._kek = kek
        self._recovery_key = kek.derive("recovery codes")
        self._random = random

    def administrator_exists(self) -> bool:
        """Whether set-up was finished, ever."""
        with store_errors("Please try again in a moment."), Session(self._engine) as session:
            return session.get(Foundation, _FOUNDATION) is not None

    def by_name(self, name: str) -> User | None:
        """The account that signs in with this name."""
        with store_errors("Please try again in a moment."), Session(self._engine) as session:
            return session.scalar(select(User).where(User.name_key == name_key(name)))

    def found(self, new: NewAdministrator, now: float) -> str:
        """Create the first administrator in one transaction; returns the id.

        Raises:
            SetupClosedError: there is one already, also if it came into being this instant.
            StoreError: the database refuses; nothing was stored.
        """
        user = self._random(16).hex()
        data_key, wrapped = self._kek.new_data_key(user)
        sealed = data_key.seal(new.totp_secret.encode("ascii"), SealContext(user, TOTP_PURPOSE))
        row = User(
            id=user,
            name=new.name,
            name_key=name_key(new.name),
            role=Role.ADMINISTRATOR.value,
            password_hash=new.password_hash,
            wrapped_key=wrapped,
            totp_secret=sealed,
            totp_last_step=new.totp_last_step,
            created_at=int(now),
        )
        with store_errors("Nothing was stored; you can try again."):
            try:
                with Session(self._engine) as session, session.begin():
                    session.add(row)
                    session.flush()
                    session.add(Foundation(id=_FOUNDATION, administrator=user, founded_at=int(now)))
                    session.add_all(
                        RecoveryCode(user_id=user, digest=self.recovery_digest(code, user))
                        for code in new.recovery_codes
                    )
            except IntegrityError as error:
                raise SetupClosedError("This app has been set up already. Please sign in.") from error
        return user

    def recovery_digest(self, entry: str, user: str) -> bytes:
        """The stored form of a recovery code.

        Raises:
            ValueError: `entry` can't be a recovery code.
        """
        return recovery.hashed(recovery.normalised(entry) or "", self._recovery_key, user)
