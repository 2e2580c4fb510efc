"""Which of Gradio's routes the page needs; every other one is refused to everybody (ASVS 5.0, 13.4.5).

Gradio has some eighty: API pages, monitoring, a proxy, an editor of the app's own code. The page asks for
those below (seen in a browser, and in the client's script for a lost connection) and for no others.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from urllib.parse import parse_qsl

from starlette.types import Scope

READ = frozenset({"GET", "HEAD"})
API = "/gradio_api"
_FILE = f"{API}/file="
_HEARTBEAT = f"{API}/heartbeat/"
_ASSET = re.compile(r"/(?:assets|static)(?:/[A-Za-z0-9_@-][A-Za-z0-9_.@-]*)+", re.ASCII)
NAME = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
# What a request may be about, each with an owner.
NAMES = ("session_hash", "event_id", "upload_id")


class Kind(Enum):
    """How a route is treated."""

    PAGE = "page"
    ASSET = "asset"
    PLAIN = "plain"
    EVENTS = "events"
    CALL = "call"
    UPLOAD = "upload"
    FILE = "file"


@dataclass(frozen=True)
class Route:
    """One that is needed. `path` is of the file asked for, `names` what the address says it is about."""

    kind: Kind
    path: str = ""
    names: tuple[tuple[str, str], ...] = ()


_EXACT: Mapping[str, tuple[str, Kind]] = MappingProxyType(
    {
        "/theme.css": ("GET", Kind.ASSET),
        "/favicon.ico": ("GET", Kind.ASSET),
        # The page asks for it after a lost connection, to see whether the app is still the same.
        f"{API}/app_id": ("GET", Kind.PLAIN),
        f"{API}/queue/data": ("GET", Kind.EVENTS),
        f"{API}/upload_progress": ("GET", Kind.PLAIN),
        f"{API}/queue/join": ("POST", Kind.CALL),
        f"{API}/cancel": ("POST", Kind.CALL),
        f"{API}/reset": ("POST", Kind.CALL),
        f"{API}/upload": ("POST", Kind.UPLOAD),
    }
)
_NEEDED: Mapping[str, frozenset[str]] = MappingProxyType(
    {f"{API}/queue/data": frozenset({"session_hash"}), f"{API}/upload_progress": frozenset({"upload_id"})}
)


def route_of(scope: Scope) -> Route | None:
    """The route of a request, or None if the page needs no such thing, spelled in this very way."""
    path, method = str(scope["path"]), str(scope["method"])
    if scope.get("root_path"):
        return None
    if path.startswith(_FILE):
        return Route(Kind.FILE, path.removeprefix(_FILE)) if method in READ else None
    raw = scope.get("raw_path")
    if raw is not None and raw != path.encode("utf-8", "surrogatepass"):
        return None
    names = _names(scope.get("query_string", b""))
    if names is None:
        return None
    if path == "/":
        return Route(Kind.PAGE, names=names) if method in READ else None
    if _ASSET.fullmatch(path):
        return Route(Kind.ASSET, names=names) if method in READ else None
    if path.startswith(_HEARTBEAT) and method == "GET":
        name = path.removeprefix(_HEARTBEAT)
        return Route(Kind.PLAIN, names=(("session_hash", name), *names)) if NAME.fullmatch(name) else None
    wanted, kind = _EXACT.get(path, ("", Kind.PLAIN))
    if wanted != method or not _NEEDED.get(path, frozenset()) <= {key for key, _ in names}:
        return None
    return Route(kind, names=names)


def _names(query: bytes) -> tuple[tuple[str, str], ...] | None:
    """The owned names in a query; None if one is there twice or malformed, or a saved page is asked for."""
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    if any(key == "deep_link" for key, _ in pairs):
        return None
    found = tuple((key, value) for key, value in pairs if key in NAMES)
    twice = len({key for key, _ in found}) != len(found)
    return None if twice or any(not NAME.fullmatch(value) for _, value in found) else found
