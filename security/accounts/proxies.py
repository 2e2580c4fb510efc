"""Which address a request comes from, when proxies stand in front.

X-Forwarded-For is a header that anybody can send: it is believed only as far as the proxies of the setting
wrote it, from the right. Does not: read Forwarded (RFC 7239) or X-Forwarded-Proto; whether the visitor came
by TLS is told by `public_url`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any

from security.accounts.errors import AccountSettingsError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
MAX_PROXIES = 64
_MAX_HOPS = 16
_HEADER = b"x-forwarded-for"


def parse_networks(text: str) -> tuple[Network, ...]:
    """Networks such as "10.0.0.0/8, ::1", as a setting has them.

    Raises:
        AccountSettingsError: one isn't a network, or the whole internet would be trusted.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    try:
        networks = tuple(ipaddress.ip_network(part) for part in parts)
    except ValueError as error:
        raise AccountSettingsError(
            "trusted_proxies must be addresses or networks such as 127.0.0.1, 10.0.0.0/8, with commas "
            f"between them ({error}).",
            option="trusted_proxies",
        ) from error
    check_networks(networks)
    return networks


def check_networks(networks: Sequence[Network]) -> None:
    """See that not everybody is a proxy.

    Raises:
        AccountSettingsError: there are too many, or one of them is the whole internet.
    """
    if len(networks) > MAX_PROXIES:
        raise AccountSettingsError(
            f"trusted_proxies must have at most {MAX_PROXIES} networks; it has {len(networks)}.",
            option="trusted_proxies",
        )
    if any(network.prefixlen == 0 for network in networks):
        raise AccountSettingsError(
            "trusted_proxies must not be the whole internet: anybody could then choose an address. "
            "Name the proxies' own networks.",
            option="trusted_proxies",
        )


def client_address(scope: Mapping[str, Any], trusted: Sequence[Network]) -> str:
    """The rightmost address that is no trusted proxy; "" if the server knows of none.

    A part that isn't an address ends the reading: the proxy that passed it on is then the client, so that
    nonsense in the header gives nobody a new address.
    """
    client = scope.get("client")
    nearest = _parsed(str(client[0])) if client else None
    if nearest is None:
        return ""
    hops = [
        part.strip()
        for name, value in scope["headers"]
        if name.lower() == _HEADER
        for part in value.decode("latin-1").split(",")
    ]
    for hop in reversed(hops[-_MAX_HOPS:]):
        if not _is_trusted(nearest, trusted):
            break
        further = _parsed(hop)
        if further is None:
            break
        nearest = further
    return str(nearest)


def _is_trusted(address: Address, trusted: Sequence[Network]) -> bool:
    return any(address in network for network in trusted)


def _parsed(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
