"""What bench/door.py measures, in a process of its own: the app, or a Gradio page with `auth=`.

One event loop serves several ports: the door with the rooms behind it, the same rooms and a small app without
it, and a probe that says how late the loop was. Prints one line of JSON when it serves; ends with Ctrl-C.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import socket
import statistics
import sys
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from security.accounts.door import Door

PASSWORD = "four quiet herons wading 7"
TICK_S = 0.01


class Probe:
    """Sleeps TICK_S over and over and notes how much later than that it was woken."""

    def __init__(self) -> None:
        self._late: list[float] = []

    async def run(self) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            before = clock()
            await asyncio.sleep(TICK_S)
            self._late.append(clock() - before - TICK_S)

    async def __call__(self, _: Any, __: Any, send: Any) -> None:
        """ASGI: what was noted since the last call, in seconds, and the processor time of this process."""
        late, self._late = self._late, []
        await _say(send, json.dumps({"late": late, "cpu": time.process_time()}).encode())


async def small(_: Any, __: Any, send: Any) -> None:
    """ASGI: a page of one sentence."""
    await _say(send, b"<!doctype html><title>Small</title><p>A page of one sentence.</p>")


async def _say(send: Any, body: bytes) -> None:
    headers = [(b"content-type", b"text/html"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def serve(apps: Mapping[str, Any], lifespan: Any, **said: object) -> None:
    """Each app on a free port of its own, all in one loop, until interrupted."""
    import uvicorn

    listeners = {name: _listener() for name in (*apps, "probe")}
    ports = {name: int(listener.getsockname()[1]) for name, listener in listeners.items()}
    probe = Probe()
    by_port = {ports[name]: app for name, app in {**apps, "probe": probe}.items()}

    async def dispatch(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await around(receive, send)
        else:
            await by_port[scope["server"][1]](scope, receive, send)

    async def around(receive: Any, send: Any) -> None:
        await receive()
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(lifespan)
            task = asyncio.create_task(probe.run())
            print(json.dumps({"ports": ports, **said}), flush=True)
            await send({"type": "lifespan.startup.complete"})
            await receive()
            task.cancel()
        await send({"type": "lifespan.shutdown.complete"})

    config = uvicorn.Config(
        dispatch, log_level="error", access_log=False, proxy_headers=False, server_header=False
    )
    uvicorn.Server(config).run(sockets=list(listeners.values()))


def _listener() -> socket.socket:
    # As app.py opens its own: without Nagle's algorithm.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)
    return listener


def ours(data: Path, count: int) -> None:
    """The app with `count` accounts, as app.py builds it."""
    import app

    # Else all visitors would share an address, and the limits on it.
    environ = {**os.environ, "ASKLEPION_DATA": str(data), "ASKLEPION_TRUSTED_PROXIES": "127.0.0.1"}
    house = app.build_house(app.Settings.from_env(environ), environ)
    secret_keys, hash_s = found_accounts(house.door, count)
    apps = {
        "house": house.asgi,
        "rooms": house.rooms,
        "guarded": house.door.wrap(small),
        "bare": small,
    }
    serve(apps, house.app.router.lifespan_context(house.app), secrets=secret_keys, hash_s=hash_s)


def found_accounts(door: Door, count: int) -> tuple[list[str], float]:
    """Accounts named person0 and so on, with one password: secrets of their apps; what one check takes."""
    from sqlalchemy import select
    from sqlalchemy.orm import Session

    from security.accounts.duties import EDITION
    from security.accounts.identity import Role
    from security.accounts.tables import Consent, User
    from security.accounts.users import NewAccount
    from security.crypto import onetime

    # The hasher that the door itself uses, whichever that is.
    users, hasher = door._tools.users, door._tools.hasher
    stored, now = hasher.hash(PASSWORD), time.time()
    keys = [onetime.new_secret(secrets.token_bytes) for _ in range(count)]
    for number, key in enumerate(keys):
        account = NewAccount(f"person{number}", stored, key, 0, ())
        if number:
            users.add(users.new_id(), account, Role.STUDENT, now, lambda _: True)
        else:
            users.found(account, now)
    with Session(door.database) as session, session.begin():
        session.add_all(
            Consent(user_id=user, edition=EDITION, at=int(now)) for user in session.scalars(select(User.id))
        )
    taken = []
    for _ in range(5):
        began = time.perf_counter()
        assert hasher.verify(PASSWORD, stored)
        taken.append(time.perf_counter() - began)
    return keys, statistics.median(taken)


def gradio_auth() -> None:
    """A Gradio page with `auth=` and bcrypt of the same cost, as its documentation shows it."""
    import bcrypt
    import gradio as gr
    from fastapi import FastAPI

    from security.crypto.passwords import DEFAULT_ROUNDS

    stored = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(DEFAULT_ROUNDS))

    def fits(_: str, password: str) -> bool:
        return bcrypt.checkpw(password.encode(), stored)

    with gr.Blocks(analytics_enabled=False) as page:
        gr.Textbox(label="Question")
    app = gr.mount_gradio_app(FastAPI(), page, path="/", auth=fits, ssr_mode=False)

    @asynccontextmanager
    async def lifespan() -> Any:
        async with app.router.lifespan_context(app):
            yield

    serve({"house": app}, lifespan())


if __name__ == "__main__":
    if sys.argv[1] == "ours":
        ours(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        gradio_auth()
