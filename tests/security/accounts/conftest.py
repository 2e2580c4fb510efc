from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.engine import Engine

from security.accounts.database import open_database
from security.accounts.limits import Limits
from security.accounts.settings import AccountSettings
from tests.security.accounts.fakes import KEY, Admin, Browser, Clock, House, set_up, sign_in
from tests.security.accounts.furnished import LEVELS, Furnished, furnish
from tests.security.accounts.passkey_fakes import Owner, owner
from tests.security.accounts.people_fakes import PEOPLE, confirm


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> list[Furnished]:
    """After set-up, after the sign-in that follows, and after password and code were given again."""
    return furnish(tmp_path_factory.mktemp("furnished"))


@pytest.fixture
def house(
    request: pytest.FixtureRequest, furnished: list[Furnished], tmp_path: Path, clock: Clock
) -> Iterator[House]:
    """Furnished already where the test begins behind set-up. A module's own house is walked into."""
    wanted = [state for name, state in zip(LEVELS, furnished, strict=True) if name in request.fixturenames]
    found = wanted[-1].copied(tmp_path, clock) if wanted else None
    house = House(tmp_path, clock)
    house.found = found
    yield house
    house.close()


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_database(AccountSettings(tmp_path))
    yield engine
    engine.dispose()


@pytest.fixture
def limits(engine: Engine) -> Limits:
    return Limits(engine, KEY)


@pytest.fixture
def admin(house: House) -> Admin:
    return house.found.admin if house.found else set_up(house)


@pytest.fixture
def signed_in(house: House, admin: Admin, clock: Clock) -> Browser:
    browser = house.browser()
    if house.found:
        browser.cookies.update(house.found.cookies)
    else:
        answer = sign_in(browser, admin, clock)
        assert answer.status_code == 303, answer.text
    return browser


@pytest.fixture
def office(house: House, signed_in: Browser, admin: Admin, clock: Clock) -> Browser:
    """The administrator, who has just given password and code again."""
    if not house.found:
        assert confirm(signed_in, admin, clock).headers["location"] == PEOPLE
    return signed_in


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[House, Browser]]:
    """A house that is set up and somebody in it, for tests that only knock; one for all of them."""
    clock = Clock()
    house = House(tmp_path_factory.mktemp("house"), clock)
    admin = set_up(house)
    browser = house.browser()
    assert sign_in(browser, admin, clock).status_code == 303
    yield house, browser
    house.close()


@pytest.fixture
def knocked(shared: tuple[House, Browser]) -> House:
    """The shared house, with nothing reached yet."""
    shared[0].rooms.reached.clear()
    return shared[0]


@pytest.fixture
def inside(shared: tuple[House, Browser]) -> Browser:
    """Who is signed in to the shared house."""
    return shared[1]


@pytest.fixture
def eva(house: House) -> Owner:
    """Signed in; without a passkey."""
    return owner(house)


@pytest.fixture
def keyed(eva: Owner) -> Owner:
    """Signed in, and with a passkey."""
    eva.enrol()
    return eva
