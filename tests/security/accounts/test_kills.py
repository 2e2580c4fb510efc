"""kill -9 at random points of registration, a change of factors or keys, and notes; ASKLEPION_KILLS times."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from security.accounts.audit import Trail
from security.accounts.database import open_database
from security.accounts.rotation import key_ids
from security.accounts.settings import AccountSettings
from security.accounts.tables import RecoveryCode, User
from security.crypto.keyfile import NEW_KEY_FILE_NAME
from tests.security.accounts.fakes import NAME, PASSWORD, Admin, Clock, House, set_up, sign_in
from tests.security.accounts.killed import JOINER, LATER
from tests.security.accounts.people_fakes import Person, enter, join
from tests.security.accounts.planted import (
    CODE_BYTES,
    NOTE,
    forms_of_code,
    forms_of_secret,
    found_in,
    keep_note,
    kept_note,
    user_id,
)
from tests.security.accounts.test_rotation import add_accounts

ROOT = Path(__file__).parents[3]
KILLS = int(os.environ.get("ASKLEPION_KILLS", "40"))
SETS_UP = RENEWALS = ROTATIONS = KILLS // 4
JOINS = KILLS // 8
APPENDS = KILLS - SETS_UP - RENEWALS - ROTATIONS - JOINS


@dataclass
class Told:
    """What a child said before it ended, and how it ended."""

    ended: int = 0
    drawn: list[bytes] = field(default_factory=list)
    last: dict[str, Any] = field(default_factory=dict)


class Forge:
    """One process with everything imported, which forks the children."""

    def __init__(self) -> None:
        order = [sys.executable, "-m", "tests.security.accounts.killed"]
        self._process = subprocess.Popen(
            order, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._lengths: dict[tuple[str, bool, bool], int] = {}

    def run(
        self, work: str, folder: Path, at: int | None = None, durable: bool = False, late: bool = False
    ) -> Told:
        assert self._process.stdin is not None and self._process.stdout is not None
        order = {"work": work, "folder": str(folder), "at": at, "durable": durable, "late": late}
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        told = Told()
        for line in self._process.stdout:
            row = json.loads(line)
            if "drawn" in row:
                told.drawn.append(bytes.fromhex(row["drawn"]))
            told.last |= row
            if "ended" in row:
                told.ended = row["ended"]
                return told
        raise AssertionError("the forge died")

    def killed(self, work: str, template: Path, folder: Path, seed: int) -> Told:
        """`work` in a copy of `template`, killed at a point that `seed` decides: an odd one at a call to
        the database or the disk, an even one anywhere; half of each in the heart of the work."""
        durable, late = bool(seed & 1), bool(seed & 2)
        if (work, durable, late) not in self._lengths:
            whole = folder.with_name(f"whole-{work}-{durable}-{late}")
            shutil.copytree(template, whole)
            told = self.run(work, whole)
            assert told.ended == 0, "unharmed, it ends by itself"
            before = told.last["heart"][int(durable)] if late else 0
            self._lengths[work, durable, late] = told.last["count"][int(durable)] - before
        shutil.copytree(template, folder)
        at = random.Random(f"{work} {seed}").randint(1, self._lengths[work, durable, late])
        return self.run(work, folder, at, durable, late)

    def close(self) -> None:
        self._process.communicate(timeout=30)


@pytest.fixture(scope="module")
def forge() -> Iterator[Forge]:
    forge = Forge()
    yield forge
    forge.close()


@dataclass
class Lived:
    """A folder in use: an administrator, more accounts, a kept note."""

    folder: Path
    admin: Admin
    clock: Clock

    @property
    def secrets(self) -> list[bytes]:
        """What must not be readable in the folder."""
        planted = [NOTE.encode(), PASSWORD.encode(), *forms_of_secret(self.admin.secret)]
        return planted + [one for code in self.admin.codes for one in forms_of_code(code)]


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Lived:
    folder, clock = tmp_path_factory.mktemp("lived"), Clock()
    house = House(folder, clock)
    admin = set_up(house)
    add_accounts(house, 70)
    keep_note(house.database, house.door.vault, user_id(house.database))
    house.close()
    clock.pass_by(90)
    return Lived(folder, admin, clock)


def secrets_of(told: Told) -> list[bytes]:
    """Everything secret that the child drew or made, but for the key file's content."""
    secrets = [PASSWORD.encode(), NOTE.encode(), *told.drawn]
    if "secret" in told.last:
        secrets += forms_of_secret(told.last["secret"])
    for code in told.last.get("codes", ()):
        secrets += forms_of_code(code)
    # The first characters of a name's row are drawn, too: an id, and nonces, are no secrets.
    return [one for one in secrets if len(one) not in (16, 24)]


@pytest.mark.parametrize("seed", range(SETS_UP))
def test_killed_in_set_up(forge: Forge, tmp_path: Path, seed: int) -> None:
    (tmp_path / "empty").mkdir()
    folder = tmp_path / "data"
    told = forge.killed("set-up", tmp_path / "empty", folder, seed)
    assert told.ended == -9
    assert found_in(folder, secrets_of(told)) == []
    clock = Clock()
    house = House(folder, clock)
    try:
        assert house.door.trail.ledger.verify().ok
        if house.door.setup_link("http://127.0.0.1:7860") is not None:
            admin = set_up(house)
        else:
            clock.pass_by(30)
            admin = Admin(told.last["secret"], list(told.last.get("codes", ())), "")
        assert sign_in(house.browser(), admin, clock).status_code == 303
        assert house.door.trail.ledger.verify().ok
    finally:
        house.close()
    assert found_in(folder, secrets_of(told)) == []


@pytest.mark.parametrize("seed", range(JOINS))
def test_killed_while_joining(forge: Forge, lived: Lived, tmp_path: Path, seed: int) -> None:
    folder = tmp_path / "data"
    told = forge.killed("join", lived.folder, folder, seed)
    assert told.ended == -9
    assert found_in(folder, [*secrets_of(told), *lived.secrets]) == []
    clock = Clock(LATER + 30)
    house = House(folder, clock)
    try:
        assert house.door.trail.ledger.verify().ok
        link = f"/invite?token={told.last.get('token', '')}"
        person = Person(
            JOINER, Admin(told.last.get("secret", ""), list(told.last.get("codes", ())), ""), house.browser()
        )
        if "token" not in told.last:
            assert JOINER not in names(house), "killed before anybody was invited"
        elif house.browser().get(link).status_code == 200:
            join(house, link, JOINER)
        else:
            assert enter(person, house.browser(), clock, password=PASSWORD).status_code == 303
        clock.pass_by(30)
        assert sign_in(house.browser(), lived.admin, clock).status_code == 303
    finally:
        house.close()
    assert found_in(folder, [*secrets_of(told), *lived.secrets]) == []


@pytest.mark.parametrize("seed", range(RENEWALS))
def test_killed_in_a_change_of_factors(forge: Forge, lived: Lived, tmp_path: Path, seed: int) -> None:
    folder = tmp_path / "data"
    told = forge.killed("renewal", lived.folder, folder, seed)
    assert told.ended == -9
    assert found_in(folder, [*secrets_of(told), *lived.secrets]) == []
    clock = Clock(LATER + 60)
    house = House(folder, clock)
    try:
        assert house.door.trail.ledger.verify().ok
        old, new = lived.admin, Admin(told.last.get("secret", ""), told.last.get("codes", []), "")
        apps = [one for one in (old, new) if one.secret and enters(house, one, one.code(clock))]
        assert len(apps) == 1, "one app works: the old or the new"
        assert apps == [new] or "app" not in told.last, "what was told is durable"
        assert unused_codes(house) == 10, "all of one set"
        if new.codes:
            assert enters(house, new, new.codes[0])
            assert not enters(house, old, old.codes[0])
        elif "app" not in told.last:
            assert enters(house, old, old.codes[0]), "the old ones count until there are new ones"
        assert house.door.trail.ledger.verify().ok
    finally:
        house.close()
    assert found_in(folder, [*secrets_of(told), *lived.secrets]) == []


def enters(house: House, who: Admin, code: str) -> bool:
    return sign_in(house.browser(), who, house.clock, code=code).status_code == 303


def names(house: House) -> list[str]:
    with Session(house.database) as session:
        return list(session.scalars(select(User.name)))


def unused_codes(house: House) -> int:
    with Session(house.database) as session:
        user = select(User.id).where(User.name == NAME).scalar_subquery()
        unused = RecoveryCode.user_id == user, RecoveryCode.used_at.is_(None)
        return len(session.scalars(select(RecoveryCode.digest).where(*unused)).all())


@pytest.mark.parametrize("seed", range(ROTATIONS))
def test_killed_in_a_change_of_keys(forge: Forge, lived: Lived, tmp_path: Path, seed: int) -> None:
    folder = tmp_path / "data"
    told = forge.killed("rotation", lived.folder, folder, seed)
    assert told.ended == -9
    assert found_in(folder, lived.secrets) == []
    clock = Clock(lived.clock.at)
    house = House(folder, clock)
    try:
        assert sign_in(house.browser(), lived.admin, clock).status_code == 303
        assert sign_in(house.browser(), lived.admin, clock, code=lived.admin.codes[0]).status_code == 303
        user = user_id(house.database)
        assert kept_note(house.database, house.door.vault, user) == NOTE
        assert house.door.trail.ledger.verify().ok
        assert len(key_ids(house.database)) == 1
    finally:
        house.close()
    assert not (folder / NEW_KEY_FILE_NAME).exists(), "the app has finished what was begun"
    assert found_in(folder, lived.secrets) == []


@pytest.mark.parametrize("seed", range(APPENDS))
def test_killed_while_noting(forge: Forge, lived: Lived, tmp_path: Path, seed: int) -> None:
    folder = tmp_path / "data"
    told = forge.killed("append", lived.folder, folder, seed)
    assert told.ended == -9
    assert found_in(folder, lived.secrets) == []
    engine = open_database(AccountSettings(data=folder))
    report = Trail.open(engine).ledger.verify()
    engine.dispose()
    assert report.ok, report.reason
    assert report.size >= told.last.get("noted", 1), "what was told is durable"
    clock = Clock(lived.clock.at)
    house = House(folder, clock)
    try:
        assert sign_in(house.browser(), lived.admin, clock).status_code == 303
    finally:
        house.close()


def test_the_search_finds_what_is_there(tmp_path: Path) -> None:
    code, secret = "0123-4567-89AB-CDEF", "JBSWY3DPEHPK3PXP"
    for number, one in enumerate([*forms_of_code(code), *forms_of_secret(secret), NOTE.encode()]):
        (tmp_path / "in").mkdir(exist_ok=True)
        (tmp_path / "in" / str(number)).write_bytes(b"before" + one + b"after")
    assert len(forms_of_code(code)[2]) == CODE_BYTES
    found = found_in(tmp_path, [*forms_of_code(code), *forms_of_secret(secret), NOTE.encode()])
    assert len(found) == 6
