"""HTTP for one's own passkeys: reads forms, calls the service, shows the page. No rule lives here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from fastapi import Request
from fastapi.responses import Response

from security.accounts.account_pages import told
from security.accounts.errors import NameRefusedError, RefusedError
from security.accounts.factors import PASSKEYS
from security.accounts.forms import read_form
from security.accounts.inside import Inside, Visitor, see, to_confirm
from security.accounts.pages import Handler
from security.accounts.passkey_offers import Offer, PasskeyOffers
from security.accounts.passkeys import MAX_NAME
from security.accounts.relying import party_of


@dataclass(frozen=True)
class PasskeyPages:
    """The handlers of /account/passkeys."""

    inside: Inside
    offers: PasskeyOffers

    def handlers(self) -> dict[str, Handler]:
        """Path and handler."""
        return {PASSKEYS: self.inside.route({"GET": self.show, "POST": self.post})}

    async def show(self, request: Request) -> Response:
        """GET /account/passkeys."""
        return await self._page(request, {}, "", 200)

    async def post(self, request: Request) -> Response:
        """POST /account/passkeys: add, rename or remove."""
        fields, visitor = await read_form(request), self.inside.visitor(request)
        action, user = fields.get("action", ""), visitor.identity.id
        if not await self.inside.proved(visitor):
            return to_confirm(PASSKEYS)
        if action == "rename":
            return await self._rename(request, fields, user)
        if action == "add":
            return await self._add(request, fields, visitor)
        if action == "remove":
            passkey, now = fields.get("passkey", ""), self.inside.now()
            remove = self.offers.passkeys.remove
            found = await self.inside.slow.run(remove, user, visitor.token, passkey, now)
            return see(PASSKEYS) if found else self._unknown()
        return await self._page(request, {}, "This form has no such button. Please try again.", 400)

    async def _add(self, request: Request, fields: Mapping[str, str], visitor: Visitor) -> Response:
        party = party_of(request.scope, self.offers.settings)
        given = fields.get("passkey", ""), fields.get("name", "")
        enrol, user = self.offers.passkeys.enrol, visitor.identity.id
        try:
            await self.inside.slow.run(enrol, user, visitor.token, party, *given, self.inside.now())
        except (RefusedError, NameRefusedError) as error:
            return await self._page(request, fields, str(error), 422)
        return see(PASSKEYS)

    async def _rename(self, request: Request, fields: Mapping[str, str], user: str) -> Response:
        passkey, name = fields.get("passkey", ""), fields.get("name", "")
        try:
            found = await self.inside.slow.run(
                self.offers.passkeys.rename, user, passkey, name, self.inside.now()
            )
        except NameRefusedError as error:
            return await self._page(request, {}, str(error), 422)
        return see(PASSKEYS) if found else self._unknown()

    async def _page(self, request: Request, fields: Mapping[str, str], problem: str, status: int) -> Response:
        inside, visitor = self.inside, self.inside.visitor(request)
        proved = await inside.proved(visitor)
        found = await inside.quick.run(self.offers.passkeys.of, visitor.identity.id)
        rows = [(one, told(one.added), "never" if one.used is None else told(one.used)) for one in found]
        offer = await self._offer(request, visitor, proved)
        return inside.pages.show(
            "passkeys.html",
            status,
            passkeys=rows,
            possible=party_of(request.scope, self.offers.settings) is not None,
            passkey=offer,
            proved=proved,
            name=fields.get("name", "")[:MAX_NAME],
            longest=MAX_NAME,
            problem=problem,
        )

    async def _offer(self, request: Request, visitor: Visitor, proved: bool) -> Offer:
        party = party_of(request.scope, self.offers.settings)
        offer = self.offers.nothing(request)
        if party is None or not proved:
            return offer
        make, now = self.offers.passkeys.options_to_enrol, self.inside.now()
        options = await self.inside.quick.run(make, visitor.identity, party, visitor.token, now)
        return replace(offer, options=options)

    def _unknown(self) -> Response:
        return self.inside.pages.message(
            "Not found", "You have no such passkey; it may have been removed.", 404, (PASSKEYS, "Go back")
        )
