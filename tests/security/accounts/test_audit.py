"""The audit trail: who did what is written before it counts, without a secret; guessing can't fill it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from security.accounts.audit import NOBODY, Trail
from security.accounts.errors import StoreError
from tests.security.accounts.fakes import NAME, PASSWORD, Admin, Clock, House, sign_in

ROOT = Path(__file__).parents[3]


def told(trail: Trail) -> list[tuple[str, dict[str, object]]]:
    return [(entry.kind, json.loads(entry.data)) for entry in trail.ledger.entries()]


def shell(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "security", "ledger", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_what_happens_at_the_door_is_written_without_a_secret(
    house: House, admin: Admin, clock: Clock
) -> None:
    code = admin.code(clock)
    browser = house.browser()
    assert sign_in(browser, admin, clock, password="wrong word entirely").status_code == 401
    assert sign_in(browser, admin, clock).status_code == 303
    browser.post("/logout")
    assert sign_in(house.browser(), admin, clock, code=admin.codes[0]).status_code == 303
    entries = told(house.door.trail)
    assert [kind for kind, _ in entries] == ["set-up", "sign-in-refused", "sign-in", "sign-out", "sign-in"]
    user = entries[2][1]["user"]
    assert entries[1][1] == {"user": user, "not-noted-before": 0}
    assert entries[2][1] == {"user": user, "factor": "one-time-code"}
    assert entries[4][1] == {"user": user, "factor": "recovery-code"}
    everything = json.dumps(entries)
    for secret in (NAME, PASSWORD, code, admin.secret, admin.codes[0], "wrong word"):
        assert secret not in everything
    assert house.door.trail.ledger.verify().ok


def test_guessing_writes_one_entry_a_minute_for_each_account(
    house: House, admin: Admin, clock: Clock
) -> None:
    browser = house.browser()
    for _ in range(5):
        sign_in(browser, admin, clock, name="Nobody Known")
        sign_in(browser, admin, clock, password="wrong word entirely")
    refused = [data for kind, data in told(house.door.trail) if kind == "sign-in-refused"]
    assert len(refused) == 2
    assert {str(data["user"]) for data in refused} >= {NOBODY}
    clock.pass_by(61)
    sign_in(browser, admin, clock, name="Nobody Known")
    assert told(house.door.trail)[-1][1] == {"user": NOBODY, "not-noted-before": 4}


def test_nobody_is_let_in_when_it_cannot_be_written(house: House, admin: Admin, clock: Clock) -> None:
    with house.door.database.begin() as connection:
        connection.execute(text("ALTER TABLE ledger_entries RENAME TO ledger_gone"))
    browser = house.browser()
    answer = sign_in(browser, admin, clock)
    assert answer.status_code == 503
    assert "signed in" not in str(browser.cookies)
    with house.door.database.begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM accounts_sessions")).scalar() == 0
    with pytest.raises(StoreError, match="so it was not done"):
        house.door.trail.note("model-exported", "x", clock.at)


def test_the_shell_verifies_lists_and_signs(
    house: House, admin: Admin, clock: Clock, tmp_path_factory: pytest.TempPathFactory
) -> None:
    sign_in(house.browser(), admin, clock)
    data = ["--data", str(house.data)]
    done = shell("verify", *data)
    assert (done.returncode, done.stdout[:17]) == (0, "intact: 2 entries"), done.stderr
    rows = [json.loads(line) for line in shell("list", "--json", *data).stdout.splitlines()]
    assert [row["kind"] for row in rows] == ["set-up", "sign-in"]
    assert len(shell("list", "--kind", "sign-in", *data).stdout.splitlines()) == 1
    kept = tmp_path_factory.mktemp("elsewhere") / "checkpoint.json"
    kept.write_text(shell("checkpoint", *data).stdout, encoding="utf-8")
    agreed = shell("verify", "--checkpoint", str(kept), *data)
    assert agreed.returncode == 0 and "1 checkpoint(s) agree" in agreed.stdout, agreed.stderr

    # Whoever has the database and not the key rewrites the end of it.
    with house.door.database.begin() as connection:
        connection.execute(text("DROP TRIGGER ledger_entries_delete"))
        connection.execute(text("DELETE FROM ledger_entries WHERE position = 1"))
    found = shell("verify", "--checkpoint", str(kept), *data)
    assert found.returncode == 1
    assert "not intact" in found.stdout
    assert shell("checkpoint", *data).returncode == 1


def test_the_shell_says_what_it_cannot_read(tmp_path: Path) -> None:
    none = shell("verify", "--data", str(tmp_path))
    assert none.returncode == 2
    assert "There is no database" in none.stderr
    assert not list(tmp_path.iterdir()), "looking makes nothing"
    missing = shell("verify", "--checkpoint", str(tmp_path / "x"), "--data", str(tmp_path))
    assert missing.returncode == 2
    assert "can't be read" in missing.stderr
