"""A backup is whole and restores, or it is refused with a sentence and nothing is left behind."""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from security.accounts.archive import Contents, unpack
from security.accounts.backup import Made, back_up, restore
from security.accounts.errors import AccountsError, BackupError, SealedUnderAnotherKeyError, StoreError
from security.accounts.presence import Presence
from security.accounts.settings import DATABASE_FILE, AccountSettings
from security.accounts.trail_watch import CHECKPOINT_FILE
from security.crypto.errors import CryptoError, KeyEncryptionKeyError
from security.crypto.keyfile import KEY_FILE_NAME, KEY_VARIABLE, NEW_KEY_FILE_NAME
from security.crypto.ledger import Checkpoint
from security.crypto.signatures import SIGNING_KEY_NAME, SigningKey
from tests.security.accounts.fakes import PASSWORD, Admin, Browser, Clock, House, sign_in
from tests.security.accounts.planted import (
    NOTE,
    forms_of_code,
    forms_of_secret,
    found_in,
    keep_note,
    kept_note,
    user_id,
)
from tests.security.accounts.test_rotation import key_text, new_file, turned

ROOT = Path(__file__).parents[3]
ALLOWED = (DATABASE_FILE, KEY_FILE_NAME, SIGNING_KEY_NAME)


@pytest.fixture
def house(tmp_path: Path, clock: Clock) -> object:
    house = House(tmp_path / "data", clock)
    yield house
    house.close()


@pytest.fixture
def lived(house: House, admin: Admin, signed_in: Browser) -> House:
    """A house that runs on, with a kept note and a file of the studio's."""
    keep_note(house.database, house.door.vault, user_id(house.database))
    (house.data / "training" / "sets").mkdir(parents=True)
    (house.data / "training" / "sets" / "a.jsonl").write_text("a set")
    (house.data / "cache").mkdir()
    (house.data / "cache" / "b").write_text("made anew")
    return house


def made(house: House, out: Path, *, with_key: bool = False) -> Made:
    return back_up(house.settings, {}, out, house.clock.at, with_key=with_key)


def inside(out: Path, tmp_path: Path) -> tuple[Contents, Path]:
    folder = tmp_path / "unpacked"
    folder.mkdir()
    return unpack(out, folder, ALLOWED), folder


def is_left_alone(tmp_path: Path, *expected: str) -> bool:
    return sorted(path.name for path in tmp_path.iterdir()) == sorted(["data", *expected])


def test_restored_it_signs_in_and_reads(lived: House, admin: Admin, clock: Clock, tmp_path: Path) -> None:
    out, folder = tmp_path / "b", tmp_path / "again"
    told = made(lived, out)
    clock.pass_by(30)
    assert sign_in(lived.browser(), admin, clock).status_code == 303, "the app runs on"
    done = restore(out, folder, {}, clock.at, key_file=lived.data / KEY_FILE_NAME)
    assert (done.accounts, done.signer) == (1, told.signer)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert [name.split(" ")[0] for name in done.missing] == [SIGNING_KEY_NAME, "training/sets/a.jsonl"]
    again = House(folder, clock)
    try:
        clock.pass_by(30)
        assert sign_in(again.browser(), admin, clock).status_code == 303
        assert sign_in(again.browser(), admin, clock, code=admin.codes[0]).status_code == 303
        assert kept_note(again.database, again.door.vault, user_id(again.database)) == NOTE
        ledger = again.door.trail.ledger
        assert ledger.verify().ok
        kinds = [entry.kind for entry in ledger.entries()]
        assert kinds == ["set-up", "sign-in", "restored", "sign-in", "sign-in"]
    finally:
        again.close()
    assert is_left_alone(tmp_path, "b", "again")


def test_the_checkpoint_of_the_running_app_is_not_asked_for(
    lived: House, admin: Admin, clock: Clock, tmp_path: Path
) -> None:
    out, folder = tmp_path / "b", tmp_path / "again"
    asyncio.run(lived.door.check_trail())
    assert (lived.data / CHECKPOINT_FILE).exists()
    made(lived, out)
    contents, _ = inside(out, tmp_path)
    assert CHECKPOINT_FILE not in [other.name for other in contents.others]
    done = restore(out, folder, {}, clock.at, key_file=lived.data / KEY_FILE_NAME)
    assert not any(CHECKPOINT_FILE in name for name in done.missing)


def test_what_is_in_it(lived: House, admin: Admin, signed_in: Browser, tmp_path: Path) -> None:
    out = tmp_path / "b"
    told = made(lived, out)
    assert out.stat().st_mode & 0o777 == 0o600
    contents, folder = inside(out, tmp_path)
    assert [one.name for one in contents.files] == [DATABASE_FILE]
    assert [one.name for one in contents.others] == ["training/sets/a.jsonl"]
    key = SigningKey.load_or_create(lived.data, may_create=False)
    assert bytes(contents.signer) == bytes(key.verify_key)
    kept = Checkpoint.from_text(contents.checkpoint, key.verify_key)
    assert kept.size == 2
    # The trail that goes on agrees with the checkpoint, and tells of the file.
    assert lived.door.trail.ledger.verify([kept], key.verify_key).ok
    last = list(lived.door.trail.ledger.entries())[-1]
    assert (last.kind, json.loads(last.data)) == (
        "backup-made",
        {"user": "installation", "sha256": told.sha256, "with-key": False},
    )
    with sqlite3.connect(folder / DATABASE_FILE) as connection:
        assert connection.execute("SELECT count(*) FROM accounts_sessions").fetchone() == (0,)
    connection.close()
    planted = [NOTE.encode(), PASSWORD.encode(), *forms_of_secret(admin.secret)]
    planted += [one for code in admin.codes for one in forms_of_code(code)]
    planted += [(lived.data / name).read_bytes().strip() for name in (KEY_FILE_NAME, SIGNING_KEY_NAME)]
    (tmp_path / "only").mkdir()
    out.rename(tmp_path / "only" / "b")
    assert found_in(tmp_path / "only", planted) == []


def test_with_the_key_it_needs_nothing_else(lived: House, admin: Admin, clock: Clock, tmp_path: Path) -> None:
    out, folder = tmp_path / "b", tmp_path / "again"
    made(lived, out, with_key=True)
    assert out.stat().st_mode & 0o777 == 0o600
    # Another key that happens to be set is not preferred to the one that belongs to it.
    restore(out, folder, {KEY_VARIABLE: key_text(4)}, clock.at)
    for name in (KEY_FILE_NAME, SIGNING_KEY_NAME):
        assert (folder / name).read_bytes() == (lived.data / name).read_bytes()
    again = House(folder, clock)
    clock.pass_by(30)
    assert sign_in(again.browser(), admin, clock).status_code == 303
    again.close()


def test_with_a_key_from_the_environment(lived: House, clock: Clock, tmp_path: Path) -> None:
    lived.close()
    environ = {KEY_VARIABLE: (lived.data / KEY_FILE_NAME).read_text().strip()}
    (lived.data / KEY_FILE_NAME).unlink()
    out = tmp_path / "b"
    back_up(lived.settings, environ, out, clock.at)
    restore(out, tmp_path / "again", environ, clock.at)
    assert not (tmp_path / "again" / KEY_FILE_NAME).exists()
    with pytest.raises(KeyEncryptionKeyError, match="is missing"):
        restore(out, tmp_path / "third", {}, clock.at)
    back_up(lived.settings, environ, tmp_path / "c", clock.at, with_key=True)
    restore(tmp_path / "c", tmp_path / "fourth", {}, clock.at)
    assert (tmp_path / "fourth" / KEY_FILE_NAME).read_text().strip() == environ[KEY_VARIABLE]


def test_a_wrong_key_is_refused(lived: House, clock: Clock, tmp_path: Path) -> None:
    out = tmp_path / "b"
    made(lived, out)
    with pytest.raises(SealedUnderAnotherKeyError, match="needs the key"):
        restore(out, tmp_path / "again", {KEY_VARIABLE: key_text(4)}, clock.at)
    lived.close()
    turned(lived.data)
    with pytest.raises(SealedUnderAnotherKeyError, match="needs the key"):
        restore(out, tmp_path / "again", {}, clock.at, key_file=lived.data / KEY_FILE_NAME)
    (lived.data / KEY_FILE_NAME).chmod(0o644)
    with pytest.raises(CryptoError, match="chmod 600"):
        restore(out, tmp_path / "again", {}, clock.at, key_file=lived.data / KEY_FILE_NAME)
    assert is_left_alone(tmp_path, "b")


def test_nothing_is_overwritten(lived: House, clock: Clock, tmp_path: Path) -> None:
    out, folder = tmp_path / "b", tmp_path / "again"
    made(lived, out, with_key=True)
    before = out.read_bytes()
    with pytest.raises(BackupError, match="is there already"):
        made(lived, out)
    assert out.read_bytes() == before
    folder.mkdir()
    with pytest.raises(BackupError, match="is there already"):
        restore(out, folder, {}, clock.at)
    folder.rmdir()
    folder.symlink_to(tmp_path / "nowhere")
    with pytest.raises(BackupError, match="is there already"):
        restore(out, folder, {}, clock.at)
    assert is_left_alone(tmp_path, "b", "again")


def test_damage_anywhere_is_refused(lived: House, clock: Clock, tmp_path: Path) -> None:
    out = tmp_path / "b"
    made(lived, out, with_key=True)
    whole, chance = out.read_bytes(), random.Random(5)
    places = [0, 5, 18, 19, 22, 23, len(whole) - 1, *(chance.randrange(len(whole)) for _ in range(40))]
    damaged = [
        whole[:at] + bytes([whole[at] ^ (1 << chance.randrange(8))]) + whole[at + 1 :] for at in places
    ]
    damaged += [whole[:at] for at in (0, 10, 21, 600, len(whole) // 2, len(whole) - 1)]
    damaged += [whole + b"\0", b"x" * 100]
    for content in damaged:
        out.write_bytes(content)
        with pytest.raises(BackupError, match=r"damaged|no backup"):
            restore(out, tmp_path / "again", {}, clock.at)
    assert is_left_alone(tmp_path, "b")


def test_what_can_not_be_read_or_written_is_said(lived: House, clock: Clock, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="No such file"):
        restore(tmp_path / "none", tmp_path / "again", {}, clock.at)
    with pytest.raises(BackupError, match="name another place"):
        made(lived, tmp_path / "none" / "b")
    assert [entry.kind for entry in lived.door.trail.ledger.entries()] == ["set-up", "sign-in"]


def test_another_trail_than_the_signed_one_is_not_vouched_for(lived: House, tmp_path: Path) -> None:
    with lived.database.begin() as connection:
        connection.execute(text("DROP TRIGGER ledger_entries_update"))
        connection.execute(text("UPDATE ledger_entries SET kind = 'sign-out' WHERE position = 1"))
    with pytest.raises(BackupError, match="not intact"):
        made(lived, tmp_path / "b")
    assert is_left_alone(tmp_path)


def test_not_in_the_middle_of_a_change_of_keys(lived: House, clock: Clock, tmp_path: Path) -> None:
    lived.close()
    with Presence(lived.data, alone=True), pytest.raises(StoreError, match="being changed"):
        made(lived, tmp_path / "b")
    new_file(lived.data, 5)
    with pytest.raises(BackupError, match="vault rotate"):
        made(lived, tmp_path / "b")
    House(lived.data, clock).close()
    assert not (lived.data / NEW_KEY_FILE_NAME).exists()
    made(lived, tmp_path / "b")


def test_another_database_has_its_own_means(tmp_path: Path) -> None:
    settings = AccountSettings(tmp_path, database_url="postgresql+psycopg://user@host/name")
    with pytest.raises(BackupError, match="pg_dump") as refused:
        back_up(settings, {}, tmp_path / "b", 0.0)
    assert isinstance(refused.value, AccountsError)


def test_before_set_up_no_key_is_needed_but_the_one_it_has(
    house: House, clock: Clock, tmp_path: Path
) -> None:
    made(house, tmp_path / "b", with_key=True)
    done = restore(tmp_path / "b", tmp_path / "again", {}, clock.at)
    assert done.accounts == 0
    again = House(tmp_path / "again", clock)
    assert again.link()
    again.close()


def test_from_the_shell(lived: House, admin: Admin, clock: Clock, tmp_path: Path) -> None:
    def shell(*words: str) -> subprocess.CompletedProcess[str]:
        order = [sys.executable, "-m", "security", "vault", *words]
        return subprocess.run(order, cwd=ROOT, capture_output=True, text=True, check=False)

    out, folder = tmp_path / "b", tmp_path / "again"
    plain = shell("backup", "--data", str(lived.data), "--out", str(out))
    assert (plain.returncode, plain.stderr) == (0, "")
    assert "1 other file(s)" in plain.stdout
    shutil.rmtree(lived.data / "training")
    secret = shell("backup", "--data", str(lived.data), "--out", str(tmp_path / "c"), "--with-key")
    assert secret.returncode == 0 and "Whoever has the file has everything" in secret.stderr
    key = (lived.data / KEY_FILE_NAME).read_text().strip()
    assert key not in secret.stdout + secret.stderr
    back = shell("restore", str(out), "--data", str(folder), "--key", str(lived.data / KEY_FILE_NAME))
    assert back.returncode == 0, back.stderr
    assert "1 account(s)" in back.stdout and "training/sets/a.jsonl" in back.stdout
    refused = shell("restore", str(out), "--data", str(folder))
    assert refused.returncode == 2 and "is there already" in refused.stderr
    again = House(folder, clock)
    clock.pass_by(30)
    assert sign_in(again.browser(), admin, clock).status_code == 303
    again.close()
