"""Several processes and threads append at once; processes are killed while they do."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from security.crypto.ledger import Ledger, create_tables

WRITER = """
import sys
from sqlalchemy import create_engine
from security.crypto.ledger import Ledger, create_tables

engine = create_engine(sys.argv[1])
create_tables(engine)
ledger = Ledger(engine)
for number in range(int(sys.argv[3])):
    entry = ledger.append("test", {"writer": sys.argv[2], "number": number}, 1_800_000_000.0)
    print(entry.index, flush=True)
"""


def start(url: str, name: str, count: int) -> subprocess.Popen[str]:
    order = [sys.executable, "-c", WRITER, url, name, str(count)]
    return subprocess.Popen(order, stdout=subprocess.PIPE, text=True)


def test_four_processes_append_without_gap_or_fork(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.sqlite'}"
    writers = [start(url, str(number), 15) for number in range(4)]  # they also race to make the tables
    told = [writer.communicate(timeout=120)[0].split() for writer in writers]
    assert [writer.returncode for writer in writers] == [0] * 4
    assert sorted(int(index) for indices in told for index in indices) == list(range(60))
    ledger = Ledger(create_engine(url))
    report = ledger.verify()
    assert report.ok and report.size == 60
    by_writer = Counter(str(entry.fields["writer"]) for entry in ledger.entries())
    assert by_writer == {"0": 15, "1": 15, "2": 15, "3": 15}
    for number in range(4):
        own = [e.fields["number"] for e in ledger.entries() if e.fields["writer"] == str(number)]
        assert own == list(range(15))


def test_threads_with_ledgers_of_their_own(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    create_tables(engine)

    def write(name: str) -> None:
        ledger = Ledger(engine)
        for number in range(8):
            ledger.append("test", {"writer": name, "number": number}, 1.0)

    threads = [threading.Thread(target=write, args=(str(number),)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    report = Ledger(engine).verify()
    assert report.ok and report.size == 32
    engine.dispose()


@pytest.mark.parametrize("journal", ["DELETE", "WAL"])
def test_killed_writers_leave_a_ledger_that_verifies(tmp_path: Path, journal: str) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.sqlite'}"
    with create_engine(url).connect() as connection:
        connection.exec_driver_sql(f"PRAGMA journal_mode = {journal}")
    for after in (3, 8):
        writer = start(url, "killed", 1_000_000)
        assert writer.stdout is not None
        told = [int(writer.stdout.readline()) for _ in range(after)]
        writer.kill()
        rest = [int(line) for line in writer.stdout.read().splitlines() if line]
        writer.wait()
        writer.stdout.close()
        ledger = Ledger(create_engine(url))
        report = ledger.verify()
        assert report.ok, report.reason
        assert report.size > max(told + rest)  # what was told is durable
    assert Ledger(create_engine(url)).append("test", {}, 1.0).index == report.size
