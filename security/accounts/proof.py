"""Proving a second factor: spending a one-time code, a recovery code or a passkey's signature, once.

RFC 6238, 5.2; W3C Web Authentication Level 3, 7.2; OWASP ASVS 5.0, 6.5.1. Does not: look at passwords, which
cost time that no transaction should wait for.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import update
from sqlalchemy.orm import Session

from security.accounts.assertions import Assertion, Assertions, Seen
from security.accounts.tables import RecoveryCode, User
from security.accounts.users import Users
from security.accounts.vault import TOTP_PURPOSE
from security.crypto import onetime, recovery
from security.crypto.sealing import KeyEncryptionKey, SealContext

MAX_CODE_TYPED = 64
# A second factor as it was given: a code of either kind as it was typed, or what a passkey signed.
Second = str | Assertion


@dataclass(frozen=True)
class Match:
    """A second factor that was looked at and is not spent yet."""

    factor: str
    code: str = field(repr=False, default="")
    step: int | None = None
    seen: Seen | None = None


class Proof:
    """Reads the secrets of authenticator apps, looks at second factors and spends them.

    Without `passkeys` no passkey proves anything.
    """

    def __init__(self, kek: KeyEncryptionKey, users: Users, passkeys: Assertions | None = None) -> None:
        self._kek = kek
        self._users = users
        self._passkeys = passkeys

    def match(self, user: User, second: Second, now: float) -> Match:
        """What `second` is, as far as can be said without spending it. A passkey's
        challenge is used up if it has signed.

        Raises:
            BusyError: too many passkeys at once.
            StoreError: the database refuses.
        """
        if isinstance(second, Assertion):
            seen = None if self._passkeys is None else self._passkeys.see(second, now)
            return Match("passkey", seen=seen)
        code = second.strip() if len(second) <= MAX_CODE_TYPED else ""
        step = onetime.matching_step(
            self._secret(user), code.replace(" ", ""), now=now, last_step=user.totp_last_step
        )
        return Match("recovery-code" if step is None else "one-time-code", code, step)

    def spend(self, session: Session, spender: str, match: Match, now: float) -> bool:
        """Spend it as one of `spender`'s, in a transaction that the caller commits.

        One UPDATE, which a second request can't win as well.
        """
        if match.factor == "passkey":
            return self._passkeys is not None and self._passkeys.spend(session, spender, match.seen, now)
        if match.step is not None:
            spent = session.execute(
                update(User)
                .where(User.id == spender, User.totp_last_step < match.step)
                .values(totp_last_step=match.step)
                .returning(User.id)
            )
        elif recovery.normalised(match.code) is not None:
            digest = self._users.recovery_digest(match.code, spender)
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

    def owner(self, given: Assertion) -> str | None:
        """Whose passkey is named in `given`: for the trail and the limits, not proof."""
        return None if self._passkeys is None else self._passkeys.owner(given.response)

    def _secret(self, user: User) -> str:
        data_key = self._kek.unwrap(user.wrapped_key, user.id)
        return data_key.open(user.totp_secret, SealContext(user.id, TOTP_PURPOSE)).decode("ascii")
