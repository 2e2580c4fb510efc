"""Lesson 6, its demonstrations: a one-time code digit by digit, and what factors are worth together."""

from __future__ import annotations

import base64
import random
from collections.abc import Iterator, Sequence

from security.crypto import onetime
from security.lab import pictures, story
from security.lab.errors import BadParameterError
from security.lab.parameters import Chosen, Real, Text, Whole
from security.lab.steps import Event, Outcome, Step, Table, Value
from security.lab.workings import factors_risk, onetime_codes
from ui import plots

_EXAMPLE = base64.b32encode(b"Asklepion's teaching").decode()
SECRET = Text(
    "secret", "The shared secret, in base32", _EXAMPLE, most=128, least=26, hint="A to Z and 2 to 7."
)
TIME = Whole("time", "Unix time, in seconds", 1_790_000_000, 0, 20_000_000_000)
KNOW = Real("know", "Password falls, %", 10.0, 0.0, 100.0)
HAVE = Real("have", "Device falls, %", 2.0, 0.0, 100.0)
ARE = Real("are", "Face falls, %", 1.0, 0.0, 100.0)
SHARED = Real("shared", "Common cause, %", 0.0, 0.0, 100.0, "How often one event decides all.")
_ACCOUNTS = 100_000
_QR_WIDTH = 440.0  # narrower than other pictures, so that a camera reads it on a small screen
_NAMES = ("password", "device", "face")


def show(chosen: Chosen, _: random.Random) -> Iterator[Event]:
    """A time-based one-time code, from the secret to its digits."""
    try:
        key = onetime_codes.from_base32(chosen.text("secret"))
    except ValueError as error:
        raise BadParameterError(
            "secret",
            f"{error}.",
            "From one code and its time an attacker tests guesses at the secret without asking anybody: a short one is soon found.",
        ) from error
    now = chosen.whole("time")
    secret = base64.b32encode(key).decode().rstrip("=")
    steps = now // onetime_codes.STEP_SECONDS
    done = onetime_codes.worked(key, steps)
    yield from _handed_over(secret, key)
    yield from _computed(now, steps, done)
    library = onetime.code_at(secret, steps)
    yield Step(
        "The same from the library",
        "This app's module uses pyotp. The server computes the same and compares; phone and server never speak to each other.",
        (
            Value("pyotp", library),
            Value("seconds left", onetime_codes.STEP_SECONDS - now % onetime_codes.STEP_SECONDS),
        ),
    )
    yield Outcome(
        "works" if library == done.code else "broken",
        f"The code is {done.code}: the last six digits of a number that was cut out of an HMAC.",
    )


def _handed_over(secret: str, key: bytes) -> Iterator[Event]:
    uri = onetime.provisioning_uri(secret, story.DOCTOR, "Asklepion")
    yield Step(
        "Once: the secret is handed over",
        "The phone reads this address as a QR code. After that, server and phone share a secret: something you have.",
        (Value("secret in base32", secret), Value("secret", key), Value("address", uri)),
        _qr(uri),
    )


def _computed(now: int, steps: int, done: onetime_codes.Working) -> Iterator[Event]:
    yield Step(
        "The time is a counter",
        "Unix seconds divided by 30, without the rest, in 8 bytes. Whoever has the same clock has the same counter.",
        (Value("Unix time", now), Value("time-step", steps), Value("counter", done.counter)),
    )
    marks = [*range(done.offset, done.offset + 4), len(done.mac) - 1]
    yield Step(
        "HMAC, and four bytes of it",
        f"[[hmac|HMAC-SHA-1]] of the counter under the secret. The last byte ends in {done.offset:x}: read 4 bytes from place {done.offset}.",
        (Value("HMAC-SHA-1", done.mac), Value("offset", done.offset), Value("four bytes", done.read)),
        pictures.cells(
            "Counter and HMAC; marked are the four bytes and the last.",
            [("counter", done.counter), ("HMAC-SHA-1", done.mac)],
            [[], marks],
            "good",
        ),
    )
    boxes = [
        pictures.Box(("HMAC ends in", f"…{done.mac[-4:].hex()}")),
        pictures.Box(("4 bytes", done.read.hex())),
        pictures.Box(("31 bits", str(done.number))),
        pictures.Box(("mod 10^6", done.code), "good"),
    ]
    yield Step(
        "Six digits",
        "The top bit is dropped, so that no machine takes the number for a negative one. Its last six digits are the code.",
        (Value("number", done.number), Value("code", done.code)),
        pictures.chain("From bytes to the code.", boxes),
    )


def _qr(text: str) -> str:
    import segno

    modules = [bytes(row) for row in segno.make(text, error="m", micro=False).matrix]
    quiet, side = 4, 250.0
    dot = side / (len(modules) + 2 * quiet)
    left = (_QR_WIDTH - side) / 2
    canvas = pictures.Canvas("The address as a QR code.", side, _QR_WIDTH)
    # Black on white in dark mode too: an inverted code is one that many cameras can't read.
    canvas.raw(f'<rect x="{left:.2f}" y="0" width="{side:.2f}" height="{side:.2f}" fill="#fff"/>')
    path = "".join(
        f"M{left + (quiet + start) * dot:.2f} {(quiet + row) * dot:.2f}h{length * dot:.2f}v{dot:.2f}h-{length * dot:.2f}z"
        for row, line in enumerate(modules)
        for start, length in _stretches(line)
    )
    canvas.raw(f'<path d="{path}" fill="#000" shape-rendering="crispEdges"/>')
    return canvas.svg()


def _stretches(line: Sequence[int]) -> list[tuple[int, int]]:
    found, at = [], 0
    while at < len(line):
        end = at
        while end < len(line) and line[end]:
            end += 1
        if end > at:
            found.append((at, end - at))
        at = max(end, at + 1)
    return found


def risk(chosen: Chosen, _: random.Random) -> Iterator[Event]:
    """What one, two and three factors are worth, alone and with a cause in common."""
    chances = [chosen.real(name) / 100 for name in ("know", "have", "are")]
    shared = chosen.real("shared") / 100
    every = factors_risk.combinations(chances, shared)
    rows = tuple(
        (*("falls" if down else "stands" for down in fallen), f"{round(100 * chance, 6):g} %")
        for fallen, chance in every.items()
    )
    yield Step(
        "All that can happen in a year",
        "Each [[factor]] falls or stands: eight cases. Mallory needs the last row, if all three are asked for.",
        (Value("sum of all cases, %", round(100 * sum(every.values()), 6)),),
        table=Table((*_NAMES, "probability"), rows),
    )
    falls = [factors_risk.all_fall(chances[:count], shared) for count in (1, 2, 3)]
    yield Step(
        "One, two, three",
        "If nothing connects the factors, their probabilities multiply.",
        tuple(
            Value(f"{count} asked: all fall, %", round(100 * fall, 6))
            for count, fall in zip((1, 2, 3), falls, strict=True)
        ),
        plots.bars(
            f"Of {_ACCOUNTS:,} accounts, opened in a year",
            [
                (" + ".join(_NAMES[:count]), _ACCOUNTS * fall)
                for count, fall in zip((1, 2, 3), falls, strict=True)
            ],
        ),
    )
    yield _in_common(chances, shared)
    gain = falls[0] - falls[1]
    yield Outcome(
        "works" if gain > 0 else "broken",
        f"The second factor takes {round(100 * gain, 6):g} of {round(100 * falls[0], 6):g} percentage points away. "
        "What counts is that it doesn't fall for the same reason.",
    )


def _in_common(chances: list[float], shared: float) -> Step:
    grid = [at / 20 for at in range(21)]
    curves = [
        plots.Line(
            f"{count} asked",
            [(100 * s, round(100 * factors_risk.all_fall(chances[:count], s), 6)) for s in grid],
            style,
        )
        for count, style in ((1, "a"), (2, "b"), (3, "c"))
    ]
    return Step(
        "A cause in common",
        "Password, codes and face unlock on one stolen phone fall in one evening. The more one event decides all, the less "
        "a further factor adds: in the end all are worth as much as the best one.",
        (
            Value("shared, %", round(100 * shared, 6)),
            Value("three asked, all in common, %", round(100 * min(chances), 6)),
        ),
        plots.lines("All factors fall", curves, "common cause, %", "%"),
    )
