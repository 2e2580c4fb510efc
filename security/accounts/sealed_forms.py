"""An upload on its way to Gradio: every file in the form is sealed before a byte of it reaches the disk.

Gradio writes what arrives into its upload folder as it arrives. So the form is read here, each file sealed
as it streams, and a form of our own is played on: ours in every header, so that the two parsers can't
see different things in it. A salt for each file gives equal files different bytes, so that no two users are
handed the same path. Does not: hold a file in memory, or pass anything on but files.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, BinaryIO, cast

from python_multipart.exceptions import FormParserError, MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.types import Message, Receive, Scope

from security.accounts.errors import FormError
from security.accounts.outlet import Outlet
from security.crypto.files import SealedWriter

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

NO_FORM = "Only a form with files is taken here."
BROKEN = "The upload ended too early or is damaged. Please upload the file again."
_MOST_FILES = 1000
_MOST_HEADERS = 8192
_UNSAFE = re.compile(r'[\x00-\x1f\x7f"\\/]')
_FIELD = b"files"
Seal = Callable[[BinaryIO], SealedWriter]


class SealedForm:
    """A `receive` that plays the form on with its files sealed.

    When the form can't be used it hangs up on the app, and `problem` says why.
    """

    def __init__(self, receive: Receive, content_type: str, seal: Seal) -> None:
        """`seal` makes a writer of a sealed file.

        Raises:
            FormError: the content type is no form's (415), or has no boundary.
        """
        kind, options = parse_options_header(content_type)
        if kind != b"multipart/form-data":
            raise FormError(NO_FORM, status=415)
        self._receive = receive
        self._rewriter = _Rewriter(seal)
        try:
            self._parser = MultipartParser(options.get(b"boundary", b""), self._rewriter.callbacks())
        except FormParserError as error:
            raise FormError(NO_FORM) from error
        if not options.get(b"boundary"):
            raise FormError(NO_FORM)
        self.content_type = f"multipart/form-data; boundary={self._rewriter.boundary}"
        self.problem: FormError | None = None

    def scope(self, scope: Scope) -> Scope:
        """The request as it goes on: of the new form, whose length nobody knows yet."""
        dropped = (b"content-type", b"content-length")
        headers = [pair for pair in scope["headers"] if pair[0].lower() not in dropped]
        return {**scope, "headers": [*headers, (b"content-type", self.content_type.encode())]}

    async def __call__(self) -> Message:
        """The next message. Sealing is done in a thread."""
        if self.problem is not None:
            return {"type": "http.disconnect"}
        message = await self._receive()
        if message["type"] != "http.request":
            self._rewriter.abort()
            return message
        more = bool(message.get("more_body", False))
        try:
            body = await asyncio.to_thread(self._rewritten, message.get("body", b""), more)
        except (FormParserError, MultipartParseError, FormError) as error:
            self._rewriter.abort()
            self.problem = error if isinstance(error, FormError) else FormError(BROKEN)
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": body, "more_body": more}

    def _rewritten(self, piece: bytes, more: bool) -> bytes:
        if piece and not self._rewriter.ended:
            self._parser.write(piece)
        if not more and not self._rewriter.ended:
            raise FormError(BROKEN)
        return self._rewriter.take()


class _Rewriter:
    """Hears what the parser finds, and writes the new form."""

    def __init__(self, seal: Seal) -> None:
        self.boundary = f"asklepion-{secrets.token_hex(16)}"
        self.ended = False
        self._seal = seal
        self._out = Outlet()
        self._file: SealedWriter | None = None
        self._count = 0
        self._begin()

    def callbacks(self) -> MultipartCallbacks:
        """What the parser calls."""
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._header_name,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_end,
            "on_part_data": self._data,
            "on_part_end": self._part_end,
            "on_end": self._end,
        }

    def take(self) -> bytes:
        """What was written since the last time."""
        return self._out.take()

    def abort(self) -> None:
        """No more comes: what there is of a file is never to be opened."""
        if self._file is not None:
            self._file.abort()
            self._file = None

    def _begin(self) -> None:
        self._name, self._value, self._disposition, self._size = bytearray(), bytearray(), b"", 0

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._name += self._bounded(data[start:end])

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += self._bounded(data[start:end])

    def _bounded(self, piece: bytes) -> bytes:
        self._size += len(piece)
        if self._size > _MOST_HEADERS:
            raise FormError(NO_FORM)
        return piece

    def _header_end(self) -> None:
        if bytes(self._name).lower() == b"content-disposition":
            self._disposition = bytes(self._value)
        self._name.clear()
        self._value.clear()

    def _headers_end(self) -> None:
        _, options = parse_options_header(self._disposition)
        if options.get(b"name") != _FIELD or b"filename" not in options:
            raise FormError(NO_FORM)
        self._count += 1
        if self._count > _MOST_FILES:
            raise FormError(f"More than {_MOST_FILES} files at once. Upload fewer, or a zip of them.", 413)
        name = safe_name(options[b"filename"].decode("utf-8", "replace"))
        self._out.write(
            f"--{self.boundary}\r\n"
            f'Content-Disposition: form-data; name="files"; filename="{name}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n".encode()
        )
        self._file = self._seal(cast(BinaryIO, self._out))

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._file is not None:
            self._file.write(memoryview(data)[start:end])

    def _part_end(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
            self._out.write(b"\r\n")

    def _end(self) -> None:
        self._out.write(f"--{self.boundary}--\r\n".encode())
        self.ended = True


def safe_name(given: str) -> str:
    """The last part of a file's name, without what a header or a folder can't hold; never empty."""
    plain = _UNSAFE.sub("", given.replace("\\", "/").rpartition("/")[2]).strip().strip(".") or "file"
    suffix = PurePosixPath(plain).suffix[:20]
    stem = plain.removesuffix(suffix).encode("utf-8", "replace")[:160].decode("utf-8", "ignore")
    return f"{stem or 'file'}{suffix}"
