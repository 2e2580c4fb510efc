"""The ways to write a path that might be read as another, each as a server hands it on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

FORWARDED = (
    (b"x-forwarded-host", b"evil.example"),
    (b"x-forwarded-for", b"127.0.0.1"),
    (b"x-forwarded-prefix", b"/login"),
    (b"x-original-url", b"/login"),
    (b"x-rewrite-url", b"/healthz"),
    (b"x-gradio-server", b"http://evil.example"),
    (b"x-http-method-override", b"GET"),
    (b"asklepion.user", b"ada"),
)


@dataclass(frozen=True)
class Spelling:
    """A path as a server would hand it on."""

    name: str
    path: str
    raw: bytes
    root: str = ""
    extra: tuple[tuple[bytes, bytes], ...] = ()


def spellings(path: str) -> Iterator[Spelling]:
    plain = path.encode()
    yield Spelling("plain", path, plain)
    yield Spelling("forwarded", path, plain, extra=FORWARDED)
    if path != "/":
        yield Spelling("trailing slash", path + "/", plain + b"/")
    yield Spelling("double slash", "/" + path, b"/" + plain)
    yield Spelling("encoded dots", f"/login/..{path}", b"/login/%2e%2e" + plain)
    coded = b"/%" + f"{ord(path[1]):02x}".encode() + plain[2:] if path[1:] else b"%2f"
    yield Spelling("encoded letter", path, coded)
    if path.upper() != path:
        yield Spelling("upper case", path.upper(), plain.upper())
    yield Spelling("root_path", f"/x{path}", b"/x" + plain, root="/x")
