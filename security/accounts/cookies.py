"""The cookies of the session and of a known device: read, set and taken back in one way."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import Request
from fastapi.responses import Response

from security.accounts import devices
from security.accounts.arrivals import COOKIE, SECURE_COOKIE, is_secure, session_token
from security.accounts.limits import Visitor
from security.accounts.proxies import client_address
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

    def visitor(self, request: Request, account: str) -> Visitor:
        """Who tries to prove to be `account` (a compared name), as the limits count it."""
        return Visitor(
            account=account,
            address=client_address(request.scope, self.settings.trusted_proxies),
            device=session_token(request.scope, _device(is_secure(request.scope, self.settings))),
        )

    def set_device(self, request: Request, response: Response, device: str) -> None:
        """Let the browser be known next time."""
        secure = is_secure(request.scope, self.settings)
        # Strict: it is only wanted with our own form. Signing out leaves it.
        response.set_cookie(
            _device(secure),
            device,
            max_age=devices.MAX_AGE_S,
            path="/",
            secure=secure,
            httponly=True,
            samesite="strict",
        )


def _device(secure: bool) -> str:
    return devices.SECURE_COOKIE if secure else devices.COOKIE


def _cookie(secure: bool) -> str:
    return SECURE_COOKIE if secure else COOKIE
