"""Reading a form: bounded, one kind of encoding, every field at most once."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl

from fastapi import Request

from security.accounts.errors import FormError

MAX_BODY = 16 * 1024
_MAX_FIELDS = 16
_KIND = "application/x-www-form-urlencoded"
_UNREADABLE = "The form could not be read. Please go back, reload the page and try again."


async def read_form(request: Request) -> Mapping[str, str]:
    """The fields of a posted form.

    Raises:
        FormError: too large, of another type, not UTF-8, too many fields, or one of them twice.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _KIND:
        raise FormError(_UNREADABLE, status=415)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise FormError("That is more than this form takes. Please shorten what you typed.", status=413)
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
