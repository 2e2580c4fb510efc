"""Backups: a consistent copy of the database in one signed file, and a data folder made from one.

Does: copies by SQLite's backup API while the app runs, without sessions and without what was deleted, and
with a signed checkpoint of the audit trail; restores only what is whole and opens with the key. Does not:
copy sets, runs and models (they are listed with their SHA-256), encrypt (names of accounts are readable, what
is sealed stays sealed), or reach other databases. A recovery code that was used after the backup is good
again once it is restored, and an account that was deleted since is back. OWASP ASVS 5.0, 14.2.4 and 16.4.2.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import delete, func, select
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from security.accounts import archive
from security.accounts.archive import Contents, Item
from security.accounts.audit import LEDGER, Trail
from security.accounts.database import open_database, scrub, store_errors
from security.accounts.errors import BackupError, SealedUnderAnotherKeyError
from security.accounts.presence import Presence
from security.accounts.roots import rooted
from security.accounts.rotation import INSTALLATION, is_begun, key_ids
from security.accounts.settings import DATABASE_FILE, AccountSettings
from security.accounts.tables import SessionRow, User
from security.accounts.trail_watch import CHECKPOINT_FILE
from security.accounts.vault import check_keys
from security.crypto.keyfile import (
    KEY_FILE_NAME,
    KEY_VARIABLE,
    NEW_KEY_FILE_NAME,
    load_key_encryption_key,
)
from security.crypto.ledger import Checkpoint, Ledger
from security.crypto.private_file import create_private, is_missing, read_private
from security.crypto.signatures import SIGNING_KEY_NAME, SigningKey

_ALLOWED = (DATABASE_FILE, KEY_FILE_NAME, SIGNING_KEY_NAME)
# Made anew by the app, or never to be copied.
_NOT_LISTED = {
    *_ALLOWED,
    f"{DATABASE_FILE}-wal",
    f"{DATABASE_FILE}-shm",
    NEW_KEY_FILE_NAME,
    # The backup has a checkpoint of its own; a later one beside an earlier trail is a false alarm.
    CHECKPOINT_FILE,
    "cache",
    "uploads",
}


@dataclass(frozen=True)
class Made:
    """A backup that was made. `others`: how many files of the data folder are listed and not copied."""

    sha256: str
    signer: str
    key: str
    others: int


@dataclass(frozen=True)
class Restored:
    """A folder that was made from a backup; `missing` is what else belongs in it."""

    accounts: int
    entries: int
    signer: str
    missing: tuple[str, ...]


def back_up(
    settings: AccountSettings,
    environ: Mapping[str, str],
    out: Path,
    now: float,
    *,
    with_key: bool = False,
) -> Made:
    """Copy the database of `settings` into `out` (0600), which must not exist.

    Without `with_key` the file is worth nothing to who hasn't the key-encryption key; with it, whoever has
    the file has everything. `backup-made` is in the trail before the file has its name.

    Raises:
        BackupError: the database isn't SQLite, the trail is not intact, a change of keys isn't finished, or
            `out` is there or can't be written.
        StoreError: the database can't be read, or its key is being changed.
        CryptoError: the key or the signing key can't be read.
    """
    if settings.database_url is not None and not settings.database_url.startswith("sqlite"):
        raise BackupError(
            "This is for SQLite alone. Back up PostgreSQL with pg_dump, and the key file apart from it."
        )
    _must_be_free(out)
    with Presence(settings.data), _writing(out) as scratch:
        engine = open_database(settings)
        try:
            if is_begun(engine, environ, settings.data) or len(key_ids(engine)) > 1:
                raise BackupError(
                    "A change of the key is not finished. Start the app or run `vault rotate`, then back up."
                )
            copied = _copied(engine, scratch)
            signing = SigningKey.load_or_create(settings.data)
            sources = {DATABASE_FILE: copied.database_file}
            if with_key:
                sources |= _keys(settings.data, environ, scratch)
            contents = _contents(settings, copied, sources, signing, now)
            digest = archive.write(scratch / "backup", contents, sources, signing)
            Trail.open(engine).note(
                "backup-made", INSTALLATION, now, {"sha256": digest, "with-key": with_key}
            )
        finally:
            engine.dispose()
        _name(scratch / "backup", out)
    return Made(digest, signing.verify_key.key_id.hex(), contents.key, len(contents.others))


def restore(
    file: Path, folder: Path, environ: Mapping[str, str], now: float, *, key_file: Path | None = None
) -> Restored:
    """Make the data folder `folder`, which must not exist, from a backup; it is there whole or not at all.

    The key is in `key_file`, or in the backup, or in ASKLEPION_KEY, in this order. Notes `restored`.

    Raises:
        BackupError: the file is damaged or none, its trail is not the one that was signed, or `folder` is
            there or can't be written.
        SealedUnderAnotherKeyError: the key opens nothing in it.
        KeyEncryptionKeyError, PrivateFileError: there is no key, or it can't be read.
        StoreError: the database in it can't be used.
    """
    _must_be_free(folder)
    with _writing(folder) as scratch:
        made = scratch / "data"
        made.mkdir(mode=0o700)
        contents = archive.unpack(file, made, _ALLOWED)
        if key_file is not None:
            (made / KEY_FILE_NAME).unlink(missing_ok=True)
            create_private(made / KEY_FILE_NAME, read_private(key_file))
        engine = open_database(AccountSettings(data=made))
        try:
            _check_opens(engine, environ, made, contents)
            entries = _check_trail(engine, contents)
            with store_errors("Nothing was restored."), Session(engine) as session:
                accounts = session.scalar(select(func.count()).select_from(User)) or 0
            Trail.open(engine).note("restored", INSTALLATION, now, {"made": contents.made})
        finally:
            engine.dispose()
        _must_be_free(folder)
        made.rename(folder)
    return Restored(accounts, entries, contents.signer.key_id.hex(), _missing(contents, folder))


def _must_be_free(path: Path) -> None:
    if os.path.lexists(path):
        raise BackupError(f"{path} is there already, and nothing is overwritten. Name another place.")


@contextmanager
def _writing(target: Path) -> Iterator[Path]:
    """A private folder beside `target`, gone afterwards; what the disk refuses becomes a sentence."""
    try:
        with tempfile.TemporaryDirectory(dir=target.absolute().parent, prefix=f".{target.name}.") as scratch:
            yield Path(scratch)
    except OSError as error:
        raise BackupError(
            f"{error.filename or target} can't be read or written ({error.strerror}). Free some space, or "
            "name another place."
        ) from error


def _copied(engine: Engine, scratch: Path) -> AccountSettings:
    settings = AccountSettings(data=scratch)
    try:
        with closing(sqlite3.connect(settings.database_file)) as to, closing(engine.raw_connection()) as one:
            source = one.driver_connection
            assert isinstance(source, sqlite3.Connection)
            source.backup(to)
    except (sqlite3.Error, SQLAlchemyError) as error:
        raise BackupError(
            f"The database can't be copied ({type(error).__name__}). Free some space, or try again."
        ) from error
    return settings


def _contents(
    settings: AccountSettings,
    copied: AccountSettings,
    sources: Mapping[str, Path],
    signing: SigningKey,
    now: float,
) -> Contents:
    engine = open_database(copied)
    try:
        with store_errors("No backup was made."), Session(engine) as session, session.begin():
            # Restored, they would let in who has signed out since.
            session.execute(delete(SessionRow))
        ledger = Trail.open(engine).ledger
        report = ledger.verify()
        if not report.ok:
            raise BackupError(
                f"The audit trail is not intact, so it can't be vouched for: {report.reason}. "
                "Stop the app and copy the data folder as it is."
            )
        checkpoint = ledger.checkpoint(signing, now).to_text()
        key = "".join(one.hex() for one in key_ids(engine))
        scrub(engine)
    finally:
        engine.dispose()
    files = tuple(archive.item(sources[name], name) for name in _ALLOWED if name in sources)
    made = int(now * 1000)
    return Contents(made, files, tuple(_others(settings.data)), checkpoint, signing.verify_key, key)


def _keys(folder: Path, environ: Mapping[str, str], scratch: Path) -> dict[str, Path]:
    load_key_encryption_key(environ, folder, may_create=False)  # refuses what could not be read again
    value = environ.get(KEY_VARIABLE, "").strip()
    content = value.encode("ascii") + b"\n" if value else read_private(folder / KEY_FILE_NAME)
    create_private(scratch / KEY_FILE_NAME, content)
    return {
        KEY_FILE_NAME: scratch / KEY_FILE_NAME,
        SIGNING_KEY_NAME: folder / SIGNING_KEY_NAME,
    }


def _others(folder: Path) -> Iterator[Item]:
    for root, folders, names in os.walk(folder):
        here = Path(root)
        top = here == folder
        folders[:] = sorted(name for name in folders if not (top and name in _NOT_LISTED))
        for name in sorted(names):
            path = here / name
            if (top and name in _NOT_LISTED) or path.is_symlink() or not path.is_file():
                continue
            try:
                found = archive.item(path, path.relative_to(folder).as_posix())
            except FileNotFoundError:
                continue  # a run that is going on renames its files
            yield found


def _name(made: Path, out: Path) -> None:
    try:
        os.link(made, out)  # unlike rename it never replaces a file
    except FileExistsError:
        _must_be_free(out)
    except OSError:
        _must_be_free(out)
        made.rename(out)


def _check_opens(engine: Engine, environ: Mapping[str, str], folder: Path, contents: Contents) -> None:
    if not contents.key:
        return
    # A key that came with the call or the backup goes before the one that happens to be set.
    given = environ if is_missing(folder / KEY_FILE_NAME) else {}
    kek = load_key_encryption_key(given, folder, may_create=False)
    if kek.key_id.hex() != contents.key:
        raise SealedUnderAnotherKeyError(
            f"The backup needs the key {contents.key}, and this is {kek.key_id.hex()}. Name the key file of "
            "the time when it was made.",
            at_hand=kek.key_id.hex(),
        )
    check_keys(engine, kek)
    rooted(engine, kek)


def _check_trail(engine: Engine, contents: Contents) -> int:
    kept = Checkpoint.from_text(contents.checkpoint, contents.signer)
    report = Ledger(engine, LEDGER).verify([kept], contents.signer)
    if not report.ok:
        raise BackupError(f"The audit trail in the backup is not the one that was signed: {report.reason}.")
    return report.size


def _missing(contents: Contents, folder: Path) -> tuple[str, ...]:
    secret = {
        KEY_FILE_NAME: f"{KEY_FILE_NAME}, or {KEY_VARIABLE} as it is set now",
        SIGNING_KEY_NAME: f"{SIGNING_KEY_NAME} (without it, models that were signed are refused)",
    }
    keys = [told for name, told in secret.items() if is_missing(folder / name)]
    return (*keys, *(f"{one.name} (SHA-256 {one.sha256})" for one in contents.others))
