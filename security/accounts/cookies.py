"""The session cookie as it is written: by itself, or for an app that another site shows in a frame.

No Max-Age in either form: the cookie ends with the browser (OWASP ASVS 5.0, 3.3.1 to 3.3.4). Does not:
decide whether a request may use the cookie; arrivals.py and middleware.py do.
"""

from __future__ import annotations

from starlette.responses import Response

from security.accounts.arrivals import COOKIE, SECURE_COOKIE

# In a frame of another site only SameSite=None is sent. Partitioned (CHIPS) keys the cookie to the site on
# top, so that no third site's page sends it. Written by hand: http.cookies knows it from Python 3.14 on.
_FRAMED = "; HttpOnly; Path=/; SameSite=None; Secure; Partitioned"
_LONG_AGO = "; Max-Age=0"


def cookie_name(*, secure: bool) -> str:
    """The name with the __Host- prefix, which browsers take only with TLS, or without it."""
    return SECURE_COOKIE if secure else COOKIE


def give_cookie(response: Response, token: str, *, secure: bool, framed: bool) -> None:
    """Add the cookie that holds `token`. A framed app is always reached by TLS; its settings see to that."""
    if framed:
        response.headers.append("set-cookie", f"{SECURE_COOKIE}={token}{_FRAMED}")
        return
    # Lax, not Strict: with Strict a link from a mail or another site would show the sign-in page to
    # somebody who is signed in. What Lax lets through is GET, which changes nothing here, and the
    # middleware refuses foreign origins besides.
    response.set_cookie(
        cookie_name(secure=secure), token, path="/", secure=secure, httponly=True, samesite="lax"
    )


def take_cookie(response: Response, *, secure: bool, framed: bool) -> None:
    """Have the browser forget the cookie. Does not end the session; that is for the server to do."""
    if framed:
        # Without Partitioned the browser would look for it in another jar.
        response.headers.append("set-cookie", f"{SECURE_COOKIE}={_LONG_AGO}{_FRAMED}")
        return
    response.delete_cookie(cookie_name(secure=secure), path="/", secure=secure, httponly=True, samesite="lax")
