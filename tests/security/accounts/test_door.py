"""Starting: what can be wrong is said in one sentence, and what is stored says nothing."""

from __future__ import annotations

import asyncio
import base64
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from security.accounts.door import build_door
from security.accounts.errors import (
    AccountsError,
    AccountSettingsError,
    BusyError,
    SealedUnderAnotherKeyError,
    StoreError,
    UnknownUserError,
)
from security.accounts.settings import AccountSettings
from security.accounts.tables import User
from security.accounts.work import Workers
from security.crypto.errors import KeyEncryptionKeyError, SealError
from security.crypto.keyfile import KEY_FILE_NAME, KEY_VARIABLE
from security.crypto.sealing import SealContext
from tests.security.accounts.fakes import (
    NAME,
    PASSWORD,
    Admin,
    Clock,
    House,
    set_up,
    sign_in,
    token_of,
)


def is_one_clear_sentence(error: Exception) -> bool:
    text = str(error)
    return text[0].isupper() and text.endswith(".") and "\n" not in text and "sqlalche.me" not in text


@pytest.fixture
def user(house: House, admin: Admin) -> str:
    with Session(house.door.database) as session:
        return session.scalars(select(User.id)).one()


def test_the_database_is_private_and_durable(waiting_for_the_disk: None, house: House) -> None:
    file = house.data / "asklepion.db"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE((house.data / KEY_FILE_NAME).stat().st_mode) == 0o600
    for path in house.data.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    with house.door.database.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2


def test_a_file_that_others_could_read_is_made_private(tmp_path: Path, clock: Clock) -> None:
    (tmp_path / "asklepion.db").touch(mode=0o644)
    House(tmp_path, clock).close()
    assert stat.S_IMODE((tmp_path / "asklepion.db").stat().st_mode) == 0o600


def test_no_secret_can_be_read_in_the_files(house: House, clock: Clock) -> None:
    admin = set_up(house)
    code = admin.code(clock)
    answer = sign_in(house.browser(), admin, clock)
    token = answer.headers["set-cookie"].partition("=")[2].partition(";")[0]
    raw_secret = base64.b32decode(admin.secret)
    secrets = [PASSWORD.encode(), admin.secret.encode(), raw_secret, token.encode()]
    secrets += [base64.urlsafe_b64decode(token + "=")]
    secrets += [form.encode() for one in admin.codes for form in (one, one.replace("-", ""))]
    house.close()
    content = b"".join(path.read_bytes() for path in house.data.iterdir() if path.name != KEY_FILE_NAME)
    assert NAME.encode() in content  # the name is not a secret, and shows that the right files were read
    assert code
    for secret in secrets:
        assert secret not in content


def test_a_file_that_is_no_database(tmp_path: Path, clock: Clock) -> None:
    (tmp_path / "asklepion.db").write_bytes(b"once upon a time " * 1000)
    with pytest.raises(StoreError, match="is damaged or is not a database") as refused:
        House(tmp_path, clock)
    assert is_one_clear_sentence(refused.value)
    assert not (tmp_path / KEY_FILE_NAME).exists()


def test_a_damaged_database(house: House, admin: Admin, clock: Clock) -> None:
    house.close()
    file = house.data / "asklepion.db"
    content = bytearray(file.read_bytes())
    content[4096 : 4096 * 4] = os.urandom(4096 * 3)
    file.write_bytes(content)
    with pytest.raises(StoreError, match="is damaged"):
        House(house.data, clock)


def test_a_folder_that_can_not_be_written_to(tmp_path: Path, clock: Clock) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    for folder in (blocked, blocked / "data", Path("/proc/self/fdinfo")):
        with pytest.raises(StoreError, match="can't be written to") as refused:
            House(folder, clock)
        assert is_one_clear_sentence(refused.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder(tmp_path: Path, clock: Clock) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(StoreError, match="can't be written to"):
            House(tmp_path, clock)
    finally:
        tmp_path.chmod(0o700)


def test_a_link_in_place_of_the_database_is_not_followed(tmp_path: Path, clock: Clock) -> None:
    (tmp_path / "elsewhere").touch()
    (tmp_path / "asklepion.db").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="can't be written to"):
        House(tmp_path, clock)


def test_a_key_that_is_gone_is_not_replaced(house: House, admin: Admin, clock: Clock) -> None:
    house.close()
    (house.data / KEY_FILE_NAME).unlink()
    with pytest.raises(KeyEncryptionKeyError, match="is missing"):
        House(house.data, clock)
    assert not (house.data / KEY_FILE_NAME).exists()


def test_a_new_key_may_be_made_while_nothing_is_sealed(house: House, clock: Clock) -> None:
    house.close()
    (house.data / KEY_FILE_NAME).unlink()
    House(house.data, clock).close()
    assert (house.data / KEY_FILE_NAME).exists()


def test_another_key_is_refused_at_start(house: House, admin: Admin, clock: Clock) -> None:
    house.close()
    other = base64.b64encode(bytes(range(32))).decode()
    with pytest.raises(SealedUnderAnotherKeyError, match="another key") as refused:
        build_door(house.settings, {KEY_VARIABLE: other}, now=clock, rounds=4)
    assert is_one_clear_sentence(refused.value)
    assert other not in str(refused.value)


def test_a_key_file_that_others_could_read_is_refused(house: House, admin: Admin, clock: Clock) -> None:
    house.close()
    (house.data / KEY_FILE_NAME).chmod(0o644)
    with pytest.raises(KeyEncryptionKeyError, match="chmod 600"):
        House(house.data, clock)


@pytest.mark.parametrize(
    "url", ["nonsense", "nosuch://x", "sqlite+nosuch:///x", "oracle://u:hunter2@h/x", "://"]
)
def test_a_database_address_that_can_not_be_used(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AccountsError, match="database_url") as refused:
        build_door(AccountSettings(tmp_path, database_url=url), {}, rounds=4)
    assert "hunter2" not in str(refused.value)
    assert not (tmp_path / "x").exists(), "what can't be opened is not made"


def test_another_database_file_is_private_too(tmp_path: Path, clock: Clock) -> None:
    file = tmp_path / "other" / "name.db"
    house = House(tmp_path, clock, database_url=f"sqlite:///{file}")
    try:
        set_up(house)
    finally:
        house.close()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not (tmp_path / "asklepion.db").exists()


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"idle_minutes": 0}, "idle_minutes must be a whole number from 1 to 1440"),
        ({"idle_minutes": 1441}, "idle_minutes"),
        ({"idle_minutes": 1.5}, "idle_minutes"),
        ({"idle_minutes": True}, "idle_minutes"),
        ({"absolute_hours": 0}, "absolute_hours must be a whole number from 1 to 168"),
        ({"absolute_hours": 169}, "absolute_hours"),
        ({"idle_minutes": 120, "absolute_hours": 1}, "idle_minutes"),
        ({"public_url": "asklepion.example.org"}, "public_url"),
        ({"public_url": "ftp://asklepion.example.org"}, "public_url"),
        ({"public_url": "https://user@asklepion.example.org"}, "public_url"),
        ({"public_url": "https://asklepion.example.org/path"}, "public_url"),
        ({"public_url": "https://"}, "public_url"),
        ({"public_url": "https://[::1"}, "public_url"),
    ],
)
def test_a_setting_out_of_range_names_itself(tmp_path: Path, options: dict[str, object], named: str) -> None:
    with pytest.raises(AccountSettingsError, match=named):
        AccountSettings(tmp_path, **options)  # type: ignore[arg-type]


def test_a_database_password_is_not_in_repr(tmp_path: Path) -> None:
    url = "postgresql+psycopg://asklepion:hunter2@db/asklepion"
    assert "hunter2" not in repr(AccountSettings(tmp_path, database_url=url))


def test_the_public_address_as_a_browser_writes_it(tmp_path: Path) -> None:
    settings_ = AccountSettings(tmp_path, public_url="https://Door.Example.org:443/")
    assert settings_.public_origin == "https://door.example.org"


def test_the_vault_seals_for_its_user(house: House, user: str) -> None:
    sealed = house.door.vault.seal(user, b"a headache", "assistant.conversation")
    assert b"headache" not in sealed
    assert house.door.vault.unseal(user, sealed, "assistant.conversation") == b"a headache"
    with pytest.raises(SealError):
        house.door.vault.unseal(user, sealed, "assistant.note")


def test_a_key_for_files_is_of_its_user_and_purpose_alone(house: House, user: str) -> None:
    vault = house.door.vault
    key = vault.file_key(user, "training")
    assert len(key) == 32
    assert vault.file_key(user, "training") == key
    assert vault.file_key(user, "pictures") != key
    for reserved in ("", "accounts.files"):
        with pytest.raises(AccountsError):
            vault.file_key(user, reserved)
    with pytest.raises(UnknownUserError):
        vault.file_key("f" * 32, "training")


@given(plaintext=st.binary(max_size=300), place=st.integers(0), bit=st.integers(0, 7))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
def test_a_changed_blob_does_not_open(
    house: House, user: str, plaintext: bytes, place: int, bit: int
) -> None:
    sealed = bytearray(house.door.vault.seal(user, plaintext, "x"))
    assert house.door.vault.unseal(user, bytes(sealed), "x") == plaintext
    sealed[place % len(sealed)] ^= 1 << bit
    with pytest.raises(SealError):
        house.door.vault.unseal(user, bytes(sealed), "x")


def test_another_users_blob_does_not_open(house: House, user: str) -> None:
    vault = house.door.vault
    other = "f" * 32
    with Session(house.door.database) as session, session.begin():
        mine = session.scalars(select(User)).one()
        columns = {name: getattr(mine, name) for name in User.__table__.columns.keys()}  # noqa: SIM118
        _, wrapped = vault._kek.new_data_key(other)
        session.add(User(**columns | {"id": other, "name_key": "other", "wrapped_key": wrapped}))
    sealed = vault.seal(user, b"mine", "x")
    with pytest.raises(SealError):
        vault.unseal(other, sealed, "x")
    assert vault.unseal(other, vault.seal(other, b"theirs", "x"), "x") == b"theirs"


def test_a_blob_is_bound_to_owner_and_purpose(house: House, user: str) -> None:
    vault = house.door.vault
    with Session(house.door.database) as session:
        data_key = vault._kek.unwrap(session.scalars(select(User.wrapped_key)).one(), user)
    assert data_key.open(vault.seal(user, b"mine", "x"), SealContext(owner=user, purpose="x")) == b"mine"
    with pytest.raises(SealError):
        vault.unseal(user, data_key.seal(b"mine", SealContext(owner="f" * 32, purpose="x")), "x")


def test_unknown_users_have_no_vault(house: House) -> None:
    for unknown in ("", "nobody", "0" * 32):
        with pytest.raises(UnknownUserError, match="No account"):
            house.door.vault.seal(unknown, b"x", "x")
        with pytest.raises(UnknownUserError, match="No account"):
            house.door.vault.unseal(unknown, b"x", "x")


@pytest.mark.parametrize("context", ["", "accounts.totp-secret", "accounts.x"])
def test_contexts_of_accounts_are_not_to_be_had(house: House, user: str, context: str) -> None:
    with pytest.raises(AccountsError, match="context"):
        house.door.vault.seal(user, b"x", context)


def test_a_token_is_not_logged_or_shown_elsewhere(
    house: House, clock: Clock, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(0)
    link = house.link()
    house.browser().get(link)
    shown = caplog.text + "".join(capfd.readouterr())
    # httpx, which is the visitor here, logs addresses; the door must not.
    ours = [line for line in shown.splitlines() if not re.search("httpx|httpcore", line)]
    assert token_of(link) not in "\n".join(ours)


def test_a_closed_pool_says_so() -> None:
    workers = Workers("test", threads=1, waiting=0)
    assert asyncio.run(workers.run(lambda: 1)) == 1
    workers.close()
    with pytest.raises(BusyError, match="being stopped"):
        asyncio.run(workers.run(lambda: 1))
    assert workers._held == 0


def test_it_imports_nothing_heavy() -> None:
    code = (
        "import sys, security.accounts.door;"
        "heavy = {'gradio', 'torch', 'zxcvbn', 'segno', 'assistant', 'ui'} & set(sys.modules);"
        "sys.exit(repr(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
