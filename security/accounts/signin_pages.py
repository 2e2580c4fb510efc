"""HTTP for signing in and out: reads forms, calls the services, sets the cookie. No rule lives here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fastapi import Request
from fastapi.responses import RedirectResponse, Response

from security.accounts.arrivals import is_secure, session_token
from security.accounts.audit import Trail
from security.accounts.cookies import cookie_name, give_cookie, take_cookie
from security.accounts.forms import read_form
from security.accounts.identity import SCOPE_KEY
from security.accounts.limits import Limiter
from security.accounts.pages import Pages
from security.accounts.policy import name_key
from security.accounts.redirects import local_path
from security.accounts.sessions import Sessions
from security.accounts.settings import AccountSettings
from security.accounts.setup import Setup
from security.accounts.signin import MAX_NAME_TYPED, Attempt, SignIn
from security.accounts.work import Workers

# One answer for every failure: who asks must not learn which part was right (OWASP ASVS 5.0, 6.3.8).
REFUSED = (
    "That did not match. Check name, password and code. A code works only once: if you have just used "
    "this one, wait for the next."
)


@dataclass(frozen=True)
class SignInPages:
    """The handlers of /login and /logout."""

    settings: AccountSettings
    pages: Pages
    setup: Setup
    signin: SignIn
    sessions: Sessions
    limiter: Limiter
    trail: Trail
    slow: Workers
    quick: Workers
    now: Callable[[], float]

    async def show(self, request: Request) -> Response:
        """GET /login."""
        back = local_path(request.query_params.get("next", "/"))
        if request.scope.get(SCOPE_KEY) is not None:
            return _see(back)
        if await self.quick.run(self.setup.is_open):
            return self.pages.message("Not set up yet", self._how_to_set_up(), 200)
        return self._form({}, back)

    async def sign_in(self, request: Request) -> Response:
        """POST /login."""
        fields = await read_form(request)
        back = local_path(fields.get("next", "/"))
        name = fields.get("name", "")
        now = self.now()
        account = name_key(name[:MAX_NAME_TYPED])
        address = request.client.host if request.client is not None else ""
        wait = self.limiter.wait_s(account, address, now)
        if wait > 0:
            return self._refused(
                fields, back, f"Please wait {int(wait) + 1} seconds and try again.", 429, wait
            )
        code = fields.get("code", "").strip() or fields.get("recovery", "")
        typed = Attempt(name, fields.get("password", ""), code)
        token = await self.slow.run(self.signin.attempt, typed, now, self._token(request))
        self.limiter.note(account, address, succeeded=token is not None, now=now)
        if token is None:
            return self._refused(fields, back, REFUSED, 401)
        self.setup.forget()
        response = _see(back)
        secure = is_secure(request.scope, self.settings)
        give_cookie(response, token, secure=secure, framed=self.settings.framed)
        return response

    async def sign_out(self, request: Request) -> Response:
        """POST /logout. Also for a session that is over already: the visitor ends at the sign-in page."""
        token = self._token(request)
        if token is not None:
            await self.quick.run(self.sessions.end, token)
        identity = request.scope.get(SCOPE_KEY)
        if identity is not None:
            await self.slow.run(self.trail.note, "sign-out", identity.id, self.now())
        response = _see("/login")
        take_cookie(response, secure=is_secure(request.scope, self.settings), framed=self.settings.framed)
        return response

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
        self, fields: Mapping[str, str], back: str, problem: str | None = None, status: int = 200
    ) -> Response:
        return self.pages.show(
            "login.html",
            status,
            name=fields.get("name", "")[:MAX_NAME_TYPED],
            recovering=bool(fields.get("recovery")),
            next=back,
            problem=problem,
            outside=self.settings.public_origin if self.settings.framed else None,
        )

    def _refused(
        self, fields: Mapping[str, str], back: str, problem: str, status: int, wait: float = 0
    ) -> Response:
        response = self._form(fields, back, problem, status)
        if wait:
            response.headers["retry-after"] = str(int(wait) + 1)
        return response

    def _token(self, request: Request) -> str | None:
        return session_token(request.scope, cookie_name(secure=is_secure(request.scope, self.settings)))


def _see(path: str) -> RedirectResponse:
    return RedirectResponse(path, 303, headers={"cache-control": "no-store"})
