"""The watch over the trail: what is changed behind the app's back is noticed, whole and while it runs."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import Engine

from security.accounts.audit import LEDGER
from security.accounts.trail_watch import CHECKPOINT_FILE, TrailWatch
from security.crypto.ledger import Checkpoint, Ledger, create_tables
from security.crypto.signatures import SIGNING_KEY_NAME, SigningKey
from tests.security.crypto.test_ledger import attack, rewrite

NOW = 1_800_000_000.0


@pytest.fixture
def ledger(engine: Engine) -> Ledger:
    create_tables(engine)
    ledger = Ledger(engine, LEDGER)
    for number in range(10):
        ledger.append("sign-in", {"user": f"u{number}"}, NOW)
    return ledger


@pytest.fixture
def watch(ledger: Ledger, tmp_path: Path) -> TrailWatch:
    return TrailWatch(ledger, tmp_path, stretch=4)


def test_a_look_counts_what_is_new(watch: TrailWatch, ledger: Ledger) -> None:
    assert watch.state().size == 0
    assert watch.look(NOW).size == 10
    ledger.append("sign-out", {"user": "u"}, NOW)
    checked = watch.look(NOW + 5)
    assert (checked.size, checked.at, checked.whole_at, checked.alarm) == (11, NOW + 5, None, None)


def test_everything_is_checked_and_signed(watch: TrailWatch, ledger: Ledger, tmp_path: Path) -> None:
    checked = watch.everything(NOW)
    assert checked.alarm is None and checked.whole_at == NOW
    assert checked.signed is not None
    key = SigningKey.load_or_create(tmp_path, may_create=False).verify_key
    kept = Checkpoint.from_text((tmp_path / CHECKPOINT_FILE).read_text(), key)
    assert kept == checked.signed
    assert (kept.size, kept.root) == (10, ledger.root())
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


Change = Callable[[Engine], None]
SQL: dict[str, str] = {
    "an entry": 'UPDATE ledger_entries SET data = \'{"user":"x"}\' WHERE position = {at}',
    "a hash": "UPDATE ledger_entries SET hash = zeroblob(32) WHERE position = {at}",
    "a kind": "UPDATE ledger_entries SET kind = 'sign-out' WHERE position = {at}",
    "a gap": "DELETE FROM ledger_entries WHERE position = {at}",
}


@pytest.mark.parametrize("at", [0, 3, 4, 7, 9])
@pytest.mark.parametrize("change", SQL)
def test_a_change_of_what_was_checked_before_is_seen_within_a_round_of_looks(
    watch: TrailWatch, engine: Engine, change: str, at: int
) -> None:
    assert watch.everything(NOW).alarm is None
    attack(engine, SQL[change].replace("{at}", str(at)))
    found = [watch.look(NOW + turn).alarm for turn in range(3)]
    assert found[-1] is not None
    assert found[-1].reason
    told = watch.everything(NOW).alarm
    assert told is not None
    assert told.entry == at


def test_a_thorough_rewriting_while_the_app_runs_is_seen(watch: TrailWatch, engine: Engine) -> None:
    watch.look(NOW)
    rewrite(engine, lambda entry: ("sign-out", entry.data), 5)
    found = [watch.look(NOW).alarm for _ in range(3)][-1]
    assert found is not None and found.entry == 4
    assert "written anew while the app ran" in found.reason
    whole = watch.everything(NOW).alarm
    assert whole is not None and whole.entry == 4


@pytest.mark.parametrize("kept", [3, 10])
def test_a_rewriting_while_the_app_was_off_is_told_by_the_checkpoint(
    ledger: Ledger, engine: Engine, tmp_path: Path, kept: int
) -> None:
    attack(engine, f"DELETE FROM ledger_entries WHERE position >= {kept}", "DELETE FROM ledger_nodes")
    rewrite(engine, lambda entry: (entry.kind, entry.data), 0)
    before = TrailWatch(ledger, tmp_path).everything(NOW)
    assert before.alarm is None and before.signed is not None and before.signed.size == kept
    rewrite(engine, lambda entry: ("sign-out", entry.data), 1)
    after = TrailWatch(ledger, tmp_path).everything(NOW)
    assert after.alarm is not None
    assert "written anew" in after.alarm.reason
    # Nothing is signed over what was found.
    assert after.signed is None


def test_an_end_that_was_cut_off_is_told_while_the_app_runs_and_at_its_start(
    watch: TrailWatch, ledger: Ledger, engine: Engine, tmp_path: Path
) -> None:
    watch.everything(NOW)
    attack(
        engine, "DELETE FROM ledger_entries WHERE position > 7", "DELETE FROM ledger_nodes WHERE number > 3"
    )
    for seen in (watch, TrailWatch(ledger, tmp_path)):
        found = (seen.look if seen is watch else seen.everything)(NOW).alarm
        assert found is not None
        assert "its end was cut off" in found.reason, found.reason


def test_an_alarm_stays_until_everything_is_found_mended(watch: TrailWatch, engine: Engine) -> None:
    watch.everything(NOW)
    attack(engine, "UPDATE ledger_entries SET kind = 'sign-out' WHERE position = 1")
    assert watch.look(NOW).alarm is not None
    attack(engine, "UPDATE ledger_entries SET kind = 'sign-in' WHERE position = 1")
    assert watch.look(NOW).alarm is not None
    assert watch.everything(NOW).alarm is None
    assert watch.look(NOW).alarm is None


def forged(text: str) -> str:
    return text.replace('"size": 10', '"size": 9')


@pytest.mark.parametrize("change", [forged, lambda _: "", lambda _: "{}", lambda text: text * 200])
def test_a_changed_checkpoint_is_told(watch: TrailWatch, tmp_path: Path, change: Any) -> None:
    watch.everything(NOW)
    file = tmp_path / CHECKPOINT_FILE
    file.write_text(change(file.read_text()))
    found = watch.everything(NOW).alarm
    assert found is not None and found.entry is None
    assert "checkpoint" in found.reason


def test_a_lost_signing_key_is_not_replaced_where_there_is_a_checkpoint(
    watch: TrailWatch, tmp_path: Path
) -> None:
    watch.everything(NOW)
    (tmp_path / SIGNING_KEY_NAME).unlink()
    found = watch.everything(NOW).alarm
    assert found is not None and "missing" in found.reason
    assert not (tmp_path / SIGNING_KEY_NAME).exists()


def test_a_trail_that_cannot_be_read_is_told_and_looked_at_again(watch: TrailWatch, engine: Engine) -> None:
    watch.look(NOW)
    attack(engine, "ALTER TABLE ledger_nodes RENAME TO hidden")
    found = watch.look(NOW).alarm
    assert found is not None and found.entry is None
    attack(engine, "ALTER TABLE hidden RENAME TO ledger_nodes")
    assert watch.look(NOW).alarm is None


def test_tampering_is_a_line_in_the_log_once(
    watch: TrailWatch, engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    attack(engine, "UPDATE ledger_entries SET kind = 'sign-out' WHERE position = 1")
    with caplog.at_level(logging.WARNING, "asklepion.accounts"):
        watch.everything(NOW)
        watch.everything(NOW)
    (line,) = [one.getMessage() for one in caplog.records]
    assert "at entry 1" in line


def test_writers_and_checks_at_once_disturb_nobody(ledger: Ledger, tmp_path: Path) -> None:
    watch = TrailWatch(ledger, tmp_path, stretch=4)
    alarms: list[object] = []

    def write() -> None:
        for _ in range(15):
            ledger.append("sign-in", {"user": "u"}, NOW)

    def check() -> None:
        for turn in range(10):
            alarms.append((watch.look if turn % 2 else watch.everything)(NOW).alarm)

    threads = [threading.Thread(target=job) for job in (write, check, write, check)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert alarms == [None] * 20
    assert watch.everything(NOW).size == 40
