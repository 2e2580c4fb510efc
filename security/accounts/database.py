"""Opening the database: a private SQLite file unless another is named, and errors in plain words.

Does: create the file 0600, set WAL and foreign keys, check the file, create missing tables. Does not:
migrate, back up, or encrypt the file (what is secret in it is sealed column by column).
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, event, text
from sqlalchemy.engine import URL, Engine, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from security.accounts.errors import StoreError
from security.accounts.settings import AccountSettings
from security.accounts.tables import Base

_BUSY_MS = 5000
_log = logging.getLogger("asklepion.accounts")


def open_database(settings: AccountSettings) -> Engine:
    """The database of `settings`, with all tables of accounts in it.

    Raises:
        StoreError: the file is damaged, not a database, or can't be written; the message says which.
    """
    url, where = _address(settings)
    engine: Engine | None = None
    try:
        # hide_parameters: an error text must not carry a hash or a sealed blob into a log.
        engine = create_engine(url, hide_parameters=True)
        if url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:"):
            _make_private(Path(str(url.database)))
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", _prepare_sqlite)
        _check(engine, where)
        Base.metadata.create_all(engine)
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        raise StoreError(
            "database_url names a kind of database that isn't installed or isn't known. "
            "Leave it out to use SQLite, or install the driver that it names.",
        ) from error
    except SQLAlchemyError as error:
        if engine is not None:
            engine.dispose()
        raise StoreError(_explained(error, where), database=where) from error
    except StoreError:
        if engine is not None:
            engine.dispose()
        raise
    return engine


@contextmanager
def store_errors(consequence: str) -> Iterator[None]:
    """Turn what the database raises into a StoreError; `consequence` says what that means for the user."""
    try:
        yield
    except SQLAlchemyError as error:
        raise StoreError(f"{_explained(error, 'The database')} {consequence}") from error


def scrub(engine: Engine) -> bool:
    """Rewrite a SQLite file without what was deleted, and empty its write-ahead log; whether that was done.

    False: another connection is reading, or the disk is full; the log is emptied at the latest when the
    last connection closes. Does not reach copies: snapshots, backups, spare blocks of an SSD. Another kind
    of database is left to its own means (PostgreSQL: VACUUM FULL, and its archived log).
    """
    if engine.dialect.name != "sqlite":
        return False
    try:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM")
            busy = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()[0]
    except SQLAlchemyError as error:
        _log.warning("The database was not scrubbed (%s).", type(error).__name__)
        return False
    return int(busy) == 0


def _address(settings: AccountSettings) -> tuple[URL, str]:
    if settings.database_url is None:
        file = settings.database_file
        return URL.create("sqlite", database=str(file)), f"The database {file}"
    try:
        url = make_url(settings.database_url)
    except ArgumentError as error:
        raise StoreError("database_url is not a database address that can be read.") from error
    return url, f"The database {url.render_as_string(hide_password=True)}"


def _make_private(file: Path) -> None:
    # SQLite would create the file with the process's umask; its -wal and -shm files copy this mode.
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            os.fchmod(descriptor, 0o600)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise StoreError(
            f"The database {file} can't be written to ({error.strerror}). "
            "Choose a data folder that this user can write to, or free some space.",
            database=str(file),
        ) from error


def _prepare_sqlite(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    try:
        cursor.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
        cursor.execute("PRAGMA journal_mode = WAL")
        # FULL: a code that was spent must still be spent after a power cut.
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        # What is deleted is overwritten: a wrapped key must not outlive its account in a free page.
        cursor.execute("PRAGMA secure_delete = ON")
    finally:
        cursor.close()


def _check(engine: Engine, where: str) -> None:
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            verdict = connection.execute(text("PRAGMA quick_check(1)")).scalar()
            if verdict != "ok":
                raise StoreError(_damaged(where), database=where)
        else:
            connection.execute(text("SELECT 1"))


def _damaged(where: str) -> str:
    return (
        f"{where} is damaged or is not a database. Restore it from a backup, or move it away to start "
        "with an empty one."
    )


def _explained(error: SQLAlchemyError, where: str) -> str:
    cause = str(getattr(error, "orig", error)).lower()
    if "not a database" in cause or "malformed" in cause:
        return _damaged(where)
    if "full" in cause:
        return f"{where} can't be written to: the disk is full. Free some space and try again."
    if "unable to open" in cause or "readonly" in cause or "disk i/o" in cause:
        return f"{where} can't be written to. Choose a data folder that this user can write to."
    if "locked" in cause:
        return f"{where} is in use by another process. Stop that one, or try again in a moment."
    return f"{where} can't be used ({type(error).__name__}). See whether it is running and reachable."
