"""An answer that runs when its session ends is broken off: at once on sign-out, else at the next look."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from security.accounts.arrivals import COOKIE
from security.accounts.endings import LOOK_EVERY_S, Endings, watched
from security.accounts.errors import StoreError
from tests.security.accounts.fakes import BASE, Browser, Clock, House, scope_for

START = {"type": "http.response.start", "status": 200, "headers": []}


async def never(_: float = 0) -> None:
    await asyncio.Event().wait()


async def silent() -> Any:
    await never()


class Stream:
    """A room that says something and then waits for ever."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.stopped = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        await send({"type": "http.response.body", "body": b"data: 1\n\n", "more_body": True})
        self.begun.set()
        try:
            await never()
        finally:
            self.stopped = True


class Connection:
    """What one visitor hears."""

    def __init__(self, house: House, browser: Browser, stream: Stream, pause: Any) -> None:
        self.cookie = (b"cookie", f"{COOKIE}={browser.cookies[COOKIE]}".encode())
        self.heard: list[Any] = []
        self._app = house.door.wrap(stream, pause)

    async def run(self) -> None:
        await self._app(scope_for("/gradio_api/queue/data", headers=[self.cookie]), silent, self._hear)

    async def _hear(self, message: Any) -> None:
        self.heard.append(message)


def test_signing_out_cuts_a_running_stream_at_once(house: House, signed_in: Browser) -> None:
    async def story() -> None:
        stream = Stream()
        connection = Connection(house, signed_in, stream, never)
        running = asyncio.ensure_future(connection.run())
        await asyncio.wait_for(stream.begun.wait(), 10)
        scope = scope_for("/logout", "POST", headers=[connection.cookie, (b"origin", BASE.encode())])
        await house.asgi(scope, silent, lambda _: asyncio.sleep(0))
        await asyncio.wait_for(running, 10)
        assert stream.stopped
        assert connection.heard[-1] == {"type": "http.response.body", "body": b"", "more_body": False}

    asyncio.run(story())


def test_an_open_page_does_not_keep_its_own_session_alive(
    house: House, signed_in: Browser, clock: Clock
) -> None:
    looks: list[float] = []

    async def pause(seconds: float) -> None:
        looks.append(seconds)
        clock.pass_by(seconds)

    stream = Stream()
    connection = Connection(house, signed_in, stream, pause)
    asyncio.run(asyncio.wait_for(connection.run(), 60))
    assert stream.stopped
    assert set(looks) == {LOOK_EVERY_S}
    assert LOOK_EVERY_S <= 15
    # 30 minutes without a request.
    assert len(looks) == 30 * 60 / LOOK_EVERY_S
    assert signed_in.get("/").status_code == 303


def test_the_session_of_somebody_else_cuts_nothing() -> None:
    async def story() -> None:
        endings = Endings()
        with endings.listening(b"a") as hers, endings.listening(b"b") as his:
            await asyncio.to_thread(endings.tell, b"a")
            await asyncio.wait_for(hers.wait(), 10)
            assert not his.is_set()
            endings.tell()
            await asyncio.wait_for(his.wait(), 10)
        endings.tell()

    asyncio.run(story())


def run_watched(
    app: Callable[[Any], Awaitable[None]], looks: list[bool | Exception]
) -> tuple[bool, list[Any]]:
    heard: list[Any] = []

    async def hear(message: Any) -> None:
        heard.append(message)

    async def good() -> bool:
        look = looks.pop(0)
        if isinstance(look, Exception):
            raise look
        return look

    async def story() -> bool:
        return await asyncio.wait_for(
            watched(app, hear, good, asyncio.Event(), lambda _: asyncio.sleep(0)), 10
        )

    return asyncio.run(story()), heard


def test_an_answer_that_has_not_begun_is_left_to_the_caller() -> None:
    assert run_watched(never, [True, False]) == (True, [])  # type: ignore[arg-type]


def test_one_look_that_fails_is_forgiven_and_two_are_not() -> None:
    looks: list[bool | Exception] = [StoreError("x"), True, StoreError("x"), StoreError("x"), True]
    assert run_watched(never, looks)[0]  # type: ignore[arg-type]
    assert looks == [True]


def test_an_answer_of_a_stated_length_is_not_passed_off_as_whole() -> None:
    async def app(send: Any) -> None:
        await send({**START, "headers": [(b"content-length", b"9")]})
        await never()

    unsaid, heard = run_watched(app, [False])
    assert (unsaid, len(heard)) == (False, 1)


def test_what_goes_on_after_the_end_is_not_heard() -> None:
    async def app(send: Any) -> None:
        await send(START)
        try:
            await never()
        finally:
            with pytest.raises(OSError, match="ended"):
                await send({"type": "http.response.body", "body": b"secret", "more_body": True})

    _, heard = run_watched(app, [False])
    assert [message.get("body", b"") for message in heard] == [b"", b""]


def test_an_error_of_the_app_is_its_own() -> None:
    async def app(_: Any) -> None:
        raise KeyError("hers")

    with pytest.raises(KeyError, match="hers"):
        run_watched(app, [True] * 9)
