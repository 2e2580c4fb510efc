"""Where to go after signing in: only ever to a path of this app (CWE-601, open redirect)."""

from __future__ import annotations

import re

MAX_PATH = 512
# One slash, then nothing that could begin a host: browsers read "\" as "/" and drop tabs and line ends.
_LOCAL = re.compile(r"/(?![/\\])[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*", re.ASCII)
_OWN = ("/login", "/logout", "/setup", "/invite", "/reset", "/door", "/healthz")


def local_path(target: str) -> str:
    """`target` if it is a path of this app behind the door, else "/"."""
    if len(target) > MAX_PATH or _LOCAL.fullmatch(target) is None:
        return "/"
    path = target.partition("?")[0]
    return "/" if path.startswith(_OWN) or "//" in path else target
