"""HTTP for a new password by link. No rule lives here."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil

from fastapi import Request
from fastapi.responses import Response

from security.accounts.challenges import Purpose
from security.accounts.cookies import Cookies
from security.accounts.errors import BusyError, RefusedError, SetupClosedError, StoreError
from security.accounts.forms import read_form
from security.accounts.limits import Limiter, Visitor
from security.accounts.pages import Pages
from security.accounts.passkey_offers import PasskeyOffers
from security.accounts.policy import MAX_PASSWORD, MIN_PASSWORD
from security.accounts.resets import CLOSED, Resets
from security.accounts.work import Workers
from security.crypto.errors import PasswordRefusedError

_log = logging.getLogger("asklepion.accounts")


@dataclass(frozen=True)
class ResetPages:
    """The handlers of /reset."""

    pages: Pages
    cookies: Cookies
    resets: Resets
    offers: PasskeyOffers
    limiter: Limiter
    counting: Workers
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
        fields, now = await read_form(request), self.now()
        token, password = fields.get("token", ""), fields.get("password", "")
        account = await self.quick.run(self.resets.account, token, now)
        if account is None:
            return self._closed()
        if password != fields.get("password_again", ""):
            differ = {"password_again": "The two passwords differ. Please type both again."}
            return self._form(request, token, differ, 422)
        visitor = self.cookies.visitor(request, account)
        wait = ceil(await self.counting.run(self.limiter.take, visitor, now))
        if wait > 0:
            said = f"Too many attempts. Please wait {wait} second{'s' * (wait > 1)} and try again."
            page = self._form(request, token, {"code": said}, 429)
            page.headers["retry-after"] = str(wait)
            return page
        second = self.offers.given(request, fields, Purpose.RESET, token) or fields.get("code", "")

        def may_try() -> bool:
            return self.limiter.take_code(visitor, now, password_fits=True)

        try:
            await self.slow.run(self.resets.reset, token, password, second, now, may_try)
        except RefusedError as error:
            return self._form(request, token, {"code": str(error)}, 422)
        except (BusyError, SetupClosedError, PasswordRefusedError) as error:
            # No code was looked at, or its link was used up meanwhile.
            await self.counting.run(self.limiter.take_back, visitor, now)
            if isinstance(error, PasswordRefusedError):
                return self._form(request, token, {"password": str(error)}, 422)
            if isinstance(error, SetupClosedError):
                return self._closed()
            raise
        await self._succeeded(visitor, now)
        return self.pages.message(
            "Your password is set", "Please sign in with it.", 200, ("/login", "Go to sign-in")
        )

    async def _succeeded(self, visitor: Visitor, now: float) -> None:
        try:
            await self.counting.run(self.limiter.succeeded, visitor, now)
        except (BusyError, StoreError) as error:
            # The password is set; what was counted is forgotten within the hour.
            _log.warning("a new password stays counted as an attempt: %s", error)

    def _form(self, request: Request, token: str, problems: Mapping[str, str], status: int) -> Response:
        offer = self.offers.offer(request, Purpose.RESET, token, self.now())
        return self.pages.show(
            "reset.html",
            status,
            passkey=offer,
            token=token,
            problems={field: problems.get(field) for field in ("password", "password_again", "code")},
            refused=bool(problems),
            shortest=MIN_PASSWORD,
            longest=MAX_PASSWORD,
        )

    def _closed(self) -> Response:
        return self.pages.message("This link is closed", CLOSED, 403, ("/login", "Go to sign-in"))
