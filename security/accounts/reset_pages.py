"""HTTP for a new password by link. No rule lives here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil

from fastapi import Request
from fastapi.responses import Response

from security.accounts.challenges import Purpose
from security.accounts.cookies import Cookies
from security.accounts.enrolment import digest
from security.accounts.errors import BusyError, RefusedError, SetupClosedError, TooOftenError
from security.accounts.factors import PASSKEYS, of_passkeys
from security.accounts.forms import read_form
from security.accounts.judging import Judging
from security.accounts.limits import Limiter
from security.accounts.pages import Pages
from security.accounts.passkey_offers import PasskeyOffers
from security.accounts.policy import MAX_PASSWORD, MIN_PASSWORD, name_key
from security.accounts.resets import CLOSED, Resets
from security.accounts.successes import succeeded
from security.accounts.work import Workers
from security.crypto.errors import PasswordRefusedError


@dataclass(frozen=True)
class ResetPages:
    """The handlers of /reset."""

    pages: Pages
    cookies: Cookies
    resets: Resets
    offers: PasskeyOffers
    limiter: Limiter
    judging: Judging
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
        owner = await self.quick.run(self.resets.owner, token, now)
        if owner is None:
            return self._closed()
        if password != fields.get("password_again", ""):
            differ = {"password_again": "The two passwords differ. Please type both again."}
            return self._form(request, token, differ, 422)
        visitor = self.cookies.visitor(request, name_key(owner))
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
            check = await self.judging.accepted(digest(token), password, owner, now)
            passkeys = await self.slow.run(self.resets.reset, token, password, second, now, may_try, check)
        except RefusedError as error:
            return self._form(request, token, {"code": str(error)}, 422)
        except PasswordRefusedError as error:
            # Still counted: to judge it was work.
            return self._form(request, token, {"password": str(error)}, 422)
        except (BusyError, SetupClosedError) as error:
            # No code was looked at, or its link was used up meanwhile.
            await self.counting.run(self.limiter.take_back, visitor, now)
            if isinstance(error, TooOftenError):
                return self._form(request, token, {"password": str(error)}, 429)
            if isinstance(error, SetupClosedError):
                return self._closed()
            raise
        await succeeded(self.limiter, self.counting, visitor, now)
        text, link = "Please sign in with it.", ("/login", "Go to sign-in")
        if passkeys:
            text = f"{text} {of_passkeys(passkeys)} You are led there when you have signed in."
            link = f"/login?next={PASSKEYS}", "Sign in and look at them"
        return self.pages.message("Your password is set", text, 200, link)

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
