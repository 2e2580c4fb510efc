"""Every cookie of the door over TLS, every answer's HSTS, and where session tokens come from."""

from __future__ import annotations

import inspect
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from security.accounts import devices
from security.accounts.account import Tools
from security.accounts.arrivals import COOKIE, SECURE_COOKIE
from security.accounts.door import build_door
from security.accounts.headers import HSTS
from security.accounts.limits import Limits
from security.accounts.links import Links
from security.accounts.sessions import TOKEN_BYTES, Sessions
from security.accounts.settings import AccountSettings
from security.accounts.tables import User
from security.crypto import onetime, recovery
from tests.security.accounts.fakes import Admin, Browser, Clock, House, set_up, sign_in

URL = "https://door.example.org"


@pytest.fixture
def house(tmp_path: Path, clock: Clock) -> Iterator[House]:
    """Behind a proxy with TLS, with the limits of the app, so that it hands out both cookies."""
    house = House(tmp_path, clock, limiter=None, public_url=URL)
    yield house
    house.close()


@pytest.fixture
def admin(house: House) -> Admin:
    return set_up(house, URL)


def test_every_cookie_is_secure_and_of_this_host_alone(house: House, admin: Admin, clock: Clock) -> None:
    browser = house.browser(URL)
    written = sign_in(browser, admin, clock).headers.get_list("set-cookie")
    written += browser.post("/logout").headers.get_list("set-cookie")
    assert {line.partition("=")[0] for line in written} == {SECURE_COOKIE, devices.SECURE_COOKIE}
    for line in written:
        name, *attributes = (part.strip().lower() for part in line.split(";"))
        assert name.startswith("__host-")
        # The prefix counts in browsers only with these, and without Domain.
        assert {"secure", "path=/", "httponly"} <= set(attributes)
        assert {"samesite=lax", "samesite=strict"} & set(attributes)
        assert not any(one.startswith("domain") for one in attributes)


def test_a_session_token_is_in_its_cookie_and_nowhere_else(house: House, admin: Admin, clock: Clock) -> None:
    browser = house.browser(URL)
    answer = sign_in(browser, admin, clock)
    token = browser.cookies[SECURE_COOKIE]
    others = [f"{name}: {value}" for name, value in answer.headers.multi_items() if name != "set-cookie"]
    assert token not in answer.text + "".join(others)
    for path in ("/account", "/account/password", "/account/codes", "/login"):
        page = browser.get(path)
        assert token not in page.text + str(page.headers)


def answers_of_every_kind(house: House, inside: Browser) -> list[tuple[int, str | None]]:
    stranger = house.browser(URL)
    answers = [
        stranger.get("/login"),
        stranger.get("/"),
        stranger.get("/", headers={"accept": "application/json"}),
        stranger.get("/healthz"),
        stranger.get("/door/door.css"),
        stranger.get("/healthz", headers={"host": "elsewhere.example.org"}),
        stranger.post("/login", headers={"origin": "https://evil.example"}),
        stranger.request("PUT", "/login"),
        stranger.get("/setup?token=x"),
        inside.get("/account"),
        inside.get("/room"),
        inside.request("PATCH", "/account"),
    ]
    return [(one.status_code, one.headers.get("strict-transport-security")) for one in answers]


def test_every_answer_over_tls_says_to_stay_with_it(house: House, admin: Admin, clock: Clock) -> None:
    browser = house.browser(URL)
    sign_in(browser, admin, clock)
    found = answers_of_every_kind(house, browser)
    assert [status for status, _ in found] == [200, 303, 401, 200, 200, 421, 403, 405, 403, 200, 200, 405]
    assert {told for _, told in found} == {HSTS.decode()}
    parts = [part.strip() for part in HSTS.decode().split(";")]
    assert int(parts[0].removeprefix("max-age=")) >= 31_536_000
    assert "includeSubDomains" in parts


def test_a_token_is_256_bits_of_the_randomness_given_and_each_is_another(engine: Engine) -> None:
    asked: list[int] = []

    def random(count: int) -> bytes:
        asked.append(count)
        return secrets.token_bytes(count)

    sessions = Sessions(engine, AccountSettings(Path()), random)
    sealed = {"password_hash": "x", "wrapped_key": b"x", "totp_secret": b"x", "totp_last_step": 0}
    with Session(engine) as session, session.begin():
        session.add(User(id="a" * 32, name="ada", name_key="ada", role="student", created_at=0, **sealed))
        session.flush()
        tokens = {sessions.begin(session, "a" * 32, 0) for _ in range(50)}
    assert len(tokens) == 50
    assert asked == [TOKEN_BYTES] * 50 and TOKEN_BYTES * 8 == 256


@pytest.mark.parametrize(
    "made", [Sessions, Links, Tools, Limits, build_door, onetime.new_secret, recovery.new_codes]
)
def test_randomness_is_the_systems_own_unless_a_test_gives_another(made: object) -> None:
    assert inspect.signature(made).parameters["random"].default is secrets.token_bytes  # type: ignore[arg-type]


def test_a_token_of_another_server_or_a_static_one_is_none(house: House, admin: Admin) -> None:
    for token in ("asklepion", "0" * 43, secrets.token_urlsafe(32), admin.secret):
        browser = house.browser(URL)
        for name in (SECURE_COOKIE, COOKIE):
            browser.cookies.set(name, token)
        for extra in ({}, {"authorization": f"Bearer {token}"}, {"x-api-key": token}):
            assert browser.get("/", headers=extra).status_code == 303
