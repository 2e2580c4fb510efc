"""`python -m security vault rotate | backup | restore`: the keys and the database from a shell.

Exit codes: 0 done, 2 what was given can't be used; one sentence says why.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from typing import Any

from security.accounts.backup import back_up, restore
from security.accounts.database import open_database
from security.accounts.errors import StoreError
from security.accounts.presence import Presence
from security.accounts.rotation import rotate
from security.accounts.settings import AccountSettings
from security.crypto.keyfile import KEY_VARIABLE, NEW_KEY_VARIABLE

_WITH_KEY = (
    "Warning: this file holds the key and all that it opens. Whoever has the file has everything; keep it as "
    "you keep the key."
)


def add_parser(commands: Any) -> None:
    """Add `vault` and its commands."""
    vault = commands.add_parser("vault", help="change the key, back up, restore")
    inside = vault.add_subparsers(dest="vault_command", required=True)
    data = argparse.ArgumentParser(add_help=False)
    default = os.environ.get("ASKLEPION_DATA") or str(Path.home() / ".asklepion")
    data.add_argument("--data", type=Path, default=Path(default), help=f"the data folder ({default})")

    turned = inside.add_parser(
        "rotate",
        parents=[data],
        help="wrap every account's key under a new key; stop the app first",
        description=f"The new key is {NEW_KEY_VARIABLE}, or else a fresh one in the key file. The old key "
        "file goes: keep a copy as long as backups from before must open. Killed, it goes on at the next "
        "call, or when the app starts.",
    )
    turned.set_defaults(run=_rotate)

    made = inside.add_parser(
        "backup",
        parents=[data],
        help="copy the database into one file, also while the app runs",
        description="For SQLite; for PostgreSQL use pg_dump. The key isn't in the file, and the file is "
        "worth nothing without it: keep both, apart.",
    )
    made.add_argument("--out", type=Path, required=True, help="the file to be made; it must not exist")
    made.add_argument("--with-key", action="store_true", help="put the key and the signing key in, too")
    made.set_defaults(run=_backup)

    back = inside.add_parser("restore", help="make a data folder from a backup")
    back.add_argument("file", type=Path, help="what `vault backup` made")
    back.add_argument("--data", type=Path, required=True, help="the folder to be made; it must not exist")
    back.add_argument("--key", type=Path, help=f"the key file, if neither FILE nor {KEY_VARIABLE} has it")
    back.set_defaults(run=_restore)


def _settings(folder: Path) -> AccountSettings:
    settings = AccountSettings(data=folder)
    if not settings.database_file.is_file():
        raise StoreError(f"There is no database in {folder}. Name the data folder with --data.")
    return settings


def _rotate(arguments: argparse.Namespace) -> int:
    settings = _settings(arguments.data)
    with Presence(arguments.data, alone=True):
        engine = open_database(settings)
        try:
            done = rotate(engine, os.environ, arguments.data, time.time())
        finally:
            engine.dispose()
    print(f"{done.accounts} account(s) are under the new key {done.new}.")
    if os.environ.get(NEW_KEY_VARIABLE, "").strip():
        print(f"Start the app with {KEY_VARIABLE} set to it, and without {NEW_KEY_VARIABLE}.")
    elif os.environ.get(KEY_VARIABLE, "").strip():
        print(f"It is in the key file. Start the app without {KEY_VARIABLE}.")
    if not done.scrubbed:
        print("The old wrapping may still be in free pages of the database.", file=sys.stderr)
    return 0


def _backup(arguments: argparse.Namespace) -> int:
    settings = _settings(arguments.data)
    made = back_up(settings, os.environ, arguments.out, time.time(), with_key=arguments.with_key)
    print(f"{arguments.out}: SHA-256 {made.sha256}, signed by {made.signer}, key {made.key or 'none yet'}")
    if made.others:
        print(f"{made.others} other file(s) in {arguments.data} are listed in it, not copied.")
    if arguments.with_key:
        print(_WITH_KEY, file=sys.stderr)
    return 0


def _restore(arguments: argparse.Namespace) -> int:
    done = restore(arguments.file, arguments.data, os.environ, time.time(), key_file=arguments.key)
    print(f"{arguments.data}: {done.accounts} account(s), {done.entries} entries of the trail are intact.")
    print(f"The backup was signed by {done.signer}; compare that with what was printed when it was made.")
    for name in done.missing:
        print(f"to be copied beside: {name}")
    return 0
