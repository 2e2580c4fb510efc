"""Changing the key-encryption key: every wrapped key is wrapped anew; what it sealed stays as it is.

The new key is in its file (0600), or in the environment, before anything is wrapped under it; the old one
stays until nothing is wrapped under it. So at any moment every row opens with one of the two, each row says
with which, and whoever begins again goes on from there. Then the old wrapped keys are scrubbed out of the
database file: they would open for a thief of the old key.

Does not: change the data keys. Who has the old key and an older copy of the database reads what is in that
copy, and copies made before need the old key. OWASP ASVS 5.0, 13.3.4.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select, update
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from security.accounts.audit import Trail
from security.accounts.database import scrub, store_errors
from security.accounts.errors import SealedUnderAnotherKeyError
from security.accounts.roots import ensure
from security.accounts.tables import InstallationSecret, User
from security.crypto.errors import KeyEncryptionKeyError
from security.crypto.keyfile import (
    KEY_FILE_NAME,
    KEY_VARIABLE,
    NEW_KEY_FILE_NAME,
    NEW_KEY_VARIABLE,
    load_key_encryption_key,
    load_new_key,
    put_new_key_in_place,
    read_key_file,
)
from security.crypto.private_file import is_missing
from security.crypto.sealing import KeyEncryptionKey, RandomBytes, wrapped_under

BATCH = 64
INSTALLATION = "installation"


@dataclass(frozen=True)
class Rotated:
    """What a change of keys did. `scrubbed`: nothing of the old wrapping is left in the file and its log."""

    accounts: int
    old: str
    new: str
    scrubbed: bool


@dataclass(frozen=True)
class _Row:
    """Something wrapped: a user's data key, or a secret of the installation by its name."""

    user: str | None
    name: str
    wrapped: bytes


def rotate(
    engine: Engine,
    environ: Mapping[str, str],
    folder: Path,
    now: float,
    random: RandomBytes = secrets.token_bytes,
) -> Rotated:
    """Wrap everything under the key in ASKLEPION_NEW_KEY, or else under a fresh one in the key file.

    The caller is alone in `folder` (presence.py): an app that runs on would go on with the old key. Begun
    again after a crash it goes on with the same new key; `key-rotated` may then be in the trail twice.

    Raises:
        KeyEncryptionKeyError, PrivateFileError: a key is missing, malformed, readable by others, or not new.
        SealedUnderAnotherKeyError: something is wrapped under neither key; nothing was changed.
        SealError: a wrapped key is damaged.
        StoreError: the database refuses; run it again.
    """
    new = load_new_key(environ, folder, may_create=False)
    under = key_ids(engine)
    # In this order: without the old key, no new one is made.
    old = _old_key(environ, folder, needed=new is None or under != {new.key_id})
    _check_known(under, old, new)
    _check_stray(folder, old, new)
    if new is None:
        new = load_new_key(environ, folder, may_create=True, random=random)
        assert new is not None
    if old is not None and old.key_id == new.key_id:
        raise KeyEncryptionKeyError(
            f"The new key is the one in use. Put another one in {NEW_KEY_VARIABLE}, or leave it out for a "
            "fresh one."
        )
    accounts, before = 0, ""
    if old is not None:
        ensure(engine, old, random)
        accounts, before = _rewrap(engine, old, new), old.key_id.hex()
    scrubbed = scrub(engine)
    Trail.open(engine).note(
        "key-rotated", INSTALLATION, now, {"accounts": accounts, "from": before, "to": new.key_id.hex()}
    )
    put_new_key_in_place(folder, old)
    return Rotated(accounts, before, new.key_id.hex(), scrubbed)


def is_begun(engine: Engine, environ: Mapping[str, str], folder: Path) -> bool:
    """Whether a change of keys was begun and not finished.

    Raises:
        KeyEncryptionKeyError, PrivateFileError: the new key can't be read.
    """
    new = load_new_key(environ, folder, may_create=False)
    if new is None:
        return False
    if not is_missing(folder / NEW_KEY_FILE_NAME):
        return True
    # In the environment it may lie ready for a change that nobody has begun.
    return new.key_id in key_ids(engine)


def key_ids(engine: Engine) -> set[bytes]:
    """The ids of the keys under which something in the database is wrapped.

    Raises:
        StoreError: the database can't be read.
        SealError: something wrapped has an unknown version.
    """
    return {wrapped_under(row.wrapped) for row in _rows(engine)}


def finish(
    engine: Engine,
    environ: Mapping[str, str],
    folder: Path,
    now: float,
    random: RandomBytes = secrets.token_bytes,
) -> KeyEncryptionKey:
    """Finish what `is_begun`, as `rotate`, if anything is left to do; returns the new key.

    Raises:
        as `rotate`.
    """
    new = load_new_key(environ, folder, may_create=False, random=random)
    assert new is not None, "a change was begun"
    in_file = not is_missing(folder / NEW_KEY_FILE_NAME)
    if in_file or key_ids(engine) != {new.key_id}:
        rotate(engine, environ, folder, now, random)
    return new


def _old_key(environ: Mapping[str, str], folder: Path, *, needed: bool) -> KeyEncryptionKey | None:
    in_environment = bool(environ.get(KEY_VARIABLE, "").strip())
    if not needed and not in_environment and is_missing(folder / KEY_FILE_NAME):
        return None
    return load_key_encryption_key(environ, folder, may_create=False)


def _check_known(under: set[bytes], old: KeyEncryptionKey | None, new: KeyEncryptionKey | None) -> None:
    known = {key.key_id for key in (old, new) if key is not None}
    if not under <= known:
        raise SealedUnderAnotherKeyError(
            f"Something in the database was wrapped under a key that is not at hand. If a change of keys was "
            f"broken off, give both: the old one in {KEY_VARIABLE} or the file {KEY_FILE_NAME}, the new one "
            f"in {NEW_KEY_VARIABLE} or the file {NEW_KEY_FILE_NAME}.",
            missing=sorted(key.hex() for key in under - known),
        )


def _check_stray(folder: Path, old: KeyEncryptionKey | None, new: KeyEncryptionKey | None) -> None:
    path = folder / KEY_FILE_NAME
    if is_missing(path):
        return
    known = {key.key_id for key in (old, new) if key is not None}
    if read_key_file(path).key_id not in known:
        raise KeyEncryptionKeyError(
            f"{path} holds another key than the one in use, and the change would replace it. Move it to a "
            "safe place first.",
            path=path,
        )


def _rewrap(engine: Engine, old: KeyEncryptionKey, new: KeyEncryptionKey) -> int:
    left = [row for row in _rows(engine) if wrapped_under(row.wrapped) == old.key_id]
    for first in range(0, len(left), BATCH):
        with (
            store_errors("The change of keys is not finished; run it again."),
            Session(engine) as session,
            session.begin(),
        ):
            for row in left[first : first + BATCH]:
                _replace(session, row, old, new)
    return sum(row.user is not None for row in left)


def _replace(session: Session, row: _Row, old: KeyEncryptionKey, new: KeyEncryptionKey) -> None:
    if row.user is not None:
        fresh = old.rewrap(row.wrapped, row.user, new)
        changed = update(User).where(User.id == row.user, User.wrapped_key == row.wrapped)
        session.execute(changed.values(wrapped_key=fresh))
    else:
        fresh = new.wrap_secret(old.unwrap_secret(row.wrapped, row.name), row.name)
        one = InstallationSecret
        named = update(one).where(one.name == row.name, one.wrapped == row.wrapped)
        session.execute(named.values(wrapped=fresh))


def _rows(engine: Engine) -> list[_Row]:
    with store_errors("The keys could not be read."), Session(engine) as session:
        secret = select(InstallationSecret.name, InstallationSecret.wrapped)
        named = [_Row(None, name, wrapped) for name, wrapped in session.execute(secret)]
        users = session.execute(select(User.id, User.wrapped_key).order_by(User.id))
        return named + [_Row(user, "", wrapped) for user, wrapped in users]
