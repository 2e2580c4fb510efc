"""Passkeys of a person: asked for, enrolled, listed, renamed, removed (W3C Web Authentication Level 3).

As with any change of a factor, adding or removing one is in the trail first and ends the other sessions.
Every method blocks, save `options_to_use`. Does not: see whether password and second factor were given
lately (passkey_pages.py does), or let anybody in (assertions.py, proof.py and signin.py do).
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from security.accounts.account import Tools
from security.accounts.ceremonies import (
    CeremonyError,
    Made,
    challenge_of_creation,
    check_creation,
    creation_options,
    request_options,
)
from security.accounts.challenges import Challenges, Purpose
from security.accounts.database import store_errors
from security.accounts.errors import NameRefusedError, RefusedError
from security.accounts.identity import Identity
from security.accounts.relying import RelyingParty
from security.accounts.tables import Passkey

MAX_PASSKEYS = 20
MAX_NAME = 64
NOT_MADE = "The passkey was not added: what the browser sent does not fit this page. Please try again."
_HAVE = "This passkey is enrolled already."
_FULL = f"You have {MAX_PASSKEYS} passkeys. Remove one that you no longer use, then add this one."


@dataclass(frozen=True)
class Kept:
    """A passkey as its owner sees it. `synced`: its maker keeps copies, so that it outlasts the device."""

    id: str
    name: str
    added: int
    used: int | None
    synced: bool
    verifying: bool


class Passkeys:
    """The passkeys in the database. `user` is an account's id, `token` that of its session."""

    def __init__(self, tools: Tools, challenges: Challenges) -> None:
        self._tools = tools
        self._challenges = challenges

    def options_to_use(self, party: RelyingParty, purpose: Purpose, bound: str, now: float) -> str:
        """What the page hands to navigator.credentials.get. The same for everybody, and without a list."""
        challenge = self._challenges.make(purpose, bound, now)
        return request_options(party, challenge, verified=purpose is Purpose.ALONE)

    def options_to_enrol(self, person: Identity, party: RelyingParty, token: str, now: float) -> str:
        """What the page hands to navigator.credentials.create. Blocks: it names what is enrolled already."""
        challenge = self._challenges.make(Purpose.ENROL, token, now)
        with store_errors("Please try again in a moment."), Session(self._tools.engine) as session:
            have = session.scalars(select(Passkey.credential).where(Passkey.user_id == person.id)).all()
        # The handle is the account's id, which is random: an authenticator may show it to whoever holds it.
        return creation_options(party, challenge, bytes.fromhex(person.id), person.name, have)

    def enrol(
        self, user: str, token: str, party: RelyingParty | None, response: str, name: str, now: float
    ) -> None:
        """Add what the authenticator has made; other sessions end.

        Raises:
            NameRefusedError: the name is empty, too long or can't be seen.
            RefusedError: it is no answer to our question, is enrolled already, or there are too many.
            BusyError: too many passkeys at once.
            StoreError: the database refuses; nothing was changed.
        """
        shown, tools = _checked_name(name), self._tools
        made = self._made(response, party, token, now)
        with store_errors("Nothing was changed."), Session(tools.engine) as session:
            if session.scalar(select(Passkey.id).where(Passkey.credential == made.credential)) is not None:
                raise RefusedError(_HAVE)
            if len(session.scalars(select(Passkey.id).where(Passkey.user_id == user)).all()) >= MAX_PASSKEYS:
                raise RefusedError(_FULL)
        row = Passkey(
            id=tools.random(16).hex(),
            user_id=user,
            credential=made.credential,
            public_key=made.public_key,
            sign_count=made.sign_count,
            name=shown,
            transports=made.transports,
            user_verified=made.user_verified,
            backed_up=made.backed_up,
            created_at=int(now),
            used_at=None,
        )
        tools.trail.note("passkey-added", user, now, {"passkey": row.id})
        with store_errors("Nothing was changed."):
            try:
                with Session(tools.engine) as session, session.begin():
                    session.add(row)
                    tools.sessions.end_all(session, user, but=token)
            except IntegrityError as error:
                raise RefusedError(_HAVE) from error

    def of(self, user: str) -> list[Kept]:
        """The passkeys of a person, the oldest first."""
        with store_errors("Please try again in a moment."), Session(self._tools.engine) as session:
            rows = session.scalars(
                select(Passkey).where(Passkey.user_id == user).order_by(Passkey.created_at, Passkey.id)
            ).all()
        return [
            Kept(row.id, row.name, row.created_at, row.used_at, row.backed_up, row.user_verified)
            for row in rows
        ]

    def rename(self, user: str, passkey: str, name: str, now: float) -> bool:
        """Give one's own passkey another name; False if there is none of this id.

        Raises:
            NameRefusedError: the name is empty, too long or can't be seen.
            StoreError: the database refuses.
        """
        shown = _checked_name(name)
        if passkey not in (one.id for one in self.of(user)):
            return False
        self._tools.trail.note("passkey-renamed", user, now, {"passkey": passkey})
        with store_errors("Nothing was changed."), Session(self._tools.engine) as session, session.begin():
            renamed = session.execute(
                update(Passkey)
                .where(Passkey.id == passkey, Passkey.user_id == user)
                .values(name=shown)
                .returning(Passkey.id)
            )
            return renamed.scalar_one_or_none() is not None

    def remove(self, user: str, token: str, passkey: str, now: float) -> bool:
        """Forget one's own passkey; other sessions end. False if there is none of this id.

        Raises:
            StoreError: the database refuses; nothing was changed.
        """
        tools = self._tools
        if passkey not in (one.id for one in self.of(user)):
            return False
        tools.trail.note("passkey-removed", user, now, {"passkey": passkey})
        with store_errors("Nothing was changed."), Session(tools.engine) as session, session.begin():
            session.execute(delete(Passkey).where(Passkey.id == passkey, Passkey.user_id == user))
            tools.sessions.end_all(session, user, but=token)
        return True

    def _made(self, response: str, party: RelyingParty | None, token: str, now: float) -> Made:
        try:
            challenge = challenge_of_creation(response)
            if party is None or not self._challenges.fits(challenge, Purpose.ENROL, token, now):
                raise RefusedError(NOT_MADE)
            made = check_creation(response, challenge, party)
            if not self._challenges.use(challenge, Purpose.ENROL, token, now):
                raise RefusedError(NOT_MADE)
            return made
        except CeremonyError as error:
            raise RefusedError(NOT_MADE) from error


def _checked_name(name: str) -> str:
    shown = " ".join(unicodedata.normalize("NFKC", name[: 4 * MAX_NAME]).split())
    if not shown:
        raise NameRefusedError("Please give the passkey a name by which you will know it.")
    if len(shown) > MAX_NAME:
        raise NameRefusedError(f"The name must not be longer than {MAX_NAME} characters.")
    # A name that runs backwards or shows nothing could pass for another passkey.
    if not shown.isprintable():
        raise NameRefusedError("The name has characters that can't be seen. Please type it again.")
    return shown
