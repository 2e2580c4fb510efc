"""Hosts and origins (RFC 9110, section 7.2; RFC 6454): what a request says about where it was sent to.

Pure functions on strings; nothing here trusts a forwarding header.
"""

from __future__ import annotations

import ipaddress
import re

_HOST = re.compile(
    r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)(?::(?P<port>[0-9]{1,5}))?"
)
_DEFAULT_PORT = {"http": "80", "https": "443"}
# Names that nobody can register on the public internet (RFC 6761, RFC 6762, RFC 8375).
_LOCAL_SUFFIXES = (".localhost", ".local", ".home.arpa", ".internal", ".test")


def is_host(text: str) -> bool:
    """Whether `text` is a host with an optional port and nothing else."""
    return _HOST.fullmatch(text) is not None


def origin(scheme: str, host: str) -> str:
    """Scheme, host and port as a browser writes them: lower case, without the scheme's own port."""
    match = _HOST.fullmatch(host)
    if match is None:
        raise ValueError("not a host")
    name, port = match["name"].lower(), match["port"]
    if port is None or port == _DEFAULT_PORT[scheme]:
        return f"{scheme}://{name}"
    return f"{scheme}://{name}:{port}"


def host_name(host: str) -> str:
    """The host without its port, in lower case."""
    match = _HOST.fullmatch(host)
    if match is None:
        raise ValueError("not a host")
    return match["name"].lower()


def is_local_name(name: str) -> bool:
    """Whether `name` is an address or a name that can't be registered by a stranger.

    This stops DNS rebinding: a page at evil.example whose name suddenly points at 127.0.0.1 would be
    "same origin" with this app, but it can't hide its name in the Host header.
    """
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return name == "localhost" or "." not in name or name.endswith(_LOCAL_SUFFIXES)
    return True
