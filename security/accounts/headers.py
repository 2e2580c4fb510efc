"""The security headers of every answer (OWASP ASVS 5.0, 3.4)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from starlette.types import Message, Send

# The door's own pages need a style sheet, a mark, forms and scripts that talk to nobody but the door: nothing
# else may load or run on them.
DOOR_CSP = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'self'; base-uri 'none'; object-src 'none'"
)
FRAMING_CSP = "frame-ancestors 'self'"
_SELF_ALONE = FRAMING_CSP.encode()
ALWAYS: Mapping[bytes, bytes] = MappingProxyType(
    {
        b"x-content-type-options": b"nosniff",
        # Not no-referrer: under it browsers send "Origin: null" with our own forms too (Fetch, 3.2),
        # which could not be told from a foreign page's.
        b"referrer-policy": b"same-origin",
        # Nothing here opens windows that talk to it, and no window that opened it may.
        b"cross-origin-opener-policy": b"same-origin",
        b"permissions-policy": (
            b"camera=(), geolocation=(), microphone=(), payment=(), usb=(), "
            b"publickey-credentials-create=(self), publickey-credentials-get=(self)"
        ),
        b"cross-origin-resource-policy": b"same-origin",
    }
)
# A year, and for hosts below this one too: a neighbour served without TLS could set cookies for it.
HSTS = b"max-age=31536000; includeSubDomains"
# Whatever is no page (data, files of users, assets, redirects): opened as one it can do nothing.
NO_PAGE_CSP = (
    "default-src 'none'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
_PRIVATE_KINDS = (b"text/html", b"application/json")


def dressed(send: Send, *, secure: bool, frame_ancestors: tuple[str, ...] = ()) -> Send:
    """`send` with the headers added to each response that starts.

    `frame_ancestors` may frame what our own policies let only ourselves frame.
    """
    framing = " ".join((FRAMING_CSP, *frame_ancestors)).encode()

    async def with_headers(message: Message) -> None:
        if message["type"] in ("http.response.start", "websocket.http.response.start"):
            headers = _complete(list(message.get("headers", ())), secure)
            message = {
                **message,
                "headers": [(name, _framed(name, value, framing)) for name, value in headers],
            }
        await send(message)

    return with_headers


def _framed(name: bytes, value: bytes, framing: bytes) -> bytes:
    return value.replace(_SELF_ALONE, framing) if name.lower() == b"content-security-policy" else value


def _complete(headers: list[tuple[bytes, bytes]], secure: bool) -> list[tuple[bytes, bytes]]:
    names = {name.lower() for name, _ in headers}
    headers += [(name, value) for name, value in ALWAYS.items() if name not in names]
    policies = b";".join(value for name, value in headers if name.lower() == b"content-security-policy")
    if not policies:
        headers.append((b"content-security-policy", NO_PAGE_CSP.encode()))
    elif b"frame-ancestors" not in policies:
        # A second policy only ever adds restrictions to the first.
        headers.append((b"content-security-policy", FRAMING_CSP.encode()))
    kind = next((value for name, value in headers if name.lower() == b"content-type"), b"")
    if kind.startswith(_PRIVATE_KINDS):
        # Pages and data of a signed-in user: not for a shared computer's disk or the back button.
        headers = [pair for pair in headers if pair[0].lower() != b"cache-control"]
        headers.append((b"cache-control", b"no-store"))
    elif b"cache-control" not in names:
        headers.append((b"cache-control", b"private, no-cache"))
    if secure and b"strict-transport-security" not in names:
        headers.append((b"strict-transport-security", HSTS))
    return headers
