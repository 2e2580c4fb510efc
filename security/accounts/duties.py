"""What a signed-in person owes before the rooms open: agreeing to the privacy text, and a passkey.

Part of the one query that looks up a session, so that it costs no second one and counts at once for sessions
that run. Does not: refuse anything itself; the middleware does, and asks for one thing at a time.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from sqlalchemy import ColumnElement, and_, exists, not_

from security.accounts.identity import Duty
from security.accounts.tables import Consent, Passkey, RolePolicy, User

# Of the privacy text. Raise it when the text says something else: whoever agreed to another is asked again.
EDITION = 1
# Where a duty is done.
PLACES: Mapping[Duty, str] = MappingProxyType(
    {Duty.CONSENT: "/account/welcome", Duty.PASSKEY: "/account/passkeys"}
)
ASKS: Mapping[Duty, str] = MappingProxyType(
    {
        Duty.CONSENT: "Please read and agree to the privacy text first: open /account/welcome.",
        Duty.PASSKEY: "Your role needs a passkey. Please add one first: open /account/passkeys.",
    }
)


def owes_consent(edition: int = EDITION) -> ColumnElement[bool]:
    """Beside a row of User, in SQL: whether this edition of the privacy text was not agreed to."""
    return not_(exists().where(Consent.user_id == User.id, Consent.edition == edition))


def owes_passkey() -> ColumnElement[bool]:
    """Beside a row of User, in SQL: whether the role needs a passkey and there is none."""
    needed = exists().where(RolePolicy.role == User.role, RolePolicy.passkey_required.is_(True))
    return and_(needed, not_(exists().where(Passkey.user_id == User.id)))


def first_duty(consent: bool, passkey: bool) -> Duty | None:
    """What is asked for first of what is owed."""
    if consent:
        return Duty.CONSENT
    return Duty.PASSKEY if passkey else None
