"""The session cookie: read, set and taken back in one way."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import Request
from fastapi.responses import Response

from security.accounts.arrivals import COOKIE, SECURE_COOKIE, is_secure, session_token
from security.accounts.settings import AccountSettings


@dataclass(frozen=True)
class Cookies:
    """The cookie of this app, as the request's own address wants it."""

    settings: AccountSettings

    def token(self, request: Request) -> str | None:
        """The token that the browser holds."""
        return session_token(request.scope, _cookie(is_secure(request.scope, self.settings)))

    def set(self, request: Request, response: Response, token: str) -> None:
        """Hand out a token (OWASP ASVS 5.0, 3.3)."""
        secure = is_secure(request.scope, self.settings)
        # Lax, not Strict: with Strict a link from a mail or another site would show the sign-in page to
        # somebody who is signed in. What Lax lets through is GET, which changes nothing here, and the
        # middleware refuses foreign origins besides. No Max-Age: the cookie ends with the browser.
        response.set_cookie(_cookie(secure), token, path="/", secure=secure, httponly=True, samesite="lax")

    def take_back(self, request: Request, response: Response) -> None:
        """Make the browser forget its token."""
        secure = is_secure(request.scope, self.settings)
        response.delete_cookie(_cookie(secure), path="/", secure=secure, httponly=True, samesite="lax")


def _cookie(secure: bool) -> str:
    return SECURE_COOKIE if secure else COOKIE
