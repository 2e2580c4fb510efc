"""Bodies of requests, bounded: read whole and played again, or counted as they stream (ASVS 5.0, 5.2.1)."""

from __future__ import annotations

from starlette.types import Message, Receive, Scope

from security.accounts.errors import FormError

MAX_BODY = 2_000_000
# What Gradio takes for one file ("500mb" in app.py), and the frame around it.
MAX_UPLOAD = 500 * 1024 * 1024 + 1024 * 1024
TOO_LARGE = "What was sent is too large."


def check_length(scope: Scope, most: int) -> None:
    """See that the stated length is a number and not above `most`.

    Raises:
        FormError: it isn't; status 400 or 413.
    """
    stated = [value for name, value in scope["headers"] if name.lower() == b"content-length"]
    if any(not value.isdigit() for value in stated) or len(stated) > 1:
        raise FormError("The length of what was sent can't be read.")
    if stated and (len(stated[0]) > 15 or int(stated[0]) > most):
        raise FormError(TOO_LARGE, status=413)


async def read_body(receive: Receive, most: int = MAX_BODY) -> bytes:
    """The whole body.

    Raises:
        FormError: it is longer than `most` (413), or the visitor went away.
    """
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise FormError("The request ended before all of it had come.")
        body += message.get("body", b"")
        if len(body) > most:
            raise FormError(TOO_LARGE, status=413)
        if not message.get("more_body", False):
            return bytes(body)


def played_again(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives `body` once and then whatever the connection says."""
    first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return first.pop() if first else await receive()

    return again


class Counted:
    """A `receive` that streams, and hangs up on the app once more than `most` bytes have come."""

    def __init__(self, receive: Receive, most: int) -> None:
        self._receive = receive
        self._left = most
        self.over = False

    async def __call__(self) -> Message:
        """The next message."""
        if self.over:
            return {"type": "http.disconnect"}
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            self.over = True
            return {"type": "http.disconnect"}
        return message
