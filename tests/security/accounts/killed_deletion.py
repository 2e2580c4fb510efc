"""Deletes a person and is killed between the commit and the clearing: `... FOLDER BY PERSON`."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from security.accounts.door import build_door
from security.accounts.erasure import Clearing
from security.accounts.people import People
from security.accounts.settings import AccountSettings
from tests.security.accounts.fakes import START


def killed(_: str) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    folder, by, person = sys.argv[1:]
    door = build_door(AccountSettings(data=Path(folder)), {}, now=lambda: START + 900, rounds=4)
    door.erasure.open([Clearing("files", killed)])
    People(door._tools, door.erasure).delete(by, person, START + 900)


if __name__ == "__main__":
    main()
