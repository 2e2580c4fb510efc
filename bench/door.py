"""The door: sign-ins a second, how late they make the event loop, and what the middleware adds to a page.

Over HTTP on loopback, against the app as it is served, with its own limits, password hash and second factor;
beside a Gradio page with `auth=` and bcrypt, which has a password alone. Every sign-in is another account's,
from another address, with a fresh code. Who is told that the door is full (503) comes again when told to.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pyotp

from bench.door_server import PASSWORD, TICK_S
from bench.report import ROOT, Row, hand_over

# At once, and how many in all.
CROWDS = ((1, 10), (8, 24), (50, 50))
REQUESTS = 2000
PAGES = 200
IDLE_S = 5.0
PATIENCE_S = 180
_STEP_S = 30


@dataclass(frozen=True)
class Server:
    """A server of door_server.py: its ports, and what it said of itself."""

    ports: dict[str, int]
    said: dict[str, Any]

    def lateness(self) -> tuple[list[float], float]:
        """Milliseconds that a request had to wait for its loop since the last call; its processor time."""
        told = json.loads(Client(self.ports["probe"]).get("/")[1])
        return sorted(1000 * late for late in delays(told["late"])), float(told["cpu"])

    def settle(self) -> None:
        """Wait until it does nothing by itself any more (the models load behind the pages)."""
        calm, last, ends = 0, self.lateness()[1], time.monotonic() + PATIENCE_S
        while calm < 3 and time.monotonic() < ends:
            time.sleep(1)
            now = self.lateness()[1]
            calm = calm + 1 if now - last < 0.1 else 0
            last = now


class Client:
    """One connection that is kept open."""

    def __init__(self, port: int, **headers: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
        self._headers = {"Accept": "text/html", **headers}
        self._origin = f"http://127.0.0.1:{port}"

    def get(self, path: str) -> tuple[int, bytes]:
        self._connection.request("GET", path, headers=self._headers)
        answer = self._connection.getresponse()
        return answer.status, answer.read()

    def post(self, path: str, fields: dict[str, str]) -> http.client.HTTPResponse:
        kind = {"Content-Type": "application/x-www-form-urlencoded", "Origin": self._origin}
        self._connection.request("POST", path, urlencode(fields), {**self._headers, **kind})
        answer = self._connection.getresponse()
        answer.read()
        return answer


def delays(late: list[float]) -> list[float]:
    """Seconds that a request would have waited, had one come every TICK_S.

    The probe itself is held up with the loop: of a stall of a minute it tells once. Each look therefore
    stands for all the requests that would have come while it waited.
    """
    waits: list[float] = []
    for one in late:
        rest = max(0.0, one)
        waits.append(rest)
        while (rest := rest - TICK_S) > 0:
            waits.append(rest)
    return waits


@contextmanager
def serving(*arguments: str) -> Iterator[Server]:
    """door_server.py, from when it serves until it was interrupted.

    Raises:
        RuntimeError: it ended before it served.
    """
    environ = {key: value for key, value in os.environ.items() if not key.startswith("ASKLEPION_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.door_server", *arguments],
        cwd=ROOT,
        env=environ,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if line.startswith('{"ports"'):
                said = json.loads(line)
                # What it prints from now on must not fill the pipe.
                threading.Thread(target=process.stdout.read, daemon=True).start()
                yield Server(said.pop("ports"), said)
                return
        raise RuntimeError(f"The server {arguments[0]} ended with exit code {process.wait()}.")
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(PATIENCE_S)


@dataclass(frozen=True)
class Crowd:
    """What became of sign-ins at once."""

    per_s: float
    waits: list[float]
    """Seconds from the first try until inside, sorted."""
    full: int
    """Answers that the door is full."""


def crowd(at_once: int, people: int, sign_in: Callable[[int], int]) -> Crowd:
    """`people` sign in, `at_once` of them at any time; `sign_in` returns how often the door was full."""
    waits: list[float] = []
    start = threading.Barrier(at_once)

    def one(number: int) -> int:
        if number < at_once:
            start.wait()
        began = time.perf_counter()
        full = sign_in(number)
        waits.append(time.perf_counter() - began)
        return full

    began = time.perf_counter()
    with ThreadPoolExecutor(at_once) as pool:
        full = sum(pool.map(one, range(people)))
    return Crowd(people / (time.perf_counter() - began), sorted(waits), full)


def at_our_door(server: Server, first: int) -> Callable[[int], int]:
    """Sign-ins of the accounts from `first` on."""

    def sign_in(number: int) -> int:
        full, person = 0, first + number
        client = Client(
            server.ports["house"], **{"X-Forwarded-For": f"198.51.{person // 200}.{person % 200 + 1}"}
        )
        while (answer := client.post("/login", form(server, person))).status == 503:
            full += 1
            time.sleep(float(answer.headers["Retry-After"]))
        if answer.status != 303:
            raise RuntimeError(f"A sign-in was answered {answer.status}, so nothing was measured.")
        return full

    return sign_in


def form(server: Server, person: int) -> dict[str, str]:
    code = pyotp.HOTP(server.said["secrets"][person]).at(int(time.time()) // _STEP_S)
    return {"name": f"person{person}", "password": PASSWORD, "code": code}


def at_gradios(server: Server) -> Callable[[int], int]:
    """Sign-ins to the Gradio page."""

    def sign_in(_: int) -> int:
        status = Client(server.ports["house"]).post("/login", {"username": "a", "password": PASSWORD}).status
        if status != 200:
            raise RuntimeError(f"Gradio answered a sign-in with {status}, so nothing was measured.")
        return 0

    return sign_in


@dataclass(frozen=True)
class Measured:
    """A server's crowds, and the lateness of its loop in milliseconds: idle, and with the last crowd."""

    crowds: list[Crowd]
    idle: list[float]
    busy: list[float]


def measure(server: Server, sign_in: Callable[[int], Callable[[int], int]]) -> Measured:
    """All CROWDS, one after the other; `sign_in` is told the number of the first person."""
    server.settle()
    time.sleep(IDLE_S)
    idle = server.lateness()[0]
    crowds: list[Crowd] = []
    first = 1
    for at_once, people in CROWDS:
        server.lateness()
        crowds.append(crowd(at_once, people, sign_in(first)))
        busy = server.lateness()[0]
        first += people
    return Measured(crowds, idle, busy)


def paired(with_it: Callable[[], float], without: Callable[[], float], times: int) -> list[list[float]]:
    """Milliseconds of both, in turn, so that what else the machine does meets both alike; sorted."""
    for _ in range(20):
        with_it(), without()
    both = [(with_it(), without()) for _ in range(times)]
    return [sorted(1000 * pair[place] for pair in both) for place in (0, 1)]


def fetching(port: int, cookie: str) -> Callable[[], float]:
    """Seconds that one GET / takes."""
    client = Client(port, Cookie=cookie)

    def once() -> float:
        began = time.perf_counter()
        status, _ = client.get("/")
        taken = time.perf_counter() - began
        if status != 200:
            raise RuntimeError(f"GET / was answered {status}, so nothing was measured.")
        return taken

    return once


def part(ordered: list[float], share: float) -> float:
    """The value below which this share of them lies."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def compare() -> list[Row]:
    """The app, then Gradio's own sign-in, in one run."""
    everybody = 1 + sum(people for _, people in CROWDS)
    with tempfile.TemporaryDirectory() as data, serving("ours", data, str(everybody)) as server:
        answer = Client(server.ports["house"]).post("/login", form(server, 0))
        cookie = (answer.headers["Set-Cookie"] or "").partition(";")[0]
        _until_open(server, cookie)
        ours = measure(server, lambda first: at_our_door(server, first))
        ports, hash_s = server.ports, float(server.said["hash_s"])
        small = paired(fetching(ports["guarded"], cookie), fetching(ports["bare"], cookie), REQUESTS)
        page = paired(fetching(ports["house"], cookie), fetching(ports["rooms"], cookie), PAGES)
    with serving("gradio") as server:
        theirs = measure(server, lambda _: at_gradios(server))
    rows = [
        Row("ours: one check of a password", 1000 * hash_s, "ms", "median of 5, by the door's own hasher")
    ]
    return [*rows, *_sign_in_rows(ours, theirs), *_loop_rows(ours, theirs), *_page_rows(small, page)]


def _until_open(server: Server, cookie: str) -> None:
    client, ends = Client(server.ports["house"], Cookie=cookie), time.monotonic() + PATIENCE_S
    while client.get("/")[0] != 200:
        if time.monotonic() > ends:
            raise RuntimeError(f"The rooms did not open within {PATIENCE_S} s.")
        time.sleep(0.5)


def _sign_in_rows(ours: Measured, theirs: Measured) -> list[Row]:
    rows = []
    for (at_once, people), mine, plain in zip(CROWDS, ours.crowds, theirs.crowds, strict=True):
        for whose, one in (("ours", mine), ("gradio auth=", plain)):
            inside = f"inside after {part(one.waits, 0.5):.2f} s (p50), {one.waits[-1]:.2f} s (slowest)"
            note = f"{people} in all; {inside}; told that the door is full: {one.full} times"
            rows.append(Row(f"{whose}: {at_once} at once", one.per_s, "sign-ins/s", note))
        rows.append(Row(f"ratio: {at_once} at once", mine.per_s / plain.per_s, "times"))
    return rows


def _loop_rows(ours: Measured, theirs: Measured) -> list[Row]:
    at_once = CROWDS[-1][0]
    rows = []
    for whose, one in (("ours", ours), ("gradio auth=", theirs)):
        for when, late in (("idle", one.idle), (f"{at_once} at once", one.busy)):
            note = f"p50 {part(late, 0.5):.1f}, max {late[-1]:.1f}"
            rows.append(
                Row(f"{whose}: a request waits for the loop, {when}, p99", part(late, 0.99), "ms", note)
            )
    for name, share in (("p50", 0.5), ("p99", 0.99), ("max", 1.0)):
        ratio = part(theirs.busy, share) / max(part(ours.busy, share), 0.01)
        rows.append(
            Row(f"gradio auth= to ours: waiting for the loop, {at_once} at once, {name}", ratio, "times")
        )
    return rows


def _page_rows(small: list[list[float]], page: list[list[float]]) -> list[Row]:
    rows = []
    for what, (behind, bare) in (("a small page", small), ("Gradio's page", page)):
        for where, taken in (("behind the door", behind), ("without it", bare)):
            note = f"p99 {part(taken, 0.99):.2f}; {len(taken)} requests, in turn"
            rows.append(Row(f"{what} {where}, p50", part(taken, 0.5), "ms", note))
        added = part(behind, 0.5) - part(bare, 0.5)
        rows.append(Row(f"{what}: the door adds, p50", added, "ms"))
    return rows


if __name__ == "__main__":
    hand_over(compare())
