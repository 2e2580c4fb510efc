"""Reading a form: bounded in size and time, one kind of encoding, every field at most once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from urllib.parse import parse_qsl

from fastapi import Request
from starlette.requests import ClientDisconnect

from security.accounts.errors import FormError

MAX_BODY = 16 * 1024
# A stranger who sends a byte now and then must not hold a connection for ever.
PATIENCE_S = 20.0
_MAX_FIELDS = 16
_KIND = "application/x-www-form-urlencoded"
_UNREADABLE = "The form could not be read. Please go back, reload the page and try again."


async def read_form(request: Request, patience_s: float = PATIENCE_S) -> Mapping[str, str]:
    """The fields of a posted form.

    Raises:
        FormError: too large, too slow or broken off, of another type, not UTF-8, too many fields, or one of
            them twice.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _KIND:
        raise FormError(_UNREADABLE, status=415)
    try:
        async with asyncio.timeout(patience_s):
            body = await _body(request)
    except TimeoutError as error:
        raise FormError("The form did not come in time. Please try again.", status=408) from error
    except ClientDisconnect as error:
        raise FormError("The form ended before all of it had come.") from error
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MAX_FIELDS
        )
    except ValueError as error:
        raise FormError(_UNREADABLE) from error
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise FormError(_UNREADABLE)
    return fields


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise FormError("That is more than this form takes. Please shorten what you typed.", status=413)
    return bytes(body)
