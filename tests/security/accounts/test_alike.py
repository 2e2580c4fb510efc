"""Neither words nor headers nor time tell a known name from another, or what of an attempt was wrong."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest

from security.accounts.audit import Trail
from security.accounts.limits import Limits, Visitor
from security.accounts.signin import Attempt, SignIn
from security.crypto.passwords import PasswordHasher
from tests.security.accounts.fakes import (
    NAME,
    PASSWORD,
    Admin,
    Browser,
    Clock,
    House,
    guess,
    sign_in,
)


@pytest.fixture
def house(tmp_path: Path, clock: Clock) -> Iterator[House]:
    """With the limits of the app."""
    house = House(tmp_path, clock, limiter=None)
    yield house
    house.close()


def test_the_answer_of_a_limit_is_the_same_for_every_name(house: House, admin: Admin, clock: Clock) -> None:
    def limited(name: str, first: int) -> httpx.Response:
        for place in range(first, first + 6):
            assert guess(house, admin, place, name).status_code == 401
        return guess(house, admin, first + 6, name)

    known, unknown = limited(NAME, 0), limited("Nobody Known", 100)
    assert known.status_code == unknown.status_code == 429
    assert known.text.replace(f'value="{NAME}"', "") == unknown.text.replace('value="Nobody Known"', "")
    assert "Please wait 1 second and try again" in known.text
    headers = [{**answer.headers} for answer in (known, unknown)]
    for found in headers:
        del found["content-length"]
    assert headers[0] == headers[1]
    assert known.headers["retry-after"] == "1"
    # A right password and code is answered no differently.
    assert sign_in(house.browser(address="192.0.2.50"), admin, clock).text == known.text


class Leaky(PasswordHasher):
    """Doesn't trouble to verify for a name that nobody has: what the timing test must notice."""

    def verify(self, password: str, stored: str) -> bool:
        return False if stored == self.told else super().verify(password, stored)

    def decoy(self, scheme: str | None = None) -> str:
        self.told = super().decoy(scheme)
        return self.told


def times(
    house: House, hasher: PasswordHasher, turns: int, among: Iterable[str] = ()
) -> dict[str, list[float]]:
    """CPU seconds of a thread, interleaved: what other programs do on this machine doesn't matter."""
    door = house.door
    kek = door.vault._kek
    trail = Trail(door.trail.ledger)
    service = SignIn(door.database, kek, door._setup._users, hasher, door._sessions, trail)
    limits = Limits(door.database, kek)
    cases = {
        "unknown user": Attempt("Somebody Else", PASSWORD, "000000"),
        "wrong password": Attempt(NAME, "violet anchor tundra spool", "000000"),
        "wrong code": Attempt(NAME, PASSWORD, "000000"),
        "no code": Attempt(NAME, PASSWORD, ""),
        "neither": Attempt(NAME, "violet anchor tundra spool", ""),
        "locked": Attempt(NAME, PASSWORD, "000001"),
    }
    taken: dict[str, list[float]] = {case: [] for case in among or cases}
    for turn in range(turns + 5):
        for case, seconds in taken.items():
            typed = cases[case]
            house.clock.pass_by(361)
            # Each after the same work, which leaves caches alike: the ten codes of an hour are used up.
            while limits.take_code(Visitor("locked", ""), house.clock.at, password_fits=True):
                continue
            who = "locked" if case == "locked" else f"{typed.name} {case}"
            gate = partial(_gate, limits, Visitor(who, ""), house.clock.at)
            begun = time.thread_time()
            assert service.attempt(typed, house.clock.at, None, gate) is None
            if turn >= 5:
                seconds.append(time.thread_time() - begun)
    return taken


def _gate(limits: Limits, visitor: Visitor, now: float, password_fits: bool) -> bool:
    return limits.take_code(visitor, now, password_fits=password_fits)


def longer(one: list[float], other: list[float]) -> float:
    """How often a time of `one` is longer than one of `other` (Mann-Whitney's U over its greatest)."""
    wins = sum((a > b) + (a == b) / 2 for a in one for b in other)
    return wins / (len(one) * len(other))


def test_time_does_not_tell_what_was_wrong(house: House, admin: Admin) -> None:
    pepper = house.door.vault._kek.derive("password pepper")
    taken = times(house, PasswordHasher(pepper, 4), 75)
    # With 75 of each, chance alone stays within 0.5 +- 0.047 two times of three; this is four times that.
    for case in ("unknown user", "wrong code", "locked", "no code"):
        # What was typed may take its time: who has typed it knows.
        other = "neither" if case == "no code" else "wrong password"
        assert 0.3 < longer(taken[case], taken[other]) < 0.7, case
    # The test can see what it looks for.
    leaky = times(house, Leaky(pepper, 4), 25, ("wrong password", "unknown user"))
    assert longer(leaky["wrong password"], leaky["unknown user"]) > 0.8


def test_a_refusal_is_in_the_trail_only_after_the_answer(house: House, admin: Admin, clock: Clock) -> None:
    before = len(house.door.trail.ledger)
    sent_with: list[int] = []
    browser = Browser(noting(house, sent_with))
    assert sign_in(browser, admin, clock, password="wrong").status_code == 401
    assert sent_with[-1] == before
    assert len(house.door.trail.ledger) == before + 1


def noting(house: House, lengths: list[int]) -> object:
    async def asgi(scope: dict[str, object], receive: object, send: object) -> None:
        async def noted(message: object) -> None:
            lengths.append(len(house.door.trail.ledger))
            await send(message)  # type: ignore[operator]

        await house.asgi(scope, receive, noted)  # type: ignore[arg-type]

    return asgi
