"""Reading and founding accounts. Everything secret is hashed, sealed or wrapped here, before it is stored."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.engine import Engine
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from security.accounts.database import store_errors
from security.accounts.errors import NameRefusedError, SetupClosedError
from security.accounts.identity import Role
from security.accounts.policy import name_key
from security.accounts.tables import Disabled, Foundation, RecoveryCode, User
from security.accounts.vault import TOTP_PURPOSE
from security.crypto import recovery
from security.crypto.passwords import SCHEMES
from security.crypto.sealing import KeyEncryptionKey, RandomBytes, SealContext

_FOUNDATION = 1
# Nobody's id: where a statement must run that may change nothing.
NO_USER = "0" * 32
TAKEN = "Somebody here has this name already. Please choose another."


@dataclass(frozen=True)
class NewAccount:
    """All that is known about a person before anything is stored."""

    name: str
    password_hash: str = field(repr=False)
    totp_secret: str = field(repr=False)
    totp_last_step: int
    recovery_codes: Sequence[str] = field(repr=False)


def is_here(user: str) -> ColumnElement[bool]:
    """Whether there is an account of this id, for a statement on the same database."""
    return exists().where(User.id == user)


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

    def found(self, new: NewAccount, now: float) -> str:
        """Create the first administrator in one transaction; returns the id.

        Raises:
            SetupClosedError: there is one already, also if it came into being this instant.
            StoreError: the database refuses; nothing was stored.
        """
        user = self.new_id()
        row = self._row(user, new, Role.ADMINISTRATOR, now)
        with store_errors("Nothing was stored; you can try again."):
            try:
                with Session(self._engine) as session, session.begin():
                    session.add(row)
                    session.flush()
                    session.add(Foundation(id=_FOUNDATION, administrator=user, founded_at=int(now)))
                    self.store_codes(session, user, new.recovery_codes)
            except IntegrityError as error:
                raise SetupClosedError("This app has been set up already. Please sign in.") from error
        return user

    def add(
        self, user: str, new: NewAccount, role: Role, now: float, claim: Callable[[Session], bool]
    ) -> None:
        """Create the account `user` in one transaction with `claim`, which uses up its invitation.

        Raises:
            SetupClosedError: `claim` says no: somebody was faster, or it is too late.
            NameRefusedError: the name is taken.
            StoreError: the database refuses; nothing was stored, and the invitation stands.
        """
        row = self._row(user, new, role, now)
        with store_errors("Nothing was stored; you can try again."):
            try:
                with Session(self._engine) as session, session.begin():
                    if not claim(session):
                        raise SetupClosedError("This invitation does not work any more.")
                    session.add(row)
                    session.flush()
                    self.store_codes(session, user, new.recovery_codes)
            except IntegrityError as error:
                raise NameRefusedError(TAKEN) from error

    def new_id(self) -> str:
        """The id of an account to be: random, so that it tells nothing."""
        return self._random(16).hex()

    def by_id(self, user: str) -> User | None:
        """The account with this id."""
        with store_errors("Please try again in a moment."), Session(self._engine) as session:
            return session.get(User, user)

    def schemes(self) -> set[str]:
        """The ways in which passwords of accounts are hashed; more than one after a change of the setting."""
        known = (User.password_hash.startswith(f"{scheme}:", autoescape=True) for scheme in SCHEMES)
        with store_errors("Please try again in a moment."), Session(self._engine) as session:
            there = session.execute(select(*(exists().where(one) for one in known))).one()
        return {scheme for scheme, found in zip(SCHEMES, there, strict=True) if found}

    def has_still(self, session: Session, user: User) -> bool:
        """Whether the account has the password that it was read with; it stays so until the transaction ends.

        For who begins a session: one that began with an old password must not outlast its change.
        """
        same = select(User.id).where(User.id == user.id, User.password_hash == user.password_hash)
        return session.scalar(same.with_for_update()) is not None

    def is_disabled(self, user: str) -> bool:
        """Whether an administrator has disabled the account."""
        with store_errors("Please try again in a moment."), Session(self._engine) as session:
            return session.get(Disabled, user) is not None

    def sealed_secret(self, wrapped_key: bytes, user: str, secret: str) -> bytes:
        """A secret of an authenticator app as it is stored."""
        data_key = self._kek.unwrap(wrapped_key, user)
        return data_key.seal(secret.encode("ascii"), SealContext(user, TOTP_PURPOSE))

    def store_codes(self, session: Session, user: str, codes: Sequence[str]) -> None:
        """Add the hashes of `codes` to a transaction that the caller commits."""
        session.add_all(RecoveryCode(user_id=user, digest=self.recovery_digest(code, user)) for code in codes)

    def _row(self, user: str, new: NewAccount, role: Role, now: float) -> User:
        _, wrapped = self._kek.new_data_key(user)
        return User(
            id=user,
            name=new.name,
            name_key=name_key(new.name),
            role=role.value,
            password_hash=new.password_hash,
            wrapped_key=wrapped,
            totp_secret=self.sealed_secret(wrapped, user, new.totp_secret),
            totp_last_step=new.totp_last_step,
            created_at=int(now),
        )

    def recovery_digest(self, entry: str, user: str) -> bytes:
        """The stored form of a recovery code.

        Raises:
            ValueError: `entry` can't be a recovery code.
        """
        return recovery.hashed(recovery.normalised(entry) or "", self._recovery_key, user)
