"""The key is changed: everything goes on working, wherever it was broken off, and the old one is gone."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from security.accounts.database import open_database
from security.accounts.errors import (
    SealedUnderAnotherKeyError,
    StoreError,
)
from security.accounts.presence import Presence
from security.accounts.roots import KEPT, rooted
from security.accounts.roots import ROOT as ROOT_NAME
from security.accounts.rotation import Rotated, key_ids, rotate
from security.accounts.settings import AccountSettings
from security.accounts.tables import InstallationSecret, User
from security.crypto import recovery
from security.crypto.errors import CryptoError, KeyEncryptionKeyError, SealError, WrongKeyError
from security.crypto.keyfile import (
    KEY_FILE_NAME,
    KEY_VARIABLE,
    NEW_KEY_FILE_NAME,
    NEW_KEY_VARIABLE,
    read_key_file,
)
from security.crypto.passwords import PasswordHasher
from security.crypto.sealing import KeyEncryptionKey, SealContext, wrapped_under
from tests.security.accounts.fakes import PASSWORD, Admin, Clock, House, set_up, sign_in
from tests.security.accounts.planted import NOTE, found_in, keep_note, kept_note, user_id

ROOT = Path(__file__).parents[3]


def key_text(number: int) -> str:
    return base64.b64encode(bytes([number]) * 32).decode()


def add_accounts(house: House, count: int) -> None:
    kek = house.door.vault._kek
    with Session(house.database) as session, session.begin():
        for number in range(count):
            user = f"{number:032x}"
            data_key, wrapped = kek.new_data_key(user)
            session.add(
                User(
                    id=user,
                    name=user,
                    name_key=user,
                    role="administrator",
                    password_hash="x",
                    wrapped_key=wrapped,
                    totp_secret=data_key.seal(b"x", SealContext(user, "x")),
                    totp_last_step=0,
                    created_at=2_000_000_000 + number,
                )
            )


def turned(folder: Path, environ: Mapping[str, str] | None = None, now: float = 1_800_000_100.0) -> Rotated:
    with Presence(folder, alone=True):
        engine = open_database(AccountSettings(data=folder))
        try:
            return rotate(engine, environ or {}, folder, now)
        finally:
            engine.dispose()


def all_works(house: House, admin: Admin, clock: Clock) -> None:
    clock.pass_by(30)
    assert sign_in(house.browser(), admin, clock).status_code == 303
    spare = admin.codes.pop()
    assert sign_in(house.browser(), admin, clock, code=spare).status_code == 303
    assert kept_note(house.database, house.door.vault, user_id(house.database)) == NOTE
    assert house.door.trail.ledger.verify().ok


@pytest.fixture
def lived(house: House, admin: Admin) -> House:
    """A closed house with a kept note and some accounts."""
    keep_note(house.database, house.door.vault, user_id(house.database))
    add_accounts(house, 3)
    house.close()
    return house


def test_a_fresh_key_takes_the_place_of_the_old_one(lived: House, admin: Admin, clock: Clock) -> None:
    before = read_key_file(lived.data / KEY_FILE_NAME)
    file_key = lived.door.vault.file_key(user_id(lived.database), "training")
    done = turned(lived.data)
    after = read_key_file(lived.data / KEY_FILE_NAME)
    assert (done.accounts, done.old, done.new) == (4, before.key_id.hex(), after.key_id.hex())
    assert before.key_id != after.key_id
    assert (lived.data / KEY_FILE_NAME).stat().st_mode & 0o777 == 0o600
    assert not (lived.data / NEW_KEY_FILE_NAME).exists()
    house = House(lived.data, clock)
    assert key_ids(house.database) == {after.key_id}
    all_works(house, admin, clock)
    assert house.door.vault.file_key(user_id(house.database), "training") == file_key
    (noted,) = [entry for entry in house.door.trail.ledger.entries() if entry.kind == "key-rotated"]
    assert json.loads(noted.data) == {
        "user": "installation",
        "accounts": 4,
        "from": before.key_id.hex(),
        "to": after.key_id.hex(),
    }
    house.close()


def test_the_old_wrapping_is_nowhere_in_the_file(lived: House, admin: Admin, clock: Clock) -> None:
    engine = open_database(lived.settings)
    with Session(engine) as session:
        wrapped = [
            *session.scalars(select(User.wrapped_key)),
            *session.scalars(select(InstallationSecret.wrapped)),
        ]
    engine.dispose()
    assert len(found_in(lived.data, wrapped)) >= len(wrapped), "before, they are there"
    reader = open_database(lived.settings)
    with reader.connect() as connection:
        connection.execute(text("SELECT count(*) FROM accounts_users")).scalar()
    assert turned(lived.data).scrubbed
    # With a connection open the write-ahead log is still there, and was searched too.
    assert (lived.data / "asklepion.db-wal").exists()
    assert found_in(lived.data, wrapped) == []
    reader.dispose()


def test_keys_in_the_environment_never_touch_the_disk(tmp_path: Path, clock: Clock) -> None:
    old, new = {KEY_VARIABLE: key_text(1)}, {KEY_VARIABLE: key_text(2)}
    house = opened(tmp_path, old, clock)
    admin = set_up(house)
    keep_note(house.database, house.door.vault, user_id(house.database))
    house.close()
    done = turned(tmp_path, old | {NEW_KEY_VARIABLE: key_text(2)})
    assert done.accounts == 1
    assert not (tmp_path / KEY_FILE_NAME).exists() and not (tmp_path / NEW_KEY_FILE_NAME).exists()
    assert found_in(tmp_path, [key_text(1).encode(), key_text(2).encode(), b"\2" * 32]) == []
    # With the new one alone, and with both as long as nobody has tidied up.
    for environ in (new, old | {NEW_KEY_VARIABLE: key_text(2)}):
        house = opened(tmp_path, environ, clock)
        all_works(house, admin, clock)
        house.close()
    with pytest.raises(SealedUnderAnotherKeyError):
        opened(tmp_path, old, clock)


def opened(folder: Path, environ: Mapping[str, str], clock: Clock) -> House:
    return House(folder, clock, environ=environ)


def test_a_key_in_the_file_gives_way_to_one_in_the_environment(
    lived: House, admin: Admin, clock: Clock
) -> None:
    turned(lived.data, {NEW_KEY_VARIABLE: key_text(3)})
    assert not (lived.data / KEY_FILE_NAME).exists()
    house = opened(lived.data, {KEY_VARIABLE: key_text(3)}, clock)
    all_works(house, admin, clock)
    house.close()


def test_a_new_key_that_lies_ready_changes_nothing(lived: House, admin: Admin, clock: Clock) -> None:
    house = opened(lived.data, {NEW_KEY_VARIABLE: key_text(3)}, clock)
    assert key_ids(house.database) == {read_key_file(lived.data / KEY_FILE_NAME).key_id}
    all_works(house, admin, clock)
    house.close()


def half_turned(folder: Path, new: KeyEncryptionKey) -> None:
    """As a crash leaves it: one account under the new key, everything else under the old one."""
    old = read_key_file(folder / KEY_FILE_NAME)
    engine = open_database(AccountSettings(data=folder))
    with Session(engine) as session, session.begin():
        user = session.scalars(select(User).order_by(User.created_at)).first()
        assert user is not None
        user.wrapped_key = old.rewrap(user.wrapped_key, user.id, new)
    assert len(key_ids(engine)) == 2
    engine.dispose()


def new_file(folder: Path, number: int) -> KeyEncryptionKey:
    path = folder / NEW_KEY_FILE_NAME
    path.write_text(key_text(number))
    path.chmod(0o600)
    return read_key_file(path)


def test_the_app_finishes_what_was_broken_off(lived: House, admin: Admin, clock: Clock) -> None:
    new = new_file(lived.data, 5)
    half_turned(lived.data, new)
    house = House(lived.data, clock)
    assert key_ids(house.database) == {new.key_id}
    assert not (lived.data / NEW_KEY_FILE_NAME).exists()
    all_works(house, admin, clock)
    # Others may come in again.
    House(lived.data, clock).close()
    house.close()


def test_called_again_it_goes_on_with_the_same_new_key(lived: House, admin: Admin, clock: Clock) -> None:
    new = new_file(lived.data, 5)
    half_turned(lived.data, new)
    done = turned(lived.data)
    assert (done.accounts, done.new) == (3, new.key_id.hex())
    house = House(lived.data, clock)
    all_works(house, admin, clock)
    house.close()


def test_the_app_refuses_when_one_of_two_keys_is_missing(lived: House, admin: Admin, clock: Clock) -> None:
    half_turned(lived.data, KeyEncryptionKey(bytes([6]) * 32))
    with pytest.raises(SealedUnderAnotherKeyError, match="vault rotate"):
        House(lived.data, clock)
    with pytest.raises(SealedUnderAnotherKeyError, match="broken off"):
        turned(lived.data)
    assert not (lived.data / NEW_KEY_FILE_NAME).exists(), "nothing was begun"
    house = opened(lived.data, {NEW_KEY_VARIABLE: key_text(6)}, clock)
    all_works(house, admin, clock)
    house.close()


def test_an_unfinished_change_is_not_finished_beside_another_process(
    lived: House, admin: Admin, clock: Clock
) -> None:
    new_file(lived.data, 5)
    with Presence(lived.data), pytest.raises(StoreError, match="in use"):
        House(lived.data, clock)
    House(lived.data, clock).close()


def test_a_running_app_is_not_rotated_under_its_feet(house: House, admin: Admin, clock: Clock) -> None:
    with pytest.raises(StoreError, match="Stop that one"):
        turned(house.data)
    house.close()
    assert turned(house.data).accounts == 1
    with Presence(house.data, alone=True), pytest.raises(StoreError, match="being changed"):
        House(house.data, clock)


def test_a_database_from_before_keeps_its_passwords_and_codes(house: House, clock: Clock) -> None:
    # As the version before wrote it: derived from the key itself, and no root.
    plain = read_key_file(house.data / KEY_FILE_NAME)
    admin = set_up(house)
    user = user_id(house.database)
    hashed = PasswordHasher(plain.derive("password pepper"), 4).hash(PASSWORD)
    with house.database.begin() as connection:
        connection.execute(text("DELETE FROM accounts_installation_secrets"))
        connection.execute(text("UPDATE accounts_users SET password_hash = :h"), {"h": hashed})
        connection.execute(text("DELETE FROM accounts_recovery_codes"))
        for code in admin.codes:
            digest = recovery.hashed(recovery.normalised(code) or "", plain.derive("recovery codes"), user)
            connection.execute(
                text("INSERT INTO accounts_recovery_codes (user_id, digest) VALUES (:u, :d)"),
                {"u": user, "d": digest},
            )
    keep_note(house.database, house.door.vault, user)
    house.close()
    before = shutil.copytree(house.data, house.data.parent / "before")

    # The first start of this version, then a change of keys.
    again = House(house.data, clock)
    all_works(again, admin, clock)
    with Session(again.database) as session:
        assert set(session.scalars(select(InstallationSecret.name))) == {ROOT_NAME, *KEPT}
    again.close()
    turned(house.data)
    again = House(house.data, clock)
    all_works(again, admin, clock)
    again.close()

    # A change of keys before any start.
    turned(before)
    again = House(before, Clock(clock.at + 60))
    all_works(again, Admin(admin.secret, admin.codes, ""), again.clock)
    again.close()


def test_a_fresh_database_derives_nothing_from_the_key(house: House, admin: Admin) -> None:
    kek = house.door.vault._kek
    plain = read_key_file(house.data / KEY_FILE_NAME)
    for purpose in (*KEPT, "anything else"):
        assert kek.derive(purpose) != plain.derive(purpose)
        assert kek.derive(purpose) == rooted(house.database, plain).derive(purpose)
    assert kek.key_id == plain.key_id


def test_a_root_that_does_not_open_is_not_replaced(house: House, admin: Admin) -> None:
    with house.database.begin() as connection:
        connection.execute(text("UPDATE accounts_installation_secrets SET wrapped = zeroblob(81)"))
    with pytest.raises(SealError):
        rooted(house.database, read_key_file(house.data / KEY_FILE_NAME))


def test_rewrapping_changes_the_wrapping_alone() -> None:
    old, new = KeyEncryptionKey(bytes(32)), KeyEncryptionKey(bytes([1]) * 32)
    key, wrapped = old.new_data_key("ada")
    context = SealContext("ada", "note")
    sealed = key.seal(b"text", context)
    fresh = old.rewrap(wrapped, "ada", new)
    assert (wrapped_under(wrapped), wrapped_under(fresh)) == (old.key_id, new.key_id)
    assert new.unwrap(fresh, "ada").open(sealed, context) == b"text"
    with pytest.raises(WrongKeyError):
        old.unwrap(fresh, "ada")
    with pytest.raises(WrongKeyError):
        new.rewrap(wrapped, "ada", old)
    with pytest.raises(SealError):
        old.rewrap(wrapped, "eve", new)
    with pytest.raises(SealError):
        old.unwrap_secret(wrapped, "ada")
    with pytest.raises(SealError):
        old.unwrap(old.wrap_secret(bytes(32), ""), "")
    assert old.unwrap_secret(old.wrap_secret(b"x" * 32, "root"), "root") == b"x" * 32


@pytest.mark.parametrize(
    ("environ", "kind", "says"),
    [
        ({NEW_KEY_VARIABLE: "nonsense"}, CryptoError, "base64"),
        ({KEY_VARIABLE: key_text(7)}, SealedUnderAnotherKeyError, "not at hand"),
    ],
)
def test_what_can_not_be_used_changes_nothing(
    lived: House, environ: dict[str, str], kind: type[Exception], says: str, clock: Clock
) -> None:
    before = read_key_file(lived.data / KEY_FILE_NAME).key_id
    with pytest.raises(kind, match=says):
        turned(lived.data, environ)
    assert sorted(path.name for path in lived.data.iterdir() if "key" in path.name) == [KEY_FILE_NAME]
    house = House(lived.data, clock)
    assert key_ids(house.database) == {before}
    house.close()


def test_the_key_in_use_is_no_new_key(lived: House) -> None:
    same = (lived.data / KEY_FILE_NAME).read_text()
    with pytest.raises(KeyEncryptionKeyError, match="is the one in use"):
        turned(lived.data, {NEW_KEY_VARIABLE: same})
    assert (lived.data / KEY_FILE_NAME).read_text() == same


def test_a_key_file_of_something_else_is_not_lost(tmp_path: Path, clock: Clock) -> None:
    old = {KEY_VARIABLE: key_text(1)}
    house = opened(tmp_path, old, clock)
    set_up(house)
    house.close()
    (tmp_path / KEY_FILE_NAME).write_text(key_text(9))
    (tmp_path / KEY_FILE_NAME).chmod(0o600)
    with pytest.raises(KeyEncryptionKeyError, match="safe place"):
        turned(tmp_path, old)
    assert (tmp_path / KEY_FILE_NAME).read_text() == key_text(9)


def test_from_the_shell(lived: House, admin: Admin, clock: Clock) -> None:
    order = [sys.executable, "-m", "security", "vault", "rotate", "--data"]
    done = subprocess.run([*order, str(lived.data)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert "4 account(s) are under the new key" in done.stdout
    assert (lived.data / KEY_FILE_NAME).read_text().strip() not in done.stdout
    house = House(lived.data, clock)
    all_works(house, admin, clock)
    house.close()
    none = subprocess.run(
        [*order, str(lived.data / "x")], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert none.returncode == 2 and "There is no database" in none.stderr
