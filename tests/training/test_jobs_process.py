"""A job's process: told to stop, killed, crashed, left behind by the app and found again."""

from __future__ import annotations

import os
import re
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.training import programs
from tests.training.programs import Meeting
from training.errors import RunError
from training.jobs import Job, Jobs
from training.jobs import process as processes
from training.jobs.store import Store

LONG = 30.0
ROOT = Path(__file__).parents[2]
Make = Callable[..., Jobs]

APP = """
import os, signal, sys
from pathlib import Path
from training.jobs import Jobs, dispatcher, process, store
folder, where, *program = sys.argv[1:]

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

for owner in (process, process.Held, store.Store):
    if hasattr(owner, where):
        setattr(owner, where, die)
jobs = Jobs(Path(folder), program=program)
jobs.start()
signal.pause()
"""
"""An app of its own: it serves the queue, and is killed at once where it is told to."""


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    program = programs.write(tmp_path)
    made: list[Jobs] = []

    def one(**options: Any) -> Jobs:
        made.append(Jobs(tmp_path / "queue", **{"program": program, "grace_s": LONG} | options))
        return made[-1]

    yield one
    for jobs in made:
        jobs.close()


@pytest.fixture
def meeting(tmp_path: Path) -> Iterator[Meeting]:
    place = Meeting(tmp_path)
    yield place
    place.close()


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts the queue in another process."""
    program = programs.write(tmp_path)
    started: list[subprocess.Popen[bytes]] = []

    def start(where: str = "") -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", APP, str(tmp_path / "queue"), where, *program]
        started.append(subprocess.Popen(command, cwd=ROOT))
        return started[-1]

    yield start
    for one in started:
        one.kill()
        one.wait()


def processes_of(job: Job) -> list[int]:
    """The processes with the job's report among their arguments."""
    mark, found = f"{job.id}/report.json".encode(), []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if any(argument.endswith(mark) for argument in path.read_bytes().split(b"\0")):
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def test_the_running_job_stops_and_saves_when_it_is_asked_to(make: Make, meeting: Meeting) -> None:
    jobs = make()
    jobs.start()
    job = jobs.submit("ann", "meets", "one", meeting.paths)
    assert meeting.arrived()
    assert jobs.stop("ann", job.id).state == "stopping"
    ended = jobs.wait("ann", job.id, LONG)
    assert (ended.state, ended.result) == ("stopped", {"reason": "stopped"})
    assert jobs.stop("ann", job.id) == ended


def test_who_doesnt_stop_in_time_is_killed_with_all_helpers(
    make: Make, meeting: Meeting, tmp_path: Path
) -> None:
    jobs = make(grace_s=0.2)
    jobs.start()
    job = jobs.submit("ann", "stubborn", "one", (*meeting.paths, str(tmp_path / "helper")))
    assert meeting.arrived()
    helper = os.pidfd_open(int((tmp_path / "helper").read_text()))
    jobs.stop("ann", job.id)
    ended = jobs.wait("ann", job.id, LONG)
    assert ended.state == "stopped" and "before it could save" in ended.message
    assert select.select([helper], [], [], LONG)[0]
    os.close(helper)


def test_whoever_is_gone_leaves_no_job_process_or_byte(make: Make, meeting: Meeting, tmp_path: Path) -> None:
    jobs = make()
    jobs.start()
    runs = jobs.submit("ann", "stubborn", "annsown", (*meeting.paths, str(tmp_path / "helper")))
    jobs.submit("ann", "quick", "waiting-one", [])
    bobs = jobs.submit("bob", "quick", "bobs", [])
    assert meeting.arrived()
    helper = os.pidfd_open(int((tmp_path / "helper").read_text()))
    jobs.forget_all("ann", LONG)
    assert select.select([helper], [], [], LONG)[0], "killed at once, not after the time to save"
    os.close(helper)
    assert jobs.jobs("ann") == () and not runs.folder.exists()
    assert jobs.wait("bob", bobs.id, LONG).state == "done"
    files = b"".join(path.read_bytes() for path in (tmp_path / "queue").glob("jobs.sqlite3*"))
    assert b"bobs" in files
    for gone in (b"annsown", b"waiting-one", runs.id.encode()):
        assert gone not in files
    jobs.forget_all("ann", LONG)


def test_a_job_that_can_not_be_ended_in_time_is_said(make: Make, meeting: Meeting) -> None:
    jobs = make()
    jobs.start()
    job = jobs.submit("ann", "meets", "one", meeting.paths)
    assert meeting.arrived()
    jobs.close()
    with pytest.raises(RunError, match="one has not ended"):
        jobs.forget_all("ann", 0)
    assert jobs.job("ann", job.id).state == "stopping"
    jobs.start()
    jobs.forget_all("ann", LONG)
    assert jobs.jobs("ann") == ()


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        ("dies", ["9"], 'killed it .signal 9., most likely because the memory ran out.*was: "step 3"'),
        ("dies", ["11"], 'crashed .segmentation fault, signal 11.*was: "step 3"'),
        ("dies", ["15"], 'ended from outside .SIGTERM, signal 15.*was: "step 3"'),
        ("raises", [], 'with an error .exit code 1.*was: "ValueError: no such layer"'),
        ("silent", [], "without a report.*It had said nothing"),
    ],
)
def test_how_a_job_died_is_said_in_plain_words(
    make: Make, kind: str, arguments: list[str], message: str
) -> None:
    jobs = make()
    jobs.start()
    ended = jobs.wait("ann", jobs.submit("ann", kind, "one", arguments).id, LONG)
    assert ended.state == "failed"
    assert re.search(message, ended.message), ended.message


def test_a_program_that_isnt_there_is_said(make: Make) -> None:
    jobs = make(program=("/no/such/program",))
    jobs.start()
    ended = jobs.wait("ann", jobs.submit("ann", "run", "one", ()).id, LONG)
    assert ended.state == "failed" and "can't be started: [Errno 2]" in ended.message
    jobs.close()
    anew = make(program=("python",))
    anew.start()
    ended = anew.wait("ann", anew.submit("ann", "run", "two", ("x" * (1 << 20),)).id, LONG)
    assert ended.state == "failed" and "process can't be started" in ended.message


def test_a_job_gets_the_environment_but_not_our_secrets_nor_our_sockets(make: Make, tmp_path: Path) -> None:
    environ: Mapping[str, str] = {
        "PATH": os.environ["PATH"],
        "HF_HUB_OFFLINE": "1",
        "ASKLEPION_KEY": "c2VjcmV0",
        "ASKLEPION_API_KEY": "secret",
        "ASKLEPION_DATA": "/data",
    }
    jobs = make(environ=environ, passed=("ASKLEPION_DATA",), cwd=tmp_path)
    jobs.start()
    with socket.socket() as listening:
        listening.set_inheritable(True)
        seen = jobs.wait("ann", jobs.submit("ann", "looks", "one", ("a b", "--c")).id, LONG).result
    given = {name: value for name, value in seen["environ"].items() if name != "LC_CTYPE"}
    assert given == {name: environ[name] for name in ("PATH", "HF_HUB_OFFLINE", "ASKLEPION_DATA")}
    assert (seen["cwd"], seen["stdin"], seen["leads"]) == (str(tmp_path), "/dev/null", True)
    assert (seen["nice"], seen["files"]) == (min(os.nice(0) + 10, 19), 3)
    assert seen["arguments"] == ["a b", "--c"]


def test_a_job_outlives_its_queue_and_the_next_one_finds_it(make: Make, meeting: Meeting) -> None:
    first = make()
    first.start()
    job = first.submit("ann", "meets", "one", meeting.paths)
    assert meeting.arrived()
    first.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "jobs"]
    second = make()
    second.start()
    assert second.job("ann", job.id).state == "running"
    meeting.leave()
    ended = second.wait("ann", job.id, LONG)
    assert (ended.state, ended.result) == ("done", {"reason": "done"})
    second.close()
    assert processes_of(job) == []


def test_a_job_that_ended_while_nobody_watched_is_judged_by_its_report(make: Make, meeting: Meeting) -> None:
    first = make()
    first.start()
    job = first.submit("ann", "meets", "one", meeting.paths)
    assert meeting.arrived()
    first.close()
    (pid,) = processes_of(job)
    meeting.leave()
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert first.job("ann", job.id).state == "running"
    second = make()
    second.start()
    assert second.wait("ann", job.id, LONG).state == "done"
    second.close()
    with pytest.raises(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def test_ended_children_are_reaped(make: Make, meeting: Meeting) -> None:
    jobs = make()
    jobs.start()
    job = jobs.submit("ann", "meets", "one", meeting.paths)
    assert meeting.arrived()
    (pid,) = processes_of(job)
    meeting.leave()
    jobs.wait("ann", job.id, LONG)
    jobs.close()
    with pytest.raises(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


@pytest.mark.parametrize("way", ["leaves", "stops", "killed"])
def test_another_apps_job_is_adopted_when_that_app_is_killed(
    make: Make, meeting: Meeting, app: Callable[..., subprocess.Popen[bytes]], way: str
) -> None:
    jobs = make()
    job = jobs.submit("ann", "meets", "one", meeting.paths)
    other = app()
    assert meeting.arrived()
    jobs.start()  # It follows, for the other has the lead.
    other.kill()
    other.wait()
    (pid,) = processes_of(job)
    gone = os.pidfd_open(pid)
    if way == "leaves":
        meeting.leave()
    elif way == "stops":
        jobs.stop("ann", job.id)
    else:
        os.kill(pid, signal.SIGKILL)
    ended = jobs.wait("ann", job.id, LONG)
    assert ended.state == {"leaves": "done", "stops": "stopped", "killed": "failed"}[way]
    if way == "killed":
        assert "cut short" in ended.message and "can be resumed" in ended.message
    assert select.select([gone], [], [], 0)[0]
    os.close(gone)


@pytest.mark.parametrize("where", ["hold", "record", "let_go", "finish"])
def test_an_app_killed_between_two_steps_leaves_a_queue_that_goes_on(
    make: Make, app: Callable[..., subprocess.Popen[bytes]], where: str, tmp_path: Path
) -> None:
    jobs, ran = make(), tmp_path / "ran"
    job = jobs.submit("ann", "quick", "one", (str(ran),))
    assert app(where).wait(LONG) == -signal.SIGKILL
    assert jobs.job("ann", job.id).state == "running"
    jobs.start()
    assert jobs.wait("ann", job.id, LONG).state == "done"
    assert ran.read_text().splitlines() == [str(job.folder)]


def test_two_apps_on_one_queue_start_nothing_twice(
    make: Make, app: Callable[..., subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    jobs, ran = make(slots=2), tmp_path / "ran"
    queue = [jobs.submit(user, "quick", f"n{n}", (str(ran),)) for n in range(6) for user in ("ann", "bob")]
    others = [app(), app()]
    jobs.start()
    for job in queue:
        assert jobs.wait(job.user, job.id, LONG).state == "done"
    assert sorted(ran.read_text().splitlines()) == sorted(str(job.folder) for job in queue)
    assert all(other.poll() is None for other in others)


def test_a_number_that_is_anothers_process_by_now_is_left_alone(
    make: Make, meeting: Meeting, tmp_path: Path
) -> None:
    first = make()
    first.start()
    job = first.submit("ann", "meets", "one", meeting.paths)
    assert meeting.arrived()
    first.close()
    (pid,) = processes_of(job)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as innocent:
        # As if the system had given the number to another, and even the time of birth were the same.
        store, process = Store(tmp_path / "queue" / "jobs.sqlite3"), processes.find(innocent.pid)
        assert process is not None and store.record(job.id, process)
        store.close()
        second = make(grace_s=0)
        assert second.stop("ann", job.id).state == "stopping"
        second.start()
        assert second.wait("ann", job.id, LONG).state == "stopped"
        second.close()
        assert innocent.poll() is None
        innocent.communicate(b"\n")
        assert innocent.returncode == 0


def test_who_is_stopped_at_the_gate_never_begins(make: Make, tmp_path: Path) -> None:
    job = make().submit("ann", "quick", "one", ())
    store = Store(tmp_path / "queue" / "jobs.sqlite3")
    assert store.claim(job.id, 1.0) and store.ask_to_stop(job.id)
    job.folder.mkdir()
    command = (sys.executable, "-c", "print(1)", f"{job.id}/report.json")
    held = processes.hold(command, job.folder, tmp_path, os.environ)
    assert not store.record(job.id, held.process)
    held.give_up()
    jobs = make()
    jobs.start()
    assert jobs.wait("ann", job.id, LONG).state == "cancelled"
    jobs.close()
    store.close()
    assert not processes.has_begun(job.folder) and jobs.log("ann", job.id) == ""
    with pytest.raises(ChildProcessError):
        os.waitpid(held.process.pid, os.WNOHANG)


def test_the_queue_rests_when_there_is_nothing_to_do(make: Make) -> None:
    jobs = make()
    jobs.start()
    before = time.process_time()
    assert jobs.wait("ann", jobs.submit("ann", "quick", "one", ()).id, LONG).state == "done"
    spent = time.process_time() - before
    assert spent < 1
    assert [thread.name for thread in threading.enumerate()].count("jobs") == 1
    jobs.close()
    jobs.close()
    assert [thread.name for thread in threading.enumerate()].count("jobs") == 0


def test_the_real_command_prepares_a_set(tmp_path: Path) -> None:
    texts = tmp_path / "texts"
    texts.mkdir()
    (texts / "heart.txt").write_text(
        "The heart drives the blood through the body. A patient with pain in the chest is seen at once, and "
        "a trace of the heart is taken before anything else is asked.\n"
    )
    jobs = Jobs(tmp_path / "queue")
    try:
        jobs.start()
        arguments = (str(texts), "--out", str(tmp_path / "set"), "--held-out", "0")
        job = jobs.submit("ann", "prepare", "texts", arguments)
        ended = jobs.wait("ann", job.id, 120)
        assert ended.state == "done", (ended.message, jobs.log("ann", job.id))
        assert ended.result and (tmp_path / "set").is_dir()
        progress = jobs.progress("ann", job.id)
        assert progress is not None and progress.done <= progress.total
        refused = jobs.submit("ann", "prepare", "none", (str(tmp_path / "no"), "--out", str(tmp_path / "b")))
        ended = jobs.wait("ann", refused.id, 120)
        assert ended.state == "failed" and "no: isn't there" in ended.message
    finally:
        jobs.close()
