"""Uploads files under hostile names to the app and reads them back; prints the answers, as JSON.

A process of its own, as attacks.py is: Gradio leaves event loops open.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import httpx

from app import House
from security.accounts.arrivals import COOKIE
from security.accounts.identity import Role
from tests.app.list_routes import built
from tests.app.residents import add_resident, session_of

BASE = "http://127.0.0.1:7860"
SCRIPT = b"<html><script>fetch('/account')</script></html>"
NAMES = {
    "page": "page.html",
    "picture": "picture.svg",
    "program": "run.py",
    "text": "note.txt",
    "climbing": "../../../../climbing.txt",
    "rooted": "/etc/rooted.txt",
    "quoted": 'a"; filename=evil.exe; x=".txt',
    "broken": "a\r\nset-cookie: x=1\r\n\r\n.txt",
    "unicode": "Größe 水.txt",
    "dots": "..",
}


def multipart(name: str) -> bytes:
    """As a hostile client writes it: httpx would escape the name."""
    head = b'--B\r\nContent-Disposition: form-data; name="files"; filename="' + name.encode() + b'"\r\n'
    return head + b"Content-Type: text/html\r\n\r\n" + SCRIPT + b"\r\n--B--\r\n"


async def tried(client: httpx.AsyncClient, name: str, uploads: Path) -> dict[str, Any]:
    """What came of one name."""
    kind = {"content-type": "multipart/form-data; boundary=B", "origin": BASE}
    try:
        sent = await client.post("/gradio_api/upload", content=multipart(name), headers=kind)
    except OSError as error:  # the disk refuses such a name: nothing is kept
        return {"stored": False, "error": type(error).__name__}
    if sent.status_code != 200:
        return {"stored": False, "status": sent.status_code}
    (path,) = sent.json()
    answer = await client.get(f"/gradio_api/file={path}", headers={"range": "bytes=0-3"})
    return {
        "stored": True,
        "inside": uploads in Path(path).resolve().parents and Path(path).is_file(),
        "status": answer.status_code,
        "headers": dict(answer.headers),
        "same": answer.content == SCRIPT,
    }


async def run(house: House, page: Any, folder: Path) -> dict[str, Any]:
    async with page.router.lifespan_context(page):
        house.rooms.open(page)
        transport = httpx.ASGITransport(house.asgi, raise_app_exceptions=True)
        user = add_resident(house, folder, "ada", Role.STUDENT)
        cookies = {COOKIE: session_of(house, folder, user)}
        async with httpx.AsyncClient(transport=transport, base_url=BASE, cookies=cookies) as client:
            uploads = folder / "uploads"
            found = {case: await tried(client, name, uploads) for case, name in NAMES.items()}
            front = await client.get("/")
            return {
                "files": found,
                "front": {"policy": front.headers["content-security-policy"], "base": "<base" in front.text},
                "outside": sorted(path.name for path in folder.parent.glob("climbing*")),
            }


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve() / "data"
        folder.mkdir()
        os.environ["GRADIO_TEMP_DIR"] = str(folder / "uploads")
        with built(folder) as (house, page):
            found = asyncio.run(run(house, page, folder))
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
