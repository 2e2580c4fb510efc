"""Proving a second factor: spending a one-time or a recovery code, once (RFC 6238, 5.2).

OWASP ASVS 5.0, 6.5.1. Does not: look at passwords, which cost time that no transaction should wait for.
"""

from __future__ import annotations

from sqlalchemy import update
from sqlalchemy.orm import Session

from security.accounts.tables import RecoveryCode, User
from security.accounts.users import Users
from security.accounts.vault import TOTP_PURPOSE
from security.crypto import onetime, recovery
from security.crypto.sealing import KeyEncryptionKey, SealContext

MAX_CODE_TYPED = 64


class Proof:
    """Reads the secrets of authenticator apps, and spends codes."""

    def __init__(self, kek: KeyEncryptionKey, users: Users) -> None:
        self._kek = kek
        self._users = users

    def matching_step(self, user: User, code: str, now: float) -> int | None:
        """The time-step that `code` belongs to, if it is one of the app of `user` and not spent."""
        return onetime.matching_step(
            self._secret(user), code.replace(" ", ""), now=now, last_step=user.totp_last_step
        )

    def spend(self, session: Session, spender: str, step: int | None, code: str, now: float) -> bool:
        """Spend the step, or `code` as a recovery code, in a transaction that the caller commits.

        One UPDATE, which a second request can't win as well.
        """
        if step is not None:
            spent = session.execute(
                update(User)
                .where(User.id == spender, User.totp_last_step < step)
                .values(totp_last_step=step)
                .returning(User.id)
            )
        elif recovery.normalised(code) is not None:
            digest = self._users.recovery_digest(code, spender)
            spent = session.execute(
                update(RecoveryCode)
                .where(
                    RecoveryCode.user_id == spender,
                    RecoveryCode.digest == digest,
                    RecoveryCode.used_at.is_(None),
                )
                .values(used_at=int(now))
                .returning(RecoveryCode.user_id)
            )
        else:
            return False
        return spent.scalar_one_or_none() is not None

    def _secret(self, user: User) -> str:
        data_key = self._kek.unwrap(user.wrapped_key, user.id)
        return data_key.open(user.totp_secret, SealContext(user.id, TOTP_PURPOSE)).decode("ascii")
