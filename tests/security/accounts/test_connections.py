"""Slow visitors: a connection without a request is closed in time, one that is being answered is not."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from security.accounts.connections import Hurried

PATIENCE_S = 30


class Quick(Hurried):
    """The app's, in less time."""

    head_s = 0.4
    unread_s = 1.0


BIG = 24 << 20


class Rooms:
    """Answers at once, and never reads a body; /slow waits to be let go, /big has much to say."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.entered = threading.Event()
        self.told = threading.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        if scope["path"] == "/slow":
            self.entered.set()
            while not self.go.is_set():
                message = await receive()
                assert message["type"] == "http.request"
        body = bytes(BIG) if scope["path"] == "/big" else b"ok"
        length = str(len(body)).encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
        await send({"type": "http.response.body", "body": body, "more_body": scope["path"] == "/big"})
        if scope["path"] == "/big":
            # Comes when the rest was read, or the connection is gone.
            await send({"type": "http.response.body", "body": b""})
            self.told.set()


@pytest.fixture
def rooms() -> Rooms:
    return Rooms()


@pytest.fixture
def port(rooms: Rooms) -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        config = uvicorn.Config(rooms, http=Quick, ws="none", lifespan="off", log_level="error")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield int(listener.getsockname()[1])
        server.should_exit = True
        thread.join()


def heard(port: int, said: bytes) -> bytes:
    """All that comes until the server hangs up."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as visitor:
        visitor.sendall(said)
        return read_to_the_end(visitor)


def read_to_the_end(visitor: socket.socket) -> bytes:
    parts = []
    while part := visitor.recv(65536):
        parts.append(part)
    return b"".join(parts)


@pytest.mark.parametrize("said", [b"", b"G", b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "])
def test_who_says_nothing_or_half_is_hung_up_on(port: int, said: bytes) -> None:
    assert heard(port, said) == b""


@pytest.mark.parametrize("tail", [b"", b"GET / HT"])
def test_the_next_head_has_its_time_too(port: int, tail: bytes) -> None:
    assert heard(port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" + tail).endswith(b"\r\n\r\nok")


def test_the_rest_of_a_body_that_is_answered_already_has_no_longer(port: int) -> None:
    said = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nabc"
    assert heard(port, said).endswith(b"\r\n\r\nok")


def test_bytes_now_and_then_do_not_help(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as visitor:
        visitor.settimeout(0.05)
        visitor.sendall(b"GET / HTTP/1.1\r\nX-Slow: ")
        for _ in range(PATIENCE_S * 20):
            try:
                visitor.sendall(b"a")
                if visitor.recv(1) == b"":
                    return
            except TimeoutError:
                continue
            except ConnectionError:
                return
    raise AssertionError("it was held open")


def test_an_answer_may_take_its_time(port: int, rooms: Rooms) -> None:
    head = b"POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\na"
    with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as visitor:
        visitor.sendall(head)
        assert rooms.entered.wait(PATIENCE_S)
        # These two are let go one after the other, so that more than its time is over.
        assert heard(port, b"") == heard(port, b"GE") == b""
        rooms.go.set()
        visitor.sendall(b"b")
        assert read_to_the_end(visitor).endswith(b"\r\n\r\nok")


def test_a_keep_alive_of_whole_requests_goes_on(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as visitor:
        for _ in range(3):
            visitor.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = b""
            while not answer.endswith(b"\r\n\r\nok"):
                part = visitor.recv(65536)
                assert part, "it hung up"
                answer += part


BIG_ONE = b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n"


def hung_up_on(visitor: socket.socket) -> bool:
    """Whether the server is gone, read to the end; it must be within the time that `visitor` has."""
    try:
        return len(read_to_the_end(visitor)) < BIG
    except ConnectionError:
        return True


@pytest.mark.parametrize("head", [BIG_ONE, BIG_ONE.replace(b"x\r\n", b"x\r\nConnection: close\r\n")])
def test_who_reads_nothing_of_an_answer_is_hung_up_on(port: int, rooms: Rooms, head: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as visitor:
        visitor.sendall(head)
        assert rooms.told.wait(PATIENCE_S), "it is held for ever"
        assert hung_up_on(visitor)


def test_many_small_answers_that_nobody_reads_are_held_no_longer(port: int) -> None:
    with socket.socket() as visitor:
        visitor.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        visitor.connect(("127.0.0.1", port))
        visitor.settimeout(PATIENCE_S)
        # In the end the server reads no more either, and the next piece stays where it is.
        with pytest.raises(ConnectionError):
            while True:
                visitor.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 1000)


def test_a_slow_download_that_goes_on_is_not_cut(port: int, rooms: Rooms) -> None:
    with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as visitor:
        visitor.sendall(BIG_ONE)
        got, goal = 0, 0
        for _ in range(4):
            # In these four more than its time is over, and of what was written at once much still waits.
            assert heard(port, b"") == b""
            goal += 1 << 20
            while got < goal:
                got += len(visitor.recv(65536))
        assert not rooms.told.is_set()
        while got < BIG:
            part = visitor.recv(65536)
            assert part, "it was cut"
            got += len(part)
