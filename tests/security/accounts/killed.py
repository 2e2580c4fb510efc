"""Work that is killed: `python -m tests.security.accounts.killed` forks a child for each line of orders.

A child sends itself SIGKILL, which nothing can catch, at the event that the order names: Python's profiler
counts every call and return, those of C functions too, so the point is anywhere between two of them, such as
after a statement and before its commit. What a child tells goes down a pipe, which outlives it.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from security.accounts.account import Account
from security.accounts.audit import Trail
from security.accounts.database import open_database
from security.accounts.door import build_door
from security.accounts.identity import Role
from security.accounts.invitations import Invitations
from security.accounts.presence import Presence
from security.accounts.rotation import rotate
from security.accounts.settings import AccountSettings
from security.crypto import onetime
from tests.security.accounts.fakes import NAME, PASSWORD, START
from tests.security.accounts.planted import keep_note, user_id

# Where a crash can leave something half done: the database and the files.
DURABLE = {
    "execute", "executemany", "commit", "close", "connect", "backup", "open", "write", "fsync", "link",
    "replace", "unlink", "mkdir", "fchmod", "flock",
}  # fmt: skip
ENTRIES = 12
LATER = START + 3000
JOINER = "Kim Lee"


def tell(**told: object) -> None:
    os.write(1, json.dumps(told).encode() + b"\n")


def drawn(count: int) -> bytes:
    """Randomness that is told before it is used, so that the test can look for it."""
    value = secrets.token_bytes(count)
    tell(drawn=value.hex())
    return value


def set_up(folder: Path, reaper: Reaper) -> None:
    door = build_door(AccountSettings(data=folder), {}, now=lambda: START, random=drawn, rounds=4)
    setup = door._setup
    token = setup.new_token()
    enrolment = setup.enrol(token, NAME, PASSWORD, START)
    tell(secret=enrolment.secret)
    reaper.begin()
    code = onetime.code_at(enrolment.secret, onetime.step_at(START))
    tell(codes=setup.finish(token, enrolment.ticket, code, START))
    keep_note(door.database, door.vault, user_id(door.database))
    door.close()


def join(folder: Path, reaper: Reaper) -> None:
    """Registration by an invitation."""
    door = build_door(AccountSettings(data=folder), {}, now=lambda: LATER, random=drawn, rounds=4)
    tools = door._tools
    invitations = Invitations(tools.engine, tools.links, tools.users, tools.hasher, door.trail, drawn)
    made = invitations.invite(user_id(door.database), Role.STUDENT, JOINER, LATER)
    tell(token=made.token)
    reaper.begin()
    invited = invitations.find(made.token, LATER)
    assert invited is not None
    enrolment = invited.enrol(made.token, "", PASSWORD, LATER)
    tell(secret=enrolment.secret)
    code = onetime.code_at(enrolment.secret, onetime.step_at(LATER))
    tell(codes=invited.finish(made.token, enrolment.ticket, code, LATER))
    door.close()


def renew(folder: Path, reaper: Reaper) -> None:
    """A change of factors: another app, then other recovery codes, with an open session."""
    door = build_door(AccountSettings(data=folder), {}, now=lambda: LATER, random=drawn, rounds=4)
    account, user = Account(door._tools), user_id(door.database)
    reaper.begin()
    renewal = account.new_app(user, LATER)
    tell(secret=renewal.secret)
    code = onetime.code_at(renewal.secret, onetime.step_at(LATER))
    account.renew_app(user, "", renewal.ticket, code, LATER)
    tell(app=True)
    tell(codes=account.renew_codes(user, LATER))
    door.close()


def turn_key(folder: Path, reaper: Reaper) -> None:
    with Presence(folder, alone=True):
        engine = open_database(AccountSettings(data=folder))
        reaper.begin()
        rotate(engine, {}, folder, START + 60)
        engine.dispose()


def append(folder: Path, reaper: Reaper) -> None:
    engine = open_database(AccountSettings(data=folder))
    trail = Trail.open(engine)
    reaper.begin()
    for number in range(ENTRIES):
        trail.note("test", "x", START + number, {"number": number})
        tell(noted=len(trail.ledger))


class Reaper:
    """Counts events; kills at one of them, if it is told which. `late`: from the heart of the work on."""

    def __init__(self, at: int | None, durable: bool, late: bool) -> None:
        self.count = 0
        self.durable = 0
        self._at = None if late else at
        self._late = at if late else None
        self._only_durable = durable
        self.heart = (0, 0)

    def begin(self) -> None:
        """The heart of the work begins."""
        self.heart = (self.count, self.durable)
        if self._late is not None:
            self._at = self._late + self.heart[int(self._only_durable)]

    def __call__(self, _: Any, event: str, argument: Any) -> None:
        self.count += 1
        lasting = event.startswith("c_") and getattr(argument, "__name__", "") in DURABLE
        self.durable += lasting
        seen = self.durable if self._only_durable else self.count
        if self._at is not None and seen >= self._at and (lasting or not self._only_durable):
            os.kill(os.getpid(), signal.SIGKILL)


WORK: dict[str, Callable[[Path, Reaper], None]] = {
    "set-up": set_up,
    "join": join,
    "renewal": renew,
    "rotation": turn_key,
    "append": append,
}


def child(order: dict[str, Any]) -> None:
    reaper = Reaper(order["at"], order["durable"], order["late"])
    sys.setprofile(reaper)
    WORK[order["work"]](Path(order["folder"]), reaper)
    sys.setprofile(None)
    tell(count=[reaper.count, reaper.durable], heart=reaper.heart)
    if order["at"] is not None:
        # The number of events differs by a few from run to run; nobody gets away.
        os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            child(json.loads(line))
            os._exit(0)
        tell(ended=os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


if __name__ == "__main__":
    main()
