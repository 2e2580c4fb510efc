"""The queue: whose turn it is, what a user sees and may do, and what is refused."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.training import programs
from training.errors import BadConfigError, RunError
from training.jobs import Job, Jobs
from training.jobs.fairness import choose, order
from training.jobs.outcome import read_log, read_progress, read_report
from training.jobs.store import Store

LONG = 30.0
Make = Callable[..., Jobs]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Makes queues on one folder that run the tiny program; closes them all."""
    program = programs.write(tmp_path)
    made: list[Jobs] = []

    def one(**options: Any) -> Jobs:
        made.append(Jobs(tmp_path / "queue", **{"program": program, "grace_s": LONG} | options))
        return made[-1]

    yield one
    for jobs in made:
        jobs.close()


@pytest.fixture
def meeting(tmp_path: Path) -> Iterator[Callable[[str], programs.Meeting]]:
    made: list[programs.Meeting] = []

    def one(name: str) -> programs.Meeting:
        made.append(programs.Meeting(tmp_path, name))
        return made[-1]

    yield one
    for each in made:
        each.close()


def job(user: str, number: int, priority: int = 0) -> Job:
    return Job(
        id=str(number),
        user=user,
        kind="run",
        name=f"n{number}",
        arguments=(),
        folder=Path(str(number)),
        state="queued",
        priority=priority,
        submitted=0.0,
        started=None,
        ended=None,
        message="",
        changes={},
        result={},
    )


users = st.sampled_from("abcd")
queues = st.lists(st.tuples(users, st.integers(-1, 1)), max_size=12).map(
    lambda pairs: [job(user, number, priority) for number, (user, priority) in enumerate(pairs)]
)


@given(queues, queues, st.dictionaries(users, st.integers(0, 9)))
def test_the_next_job_is_nobodys_loss(waiting: list[Job], running: list[Job], turns: dict[str, int]) -> None:
    chosen = choose(waiting, running, turns)
    if chosen is None:
        assert not waiting
        return
    share = Counter(one.user for one in running)
    for other in waiting:
        assert other.priority <= chosen.priority
        if other.priority < chosen.priority or other is chosen:
            continue
        assert share[other.user] >= share[chosen.user]
        if other.user == chosen.user:
            assert waiting.index(other) > waiting.index(chosen)
        elif share[other.user] == share[chosen.user]:
            assert turns.get(other.user, -1) >= turns.get(chosen.user, -1)


@given(st.lists(users, max_size=24), st.integers(1, 3))
def test_who_floods_the_queue_gets_no_more_than_who_asks_for_little(names: list[str], slots: int) -> None:
    waiting = [job(user, number) for number, user in enumerate(names)]
    line = order(waiting, [], {}, slots)
    assert sorted(one.id for one in line) == sorted(one.id for one in waiting)
    served: Counter[str] = Counter()
    left = Counter(names)
    for one in line:
        # As long as both still wait, neither is two starts ahead of the other.
        assert all(served[one.user] <= served[user] for user in left if left[user] > 0)
        served[one.user] += 1
        left[one.user] -= 1


def test_a_job_goes_its_way_and_is_found_again(make: Make, tmp_path: Path) -> None:
    jobs = make()
    given = (str(tmp_path / "seen"), "a b")
    submitted = jobs.submit("ann", "quick", "first", given)
    assert (submitted.state, submitted.started, jobs.progress("ann", submitted.id)) == ("queued", None, None)
    jobs.start()
    ended = jobs.wait("ann", submitted.id, LONG)
    assert (ended.state, ended.result, ended.message) == (
        "done",
        {"saw": [str(tmp_path / "seen"), "a b"]},
        "",
    )
    assert ended.started is not None and ended.ended is not None
    assert ended.submitted <= ended.started <= ended.ended
    progress = jobs.progress("ann", ended.id)
    assert progress is not None
    assert (progress.done, progress.total, progress.text, progress.seconds_left) == (2.0, 2.0, "all", 1.5)
    assert jobs.log("ann", ended.id) == "begin"
    jobs.close()
    assert make().jobs("ann") == (ended,)
    assert (tmp_path / "queue").stat().st_mode & 0o777 == 0o700


def test_why_a_job_failed_and_what_would_help_is_kept(make: Make) -> None:
    jobs = make()
    jobs.start()
    ended = jobs.wait("ann", jobs.submit("ann", "fails", "big", ()).id, LONG)
    assert (ended.state, ended.message, ended.changes) == ("failed", "The memory ran out.", {"batch_size": 1})


def test_a_message_that_is_no_text_is_kept_as_far_as_it_is(make: Make) -> None:
    jobs = make()
    jobs.start()
    ended = jobs.wait("ann", jobs.submit("ann", "garbles", "one", ()).id, LONG)
    assert (ended.state, ended.message) == ("failed", "half ? a character")


def test_another_users_job_is_as_if_it_were_not_there(make: Make) -> None:
    jobs = make()
    hers = jobs.submit("ann", "quick", "secret", ())
    assert jobs.jobs("bob") == ()
    asked: Sequence[Callable[[str, str], object]] = (
        jobs.job,
        jobs.progress,
        jobs.log,
        jobs.ahead,
        jobs.stop,
        jobs.again,
        jobs.forget,
        lambda user, id: jobs.wait(user, id, 0),
    )
    for ask in asked:
        answers = []
        for identity in (hers.id, "0" * 16):
            with pytest.raises(RunError, match="There is no such job") as caught:
                ask("bob", identity)
            answers.append(str(caught.value))
        assert answers[0] == answers[1]
    assert jobs.job("ann", hers.id) == hers
    # Nor does her name keep him from his.
    jobs.submit("bob", "quick", "secret", ())


def test_a_waiting_job_is_cancelled_and_never_starts(make: Make, tmp_path: Path) -> None:
    jobs, ran = make(), tmp_path / "ran"
    first = jobs.submit("ann", "quick", "first", (str(ran),))
    second = jobs.submit("ann", "quick", "second", (str(ran),))
    assert jobs.stop("ann", first.id).state == "cancelled"
    assert jobs.stop("ann", first.id).state == "cancelled"
    jobs.start()
    assert jobs.wait("ann", second.id, LONG).state == "done"
    assert ran.read_text().splitlines() == [str(second.folder)]


def test_a_name_waits_for_its_end(make: Make) -> None:
    jobs = make()
    first = jobs.submit("ann", "quick", "Asthma", ())
    with pytest.raises(RunError, match="A quick named asthma waits or runs already"):
        jobs.submit("ann", "quick", "asthma", ())
    with pytest.raises(RunError, match="waits or runs still"):
        jobs.again("ann", first.id)
    jobs.submit("ann", "fails", "Asthma", ())
    jobs.start()
    jobs.wait("ann", first.id, LONG)
    anew = jobs.again("ann", first.id)
    assert anew.id != first.id and (anew.kind, anew.name) == ("quick", "Asthma")
    other = jobs.again("ann", first.id, "resume", ("folder",))
    assert (other.kind, other.arguments) == ("resume", ("folder",))


def test_nobody_can_fill_the_queue(make: Make) -> None:
    jobs = make(most_queued=2)
    first = jobs.submit("ann", "quick", "a", ())
    jobs.submit("ann", "quick", "b", ())
    with pytest.raises(RunError, match="2 of your jobs wait already"):
        jobs.submit("ann", "quick", "c", ())
    jobs.submit("bob", "quick", "c", ())
    jobs.stop("ann", first.id)
    jobs.submit("ann", "quick", "c", ())


@pytest.mark.parametrize(
    ("kind", "name", "argument"),
    [
        ("--json", "name", ""),
        ("Run", "name", ""),
        ("run", "../name", ""),
        ("run", "name", "--"),
        ("run", "name", "a\0b"),
        ("run", "name", "\ud800"),
    ],
)
def test_what_is_no_command_is_refused(make: Make, kind: str, name: str, argument: str) -> None:
    jobs = make()
    with pytest.raises(BadConfigError):
        jobs.submit("ann", kind, name, (argument,))
    assert jobs.jobs("ann") == ()


def test_how_many_are_ahead_is_the_order_of_the_starts(make: Make, tmp_path: Path) -> None:
    jobs, ran = make(), tmp_path / "ran"
    queue = [
        jobs.submit(user, "quick", name, (str(ran),), priority)
        for user, name, priority in [
            ("ann", "a1", 0),
            ("ann", "a2", 0),
            ("bob", "b1", 0),
            ("ann", "a3", 1),
            ("bob", "b2", 0),
        ]
    ]
    ahead = {str(one.folder): jobs.ahead(one.user, one.id) for one in queue}
    assert sorted(ahead.values()) == [0, 1, 2, 3, 4]
    assert ahead[str(queue[3].folder)] == 0
    jobs.start()
    for one in queue:
        assert jobs.wait(one.user, one.id, LONG).state == "done"
        assert jobs.ahead(one.user, one.id) == 0
    assert ran.read_text().splitlines() == sorted(ahead, key=lambda folder: ahead[folder])
    assert [one.name for one in jobs.jobs("ann")] == ["a3", "a2", "a1"]


def test_as_many_run_as_there_are_slots(make: Make, meeting: Callable[[str], programs.Meeting]) -> None:
    jobs = make(slots=2)
    places = [meeting(name) for name in "abc"]
    queue = [
        jobs.submit("ann", "meets", name, place.paths) for name, place in zip("abc", places, strict=True)
    ]
    jobs.start()
    assert places[0].arrived() and places[1].arrived()
    assert [jobs.job("ann", one.id).state for one in queue] == ["running", "running", "queued"]
    assert jobs.ahead("ann", queue[2].id) == 0
    places[1].leave()
    assert places[2].arrived()
    assert [jobs.job("ann", one.id).state for one in queue] == ["running", "done", "running"]
    for place in (places[0], places[2]):
        place.leave()
    assert all(jobs.wait("ann", one.id, LONG).state == "done" for one in queue)


def test_only_what_has_ended_is_forgotten_and_its_folder_with_it(make: Make) -> None:
    jobs = make()
    one = jobs.submit("ann", "quick", "one", ())
    with pytest.raises(RunError, match="waits or runs still"):
        jobs.forget("ann", one.id)
    jobs.start()
    jobs.wait("ann", one.id, LONG)
    assert (one.folder / "report.json").exists()
    jobs.forget("ann", one.id)
    assert jobs.jobs("ann") == () and not one.folder.exists()


def test_forgetting_doesnt_win_a_turn(make: Make) -> None:
    jobs = make()
    jobs.start()
    first = jobs.submit("ann", "quick", "one", ())
    jobs.wait("ann", first.id, LONG)
    jobs.forget("ann", first.id)
    jobs.close()
    again = jobs.submit("ann", "quick", "two", ())
    his = jobs.submit("bob", "quick", "one", ())
    assert (jobs.ahead("bob", his.id), jobs.ahead("ann", again.id)) == (0, 1)


def test_folders_that_a_crash_left_are_swept_and_nothing_else(make: Make, tmp_path: Path) -> None:
    jobs = make()
    left, other = tmp_path / "queue" / ("ab" * 8), tmp_path / "queue" / "mine"
    for folder in (left, other):
        folder.mkdir()
    jobs.start()
    jobs.wait("ann", jobs.submit("ann", "quick", "one", ()).id, LONG)
    assert not left.exists() and other.exists()


def test_a_job_is_given_one_place_however_many_reach_for_it(make: Make, tmp_path: Path) -> None:
    jobs = make()
    ids = [jobs.submit("ann", "quick", f"n{number}", ()).id for number in range(10)]
    stores = [Store(tmp_path / "queue" / "jobs.sqlite3") for _ in range(4)]
    together, got = threading.Barrier(len(stores)), Counter[str]()

    def reach(store: Store) -> None:
        together.wait()
        for identity in ids:
            if store.claim(identity, 1.0):
                got[identity] += 1

    threads = [threading.Thread(target=reach, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == dict.fromkeys(ids, 1)
    for store in stores:
        store.close()


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match=r"queue's folder .*file can't be used"):
        Jobs(tmp_path / "file")
    (tmp_path / "queue").mkdir()
    (tmp_path / "queue" / "jobs.sqlite3").write_bytes(b"not a database, whatever its name says" * 99)
    with pytest.raises(RunError, match=r"database .*jobs\.sqlite3 can't be used"):
        Jobs(tmp_path / "queue")
    with pytest.raises(BadConfigError, match="slots must be at least 1"):
        Jobs(tmp_path / "other", slots=0)


@given(st.binary(max_size=300), st.integers(-1, 5))
@example(b'{"done": 1' + b"0" * 400 + b', "total": 1, "text": ""}\n', 1)
@example(b"[" * 100_000 + b"\n", 1)
def test_whatever_a_job_writes_can_be_read(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, lines: int
) -> None:
    folder = tmp_path_factory.getbasetemp() / "written"
    folder.mkdir(exist_ok=True)
    for name in ("progress.jsonl", "report.json", "log.txt"):
        (folder / name).write_bytes(content)
    read_progress(folder)
    read_report(folder)
    assert len(read_log(folder, lines).split("\n")) <= max(lines, 1)


def test_a_line_that_is_not_whole_yet_is_not_read(tmp_path: Path) -> None:
    line = '{"done": 1, "total": 2, "text": "a", "seconds_left": null}\n'
    (tmp_path / "progress.jsonl").write_text(line + '{"done": 2, "total"')
    progress = read_progress(tmp_path)
    assert progress is not None and progress.done == 1 and progress.seconds_left is None


def test_of_a_long_log_the_end_is_shown(tmp_path: Path) -> None:
    (tmp_path / "log.txt").write_text("".join(f"line {number}\n" for number in range(100_000)))
    assert read_log(tmp_path, 2) == "line 99998\nline 99999"
    (tmp_path / "log.txt").write_text("10%\r50%\r100%\nend")
    assert read_log(tmp_path, 9) == "100%\nend"
