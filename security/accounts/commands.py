"""`python -m security ledger verify | list | checkpoint`: the audit trail from a shell.

Exit codes of verify: 0 intact, 1 not; 2 what was given can't be used.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from security.accounts.audit import LEDGER
from security.accounts.database import open_database
from security.accounts.errors import StoreError
from security.accounts.settings import AccountSettings
from security.crypto.ledger import Checkpoint, CheckpointError, Entry, Ledger
from security.crypto.signatures import SigningKey


def add_parser(commands: Any) -> None:
    """Add `ledger` and its commands."""
    ledger = commands.add_parser("ledger", help="the audit trail: verify, list, sign")
    inside = ledger.add_subparsers(dest="ledger_command", required=True)
    data = argparse.ArgumentParser(add_help=False)
    default = os.environ.get("ASKLEPION_DATA") or str(Path.home() / ".asklepion")
    data.add_argument("--data", type=Path, default=Path(default), help=f"the data folder ({default})")

    verify = inside.add_parser("verify", parents=[data], help="compute everything anew and compare")
    verify.add_argument(
        "--checkpoint", type=Path, action="append", default=[], help="one that you have kept elsewhere"
    )
    verify.set_defaults(run=_verify)

    listed = inside.add_parser("list", parents=[data], help="print entries, the latest last")
    listed.add_argument("--kind", help="only this kind, such as sign-in-refused")
    listed.add_argument("--last", type=int, default=50, help="how many of the latest to look at")
    listed.add_argument("--json", action="store_true", help="print one JSON object a line")
    listed.set_defaults(run=_list)

    sign = inside.add_parser("checkpoint", parents=[data], help="sign what there is; keep it elsewhere")
    sign.set_defaults(run=_checkpoint)


@contextmanager
def _opened(folder: Path) -> Iterator[Ledger]:
    settings = AccountSettings(data=folder)
    if not settings.database_file.is_file():
        raise StoreError(f"There is no database in {folder}. Name the data folder with --data.")
    engine = open_database(settings)
    try:
        yield Ledger(engine, LEDGER)
    finally:
        engine.dispose()


def _verify(arguments: argparse.Namespace) -> int:
    texts = [_read(path) for path in arguments.checkpoint]
    with _opened(arguments.data) as ledger:
        key = SigningKey.load_or_create(arguments.data, may_create=False).verify_key if texts else None
        kept = [Checkpoint.from_text(text, key) for text in texts if key is not None]
        report = ledger.verify(kept, key)
    if report.ok:
        beside = f", and {len(kept)} checkpoint(s) agree" if kept else "; no checkpoint was given"
        print(f"intact: {report.size:,} entries, root {report.root.hex()}{beside}")
        return 0
    print(f"not intact: {report.reason}")
    return 1


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{path} can't be read. Name a file that `ledger checkpoint` wrote.") from error


def _list(arguments: argparse.Namespace) -> int:
    with _opened(arguments.data) as ledger:
        size = len(ledger)
        for entry in ledger.entries(max(0, size - max(0, arguments.last)), size):
            if arguments.kind in (None, entry.kind):
                print(_line(entry, as_json=arguments.json))
    return 0


def _line(entry: Entry, *, as_json: bool) -> str:
    at = datetime.fromtimestamp(entry.time / 1000, UTC).isoformat(timespec="seconds")
    if as_json:
        told = {"index": entry.index, "time": at, "kind": entry.kind, "data": json.loads(entry.data)}
        return json.dumps({**told, "hash": entry.hash.hex()}, ensure_ascii=False)
    return f"{entry.index:6}  {at}  {entry.kind:<18} {entry.data}"


def _checkpoint(arguments: argparse.Namespace) -> int:
    with _opened(arguments.data) as ledger:
        report = ledger.verify()
        if not report.ok:
            print(f"not intact, so not signed: {report.reason}")
            return 1
        print(ledger.checkpoint(SigningKey.load_or_create(arguments.data), time.time()).to_text())
    return 0
