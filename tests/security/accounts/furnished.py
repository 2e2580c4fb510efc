"""Houses that were lived in: each state is walked to once, and copied for the tests that begin there."""

from __future__ import annotations

import shutil
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path

import httpx

from tests.security.accounts.fakes import Admin, Browser, Clock, House, set_up, sign_in
from tests.security.accounts.people_fakes import PEOPLE, confirm

# The fixtures that begin in these states, each one after the one before it.
LEVELS = ("admin", "signed_in", "office")


@dataclass(frozen=True)
class Furnished:
    """A data folder at rest, and what the administrator's browser and clock had come to."""

    folder: Path
    admin: Admin
    at: float
    cookies: httpx.Cookies

    def copied(self, folder: Path, clock: Clock) -> Furnished:
        """The same in a folder of one's own, with the clock set to it."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        clock.at = self.at
        return replace(self, folder=folder, admin=deepcopy(self.admin))


def furnish(folder: Path) -> list[Furnished]:
    """One for each of `LEVELS`, walked to as a person would."""
    clock = Clock()
    live = folder / "live"
    live.mkdir()
    house = House(live, clock)
    browser = house.browser()
    admin = set_up(house)
    states = [_kept(house, folder / LEVELS[0], admin, browser)]
    house = House(live, clock)
    browser = house.browser()
    assert sign_in(browser, admin, clock).status_code == 303
    states.append(_kept(house, folder / LEVELS[1], admin, browser))
    house = House(live, clock)
    again = house.browser()
    again.cookies.update(browser.cookies)
    assert confirm(again, admin, clock).headers["location"] == PEOPLE
    return [*states, _kept(house, folder / LEVELS[2], admin, again)]


def _kept(house: House, folder: Path, admin: Admin, browser: Browser) -> Furnished:
    house.close()
    shutil.copytree(house.data, folder)
    return Furnished(folder, admin, house.clock.at, browser.cookies)
