"""Who may do what on each route of the app: one that is not here fails the attack suite.

`listed` (list_routes.py) writes a parameter as "x". A path that is both ours and Gradio's is ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType


class Who(Enum):
    """To whom a route answers."""

    EVERYBODY = "everybody"
    SIGNED_IN = "who is signed in"
    ADMINISTRATORS = "administrators; for others it is not there"


@dataclass(frozen=True)
class Rule:
    """HEAD goes with GET; every other method is refused with 405."""

    who: Who
    methods: frozenset[str]

    def takes(self, method: str) -> bool:
        return ("GET" if method == "HEAD" else method) in self.methods


def _rule(who: Who, *methods: str) -> Rule:
    return Rule(who, frozenset(methods))


OWN: Mapping[str, Rule] = MappingProxyType(
    {
        "/login": _rule(Who.EVERYBODY, "GET", "POST"),
        "/logout": _rule(Who.EVERYBODY, "POST"),
        "/setup": _rule(Who.EVERYBODY, "GET", "POST"),
        "/invite": _rule(Who.EVERYBODY, "GET", "POST"),
        "/reset": _rule(Who.EVERYBODY, "GET", "POST"),
        "/healthz": _rule(Who.EVERYBODY, "GET"),
        "/door/door.css": _rule(Who.EVERYBODY, "GET"),
        "/door/mark.svg": _rule(Who.EVERYBODY, "GET"),
        "/door/meter.js": _rule(Who.EVERYBODY, "GET"),
        "/door/strength": _rule(Who.EVERYBODY, "POST"),
        "/door/passkeys.js": _rule(Who.EVERYBODY, "GET"),
        "/account": _rule(Who.SIGNED_IN, "GET"),
        "/account/confirm": _rule(Who.SIGNED_IN, "GET", "POST"),
        "/account/sessions": _rule(Who.SIGNED_IN, "POST"),
        "/account/password": _rule(Who.SIGNED_IN, "GET", "POST"),
        "/account/authenticator": _rule(Who.SIGNED_IN, "GET", "POST"),
        "/account/codes": _rule(Who.SIGNED_IN, "GET", "POST"),
        "/account/export": _rule(Who.SIGNED_IN, "GET", "POST"),
        "/account/passkeys": _rule(Who.SIGNED_IN, "GET", "POST"),
        "/account/privacy": _rule(Who.SIGNED_IN, "GET"),
        "/account/welcome": _rule(Who.SIGNED_IN, "GET", "POST"),
        "/account/people/policy": _rule(Who.ADMINISTRATORS, "GET", "POST"),
        "/account/trail": _rule(Who.ADMINISTRATORS, "GET", "POST"),
        "/account/trail/export": _rule(Who.ADMINISTRATORS, "POST"),
        "/account/people": _rule(Who.ADMINISTRATORS, "GET", "POST"),
    }
)

# Gradio's that the page needs, open to who is signed in and refused in every other method and spelling.
NEEDED = frozenset(
    {
        ("GET", "/"),
        ("HEAD", "/"),
        ("GET", "/assets/x"),
        ("HEAD", "/assets/x"),
        ("GET", "/static/x"),
        ("HEAD", "/static/x"),
        ("GET", "/theme.css"),
        ("GET", "/favicon.ico"),
        ("GET", "/gradio_api/app_id"),
        ("GET", "/gradio_api/heartbeat/x"),
        ("POST", "/gradio_api/queue/join"),
        ("POST", "/gradio_api/cancel"),
        ("POST", "/gradio_api/reset"),
        ("POST", "/gradio_api/upload"),
    }
)
# And those that need a name or a file to be one's own, which "x" is not.
OWNED = frozenset({"/gradio_api/queue/data", "/gradio_api/upload_progress", "/gradio_api/file=x"})
# Refused to everybody, whatever they ask for. A new version of Gradio may have more: look at each.
_REFUSED = """
    /config /manifest.json /monitoring /monitoring/summary /monitoring/x /openapi.json /pwa_icon /pwa_icon/x
    /robots.txt /svelte/x /x
    /gradio_api/api/x /gradio_api/call/v2/x /gradio_api/call/v2/x/x /gradio_api/call/x /gradio_api/call/x/x
    /gradio_api/component_server /gradio_api/custom_component/x/x/x/x /gradio_api/deep_link
    /gradio_api/dev/reload /gradio_api/file/x /gradio_api/info /gradio_api/login_check
    /gradio_api/openapi.json /gradio_api/process_recording /gradio_api/proxy=x /gradio_api/queue/status
    /gradio_api/run/x /gradio_api/runs /gradio_api/startup-events /gradio_api/stream/x
    /gradio_api/stream/x/close /gradio_api/stream/x/x/x/playlist-file /gradio_api/stream/x/x/x/playlist.m3u8
    /gradio_api/stream/x/x/x/x.x /gradio_api/theme.css /gradio_api/token /gradio_api/undo-vibe-edit
    /gradio_api/user /gradio_api/vibe-code /gradio_api/vibe-edit /gradio_api/vibe-starter-queries
"""
REFUSED = frozenset(_REFUSED.split())


def unruled(paths: Iterable[str]) -> list[str]:
    """The paths that nothing above is said of. Gradio lists many twice, once with a slash at the end."""
    known = {*OWN, *(path for _, path in NEEDED), *OWNED, *REFUSED}
    return sorted(path for path in paths if path not in known and path.rstrip("/") not in known)
