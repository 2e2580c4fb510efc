"""HTTP for a new password by link. No rule lives here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fastapi import Request
from fastapi.responses import Response

from security.accounts.challenges import Purpose
from security.accounts.errors import RefusedError, SetupClosedError
from security.accounts.forms import read_form
from security.accounts.pages import Pages
from security.accounts.passkey_offers import PasskeyOffers
from security.accounts.policy import MAX_PASSWORD, MIN_PASSWORD
from security.accounts.resets import CLOSED, Resets
from security.accounts.work import Workers
from security.crypto.errors import PasswordRefusedError


@dataclass(frozen=True)
class ResetPages:
    """The handlers of /reset."""

    pages: Pages
    resets: Resets
    offers: PasskeyOffers
    slow: Workers
    quick: Workers
    now: Callable[[], float]

    async def show(self, request: Request) -> Response:
        """GET /reset?token=..."""
        token = request.query_params.get("token", "")
        if not await self.quick.run(self.resets.admits, token, self.now()):
            return self._closed()
        return self._form(request, token, {}, 200)

    async def post(self, request: Request) -> Response:
        """POST /reset."""
        fields = await read_form(request)
        token, password = fields.get("token", ""), fields.get("password", "")
        if not await self.quick.run(self.resets.admits, token, self.now()):
            return self._closed()
        if password != fields.get("password_again", ""):
            differ = {"password_again": "The two passwords differ. Please type both again."}
            return self._form(request, token, differ, 422)
        second = self.offers.given(request, fields, Purpose.RESET, token) or fields.get("code", "")
        try:
            await self.slow.run(self.resets.reset, token, password, second, self.now())
        except SetupClosedError:
            return self._closed()
        except PasswordRefusedError as error:
            return self._form(request, token, {"password": str(error)}, 422)
        except RefusedError as error:
            return self._form(request, token, {"code": str(error)}, 422)
        return self.pages.message(
            "Your password is set", "Please sign in with it.", 200, ("/login", "Go to sign-in")
        )

    def _form(self, request: Request, token: str, problems: Mapping[str, str], status: int) -> Response:
        offer = self.offers.offer(request, Purpose.RESET, token, self.now())
        return self.pages.show(
            "reset.html",
            status,
            scripted=bool(offer.options),
            passkey=offer,
            token=token,
            problems={field: problems.get(field) for field in ("password", "password_again", "code")},
            refused=bool(problems),
            shortest=MIN_PASSWORD,
            longest=MAX_PASSWORD,
        )

    def _closed(self) -> Response:
        return self.pages.message("This link is closed", CLOSED, 403, ("/login", "Go to sign-in"))
