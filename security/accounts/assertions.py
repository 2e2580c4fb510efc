"""Proving oneself with a passkey: is this answer fresh, ours, and signed by a passkey that somebody here has?

The work is the same for a passkey that nobody has: its signature is checked against a key that exists only in
memory. A counter that did not grow means that there may be two of an authenticator (W3C Web Authentication
Level 3, 6.1.1); it is refused and written in the trail. Does not: say whose proof it should be; who spends it
does (proof.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import select, update
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from security.accounts.audit import Trail
from security.accounts.ceremonies import CeremonyError, Signed, check_assertion, read_assertion
from security.accounts.challenges import Challenges, Purpose
from security.accounts.database import store_errors
from security.accounts.relying import RelyingParty
from security.accounts.tables import Passkey

CLONE = "passkey-clone-suspected"
_NO_PASSKEY = "0" * 32


@dataclass(frozen=True)
class Assertion:
    """What a browser sent, and what it must have been made for. The answer is not in `repr`."""

    response: str = field(repr=False)
    party: RelyingParty | None
    purpose: Purpose
    bound: str = field(repr=False, default="")


@dataclass(frozen=True)
class Seen:
    """A passkey that has signed. `by_handle`: the authenticator itself said whose it is."""

    passkey: str
    user: str
    sign_count: int
    user_verified: bool
    backed_up: bool
    by_handle: bool


class Assertions:
    """Looks at assertions and spends them."""

    def __init__(self, engine: Engine, challenges: Challenges, trail: Trail) -> None:
        self._engine = engine
        self._challenges = challenges
        self._trail = trail
        self._decoy = _decoy_key()

    def see(self, given: Assertion, now: float) -> Seen | None:
        """The passkey behind `given`, or None if anything is wrong with it.

        Its challenge is used up once the signature is right, in one step that only one of several gets past.

        Raises:
            BusyError: too many passkeys at once.
            StoreError: the database can't be read, or a regression can't be written down.
        """
        try:
            signed = read_assertion(given.response)
        except CeremonyError:
            return None
        asked = signed.challenge, given.purpose, given.bound, now
        if given.party is None or not self._challenges.fits(*asked):
            return None
        row = self._row(signed.credential)
        return self._checked(signed, row, given.party, now, lambda: self._challenges.use(*asked))

    def owner(self, response: str) -> str | None:
        """Whose passkey is named in `response`; not proof of anything: for the trail and the limits."""
        try:
            row = self._row(read_assertion(response).credential)
        except CeremonyError:
            return None
        return None if row is None else row.user_id

    def spend(self, session: Session, spender: str, seen: Seen | None, now: float) -> bool:
        """Note the use in a transaction of the caller's; False if it is not a passkey of `spender`.

        One UPDATE with the counter as its condition. It runs for no passkey too, so that its time tells
        nothing.
        """
        count = 0 if seen is None else seen.sign_count
        grown = Passkey.sign_count < count if count else Passkey.sign_count == 0
        spent = session.execute(
            update(Passkey)
            .where(
                Passkey.id == (_NO_PASSKEY if seen is None else seen.passkey),
                Passkey.user_id == spender,
                grown,
            )
            .values(sign_count=count, used_at=int(now), backed_up=seen is not None and seen.backed_up)
            .returning(Passkey.id)
        )
        return spent.scalar_one_or_none() is not None

    def _row(self, credential: bytes) -> Passkey | None:
        with store_errors("Please try again in a moment."), Session(self._engine) as session:
            return session.scalar(select(Passkey).where(Passkey.credential == credential))

    def _checked(
        self,
        signed: Signed,
        row: Passkey | None,
        party: RelyingParty,
        now: float,
        use: Callable[[], bool],
    ) -> Seen | None:
        try:
            found = check_assertion(signed, self._decoy if row is None else row.public_key, party)
        except CeremonyError:
            return None
        # Before a counter is looked at: one answer sent again and again would fill the trail.
        if row is None or not use():
            return None
        handle = signed.user_handle
        if handle is not None and handle != bytes.fromhex(row.user_id):
            return None
        if (found.sign_count or row.sign_count) and found.sign_count <= row.sign_count:
            self._trail.note(CLONE, row.user_id, now, {"passkey": row.id})
            return None
        return Seen(
            row.id, row.user_id, found.sign_count, found.user_verified, found.backed_up, handle is not None
        )


def _decoy_key() -> bytes:
    """A key of the commonest kind, whose private half is forgotten at once."""
    numbers = ec.generate_private_key(ec.SECP256R1()).public_key().public_numbers()
    return cbor2.dumps(
        {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
    )
