"""The door of an app that another site shows in a frame: its cookie, who may frame it, whom it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI

from security.accounts.arrivals import COOKIE, SECURE_COOKIE
from security.accounts.door import build_door
from security.accounts.errors import AccountSettingsError
from security.accounts.settings import AccountSettings
from tests.security.accounts.fakes import (
    Admin,
    Browser,
    Clock,
    House,
    call,
    first_form,
    scope_for,
    set_up,
    sign_in,
    status_of,
)

HOST = "ada-asklepion.hf.space"
URL = f"https://{HOST}"
HUB = "https://huggingface.co"
GIVEN = "Qm3x-8Zt_v5LkR0yWc2NdH7bJs4PfGa1"


@pytest.fixture
def space(tmp_path: Path, clock: Clock) -> Iterator[House]:
    house = House(tmp_path, clock, public_url=URL, frame_ancestors=(HUB,), notice="Lost at restart.")
    yield house
    house.close()


@pytest.fixture
def owner(space: House) -> Admin:
    return set_up(space, URL)


@pytest.fixture
def guest(space: House, owner: Admin, clock: Clock) -> Browser:
    browser = space.browser(URL)
    assert sign_in(browser, owner, clock).status_code == 303
    return browser


def parts(cookie: str) -> tuple[str, set[str]]:
    name, *attributes = (part.strip() for part in cookie.split(";"))
    return name, set(attributes)


def test_the_cookie_is_one_that_browsers_take_in_a_frame(space: House, owner: Admin, clock: Clock) -> None:
    browser = space.browser(URL)
    answer = sign_in(browser, owner, clock)
    (written,) = answer.headers.get_list("set-cookie")
    pair, attributes = parts(written)
    assert pair.startswith(f"{SECURE_COOKIE}=")
    # RFC 6265bis, 4.1.3.2: __Host- is taken with Secure and Path=/ and without Domain only.
    assert attributes == {"HttpOnly", "Path=/", "SameSite=None", "Secure", "Partitioned"}
    assert browser.get("/").status_code == 200


def test_signing_out_takes_the_cookie_from_the_same_jar_and_ends_the_session(
    space: House, guest: Browser
) -> None:
    token = guest.cookies[SECURE_COOKIE]
    pair, attributes = parts(guest.post("/logout").headers["set-cookie"])
    assert pair == f"{SECURE_COOKIE}="
    assert attributes == {"Max-Age=0", "HttpOnly", "Path=/", "SameSite=None", "Secure", "Partitioned"}
    thief = space.browser(URL)
    thief.cookies.set(SECURE_COOKIE, token)
    assert thief.get("/").status_code == 303


def test_a_cookie_without_the_prefix_is_not_taken(space: House, guest: Browser) -> None:
    other = space.browser(URL)
    other.cookies.set(COOKIE, guest.cookies[SECURE_COOKIE])
    assert other.get("/").status_code == 303


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": URL}, 200),
        ({"sec-fetch-site": "same-origin"}, 200),
        ({"origin": URL, "sec-fetch-site": "same-origin"}, 200),
        # SameSite=None sends the cookie with a page of another site: nothing but these headers tells.
        ({}, 403),
        ({"sec-fetch-site": "none"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": HUB, "sec-fetch-site": "cross-site"}, 403),
        ({"origin": "https://evil-space.hf.space"}, 403),
        ({"origin": f"http://{HOST}"}, 403),
        ({"origin": URL, "sec-fetch-site": "cross-site"}, 403),
        ({"origin": URL, "sec-fetch-site": "same-site"}, 403),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_change_must_come_from_our_own_page(
    space: House, guest: Browser, method: str, headers: dict[str, str], status: int
) -> None:
    space.rooms.reached.clear()
    answer = guest.request(method, "/room", headers=headers)
    assert answer.status_code == status
    assert bool(space.rooms.reached) == (status == 200)


def test_a_websocket_must_say_that_it_comes_from_our_own_page(space: House, guest: Browser) -> None:
    cookie = (b"cookie", f"{SECURE_COOKIE}={guest.cookies[SECURE_COOKIE]}".encode())
    for origins, kind in (
        ([], "websocket.close"),
        ([(b"origin", HUB.encode())], "websocket.close"),
        ([(b"origin", URL.encode())], "websocket.accept"),
    ):
        scope = scope_for("/room", kind="websocket")
        scope["headers"] = [(b"host", HOST.encode()), cookie, *origins]
        assert call(space.asgi, scope)[0]["type"] == kind


def test_without_frames_a_client_that_says_nothing_of_its_origin_is_still_let_in(signed_in: Browser) -> None:
    assert signed_in.request("POST", "/room").status_code == 200


def test_only_the_hub_may_frame_every_answer(space: House, guest: Browser) -> None:
    stranger = space.browser(URL)
    answers = [
        stranger.get("/login"),
        stranger.get("/"),
        stranger.get("/healthz"),
        stranger.request("POST", "/login"),
        guest.get("/"),
        space.browser("https://elsewhere.example.org").get("/healthz"),
    ]
    assert [answer.status_code for answer in answers] == [200, 303, 200, 403, 200, 421]
    for answer in answers:
        policies = answer.headers.get_list("content-security-policy")
        framing = [part.strip() for text in policies for part in text.split(";") if "frame-ancestors" in part]
        assert framing == [f"frame-ancestors 'self' {HUB}"]


def test_without_frames_nobody_else_may_frame(house: House) -> None:
    policy = house.browser().get("/login").headers["content-security-policy"]
    assert "frame-ancestors 'self';" in policy


def test_the_sign_in_page_leads_out_of_the_frame_and_says_what_will_be_lost(
    space: House, owner: Admin
) -> None:
    page = space.browser(URL).get("/login").text
    assert f'<a href="{URL}/" target="_blank" rel="noopener">' in page
    assert '<p class="warning" role="note">Lost at restart.</p>' in page


def test_elsewhere_there_is_neither(house: House, admin: Admin) -> None:
    page = house.browser().get("/login").text
    assert "_blank" not in page
    assert 'role="note"' not in page


@pytest.mark.parametrize(
    "wrong",
    [
        {"frame_ancestors": (HUB,)},
        {"frame_ancestors": (HUB,), "public_url": "http://door.example.org"},
        {"frame_ancestors": ("*",), "public_url": URL},
        {"frame_ancestors": ("https://*.hf.space",), "public_url": URL},
        {"frame_ancestors": ("http://huggingface.co",), "public_url": URL},
        {"frame_ancestors": (f"{HUB}; script-src *",), "public_url": URL},
        {"frame_ancestors": (f"{HUB}/",), "public_url": URL},
    ],
)
def test_who_may_frame_is_checked(tmp_path: Path, wrong: dict[str, object]) -> None:
    with pytest.raises(AccountSettingsError, match="frame_ancestors"):
        AccountSettings(data=tmp_path, **wrong)  # type: ignore[arg-type]


def given_house(data: Path, clock: Clock) -> House:
    """A house whose operator chose the set-up token."""
    house = House(data, clock)
    house.close()
    house.door = build_door(house.settings, {"ASKLEPION_SETUP_TOKEN": GIVEN}, now=clock, rounds=4)
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(house.door.router)
    app.mount("/", house.rooms)
    house.asgi = house.door.wrap(app)
    return house


def test_the_operators_token_opens_set_up_once_and_is_never_told(tmp_path: Path, clock: Clock) -> None:
    house = given_house(tmp_path, clock)
    link = house.link()
    assert link.endswith("/setup?token=<ASKLEPION_SETUP_TOKEN>")
    assert GIVEN not in link
    browser = house.browser()
    told = browser.get("/login").text
    assert "ASKLEPION_SETUP_TOKEN" in told
    assert GIVEN not in told
    for wrong in ("", GIVEN[:-1], GIVEN + "A", GIVEN.lower(), "<ASKLEPION_SETUP_TOKEN>"):
        assert browser.get("/setup", params={"token": wrong}).status_code == 403
    house.link = lambda: f"/setup?token={GIVEN}"  # type: ignore[method-assign]
    set_up(house)
    assert browser.get("/setup", params={"token": GIVEN}).status_code == 403
    assert browser.post("/setup", first_form(f"?token={GIVEN}")).status_code == 403
    house.close()
    again = given_house(tmp_path, clock)
    assert again.browser().get("/setup", params={"token": GIVEN}).status_code == 403
    assert again.door.setup_link("http://127.0.0.1") is None
    again.close()


@pytest.mark.parametrize(
    "token",
    ["short", GIVEN[:31], "a" * 40, "abababab" * 5, GIVEN + " ", GIVEN + "\n", GIVEN + "é", "A" * 300],
)
def test_a_token_that_can_be_guessed_or_sent_wrong_is_refused_and_not_repeated(
    tmp_path: Path, clock: Clock, token: str
) -> None:
    with pytest.raises(AccountSettingsError, match="ASKLEPION_SETUP_TOKEN must be") as refused:
        build_door(AccountSettings(data=tmp_path), {"ASKLEPION_SETUP_TOKEN": token}, now=clock, rounds=4)
    assert token not in str(refused.value)
    assert token not in repr(refused.value.evidence)


def test_a_space_knows_its_own_name_alone(space: House) -> None:
    for host, status in ((HOST, 200), ("other-asklepion.hf.space", 421), ("127.0.0.1:7860", 200)):
        scope = scope_for("/healthz") | {"headers": [(b"host", host.encode())]}
        assert status_of(call(space.asgi, scope)) == status
