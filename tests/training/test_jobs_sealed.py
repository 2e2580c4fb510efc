"""Keys and the queue: a job is handed its user's when it begins, and what it found is sealed in the queue."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.training import programs
from training.errors import RunError
from training.jobs import Jobs
from training.safe import NoKeyError, Safe

KEYS = {"ann": bytes(range(32)), "bob": bytes(range(1, 33))}
SAID = "a word of the user's"
WAIT_S = 60
Make = Callable[..., Jobs]


def safe_of(user: str) -> Safe:
    if user not in KEYS:
        raise NoKeyError("The account that this belongs to is gone.")
    return Safe(user, KEYS[user])


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    program = programs.write(tmp_path)
    made: list[Jobs] = []

    def one(**options: Any) -> Jobs:
        made.append(Jobs(tmp_path / "queue", **{"program": program, "safes": safe_of} | options))
        return made[-1]

    yield one
    for jobs in made:
        jobs.close()


def stored(tmp_path: Path) -> bytes:
    return b"".join(path.read_bytes() for path in (tmp_path / "queue").glob("jobs.sqlite3*"))


def test_a_job_is_handed_the_key_of_its_user(make: Make, tmp_path: Path) -> None:
    jobs = make()
    jobs.start()
    for user, key in KEYS.items():
        job = jobs.submit(user, "keyed", "one", ())
        done = jobs.wait(user, job.id, WAIT_S)
        assert (done.state, done.result["said"]) == ("done", SAID)
        assert done.result["handed"].encode("latin-1") == key + user.encode()
    assert SAID.encode() not in stored(tmp_path)
    assert not any(key in stored(tmp_path) for key in KEYS.values())


def test_a_job_without_keys_is_handed_nothing(make: Make, tmp_path: Path) -> None:
    jobs = make(safes=lambda _: Safe.plain())
    jobs.start()
    job = jobs.submit("ann", "keyed", "one", ())
    assert jobs.wait("ann", job.id, WAIT_S).result["handed"] == ""
    assert SAID.encode() in stored(tmp_path), "plain where nothing is sealed"


def test_a_list_asks_for_the_key_once_however_many_jobs_there_are(make: Make) -> None:
    asked: list[str] = []

    def counted(user: str) -> Safe:
        asked.append(user)
        return safe_of(user)

    jobs = make(safes=counted)
    jobs.start()
    for name in ("one", "two", "three"):
        jobs.wait("ann", jobs.submit("ann", "keyed", name, ()).id, WAIT_S)
    asked.clear()
    assert [job.result["said"] for job in jobs.jobs("ann")] == [SAID] * 3
    assert asked == ["ann"]


def test_what_one_found_is_not_opened_for_another(make: Make) -> None:
    jobs = make()
    jobs.start()
    job = jobs.submit("ann", "keyed", "one", ())
    jobs.wait("ann", job.id, WAIT_S)
    jobs.close()
    confused = make(safes=lambda _: safe_of("bob"))
    (found,) = confused.jobs("ann")
    assert found.result == {}
    assert "doesn't open" in found.message


def test_a_queued_job_gets_its_key_from_the_app_that_begins_it(make: Make) -> None:
    first = make()
    job = first.submit("ann", "keyed", "one", ())
    first.close()
    second = make()
    second.start()
    assert second.wait("ann", job.id, WAIT_S).result["said"] == SAID


def test_a_job_of_an_account_that_is_gone_fails_and_the_next_one_runs(make: Make) -> None:
    jobs = make()
    lost = jobs.submit("carl", "keyed", "one", ())
    kept = jobs.submit("ann", "keyed", "one", ())
    jobs.start()
    assert jobs.wait("ann", kept.id, WAIT_S).state == "done"
    found = jobs.wait("carl", lost.id, WAIT_S)
    assert (found.state, found.message) == ("failed", "The account that this belongs to is gone.")


def test_where_the_accounts_cannot_be_read_just_now_a_job_waits(make: Make) -> None:
    asked: list[str] = []

    def slow(user: str) -> Safe:
        asked.append(user)
        if len(asked) < 3:
            raise RunError("The accounts could not be read.")
        return safe_of(user)

    jobs = make(safes=slow)
    job = jobs.submit("ann", "keyed", "one", ())
    jobs.start()
    assert jobs.wait("ann", job.id, WAIT_S).state == "done"
    assert len(asked) >= 3


def test_a_job_may_quote_a_text_in_its_message(make: Make, tmp_path: Path) -> None:
    jobs = make()
    jobs.start()
    job = jobs.submit("ann", "fails", "one", ())
    done = jobs.wait("ann", job.id, WAIT_S)
    assert (done.state, done.message, done.changes) == ("failed", "The memory ran out.", {"batch_size": 1})
    assert b"The memory ran out." not in stored(tmp_path)


def test_what_is_known_from_before_is_sealed_on_request(make: Make, tmp_path: Path) -> None:
    plain = make(safes=lambda _: Safe.plain())
    plain.start()
    job = plain.submit("ann", "keyed", "one", ())
    plain.wait("ann", job.id, WAIT_S)
    plain.close()
    assert SAID.encode() in stored(tmp_path)
    jobs = make()
    assert jobs.seal_old("ann") == 1
    assert SAID.encode() not in stored(tmp_path)
    assert SAID.encode() not in (job.folder / "report.json").read_bytes()
    assert jobs.job("ann", job.id).result["said"] == SAID
    assert jobs.seal_old("ann") == 0
