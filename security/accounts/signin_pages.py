"""HTTP for signing in and out: reads forms, calls the services, sets the cookie. No rule lives here."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil
from typing import TypeVar

from fastapi import Request
from fastapi.responses import Response
from starlette.background import BackgroundTask

from security.accounts.audit import Trail
from security.accounts.challenges import Purpose
from security.accounts.cookies import Cookies
from security.accounts.errors import BusyError, ClearingError, StoreError
from security.accounts.forms import read_form
from security.accounts.frames import Frames
from security.accounts.identity import SCOPE_KEY
from security.accounts.inside import see
from security.accounts.limits import Limiter, Visitor
from security.accounts.pages import Pages
from security.accounts.passkey_offers import PasskeyOffers
from security.accounts.policy import name_key
from security.accounts.redirects import local_path
from security.accounts.sessions import Sessions
from security.accounts.setup import Setup
from security.accounts.signin import MAX_NAME_TYPED, Attempt, SignIn
from security.accounts.successes import succeeded
from security.accounts.work import Workers

T = TypeVar("T")
_log = logging.getLogger("asklepion.accounts")
# One answer for every failure: who asks must not learn which part was right (OWASP ASVS 5.0, 6.3.8).
REFUSED = (
    "That did not match. Check name, password and code or passkey. A code works only once: if you have just "
    "used this one, wait for the next. After ten wrong codes none is accepted for an hour."
)
PASSKEY_REFUSED = (
    "This passkey was not accepted. It may have been removed here, this page may have been open too long, or "
    "your role may ask for name and password as well. Try again, or sign in with them."
)


@dataclass(frozen=True)
class SignInPages:
    """The handlers of /login and /logout."""

    cookies: Cookies
    pages: Pages
    frames: Frames
    setup: Setup
    forget: Callable[[str], None]
    leave: Callable[[str], None]
    signin: SignIn
    sessions: Sessions
    limiter: Limiter
    offers: PasskeyOffers
    trail: Trail
    slow: Workers
    quick: Workers
    counting: Workers
    now: Callable[[], float]

    async def show(self, request: Request) -> Response:
        """GET /login."""
        back = local_path(request.query_params.get("next", "/"))
        if request.scope.get(SCOPE_KEY) is not None:
            return see(back)
        if await self.quick.run(self.setup.is_open):
            return self.pages.message("Not set up yet", self._how_to_set_up(), 200)
        return self.frames.instead(request, back) or self._form(request, {}, back)

    async def sign_in(self, request: Request) -> Response:
        """POST /login."""
        fields = await read_form(request)
        back = local_path(fields.get("next", "/"))
        if fields.get("alone"):
            return await self._alone(request, fields, back)
        name = fields.get("name", "")
        now = self.now()
        visitor = self.cookies.visitor(request, name_key(name[:MAX_NAME_TYPED]))
        wait = ceil(await self.counting.run(self.limiter.take, visitor, now))
        if wait > 0:
            return self._told_to_wait(request, fields, back, wait)
        code = fields.get("code", "").strip() or fields.get("recovery", "")
        passkey = self.offers.given(request, fields, Purpose.SECOND_FACTOR)
        typed = Attempt(name, fields.get("password", ""), passkey or code)

        def may_try(password_fits: bool) -> bool:
            return self.limiter.take_code(visitor, now, password_fits=password_fits)

        try:
            token = await self.slow.run(self.signin.attempt, typed, now, self.cookies.token(request), may_try)
        except BusyError:
            # Nothing was looked at.
            await self.counting.run(self.limiter.take_back, visitor, now)
            raise
        if token is None:
            response = self._form(request, fields, back, REFUSED, 401)
            response.background = BackgroundTask(self._note_refusal, self.signin.note_refusal, name, now)
            return response
        self.forget(visitor.account)
        return await self._let_in(request, back, visitor, token, now)

    async def _alone(self, request: Request, fields: Mapping[str, str], back: str) -> Response:
        """POST /login with a passkey and nothing else."""
        now = self.now()
        given = self.offers.given(request, fields, Purpose.ALONE)
        if given is None:
            return self._form(request, {}, back, PASSKEY_REFUSED, 401)
        visitor = self.cookies.visitor(request, await self.quick.run(self.signin.account_of, given))
        wait = ceil(await self.counting.run(self.limiter.take, visitor, now))
        if wait > 0:
            return self._told_to_wait(request, {}, back, wait)

        def may_try(password_fits: bool) -> bool:
            return self.limiter.take_code(visitor, now, password_fits=password_fits)

        try:
            entered = await self.slow.run(self.signin.alone, given, now, self.cookies.token(request), may_try)
        except BusyError:
            await self.counting.run(self.limiter.take_back, visitor, now)
            raise
        if entered is None:
            response = self._form(request, {}, back, PASSKEY_REFUSED, 401)
            response.background = BackgroundTask(self._note_refusal, self.signin.note_refusal_of, given, now)
            return response
        self.forget(entered.account)
        return await self._let_in(request, back, visitor, entered.token, now)

    async def _let_in(
        self, request: Request, back: str, visitor: Visitor, token: str, now: float
    ) -> Response:
        device = await succeeded(self.limiter, self.counting, visitor, now)
        response = see(back)
        self.cookies.set(request, response, token)
        if device is not None:
            self.cookies.set_device(request, response, device)
        return response

    async def sign_out(self, request: Request) -> Response:
        """POST /logout. Also for a session that is over already: the visitor ends at the sign-in page."""
        token = self.cookies.token(request)
        if token is not None:
            await self.quick.run(self.sessions.end, token)
        identity = request.scope.get(SCOPE_KEY)
        if identity is not None:
            await self.slow.run(self._left, identity.id)
        response = see("/login")
        self.cookies.take_back(request, response)
        return response

    def _left(self, user: str) -> None:
        self.trail.note("sign-out", user, self.now())
        try:
            self.leave(user)
        except ClearingError as error:
            _log.warning("%s It is removed within an hour or so, or at the next start.", error)

    def _how_to_set_up(self) -> str:
        if self.setup.given:
            return (
                "This app has no administrator yet. Open /setup?token=... with the token that was set as the "
                "secret ASKLEPION_SETUP_TOKEN."
            )
        return (
            "This app has no administrator yet. Open the set-up link that was printed in the terminal "
            "when the app was started."
        )

    def _form(
        self,
        request: Request,
        fields: Mapping[str, str],
        back: str,
        problem: str | None = None,
        status: int = 200,
    ) -> Response:
        offer = self.offers.offer(request, Purpose.SECOND_FACTOR, "", self.now(), alone=True)
        return self.pages.show(
            "login.html",
            status,
            passkey=offer,
            name=fields.get("name", "")[:MAX_NAME_TYPED],
            recovering=bool(fields.get("recovery")),
            next=back,
            problem=problem,
            outside=self.cookies.outside,
        )

    def _told_to_wait(self, request: Request, fields: Mapping[str, str], back: str, wait: int) -> Response:
        _log.info("a sign-in was told to wait for %d s", wait)
        unit = "second" if wait == 1 else "seconds"
        problem = f"Too many attempts. Please wait {wait} {unit} and try again."
        response = self._form(request, fields, back, problem, 429)
        response.headers["retry-after"] = str(wait)
        return response

    async def _note_refusal(self, note: Callable[[T, float], None], what: T, now: float) -> None:
        try:
            await self.counting.run(note, what, now)
        except (BusyError, StoreError) as error:
            _log.warning("a refused sign-in is not in the audit trail: %s", error)
