"""The cookies of the session, of a known device and of a trial: read, set and taken back in one way.

By itself, or for an app that another site shows in a frame. The session's has no Max-Age in either form: it
ends with the browser (OWASP ASVS 5.0, 3.3.1 to 3.3.4). Does not: decide whether a request may use a cookie;
arrivals.py and middleware.py do.
"""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import Request
from fastapi.responses import Response

from security.accounts import devices
from security.accounts.arrivals import COOKIE, SECURE_COOKIE, is_secure, session_token
from security.accounts.limits import Visitor
from security.accounts.proxies import client_address
from security.accounts.settings import AccountSettings

# In a frame of another site only SameSite=None is sent. Partitioned (CHIPS) keys the cookie to the site on
# top, so that no third site's page sends it. Written by hand: http.cookies knows it from Python 3.14 on.
_FRAMED = "; HttpOnly; Path=/; SameSite=None; Secure; Partitioned"
_LONG_AGO = "; Max-Age=0"
# Says nothing but that the browser keeps what is set in a frame; the session's goes into the same jar.
TRIAL_COOKIE = "__Host-asklepion_trial"


@dataclass(frozen=True)
class Cookies:
    """The cookie of this app, as the request's own address wants it."""

    settings: AccountSettings

    def token(self, request: Request) -> str | None:
        """The token that the browser holds."""
        return session_token(request.scope, _cookie(is_secure(request.scope, self.settings)))

    def set(self, request: Request, response: Response, token: str) -> None:
        """Hand out a token. A framed app is always reached by TLS; its settings see to that."""
        if self.settings.framed:
            response.headers.append("set-cookie", f"{SECURE_COOKIE}={token}{_FRAMED}")
            return
        secure = is_secure(request.scope, self.settings)
        # Lax, not Strict: with Strict a link from a mail or another site would show the sign-in page to
        # somebody who is signed in. What Lax lets through is GET, which changes nothing here, and the
        # middleware refuses foreign origins besides.
        response.set_cookie(_cookie(secure), token, path="/", secure=secure, httponly=True, samesite="lax")

    def take_back(self, request: Request, response: Response) -> None:
        """Have the browser forget the token. Does not end the session; that is for the server to do."""
        if self.settings.framed:
            # Without Partitioned the browser would look for it in another jar.
            response.headers.append("set-cookie", f"{SECURE_COOKIE}={_LONG_AGO}{_FRAMED}")
            return
        secure = is_secure(request.scope, self.settings)
        response.delete_cookie(_cookie(secure), path="/", secure=secure, httponly=True, samesite="lax")

    @property
    def outside(self) -> str | None:
        """Where the app is to be had outside a frame, if it may be shown in one."""
        return self.settings.public_origin if self.settings.framed else None

    def was_kept(self, request: Request) -> bool:
        """Whether the browser brings back the cookie of `set_trial`."""
        return session_token(request.scope, TRIAL_COOKIE) is not None

    def set_trial(self, response: Response) -> None:
        """For an app in a frame: a cookie like the session's, to see whether it is kept."""
        response.headers.append("set-cookie", f"{TRIAL_COOKIE}=1{_FRAMED}")

    def visitor(self, request: Request, account: str) -> Visitor:
        """Who tries to prove to be `account` (a compared name), as the limits count it."""
        return Visitor(
            account=account,
            address=client_address(request.scope, self.settings.trusted_proxies),
            device=session_token(request.scope, _device(is_secure(request.scope, self.settings))),
        )

    def set_device(self, request: Request, response: Response, device: str) -> None:
        """Let the browser be known next time."""
        if self.settings.framed:
            age = f"; Max-Age={devices.MAX_AGE_S}"
            response.headers.append("set-cookie", f"{devices.SECURE_COOKIE}={device}{age}{_FRAMED}")
            return
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
