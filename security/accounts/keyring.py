"""The key-encryption key that belongs to a database, and the change of keys that a crash has left."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

from sqlalchemy.engine import Engine

from security.accounts.presence import Presence
from security.accounts.roots import rooted
from security.accounts.rotation import finish, is_begun
from security.accounts.vault import check_keys, holds_accounts
from security.crypto.keyfile import load_key_encryption_key
from security.crypto.sealing import KeyEncryptionKey, RandomBytes

_log = logging.getLogger("asklepion.accounts")


def open_keys(
    engine: Engine,
    environ: Mapping[str, str],
    presence: Presence,
    folder: Path,
    now: Callable[[], float],
    random: RandomBytes = secrets.token_bytes,
) -> KeyEncryptionKey:
    """The key for this database, rooted; a change of keys that was broken off is finished first.

    Raises:
        StoreError: the database can't be used; or a change must be finished and somebody else is there.
        KeyEncryptionKeyError, PrivateFileError: a key is missing, malformed or readable by others.
        SealedUnderAnotherKeyError: the key does not open the accounts in this database.
    """
    if is_begun(engine, environ, folder):
        presence.only_me()
        kek = finish(engine, environ, folder, now(), random)
        presence.with_others()
        _log.warning("A change of the key that had been broken off was finished.")
    else:
        may_create = not holds_accounts(engine)
        kek = load_key_encryption_key(environ, folder, may_create=may_create, random=random)
    check_keys(engine, kek)
    return rooted(engine, kek, random)
