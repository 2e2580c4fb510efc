"""HTTP for the privacy text: shown and agreed to at first, and there to be read ever after."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import Request
from fastapi.responses import Response

from security.accounts.account_pages import told
from security.accounts.consents import Consents
from security.accounts.duties import PLACES
from security.accounts.errors import RefusedError
from security.accounts.forms import read_form
from security.accounts.identity import Duty
from security.accounts.inside import Inside, see
from security.accounts.pages import Handler

READ_AGAIN = "/account/privacy"
_WELCOME = PLACES[Duty.CONSENT]


@dataclass(frozen=True)
class ConsentPages:
    """The handlers of /account/welcome and /account/privacy. To decline is to sign out."""

    inside: Inside
    consents: Consents

    def handlers(self) -> dict[str, Handler]:
        """Path and handler."""
        route = self.inside.route
        return {
            _WELCOME: route({"GET": self.welcome, "POST": self.agree}),
            READ_AGAIN: route({"GET": self.show}),
        }

    async def welcome(self, request: Request) -> Response:
        """GET /account/welcome."""
        at = await self._given_at(request)
        return self._text(None) if at is None else see(READ_AGAIN)

    async def agree(self, request: Request) -> Response:
        """POST /account/welcome. What else is owed, the middleware asks for on the way to the rooms."""
        fields, visitor = await read_form(request), self.inside.visitor(request)
        edition, now = fields.get("edition", ""), self.inside.now()
        try:
            await self.inside.slow.run(self.consents.give, visitor.identity.id, edition, now)
        except RefusedError as error:
            return self._text(None, str(error), 422)
        return see("/")

    async def show(self, request: Request) -> Response:
        """GET /account/privacy."""
        return self._text(await self._given_at(request))

    async def _given_at(self, request: Request) -> int | None:
        return await self.inside.quick.run(self.consents.given_at, self.inside.visitor(request).identity.id)

    def _text(self, at: int | None, problem: str | None = None, status: int = 200) -> Response:
        agreed = None if at is None else told(at)
        return self.inside.pages.show(
            "privacy.html", status, agreed=agreed, edition=self.consents.edition, problem=problem
        )
