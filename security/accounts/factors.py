"""What a person can prove with: the factors of an account, each with its kind (NIST SP 800-63B, section 5).

Does not: check or change any; account.py and the pages that it links to do.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from security.accounts.database import store_errors
from security.accounts.tables import Passkey, RecoveryCode

FEW_CODES = 3
PASSKEYS = "/account/passkeys"
KNOW = "something you know"
HAVE = "something you have"
# What the device looked at is not told: a face, a finger, or a PIN that one knows.
VERIFIED = "something you have, and something you are or know: face, fingerprint or PIN"


@dataclass(frozen=True)
class Factor:
    """A line of the list; `path` and `words` say where it is changed."""

    name: str
    kind: str
    path: str
    words: str


@dataclass(frozen=True)
class Factors:
    """All factors of one account."""

    rows: tuple[Factor, ...]
    passkeys: int
    codes_left: int

    @property
    def summary(self) -> str:
        """How many there are, in a sentence. A passkey adds no third kind: it has been seen to be had."""
        kinds = {KNOW if row.kind == KNOW else HAVE for row in self.rows}
        return f"You have {len(self.rows)} factors of {len(kinds)} kinds."

    @property
    def few_codes(self) -> bool:
        """Whether it is time for new recovery codes."""
        return self.codes_left <= FEW_CODES


def factors_of(engine: Engine, user: str) -> Factors:
    """The factors of `user`. Blocks. Recovery codes count while one is left.

    Raises:
        StoreError: the database can't be read.
    """
    unused = select(func.count()).where(RecoveryCode.user_id == user, RecoveryCode.used_at.is_(None))
    keys = select(Passkey).where(Passkey.user_id == user).order_by(Passkey.created_at, Passkey.id)
    with store_errors("Please try again in a moment."), Session(engine) as session:
        left = session.scalar(unused) or 0
        passkeys = [
            Factor(
                f"Passkey “{row.name}”",
                VERIFIED if row.user_verified else HAVE,
                PASSKEYS,
                "Manage",
            )
            for row in session.scalars(keys)
        ]
    rows = [
        Factor("Password", KNOW, "/account/password", "Change"),
        Factor("Authenticator app", HAVE, "/account/authenticator", "New app"),
        *passkeys,
    ]
    if left:
        rows.append(Factor(f"Recovery codes, {left} left", HAVE, "/account/codes", "New codes"))
    return Factors(tuple(rows), len(passkeys), left)


def of_passkeys(count: int) -> str:
    """What to say of them to who has a new password: whoever knew the old one may have added one."""
    what, which = ("a passkey", "it is") if count == 1 else (f"{count} passkeys", "all are")
    return f"You have {what}: look whether {which} yours."
