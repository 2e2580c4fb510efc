"""Sites on one port with TLS, as a browser reaches them: pages of their own, or an app behind a proxy.

The certificate is made here and nobody trusts it; the browser is told to. What comes for the host of an app
is handed on to its port byte for byte: Host stays as it is, and no forwarding header is added. What was asked
and answered is remembered, for a browser tells its pages little of what another site said.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import re
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_HEAD_BYTES = 65_536
# Browsers send the head of a request in one piece and wait for the answer before the next.
_ASKED = re.compile(rb"([A-Z]+) (/\S*) HTTP/1\.1\r\n")
_ANSWERED = re.compile(rb"HTTP/1\.1 ([0-9]{3}) ")


@dataclass
class Exchange:
    """A request to an app, and the status of its answer once there is one."""

    method: str
    path: str
    head: str
    status: int = 0


def certificate(folder: Path, names: list[str]) -> ssl.SSLContext:
    """A server's context with a certificate for `names`, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a test")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(issuer)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "tls.pem"
    plain = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(plain + made.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


class Sites:
    """Hosts that are reached through one port. `apps` are on loopback ports; `pages` are HTML."""

    def __init__(self, folder: Path, apps: Mapping[str, int], pages: Mapping[str, str]) -> None:
        self._context = certificate(folder, [*apps, *pages])
        self._apps = apps
        self._pages = pages
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._open: set[asyncio.Task[None]] = set()
        self._stopped: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.port = 0
        self.seen: list[Exchange] = []

    def start(self) -> Sites:
        self._thread.start()
        assert self._ready.wait(30)
        return self

    def stop(self) -> None:
        assert self._stopped is not None
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        self._stopped = asyncio.Event()
        server = await asyncio.start_server(self._take, "127.0.0.1", 0, ssl=self._context, limit=_HEAD_BYTES)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stopped.wait()
        server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                head = await reader.readuntil(b"\r\n\r\n")
                host = _host(head)
                if host in self._apps:
                    await self._hand_on(head, reader, writer, self._apps[host])
                else:
                    await _answer(writer, self._pages.get(host))
        finally:
            self._open.discard(task)
            await _closed(writer)

    async def _hand_on(
        self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int
    ) -> None:
        from_app, to_app = await asyncio.open_connection("127.0.0.1", port)
        here: list[Exchange] = []

        def asked(block: bytes) -> None:
            if found := _ASKED.match(block):
                text = block.partition(b"\r\n\r\n")[0].decode("latin-1")
                here.append(Exchange(found[1].decode(), found[2].decode(), text))
                self.seen.append(here[-1])

        def answered(block: bytes) -> None:
            if (found := _ANSWERED.match(block)) and here:
                here[-1].status = int(found[1])

        try:
            asked(head)
            to_app.write(head)
            up = asyncio.ensure_future(_pump(reader, to_app, asked))
            down = asyncio.ensure_future(_pump(from_app, writer, answered))
            try:
                # Either side may end the connection; nothing of the other is waited for then.
                await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                up.cancel()
                down.cancel()
                await asyncio.gather(up, down, return_exceptions=True)
        finally:
            await _closed(to_app)


def _host(head: bytes) -> str:
    for line in head.decode("latin-1").split("\r\n"):
        name, _, value = line.partition(":")
        if name.lower() == "host":
            return value.strip().partition(":")[0]
    return ""


async def _answer(writer: asyncio.StreamWriter, page: str | None) -> None:
    body = (page or "none").encode()
    status = "404 Not Found" if page is None else "200 OK"
    writer.write(
        f"HTTP/1.1 {status}\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: {len(body)}\r\n"
        "connection: close\r\n\r\n".encode()
        + body
    )
    await writer.drain()


async def _pump(
    source: asyncio.StreamReader, sink: asyncio.StreamWriter, note: Callable[[bytes], None]
) -> None:
    while block := await source.read(65_536):
        note(block)
        sink.write(block)
        await sink.drain()


async def _closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError, asyncio.CancelledError, TimeoutError):
        async with asyncio.timeout(2):
            await writer.wait_closed()
