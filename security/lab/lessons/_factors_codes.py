"""Lesson 6, attacks on one-time codes: replay, and guessing without a limit; with their cures."""

from __future__ import annotations

import random
from collections.abc import Iterator

from security.crypto import onetime
from security.lab import pictures, story
from security.lab.parameters import Chosen, Whole
from security.lab.steps import Event, Outcome, Step, Table, Value
from security.lab.workings import onetime_codes
from security.lab.workings.faces import any_of
from ui import plots

DELAY = Whole("delay", "Mallory comes so many seconds later", 20, 1, 120)
DIGITS = Whole("digits", "Digits of a code", 4, 3, 6, "Four, so that the class sees the end of it.")
TRIES = Whole("tries", "Guesses that she makes", 20_000, 100, 100_000)
RATE = Whole("rate", "Guesses in 30 seconds", 20, 1, 1_000)
FREE = Whole("free", "Wrong codes without a wait", 5, 1, 20)
_NOW = 1_790_000_010
_OPEN = 3  # the step of now, the one before and the one after
_REAL_DIGITS = 6
_POINTS = 30


def replay(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    """One code, twice, at a server that forgets."""
    key, delay = rng.randbytes(onetime.SECRET_BYTES), chosen.whole("delay")
    code = onetime_codes.worked(key, _NOW // onetime_codes.STEP_SECONDS).code
    yield _typed(code)
    first = onetime_codes.accepted(key, code, _NOW)
    second = onetime_codes.accepted(key, code, _NOW + delay)
    later = [(after, onetime_codes.accepted(key, code, _NOW + after)) for after in range(0, 121, 10)]
    yield _twice(code, delay, first, second)
    yield Step(
        "How long it stays good",
        "Clocks differ, so servers take the step before and after too: up to 90 seconds for one code.",
        table=Table(
            ("seconds later", "accepted"), tuple((str(at), "yes" if fits else "no") for at, fits in later)
        ),
    )
    yield _replay_end(first, second)


def one_use(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    """The same at a server with this app's module, which remembers the last step."""
    key, delay = rng.randbytes(onetime.SECRET_BYTES), chosen.whole("delay")
    secret = onetime.new_secret(lambda _: key)
    step = onetime.step_at(_NOW)
    code = onetime.code_at(secret, step)
    yield _typed(code)
    spent = onetime.matching_step(secret, code, now=_NOW, last_step=-1)
    last = -1 if spent is None else spent
    yield Step(
        "The server writes the step down",
        "Only later steps count from now on. In this app the writing and the test are one statement of the database, so that "
        "two requests at once can't both spend it.",
        (Value("matching step", last), Value("remembered", last)),
    )
    again = onetime.matching_step(secret, code, now=_NOW + delay, last_step=last)
    yield _twice(code, delay, spent is not None, again is not None)
    fresh = onetime.matching_step(secret, onetime.code_at(secret, step + 1), now=_NOW + 30, last_step=last)
    yield Step(
        "The next code",
        f"{story.DOCTOR} can sign in again half a minute later.",
        (Value("next code accepted", fresh is not None),),
    )
    yield _replay_end(spent is not None and fresh is not None, again is not None)


def _typed(code: str) -> Step:
    return Step(
        f"{story.DOCTOR} signs in",
        f"{story.ATTACKER} stands behind her in the ward, has seen the password before, and reads the code now.",
        (Value("code", code), Value("Unix time", _NOW)),
    )


def _twice(code: str, delay: int, first: bool, second: bool) -> Step:
    messages = [
        pictures.Message(0, 1, 0, 0.4, code),
        pictures.Message(1, 0, 1, 1.4, "in" if first else "refused", "good" if first else "bad"),
        pictures.Message(2, 1, 2, 2.4, code, "bad"),
        pictures.Message(1, 2, 3, 3.4, "in" if second else "refused", "bad" if second else "good"),
    ]
    return Step(
        f"The same code {delay} seconds later",
        "",
        (Value("first time accepted", first), Value("second time accepted", second)),
        pictures.sequence(
            "One code is used twice.", [("Dr. Okafor", ""), ("Server", ""), (story.ATTACKER, "bad")], messages
        ),
    )


def _replay_end(first: bool, second: bool) -> Outcome:
    if second:
        return Outcome(
            "broken", "The same code opened the door twice: it was a code for a time, not for one use."
        )
    if first:
        return Outcome("held", "The code opened the door once. The second time it was refused.")
    return Outcome("broken", "The rightful person was refused; that is no cure.")


def guessing(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    """Codes guessed at a server that counts nothing."""
    digits, tries, rate = chosen.whole("digits"), chosen.whole("tries"), chosen.whole("rate")
    key = rng.randbytes(onetime.SECRET_BYTES)
    yield _chances(digits, tries)
    times = [_NOW + at * onetime_codes.STEP_SECONDS // rate for at in range(tries)]
    hit = _first_hit(key, digits, times, rng)
    yield _guessed(digits, times, hit, "No limit: one guess after the other.")
    yield _real_size()
    if hit is None:
        yield Outcome("held", f"{tries:,} guesses and no hit this time. Without a limit she simply goes on.")
    else:
        yield Outcome("broken", f"Guess {hit + 1:,} was a good code. She needed patience alone.")


def limits(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    """The same at a server that makes each wrong code wait twice as long as the one before."""
    digits, tries, rate = chosen.whole("digits"), chosen.whole("tries"), chosen.whole("rate")
    key, free = rng.randbytes(onetime.SECRET_BYTES), chosen.whole("free")
    until = _NOW + tries * onetime_codes.STEP_SECONDS // rate
    times, wait = [_NOW] * free, onetime_codes.STEP_SECONDS
    while len(times) < tries and times[-1] + wait <= until:
        times.append(times[-1] + wait)
        wait *= 2
    yield Step(
        "A wait that doubles",
        f"{free} wrong codes are forgiven: people mistype. Then half a minute, a minute, two ... for this account, whoever asks.",
        (
            Value("time she has, in seconds", until - _NOW),
            Value("guesses without a limit", tries),
            Value("guesses with it", len(times)),
        ),
        plots.bars(
            "Guesses in the same time", [("no limit", float(tries)), ("with waits", float(len(times)))]
        ),
    )
    hit = _first_hit(key, digits, times, rng)
    yield _guessed(digits, times, hit, "Only as many guesses as the waits allow.")
    chance = _chance(_REAL_DIGITS, len(times))
    yield Step(
        "The price",
        f"{story.DOCTOR} waits too if somebody guesses at her account. So a lock that never opens would be an attack of its own: "
        "let it end by itself, tell the owner, and ask for the password first.",
        (Value("chance with six digits, %", chance),),
    )
    if hit is None:
        yield Outcome("held", f"{len(times)} guesses in place of {tries:,}, and none was good.")
    else:
        yield Outcome(
            "broken", f"Guess {hit + 1} was a good code: pure luck, and too likely with so few digits."
        )


def _first_hit(key: bytes, digits: int, times: list[int], rng: random.Random) -> int | None:
    codes: dict[int, str] = {}
    for at, now in enumerate(times):
        here = now // onetime_codes.STEP_SECONDS
        open_now = range(here - 1, here + 2)
        if here + 1 not in codes:
            codes = {
                step: codes.get(step) or onetime_codes.worked(key, step, digits).code for step in open_now
            }
        if f"{rng.randrange(10**digits):0{digits}d}" in codes.values():
            return at
    return None


def _chance(digits: int, guesses: int) -> float:
    return round(100 * any_of(_OPEN / 10**digits, guesses), 4)


def _chances(digits: int, tries: int) -> Step:
    at = [tries * point // _POINTS for point in range(_POINTS + 1)]
    curve = plots.Line(f"{digits} digits", [(float(n), _chance(digits, n)) for n in at])
    return Step(
        "Count first",
        f"Three codes are good at any time, of 10^{digits}. After n guesses she is in with probability 1 − (1 − 3/10^{digits})^n.",
        (
            Value("codes", 10**digits),
            Value("good at any time", _OPEN),
            Value("chance after all guesses, %", _chance(digits, tries)),
        ),
        plots.lines("In, after so many guesses", [curve], "guesses", "%"),
    )


def _guessed(digits: int, times: list[int], hit: int | None, how: str) -> Step:
    made = len(times) if hit is None else hit + 1
    return Step(
        "She guesses",
        how,
        (
            Value("guesses made", made),
            Value("a good code found", hit is not None),
            Value("minutes of guessing", round((times[made - 1] - _NOW) / 60, 1)),
            Value("digits guessed", digits),
        ),
    )


def _real_size() -> Step:
    at = [20_000 * point for point in range(51)]
    half = next(n for n in range(0, 10**6, 1_000) if _chance(_REAL_DIGITS, n) >= 50)
    return Step(
        "With six digits",
        "A million codes sound safe. At a hundred guesses a second the even chance comes within the hour.",
        (
            Value("guesses for an even chance, in thousands", half // 1_000),
            Value("minutes at 100 a second", round(half / 6_000, 1)),
        ),
        plots.lines(
            "In, with six digits",
            [plots.Line("six digits", [(float(n), _chance(_REAL_DIGITS, n)) for n in at], "b")],
            "guesses",
            "%",
        ),
    )
