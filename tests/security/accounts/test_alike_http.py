"""Over HTTP: what an attacker can see, count and time of a refused sign-in is the same whatever was wrong."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator

import httpx
import pytest
from sqlalchemy import event, update
from sqlalchemy.orm import Session

from security.accounts.limits import Limits, Visitor
from security.accounts.policy import name_key
from security.accounts.tables import User
from security.crypto.passwords import PasswordHasher
from tests.security.accounts.fakes import NAME, PASSWORD, Browser, Clock, House, set_up, sign_in
from tests.security.accounts.people_fakes import OTHER, PEOPLE, act, confirm, id_of, invite, join
from tests.security.accounts.test_alike import longer

ADDRESS = "192.0.2.1"
# What is typed: all of one length, so that the pages are, too.
CASES = {
    "unknown user": {"name": "Eva Brendt", "password": PASSWORD, "code": "000000"},
    "wrong password": {"name": NAME, "password": PASSWORD[:-1] + "x", "code": "000000"},
    "wrong code": {"name": NAME, "password": PASSWORD, "code": "000000"},
    "no code": {"name": NAME, "password": PASSWORD, "code": ""},
    "neither": {"name": NAME, "password": PASSWORD[:-1] + "x", "code": ""},
    "locked": {"name": "Kim Locked", "password": OTHER, "code": "000000"},
    "disabled": {"name": "Kim Barred", "password": OTHER, "code": "000000"},
}
KIM = Visitor(name_key("Kim Locked"), ADDRESS)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """With the limits of the app, and all the people above in it."""
    clock = Clock()
    house = House(tmp_path_factory.mktemp("house"), clock, limiter=None)
    admin, office = set_up(house), house.browser()
    assert sign_in(office, admin, clock).status_code == 303
    for name in ("Kim Locked", "Kim Barred"):
        assert confirm(office, admin, clock).headers["location"] == PEOPLE
        join(house, invite(office), name)
    assert act(office, "disable", person=id_of(house, "Kim Barred")).status_code == 303
    yield house
    house.close()


def refused(house: House, case: str) -> httpx.Response:
    """An attempt with nothing counted but what makes it locked."""
    house.clock.pass_by(3601)
    limits = Limits(house.database, house.door.vault._kek)
    while case == "locked" and limits.take_code(KIM, house.clock.at, password_fits=True):
        continue
    return house.browser(address=ADDRESS).post("/login", CASES[case])


def test_the_answer_is_the_same_to_the_byte(house: House) -> None:
    seen = set()
    for case in CASES:
        answer = refused(house, case)
        page = answer.text.replace(CASES[case]["name"], "x" * 10)
        seen.add((answer.status_code, page, str(answer.headers)))
    assert len(seen) == 1
    assert next(iter(seen))[0] == 401


class Counted:
    """What is asked of the database before the answer is out; the trail is written after it."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.said: list[str] = []
        self.answered = False

    async def __call__(self, scope: object, receive: object, send: object) -> None:
        async def noted(message: dict[str, object]) -> None:
            await send(message)  # type: ignore[operator]
            self.answered |= message["type"] == "http.response.body"

        await self.house.asgi(scope, receive, noted)  # type: ignore[arg-type]

    def listen(self, _: object, __: object, statement: str, *___: object) -> None:
        if not self.answered:
            self.said.append(re.sub(r"\s+", " ", statement))


def test_the_database_is_asked_the_same(house: House) -> None:
    asked = {}
    for case, fields in CASES.items():
        refused(house, case)  # the rows of its counters are there now, or not, as for everybody
        house.clock.pass_by(61)
        counted = Counted(house)
        event.listen(house.database, "before_cursor_execute", counted.listen)
        try:
            answer = Browser(counted, address=ADDRESS).post("/login", fields)
        finally:
            event.remove(house.database, "before_cursor_execute", counted.listen)
        assert answer.status_code == 401
        asked[case] = tuple(counted.said)
    assert len(asked["wrong password"]) > 5
    assert set(asked.values()) == {asked["wrong password"]}


def times(house: House, turns: int, cases: Iterable[str]) -> dict[str, list[float]]:
    """Seconds by the clock on the wall, interleaved."""
    limits = Limits(house.database, house.door.vault._kek)
    taken: dict[str, list[float]] = {case: [] for case in cases}
    for turn in range(turns + 3):
        for place, (case, seconds) in enumerate(taken.items()):
            house.clock.pass_by(361)
            # Each after the same work, which leaves caches alike: the ten codes of an hour are used up.
            while limits.take_code(KIM, house.clock.at, password_fits=True):
                continue
            browser = house.browser(address=f"198.51.{turn}.{place}")
            begun = time.perf_counter()
            answer = browser.post("/login", CASES[case])
            if turn >= 3:
                seconds.append(time.perf_counter() - begun)
            assert answer.status_code == 401
    return taken


def test_the_clock_on_the_wall_does_not_tell(house: House) -> None:
    taken = times(house, 30, CASES)
    # With 30 of each, chance alone stays within 0.5 +- 0.075 two times of three; this is four times that.
    for case in CASES:
        # What was typed may take its time: who has typed it knows.
        other = "neither" if case in ("no code", "neither") else "wrong password"
        assert 0.2 < longer(taken[case], taken[other]) < 0.8, case


def test_a_hash_of_another_cost_would_be_noticed(house: House) -> None:
    hasher = PasswordHasher(house.door.vault._kek.derive("password pepper"), 8)
    with Session(house.database) as session, session.begin():
        session.execute(update(User).where(User.name == NAME).values(password_hash=hasher.hash(PASSWORD)))
    taken = times(house, 12, ["wrong password", "unknown user"])
    assert longer(taken["wrong password"], taken["unknown user"]) > 0.8
