"""A person's own data as one zip, to take away (GDPR, articles 15 and 20): of accounts, and of the rooms.

Does: make it piece by piece as it is sent, so that it lies nowhere and never is in memory as a whole; say in
the archive itself what could not be read. Does not: know what the rooms keep (app.py hands in what tells
it), ask who it is (export_pages.py does), or hand out secrets: no password hash, key, or second factor.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from security.accounts.audit import Trail
from security.accounts.database import store_errors
from security.accounts.errors import AccountsError, RefusedError
from security.accounts.outlet import Outlet
from security.accounts.tables import Consent, Passkey, RecoveryCode, SessionRow, User
from security.crypto.errors import CryptoError

README = """This is what Asklepion keeps of you, made at your own request.

account.json        your account, passkeys, consents, sessions; no secret is in it
trail.json          what the audit trail says of you: when, and what
The other files come from the rooms: conversations, results in the security lab, and the training studio with
the texts of your data sets. Models are not in here: download them in the room, under Deploy.
"""
INCOMPLETE = "INCOMPLETE.txt"
_PIECE = 1 << 16
Entry = tuple[str, Iterable[bytes]]


@dataclass(frozen=True)
class Exporter:
    """What a room tells of a user: `files` gives names and contents, one file after another.

    `what` says for people what that is. `files` raises AccountsError or OSError when something can't be read.
    """

    what: str
    files: Callable[[str], Iterator[Entry]]


class Exports:
    """Makes the archives. Every method blocks."""

    def __init__(self, engine: Engine, trail: Trail) -> None:
        self._engine = engine
        self._trail = trail
        self._exporters: tuple[Exporter, ...] | None = None

    def open(self, exporters: Sequence[Exporter]) -> None:
        """The rooms are there: from now on they tell."""
        self._exporters = tuple(exporters)

    def begin(self, user: str, now: float) -> Iterator[bytes]:
        """Write in the trail that `user` takes the data along; then the pieces of the archive.

        Raises:
            RefusedError: the rooms are not open yet, so it would not be whole.
            StoreError: it could not be written down, so it was not done.
        """
        if self._exporters is None:
            raise RefusedError("The rooms are still being opened. Please try again in a minute.")
        self._trail.note("data-exported", user, now)
        own = Exporter("your account", lambda one: self._account(one, now))
        return _zipped([own, *self._exporters], user, now)

    def _account(self, user: str, now: float) -> Iterator[Entry]:
        yield "README.txt", [README.encode()]
        with store_errors("It is not in the archive."), Session(self._engine) as session:
            row = session.get(User, user)
            if row is None:
                raise RefusedError("This account is not here any more.")
            passkeys = session.scalars(select(Passkey).where(Passkey.user_id == user)).all()
            consents = session.scalars(select(Consent).where(Consent.user_id == user)).all()
            sessions = session.scalars(select(SessionRow).where(SessionRow.user_id == user)).all()
            unused = RecoveryCode.user_id == user, RecoveryCode.used_at.is_(None)
            left = session.scalar(select(func.count()).select_from(RecoveryCode).where(*unused))
        told = {
            "exported": stamp(now),
            "id": row.id,
            "name": row.name,
            "role": row.role,
            "created": stamp(row.created_at),
            "authenticator app": True,
            "recovery codes left": left,
            "passkeys": [
                {
                    "name": one.name,
                    "created": stamp(one.created_at),
                    "used": None if one.used_at is None else stamp(one.used_at),
                    "backed up": one.backed_up,
                    "transports": one.transports,
                }
                for one in passkeys
            ],
            "consents": [{"edition": one.edition, "at": stamp(one.at)} for one in consents],
            "sessions": [
                {"started": stamp(one.created_at), "last seen": stamp(one.seen_at)} for one in sessions
            ],
        }
        yield "account.json", [as_json(told)]
        yield "trail.json", self._said(user)

    def _said(self, user: str) -> Iterator[bytes]:
        """The entries that name the user, without others' ids."""
        before = b"["
        for entry in self._trail.ledger.entries():
            fields = entry.fields
            if user not in (fields.get("user"), fields.get("person")):
                continue
            mine = fields.get("user") == user
            told = {name: value for name, value in fields.items() if name not in ("user", "person")}
            said = {"at": stamp(entry.time / 1000), "what": entry.kind, "by you": mine, **told}
            yield before + b"\n" + json.dumps(said, ensure_ascii=False).encode()
            before = b","
        yield b"[]\n" if before == b"[" else b"\n]\n"


def as_json(told: Any) -> bytes:
    """For people and programs. Half a character, as a browser may send it, is kept as what it is."""
    return json.dumps(told, ensure_ascii=False, indent=1).encode("utf-8", "surrogatepass") + b"\n"


def stamp(at: float) -> str:
    """A time, in UTC."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


def _zipped(exporters: Sequence[Exporter], user: str, now: float) -> Iterator[bytes]:
    outlet, failed = Outlet(), []
    when = datetime.fromtimestamp(now, UTC).timetuple()[:6]
    with zipfile.ZipFile(outlet, "w", zipfile.ZIP_DEFLATED) as archive:
        for exporter in exporters:
            try:
                for name, pieces in exporter.files(user):
                    info = zipfile.ZipInfo(name, when)
                    info.compress_type = zipfile.ZIP_DEFLATED
                    with archive.open(info, "w", force_zip64=True) as member:
                        for piece in pieces:
                            member.write(piece)
                            if len(outlet) >= _PIECE:
                                yield outlet.take()
            except (AccountsError, CryptoError, OSError) as error:
                failed.append(f"{exporter.what}: {error}")
        if failed:
            told = "These could not be read, or not to their end. Tell who runs this app.\n\n"
            archive.writestr(zipfile.ZipInfo(INCOMPLETE, when), told + "\n".join(failed) + "\n")
    yield outlet.take()
