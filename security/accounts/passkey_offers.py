"""What a page offers of passkeys, and what its form brings back: the same on every page that asks for a code.

Does not: check anything; the services do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import Request

from security.accounts.arrivals import read_arrival
from security.accounts.assertions import Assertion
from security.accounts.challenges import LIFE_S, Purpose
from security.accounts.passkeys import Passkeys
from security.accounts.relying import by_name, party_of
from security.accounts.settings import AccountSettings

# The page says that it is too old a little before its challenge is.
_MARGIN_S = 15


@dataclass(frozen=True)
class Offer:
    """For the templates. Without `options` there are no passkeys at this address; `elsewhere` may have some.

    `alone` are the options for signing in without name and password; `outside` is where the app is to be had
    outside a frame; `seconds` is how long the page can be used for this.
    """

    options: str = ""
    alone: str = ""
    elsewhere: str = ""
    outside: str = ""
    seconds: int = LIFE_S - _MARGIN_S


@dataclass(frozen=True)
class PasskeyOffers:
    """Makes offers and reads what comes of them."""

    settings: AccountSettings
    passkeys: Passkeys

    def offer(
        self, request: Request, purpose: Purpose, bound: str, now: float, *, alone: bool = False
    ) -> Offer:
        """What the page at this address can offer; `bound` is the session's or link's token, or empty."""
        party = party_of(request.scope, self.settings)
        if party is None:
            return self.nothing(request)
        ask = self.passkeys.options_to_use
        return Offer(
            options=ask(party, purpose, bound, now),
            alone=ask(party, Purpose.ALONE, "", now) if alone else "",
            outside=self.outside,
        )

    def nothing(self, request: Request) -> Offer:
        """What the page says where passkeys can't be."""
        own = read_arrival(request.scope, self.settings).own_origin
        return Offer(elsewhere=by_name(own) or "", outside=self.outside)

    def given(
        self, request: Request, fields: Mapping[str, str], purpose: Purpose, bound: str = ""
    ) -> Assertion | None:
        """The passkey's answer in a form, if there is one."""
        response = fields.get("passkey", "")
        if not response:
            return None
        return Assertion(response, party_of(request.scope, self.settings), purpose, bound)

    @property
    def outside(self) -> str:
        """Where the app is to be had outside a frame, if it may be shown in one."""
        return (self.settings.public_origin or "") if self.settings.framed else ""
