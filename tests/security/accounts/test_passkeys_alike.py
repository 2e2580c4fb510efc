"""Time does not tell whether somebody has a passkey, or what was wrong beside it."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from security.accounts.assertions import Assertion, Assertions
from security.accounts.challenges import Challenges, Purpose
from security.accounts.passkeys import Passkeys
from security.accounts.relying import relying_party
from security.accounts.signin import Attempt, SignIn
from security.crypto.passwords import PasswordHasher
from tests.security.accounts.authenticator import Credential
from tests.security.accounts.fakes import NAME, PASSWORD, House
from tests.security.accounts.passkey_fakes import LOCAL, Owner, owner
from tests.security.accounts.test_alike import longer

TURNS = 100


@pytest.fixture
def eva(house: House) -> Owner:
    eva = owner(house)
    eva.enrol()
    return eva


class Leaky(Assertions):
    """Looks no further when nobody has the passkey: what the test must notice."""

    def see(self, given: Assertion, now: float) -> None:
        if self.owner(given.response) is not None:
            super().see(given, now)


class Counter:
    """Signs and measures: CPU seconds of this thread, so that other programs don't matter."""

    def __init__(self, eva: Owner, kind: type[Assertions] = Assertions) -> None:
        door, self.eva = eva.house.door, eva
        self.challenges = Challenges()
        tools, kek = door._tools, door.vault._kek
        self.passkeys = Passkeys(tools, self.challenges)
        hasher = PasswordHasher(kek.derive("password pepper"), 4)
        assertions = kind(door.database, self.challenges, door.trail)
        self.signin = SignIn(
            door.database, kek, tools.users, hasher, tools.sessions, door.trail, passkeys=assertions
        )
        party = relying_party(LOCAL)
        assert party is not None
        self.party = party

    def given(self, purpose: Purpose, credential: Credential) -> Assertion:
        options = self.passkeys.options_to_use(self.party, purpose, "", self.eva.house.clock.at)
        return Assertion(self.eva.phone.get(options, credential=credential), self.party, purpose)

    def alone(self, credential: Credential) -> Callable[[], object]:
        given = self.given(Purpose.ALONE, credential)
        return lambda: self.signin.alone(given, self.eva.house.clock.at)

    def second(self, name: str, password: str, credential: Credential) -> Callable[[], object]:
        typed = Attempt(name, password, self.given(Purpose.SECOND_FACTOR, credential))
        return lambda: self.signin.attempt(typed, self.eva.house.clock.at)


def times(one: Callable[[], Callable[[], object]], other: Callable[[], Callable[[], object]]) -> float:
    """How often `one` takes longer than `other`; both must be refused. They take turns."""
    taken: tuple[list[float], list[float]] = ([], [])
    for turn in range(TURNS + 5):
        for prepare, mine in zip((one, other), taken, strict=True):
            attempt = prepare()
            begun = time.thread_time()
            assert attempt() is None
            if turn >= 5:
                mine.append(time.thread_time() - begun)
    return longer(*taken)


def test_whether_a_passkey_is_anybodys(eva: Owner) -> None:
    (have,) = eva.phone.credentials
    forged = Credential(id=have.id, handle=have.handle)
    for kind, low, high in ((Assertions, 0.25, 0.75), (Leaky, 0.8, 1.0)):
        counter = Counter(eva, kind)
        found = times(
            lambda counter=counter: counter.alone(forged),
            lambda counter=counter: counter.alone(Credential(handle=bytes(16))),
        )
        assert low < found <= high, kind


@pytest.mark.parametrize(
    ("name", "password"), [(NAME, "violet anchor tundra spool"), ("Somebody Else", PASSWORD)]
)
def test_what_was_wrong_beside_the_passkey(eva: Owner, name: str, password: str) -> None:
    (have,) = eva.phone.credentials
    counter = Counter(eva)
    stranger = Credential(handle=bytes(16))
    found = times(
        lambda: counter.second(NAME, PASSWORD, stranger),
        lambda: counter.second(name, password, have),
    )
    assert 0.3 < found < 0.7
