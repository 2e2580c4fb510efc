"""The trail's page: for administrators alone, in plain words, filtered, exported for others to check."""

from __future__ import annotations

import csv
import io
import json
import re
import time
from html import unescape

import httpx
import pytest

from security.accounts.audit import LEDGER
from security.accounts.trail_export import harmless
from security.accounts.trail_words import told
from security.crypto.ledger import Checkpoint, entries
from security.crypto.ledger.merkle import completed, verify_inclusion
from security.crypto.ledger.merkle import root as merkle_root
from security.crypto.signatures import VerifyKey
from tests.security.accounts.fakes import NAME, START, Admin, Browser, Clock, House, sign_in
from tests.security.accounts.people_fakes import PEOPLE, act, confirm, id_of, invite, join
from tests.security.crypto.test_ledger import attack, rewrite

TRAIL, EXPORT = "/account/trail", "/account/trail/export"
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS")


def lines(page: httpx.Response) -> list[tuple[int, str, str]]:
    """(place, words, kind) of each line."""
    assert page.status_code == 200, page.text
    found = re.findall(r'<td title="([^"]+)">(.*?)<br>.*?<td>(\d+)<br>', page.text)
    return [(int(place), unescape(words), kind) for kind, words, place in found]


def tamper(house: House, at: int = 0) -> None:
    attack(house.database, f"UPDATE ledger_entries SET time_ms = time_ms + 1 WHERE position = {at}")


def test_it_is_told_in_plain_words_the_newest_first(office: Browser) -> None:
    assert lines(office.get(TRAIL)) == [
        (2, f"{NAME} gave password and second factor again", "confirmed-again"),
        (1, f"{NAME} signed in with a one-time code", "sign-in"),
        (0, "The first administrator was set up", "set-up"),
    ]


def test_it_is_not_there_for_anybody_else(house: House, office: Browser, clock: Clock) -> None:
    student = join(house, invite(office, "student"))
    teacher = join(house, invite(office, "teacher", "Tea"), "Tea")
    for person in (student, teacher):
        for path in (TRAIL, EXPORT):
            for method in METHODS:
                headers = {"origin": "http://127.0.0.1:7860", "sec-fetch-site": "same-origin"}
                answer = person.browser.request(method, path, headers=headers)
                assert answer.status_code == 404, (person.name, method, path)
        assert "trail" not in person.browser.get("/account").text
    assert house.browser().get(TRAIL).headers["location"] == "/login?next=/account/trail"


def test_it_asks_for_password_and_code_first(house: House, signed_in: Browser, clock: Clock) -> None:
    before = len(house.door.trail.ledger)
    asked = [signed_in.get(TRAIL), signed_in.post(TRAIL), signed_in.post(EXPORT, {"form": "csv"})]
    assert {answer.headers["location"] for answer in asked} == {"/account/confirm?next=/account/trail"}
    assert len(house.door.trail.ledger) == before


def test_confirming_leads_back_to_it(signed_in: Browser, admin: Admin, clock: Clock) -> None:
    assert confirm(signed_in, admin, clock, next=TRAIL).headers["location"] == TRAIL
    assert signed_in.get(TRAIL).status_code == 200
    clock.pass_by(11 * 60)
    assert signed_in.get(TRAIL).status_code == 303


def test_it_is_filtered_by_kind_person_and_day(
    house: House, office: Browser, admin: Admin, clock: Clock
) -> None:
    join(house, invite(office))
    clock.pass_by(2 * 86400)
    house.door.trail.note("person-disabled", id_of(house), clock.at, {"person": id_of(house, "Kim Lee")})
    day = time.strftime("%Y-%m-%d", time.gmtime(START))
    later = time.strftime("%Y-%m-%d", time.gmtime(clock.at))

    def kinds(query: str) -> list[str]:
        return [kind for _, _, kind in lines(office.get(f"{TRAIL}?{query}"))]

    sign_in(office, admin, clock)
    confirm(office, admin, clock)
    assert kinds("kind=person-invited") == ["person-invited"]
    assert kinds(f"person={id_of(house, 'Kim Lee')}") == ["person-disabled", "sign-in", "person-joined"]
    assert kinds(f"to={day}&kind=sign-in&person={id_of(house)}") == ["sign-in"]
    assert "set-up" not in kinds(f"from={later}")
    assert kinds(f"from={later}&to={later}")[-1] == "person-disabled"
    assert kinds("kind=nothing-such") == []


@pytest.mark.parametrize(
    "query",
    [
        "kind=A%20B",
        "person=x",
        "person=" + "0" * 31,
        "from=yesterday",
        "to=2026-13-01",
        "from=2026-02-02&to=2026-02-01",
    ],
)
def test_a_filter_that_cannot_be_used_is_named(office: Browser, query: str) -> None:
    page = office.get(f"{TRAIL}?{query}")
    assert page.status_code == 422
    assert 'role="alert"' in page.text


@pytest.mark.parametrize("query", ["before=x", "before=-1", "after=" + "9" * 40, "before=1e3", "before=0"])
def test_a_place_that_is_none_is_no_error(office: Browser, query: str) -> None:
    assert office.get(f"{TRAIL}?{query}").status_code == 200


def test_pages_of_fifty_lead_back_and_forth(house: House, office: Browser, clock: Clock) -> None:
    for _ in range(120 - len(house.door.trail.ledger)):
        house.door.trail.note("sign-out", id_of(house), clock.at)
    first = office.get(f"{TRAIL}?kind=&person={id_of(house)}")
    assert [place for place, *_ in lines(first)] == list(range(119, 69, -1))
    assert "Newer" not in first.text

    def link(page: httpx.Response, words: str) -> str:
        found = re.search(rf'href="([^"]+)">{words}<', page.text)
        assert found is not None
        return unescape(found[1])

    second = office.get(link(first, "Older"))
    house.door.trail.note("sign-out", id_of(house), clock.at)  # what is new shifts no page
    assert [place for place, *_ in lines(second)] == list(range(69, 19, -1))
    third = office.get(link(second, "Older"))
    assert [place for place, *_ in lines(third)] == list(range(19, 0, -1))
    assert "Older" not in third.text
    assert lines(office.get(link(third, "Newer"))) == lines(second)


def test_names_are_escaped_and_a_deleted_account_keeps_its_id(
    house: House, office: Browser, clock: Clock
) -> None:
    name = "<b>&\"'"
    join(house, invite(office, "student", name), name)
    user = id_of(house, name)
    page = office.get(TRAIL)
    assert "<b>&" not in page.text
    assert f"{name} signed in with a one-time code" in [words for _, words, _ in lines(page)]
    act(office, "delete", person=user, sure="yes")
    said = [words for _, words, _ in lines(office.get(f"{TRAIL}?person={user}"))]
    assert said[0] == f"{NAME} deleted the account of a deleted account ({user[:8]})"
    assert f"A deleted account ({user[:8]}) signed in with a one-time code" in said


def test_a_kind_that_is_not_known_shows_no_field(house: House, office: Browser, clock: Clock) -> None:
    house.door.trail.note("moon-landing", "unknown", clock.at, {"note": "SECRET-TEXT"})
    page = office.get(TRAIL)
    assert lines(page)[0][1:] == ("An unknown name: moon landing", "moon-landing")
    assert "SECRET-TEXT" not in page.text


def test_the_state_of_the_check_stands_at_the_top(office: Browser) -> None:
    assert "Checked 3 entries: unbroken." in office.get(TRAIL).text
    assert office.post(TRAIL).headers["location"] == TRAIL
    page = office.get(TRAIL).text
    assert re.search(
        r"Checked 3 entries: unbroken, last signed checkpoint at \d\d \w{3} 2027.* over 3 entries", page
    )


@pytest.mark.parametrize("path", ["/account", PEOPLE, TRAIL])
def test_tampering_is_shown_on_every_page_of_an_administrator(
    house: House, office: Browser, path: str
) -> None:
    assert 'role="alert"' not in office.get(path).text
    tamper(house, at=1)
    page = office.get(path).text
    assert 'role="alert"' in page
    assert "From entry 1 on" in page
    for part in ("python -m security ledger verify", "restore the last good backup"):
        assert part in page


def test_others_are_not_told_of_tampering(house: House, office: Browser) -> None:
    student = join(house, invite(office))
    tamper(house)
    assert 'role="alert"' not in student.browser.get("/account").text


def test_a_check_on_demand_finds_it_mended(house: House, office: Browser) -> None:
    tamper(house)
    assert 'role="alert"' in office.get("/account").text
    attack(house.database, "UPDATE ledger_entries SET time_ms = time_ms - 1 WHERE position = 0")
    office.post(TRAIL)
    assert 'role="alert"' not in office.get("/account").text


def exported(browser: Browser, form: str, **fields: str) -> httpx.Response:
    answer = browser.post(EXPORT, {"form": form, **fields})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-disposition"].startswith('attachment; filename="asklepion-trail-2027')
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    return answer


def check(rows: list[dict[str, object]], checkpoint: Checkpoint, *, whole: bool) -> None:
    """As somebody does who has the file and no app: every hash, and the way from it to the signed root."""
    hashes = []
    for row in rows:
        place, moment, kind, data = row["index"], row["time-ms"], row["kind"], row["data"]
        assert isinstance(place, int) and isinstance(moment, int)
        previous = bytes.fromhex(str(row["previous"]))
        entry = entries.make(place, moment, str(kind), str(data), previous)
        assert entry.hash.hex() == row["hash"]
        hashes.append(entry.hash)
        if not whole:
            path = row["path"]
            assert isinstance(path, list)
            verify_inclusion(
                entry.hash, place, checkpoint.size, [bytes.fromhex(one) for one in path], checkpoint.root
            )
    if whole:
        assert len(hashes) == checkpoint.size
        tree: dict[tuple[int, int], bytes] = {(0, number): one for number, one in enumerate(hashes)}
        for number, one in enumerate(hashes):
            for level, at, value in completed(number, one, lambda *node: tree[node]):
                tree[level, at] = value
        assert merkle_root(len(hashes), lambda *node: tree[node]) == checkpoint.root


@pytest.mark.parametrize("whole", [True, False])
def test_json_lines_can_be_checked_without_the_app(house: House, office: Browser, whole: bool) -> None:
    join(house, invite(office))
    answer = exported(office, "jsonl", **({} if whole else {"kind": "sign-in"}))
    head, *rows = [json.loads(line) for line in answer.text.splitlines()]
    checkpoint = Checkpoint.from_text(json.dumps(head["checkpoint"]), VerifyKey.from_text(head["verify-key"]))
    assert checkpoint.name == LEDGER and checkpoint.size == len(house.door.trail.ledger)
    assert head["entries"] == len(rows) == (checkpoint.size if whole else 2)
    check(rows, checkpoint, whole=whole)
    if whole:
        assert rows[-1]["kind"] == "trail-exported"
        assert json.loads(rows[-1]["data"])["user"] == id_of(house)


def test_csv_holds_the_same_and_ends_with_the_checkpoint(house: House, office: Browser) -> None:
    join(house, invite(office))
    answer = exported(office, "csv", kind="sign-in")
    assert answer.headers["content-type"].startswith("text/csv")
    *rows, last = list(csv.DictReader(io.StringIO(answer.text)))
    checkpoint = Checkpoint.from_text(last["data"], VerifyKey.from_text(last["path"]))
    read = [
        {**row, "index": int(row["index"]), "time-ms": int(row["time-ms"]), "path": row["path"].split()}
        for row in rows
    ]
    assert len(read) == 2
    check(read, checkpoint, whole=False)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_a_cell_is_no_formula(start: str) -> None:
    assert harmless(f"{start}cmd|' /C calc'!A0") == f"'{start}cmd|' /C calc'!A0"


def test_a_name_that_is_a_formula_is_text_in_the_csv(house: House, office: Browser) -> None:
    name = '=HYPERLINK("http://evil.example","x")'
    join(house, invite(office, "student", name), name)
    rows = list(csv.DictReader(io.StringIO(exported(office, "csv").text)))
    said = [row["in words"] for row in rows]
    assert f"'{name} signed in with a one-time code" in said
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row.values())


def test_what_is_exported_after_tampering_says_so_and_is_not_signed(house: House, office: Browser) -> None:
    tamper(house)
    head = json.loads(exported(office, "jsonl").text.splitlines()[0])
    assert head["checkpoint"] is None
    assert head["not-intact"]
    *_, last = csv.DictReader(io.StringIO(exported(office, "csv", kind="sign-in").text))
    assert last["data"].startswith("not intact")


@pytest.mark.parametrize("fields", [{}, {"form": "xls"}, {"form": "csv", "from": "x"}])
def test_an_export_that_cannot_be_made_is_named_and_writes_nothing(
    house: House, office: Browser, fields: dict[str, str]
) -> None:
    before = len(house.door.trail.ledger)
    assert office.post(EXPORT, fields).status_code == 422
    assert len(house.door.trail.ledger) == before


def test_a_long_export_is_whole_and_leaves_out_what_is_written_meanwhile(
    house: House, office: Browser, clock: Clock
) -> None:
    with_many = house.door.trail
    for _ in range(1100):
        with_many.ledger.append("sign-out", {"user": "u"}, clock.at)
    head, *rows = [json.loads(line) for line in exported(office, "jsonl").text.splitlines()]
    assert [row["index"] for row in rows] == list(range(head["entries"]))
    assert len(rows) > 1100


def test_a_trail_that_was_written_anew_is_no_secret_to_the_running_app(house: House, office: Browser) -> None:
    office.get(TRAIL)
    rewrite(house.database, lambda entry: ("sign-out", entry.data), 1)
    assert "written anew while the app ran" in unescape(office.get("/account").text)


def test_the_words_tell_who_what_and_to_whom() -> None:
    for kind, fields, words in (
        ("sign-in", {"factor": "passkey"}, "Ada signed in with a passkey"),
        ("sign-in", {"factor": "?"}, "Ada signed in with a second factor"),
        (
            "sign-in-refused",
            {"not-noted-before": 3},
            "A sign-in as Ada was refused; 3 more since the one noted before",
        ),
        ("role-changed", {"person": "b", "role": "teacher"}, "Ada gave Bob the role teacher"),
        ("sessions-ended", {"which": "others"}, "Ada ended all their other sessions"),
        ("trail-exported", {"entries": 7}, "Ada exported 7 entries of this trail"),
        ("consent-given", {"edition": 1}, "Ada agreed to the privacy text"),
        ("passkey-added", {"passkey": "x"}, "Ada added a passkey"),
        ("passkey-removed", {"passkey": "x"}, "Ada removed a passkey"),
        ("policy-changed", {"role": "teacher"}, "Ada changed what the role teacher must sign in with"),
        ("data-exported", {}, "Ada took a copy of their own data along"),
        ("model-asked-for", {}, "Ada asked for a model to be used by all"),
    ):
        data = entries.encode({"user": "a", **fields})
        assert told(entries.make(0, 0, kind, data, bytes(32)), {"a": "Ada", "b": "Bob"}) == words
    broken = entries.Entry(0, 0, "sign-in", "no json", bytes(32), bytes(32))
    assert told(broken, {}) == "This entry can't be read"
