"""What the headers of a request say, read once: its own origin, whether it is foreign, its session token.

Forwarding headers are not looked at here: anybody can send them. A proxy is told about by `public_url`; for
the visitor's address see proxies.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from security.accounts.origins import host_name, is_host, is_local_name, origin
from security.accounts.settings import AccountSettings

COOKIE = "asklepion_session"
# RFC 6265bis, 4.1.3.2: the browser takes such a cookie only with Secure, Path=/ and without Domain, so a
# neighbouring host can't plant one. Without TLS it is not to be had.
SECURE_COOKIE = "__Host-asklepion_session"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_SCHEMES = {"http": "http", "https": "https", "ws": "http", "wss": "https"}


@dataclass(frozen=True)
class Arrival:
    """A request at the door. `own_origin` is None when the Host header can't be ours."""

    own_origin: str | None
    secure: bool
    foreign: bool
    accepts_html: bool
    token: str | None = field(repr=False)


def read_arrival(scope: Mapping[str, Any], settings: AccountSettings) -> Arrival:
    """Everything the door wants to know of a request."""
    own = _own_origin(scope, settings)
    secure = is_secure(scope, settings)
    return Arrival(
        own_origin=own,
        secure=secure,
        foreign=_is_foreign(scope, own, strict=settings.framed),
        accepts_html=any("text/html" in value for value in _values(scope, b"accept")),
        token=session_token(scope, SECURE_COOKIE if secure else COOKIE),
    )


def is_secure(scope: Mapping[str, Any], settings: AccountSettings) -> bool:
    """Whether the visitor came by TLS, here or at the proxy that `public_url` tells of."""
    return scope.get("scheme") in ("https", "wss") or (settings.public_origin or "").startswith("https:")


def session_token(scope: Mapping[str, Any], name: str) -> str | None:
    """The value of the session cookie.

    None if there are several: one of them was planted by a neighbour, and nobody can tell which.
    """
    found = {
        value.strip()
        for header in _values(scope, b"cookie")
        for key, _, value in (pair.partition("=") for pair in header.split(";"))
        if key.strip() == name
    }
    return found.pop() if len(found) == 1 else None


def _own_origin(scope: Mapping[str, Any], settings: AccountSettings) -> str | None:
    hosts = _values(scope, b"host")
    scheme = _SCHEMES.get(str(scope.get("scheme", "http")))
    if len(hosts) != 1 or scheme is None or not is_host(hosts[0]):
        return None
    public = settings.public_origin
    if public is not None and public in (origin("http", hosts[0]), origin("https", hosts[0])):
        return public
    return origin(scheme, hosts[0]) if is_local_name(host_name(hosts[0])) else None


def _is_foreign(scope: Mapping[str, Any], own: str | None, *, strict: bool) -> bool:
    """Whether another site's page made this request (OWASP: verifying origin; Fetch Metadata).

    `strict`: a request that says nothing of its origin counts as foreign. SameSite no longer holds the
    cookie back then, so that these headers are the only defence, and every browser sends one of them.
    """
    origins = _values(scope, b"origin")
    sites = _values(scope, b"sec-fetch-site")
    if any(value != own for value in origins) or any(site not in ("same-origin", "none") for site in sites):
        return True
    return strict and not origins and "same-origin" not in sites


def _values(scope: Mapping[str, Any], name: bytes) -> list[str]:
    return [value.decode("latin-1").strip() for key, value in scope["headers"] if key.lower() == name]
