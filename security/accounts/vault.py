"""Sealing for everything behind the door: each user's data under that user's own key.

The data key is unwrapped for each call and not kept: an account that is gone opens nothing any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sqlalchemy import delete, select
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from security.accounts import administrators
from security.accounts.database import scrub, store_errors
from security.accounts.errors import AccountsError, SealedUnderAnotherKeyError, UnknownUserError
from security.accounts.tables import User
from security.crypto.errors import SealError
from security.crypto.sealing import DataKey, KeyEncryptionKey, SealContext

RESERVED = "accounts."
TOTP_PURPOSE = "accounts.totp-secret"


class Vault:
    """Seals and unseals for one user at a time. Safe to call from any thread; it blocks on the database."""

    def __init__(self, engine: Engine, kek: KeyEncryptionKey) -> None:
        self._engine = engine
        self._kek = kek

    def seal(self, user: str, plaintext: bytes, context: str) -> bytes:
        """`plaintext` sealed under the data key of `user`, for `context` alone.

        Raises:
            UnknownUserError: no account has this id.
            AccountsError: `context` is empty or reserved for accounts.
        """
        return self._key(user).seal(plaintext, _context(user, context))

    def unseal(self, user: str, sealed: bytes, context: str) -> bytes:
        """The plaintext, if it was sealed for this user and context and nobody touched it.

        Raises:
            UnknownUserError: no account has this id.
            AccountsError: `context` is empty or reserved for accounts.
            SealError: the blob was changed, or belongs to another user or context.
        """
        return self._key(user).open(sealed, _context(user, context))

    def file_key(self, user: str, purpose: str) -> bytes:
        """A key for the user's files of one purpose; the same as long as the account lasts, then no more.

        It is derived from the data key and kept nowhere. A change of the key-encryption key leaves it.

        Raises:
            UnknownUserError: no account has this id.
            AccountsError: `purpose` is empty or reserved for accounts.
        """
        return self._key(user).derive(_context(user, purpose))

    def _key(self, user: str) -> DataKey:
        with store_errors("Nothing was sealed or opened."), Session(self._engine) as session:
            wrapped = session.scalar(select(User.wrapped_key).where(User.id == user))
        if wrapped is None:
            raise UnknownUserError("No account has this id, so there is no key to seal with.", user=user)
        return self._kek.unwrap(wrapped, user)


def holds_accounts(engine: Engine) -> bool:
    """Whether anything in the database is sealed already, so that a new key could open nothing."""
    with store_errors("The accounts could not be read."), Session(engine) as session:
        return session.scalar(select(User.id).limit(1)) is not None


def check_keys(engine: Engine, kek: KeyEncryptionKey) -> None:
    """See at start that every account opens with the key at hand, rather than at somebody's sign-in.

    Raises:
        SealedUnderAnotherKeyError: one does not.
    """
    with store_errors("The accounts could not be read."), Session(engine) as session:
        wrapped_keys = session.execute(select(User.id, User.wrapped_key)).all()
    for user, wrapped in wrapped_keys:
        try:
            kek.unwrap(wrapped, user)
        except SealError as error:
            raise SealedUnderAnotherKeyError(
                "The accounts in the database were sealed under another key than the one at hand. Put the "
                "key that belongs to this database in its place (the file asklepion.key in the data "
                "folder, or the variable ASKLEPION_KEY); if a `vault rotate` was broken off, the new key "
                "belongs beside it in ASKLEPION_NEW_KEY.",
                at_hand=kek.key_id.hex(),
            ) from error


def shred(engine: Engine, user: str, also: Iterable[Callable[[Session, str], None]] = ()) -> bool:
    """Destroy the account `user`: its wrapped key, and with it all that was ever sealed under that key.

    Factors, recovery codes, consents and sessions go with it, and what each of `also` deletes in the same
    transaction. Returns whether the database file and its log are free of what was deleted; False: they are
    when the app is next stopped. Does not reach backups, nor files outside the database (erasure.py does),
    and writes nothing in the trail. OWASP ASVS 5.0, 7.4.2 and 14.2.7.

    Raises:
        UnknownUserError: no account has this id.
        RefusedError: it is the last administrator who can sign in.
        StoreError: the database refuses; nothing was deleted.
    """
    with store_errors("Nothing was deleted."), Session(engine) as session, session.begin():
        administrators.take_turn(session)
        row = session.get(User, user)
        if row is None:
            raise UnknownUserError("No account has this id, so there is nothing to delete.", user=user)
        administrators.check_not_last(session, row)
        administrators.hand_over(session, user)
        for forget in also:
            forget(session, user)
        session.execute(delete(User).where(User.id == user))
    return scrub(engine)


def _context(user: str, context: str) -> SealContext:
    if not context or context.startswith(RESERVED):
        raise AccountsError(
            f"A context for sealing must be a word of its own and must not begin with {RESERVED!r}.",
            context=context,
        )
    return SealContext(owner=user, purpose=context)
