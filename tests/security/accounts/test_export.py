"""Taking one's own data along: who may, what is in it, what is said when something can't be read."""

from __future__ import annotations

import asyncio
import io
import json
import random
import zipfile
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from security.accounts.duties import EDITION
from security.accounts.errors import BusyError, StoreError
from security.accounts.export import Entry, Exporter, as_json
from security.accounts.export_pages import EVERY_S, MOST_AT_ONCE, PATH, Places, Sent
from security.accounts.sessions import STEP_UP_S
from tests.security.accounts.fakes import Admin, Browser, Clock, House, scope_for
from tests.security.accounts.people_fakes import OTHER, act, confirm, id_of, invite, join

ASKED = f"/account/confirm?next={PATH}"


def told(answer: httpx.Response) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name).decode() for name in archive.namelist()}


def notes(user: str) -> Iterator[Entry]:
    yield "notes.json", [as_json({"of": user})]


@pytest.fixture
def rooms(house: House) -> None:
    house.door.exports.open([Exporter("notes", notes)])


def kinds(house: House) -> list[str]:
    return [entry.kind for entry in house.door.trail.ledger.entries()]


def test_it_asks_for_password_and_code_first(
    house: House, admin: Admin, signed_in: Browser, clock: Clock, rooms: None
) -> None:
    for ask in (signed_in.get, signed_in.post):
        assert ask(PATH).headers["location"] == ASKED
    assert "data-exported" not in kinds(house)
    assert confirm(signed_in, admin, clock, next=PATH).headers["location"] == PATH
    assert "Download my data" in signed_in.get(PATH).text
    assert signed_in.post(PATH).headers["content-type"] == "application/zip"
    clock.pass_by(STEP_UP_S)
    assert signed_in.post(PATH).headers["location"] == ASKED
    assert kinds(house).count("data-exported") == 1
    assert house.browser().post(PATH).status_code == 401


def test_it_is_a_file_that_nobody_keeps_a_copy_of(office: Browser, rooms: None) -> None:
    answer = office.post(PATH)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-disposition"] == 'attachment; filename="asklepion-2027-01-15.zip"'
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert office.get("/account").text.count(PATH) == 1


def test_another_sites_page_takes_nothing(house: House, office: Browser, rooms: None) -> None:
    answer = office.post(PATH, headers={"origin": "https://evil.example", "sec-fetch-site": "cross-site"})
    assert answer.status_code == 403
    assert office.request("PUT", PATH, headers={"origin": office.base}).status_code == 405
    assert "data-exported" not in kinds(house)


def test_it_has_all_of_the_own_and_nothing_of_anothers(
    house: House, office: Browser, clock: Clock, rooms: None
) -> None:
    kim = join(house, invite(office))
    confirm(kim.browser, kim.known, clock, password=OTHER, next=PATH)
    files = told(kim.browser.post(PATH))
    user, other = id_of(house, "Kim Lee"), id_of(house)
    assert json.loads(files["notes.json"]) == {"of": user}
    account = json.loads(files["account.json"])
    assert (account["id"], account["name"], account["role"]) == (user, "Kim Lee", "student")
    assert account["created"].startswith("2027-01-15") and account["recovery codes left"] == 10
    assert account["passkeys"] == []
    assert [one["edition"] for one in account["consents"]] == [EDITION]
    trail = json.loads(files["trail.json"])
    assert {"sign-in", "data-exported"} <= {one["what"] for one in trail}
    whole = "".join(files.values())
    assert other not in whole and "Eva" not in whole
    for secret in (kim.known.secret, OTHER, *kim.known.codes, "$2b$", "scrypt"):
        assert secret not in whole


def test_what_an_administrator_did_is_told_without_who(house: House, office: Browser, rooms: None) -> None:
    kim = join(house, invite(office))
    act(office, "role", person=id_of(house, "Kim Lee"), role="teacher")
    confirm(kim.browser, kim.known, house.clock, password=OTHER, next=PATH)
    trail = json.loads(told(kim.browser.post(PATH))["trail.json"])
    (changed,) = [one for one in trail if one["what"] == "role-changed"]
    assert (changed["by you"], changed["role"]) == (False, "teacher")
    assert id_of(house) not in json.dumps(trail)


def test_what_can_not_be_read_is_said_and_the_rest_is_there(house: House, office: Browser) -> None:
    def broken(_: str) -> Iterator[Entry]:
        yield "half.json", [b"[1"]
        raise StoreError("The conversations can't be read.")

    house.door.exports.open([Exporter("conversations", broken), Exporter("notes", notes)])
    files = told(office.post(PATH))
    assert "conversations: The conversations can't be read." in files["INCOMPLETE.txt"]
    assert "notes.json" in files and "account.json" in files


def test_before_the_rooms_are_open_it_says_so_and_notes_nothing(house: House, office: Browser) -> None:
    answer = office.post(PATH)
    assert answer.status_code == 503 and "still being opened" in answer.text
    assert "data-exported" not in kinds(house)


def test_it_is_made_piece_by_piece(house: House, office: Browser) -> None:
    made: list[int] = []

    def big(_: str) -> Iterator[Entry]:
        def pieces() -> Iterator[bytes]:
            for number in range(64):
                made.append(number)
                yield random.Random(number).randbytes(30_000)

        yield "big.bin", pieces()

    house.door.exports.open([Exporter("big", big)])
    pieces = house.door.exports.begin(id_of(house), house.clock.at)
    first = next(pieces)
    assert len(made) < 64, "the first piece is sent before the last is made"
    sizes = [len(first), *map(len, pieces)]
    assert max(sizes) < 300_000 and made == list(range(64))


def test_a_deleted_account_has_nothing_to_take(house: House, office: Browser, rooms: None) -> None:
    pieces = b"".join(house.door.exports.begin("f" * 32, house.clock.at))
    with zipfile.ZipFile(io.BytesIO(pieces)) as archive:
        assert "account.json" not in archive.namelist()
        assert "not here any more" in archive.read("INCOMPLETE.txt").decode()


def test_a_person_begins_one_a_minute_and_keeps_nobody_else_waiting(
    house: House, office: Browser, clock: Clock, rooms: None
) -> None:
    kim = join(house, invite(office))
    assert confirm(kim.browser, kim.known, clock, password=OTHER, next=PATH).status_code == 303
    assert office.post(PATH).status_code == 200
    clock.pass_by(1)
    again = office.post(PATH)
    assert (again.status_code, again.headers["retry-after"]) == (429, str(EVERY_S - 1))
    assert "Please wait 59 seconds" in again.text
    assert kim.browser.post(PATH).status_code == 200
    clock.pass_by(EVERY_S - 1)
    assert office.post(PATH).status_code == 200
    assert kinds(house).count("data-exported") == 3


def test_what_could_not_begin_costs_no_minute_and_no_place(house: House, office: Browser) -> None:
    for _ in range(MOST_AT_ONCE + 1):
        assert office.post(PATH).status_code == 503, "the rooms are not open"
    house.door.exports.open([Exporter("notes", notes)])
    slow = house.door._slow
    held, slow._held = slow._held, slow._limit
    try:
        assert office.post(PATH).status_code == 503, "the pool is full"
    finally:
        slow._held = held
    assert office.post(PATH).status_code == 200


def test_of_several_at_once_one_is_begun(house: House, office: Browser, rooms: None) -> None:
    headers = {"origin": office.base, "sec-fetch-site": "same-origin"}

    async def ask() -> int:
        return (await office._client.post(PATH, data={"sure": "yes"}, headers=headers)).status_code

    async def several() -> list[int]:
        return list(await asyncio.gather(*(ask() for _ in range(5))))

    found = asyncio.run(several())
    assert found.count(200) == 1 and set(found) <= {200, 429, 503}
    assert kinds(house).count("data-exported") == 1


def test_places_are_few_and_given_back() -> None:
    places = Places()
    assert [places.take(str(number), 0) for number in range(MOST_AT_ONCE)] == [0] * MOST_AT_ONCE
    for user in ("0", "new"):
        with pytest.raises(BusyError):
            places.take(user, 1)
    places.free("0")
    assert places.take("0", 1) == EVERY_S - 1
    assert places.take("new", 1) == 0
    places.free("1", unused=True)
    assert places.take("1", 1) == 0


def test_who_takes_nothing_of_it_loses_the_place() -> None:
    """As over a connection whose other end reads nothing: sending never comes to its end."""
    places, started = Places(), []
    assert places.take("eva", 0) == 0

    async def send(message: Any) -> None:
        started.append(message["type"])
        if message["type"] == "http.response.body":
            await asyncio.Event().wait()

    async def receive() -> Any:
        await asyncio.Event().wait()

    sent = Sent(iter([b"PK", b"more"]), "eva", places, 0.05, {})
    asyncio.run(asyncio.wait_for(sent(scope_for(PATH, "POST"), receive, send), 30))
    assert started == ["http.response.start", "http.response.body"]
    assert places.take("eva", EVERY_S) == 0
