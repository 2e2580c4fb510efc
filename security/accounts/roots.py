"""The root of derived keys: what must stay when the key-encryption key is changed.

The password pepper and the key of the recovery codes derive from a random root, kept wrapped in the
database. A database from before that has hashes made with what the key of then derived; these two values are
kept wrapped beside the root, so that the hashes go on working, and everything else derives from the root.
Does not: renew the root, for every password hash hangs on it. OWASP ASVS 5.0, 13.3.4.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping

from sqlalchemy import delete, select
from sqlalchemy.engine import Engine
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from security.accounts.database import store_errors
from security.accounts.tables import InstallationSecret
from security.accounts.vault import holds_accounts
from security.crypto.sealing import KEY_BYTES, KeyEncryptionKey, RandomBytes, wrapped_under

ROOT = "root"
KEPT = ("password pepper", "recovery codes")
_log = logging.getLogger("asklepion.accounts")


def rooted(
    engine: Engine, kek: KeyEncryptionKey, random: RandomBytes = secrets.token_bytes
) -> KeyEncryptionKey:
    """`kek` with the root of this database, which is made if there is none.

    Raises:
        StoreError: the database can't be used.
        SealError: the root does not open, though there are accounts.
    """
    while True:
        stored = _stored(engine)
        if ROOT in stored and (_opens(stored, kek) or holds_accounts(engine)):
            found = {name: kek.unwrap_secret(wrapped, name) for name, wrapped in stored.items()}
            return kek.rooted(found.pop(ROOT), found)
        _make(engine, kek, stored, random)


def ensure(engine: Engine, kek: KeyEncryptionKey, random: RandomBytes = secrets.token_bytes) -> None:
    """See that there is a root, before anything is wrapped under another key than `kek`.

    Afterwards the key of then can't be asked any more what it derived.

    Raises:
        StoreError: the database can't be used.
    """
    while ROOT not in _stored(engine):
        _make(engine, kek, {}, random)


def _opens(stored: Mapping[str, bytes], kek: KeyEncryptionKey) -> bool:
    return all(wrapped_under(wrapped) == kek.key_id for wrapped in stored.values())


def _stored(engine: Engine) -> dict[str, bytes]:
    with store_errors("The keys could not be read."), Session(engine) as session:
        rows = session.execute(select(InstallationSecret.name, InstallationSecret.wrapped)).all()
    return {name: wrapped for name, wrapped in rows}  # noqa: C416 - rows are no tuples to mypy


def _make(engine: Engine, kek: KeyEncryptionKey, stale: Mapping[str, bytes], random: RandomBytes) -> None:
    made = {ROOT: random(KEY_BYTES)}
    if holds_accounts(engine):
        made |= {name: kek.derive(name) for name in KEPT}
    with store_errors("The app can't start without it."):
        try:
            with Session(engine) as session, session.begin():
                for name, wrapped in stale.items():
                    # Only what was seen: another process may have made the right one meanwhile.
                    session.execute(
                        delete(InstallationSecret).where(
                            InstallationSecret.name == name, InstallationSecret.wrapped == wrapped
                        )
                    )
                session.add_all(
                    InstallationSecret(name=name, wrapped=kek.wrap_secret(secret, name))
                    for name, secret in made.items()
                )
        except IntegrityError:
            _log.info("Another process made the root of derived keys.")
