"""The relying party of passkeys: the name in this app's own address (W3C Web Authentication Level 3, 5.1.2).

A passkey belongs to a name, so each address that the app answers to has passkeys of its own, and an IP
address can have none. The address is the one that the door takes for its own (arrivals.py), never what a
page sends.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from security.accounts.arrivals import read_arrival
from security.accounts.settings import AccountSettings

NAME = "Asklepion"


@dataclass(frozen=True)
class RelyingParty:
    """The host as `id`, and the whole origin that a browser must have been at."""

    id: str
    origin: str


def relying_party(origin: str | None) -> RelyingParty | None:
    """Who passkeys are for at this origin; None where there can be none."""
    host = urlsplit(origin or "").hostname
    if origin is None or host is None or _is_address(host):
        return None
    return RelyingParty(host, origin)


def party_of(scope: Mapping[str, Any], settings: AccountSettings) -> RelyingParty | None:
    """The same for a request."""
    return relying_party(read_arrival(scope, settings).own_origin)


def by_name(origin: str | None) -> str | None:
    """The address of this very machine by its name, if `origin` is its number: there passkeys do work."""
    parts = urlsplit(origin or "")
    if parts.hostname is None or not _is_address(parts.hostname):
        return None
    if not ipaddress.ip_address(parts.hostname).is_loopback:
        return None
    return f"{parts.scheme}://localhost" + (f":{parts.port}" if parts.port else "")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
