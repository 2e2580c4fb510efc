"""X-Forwarded-For: believed from the right, as far as trusted proxies wrote it, and no further."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from security.accounts.errors import AccountSettingsError
from security.accounts.proxies import client_address, parse_networks
from security.accounts.settings import AccountSettings
from tests.security.accounts.fakes import Clock, House, set_up, sign_in

PROXIES = parse_networks("10.0.0.0/8, ::1")


def scope(peer: str | None, *headers: str, name: bytes = b"x-forwarded-for") -> dict[str, Any]:
    client = None if peer is None else (peer, 50000)
    return {"client": client, "headers": [(name, header.encode("latin-1")) for header in headers]}


@pytest.mark.parametrize(
    ("peer", "headers", "client"),
    [
        ("203.0.113.7", [], "203.0.113.7"),
        ("203.0.113.7", ["198.51.100.1"], "203.0.113.7"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["192.0.2.9, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["192.0.2.9, 198.51.100.1, 10.2.3.4"], "198.51.100.1"),
        ("10.0.0.1", ["192.0.2.9", "198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["10.9.9.9"], "10.9.9.9"),
        ("::1", ["2001:db8::5"], "2001:db8::5"),
        ("::ffff:10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["::ffff:198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["198.51.100.1, nonsense"], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1, nonsense, 10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", ["198.51.100.1:4711"], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1,"], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.001"], "10.0.0.1"),
        ("10.0.0.1", ["\xb2\xb3"], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1" + ", 10.0.0.2" * 5000], "10.0.0.2"),
        ("testclient", ["198.51.100.1"], ""),
        (None, ["198.51.100.1"], ""),
    ],
)
def test_the_client_is_the_rightmost_that_is_no_proxy(
    peer: str | None, headers: list[str], client: str
) -> None:
    assert client_address(scope(peer, *headers), PROXIES) == client


def test_other_forwarding_headers_say_nothing() -> None:
    for name in (b"forwarded", b"x-real-ip", b"x-forwarded", b"client-ip"):
        assert client_address(scope("10.0.0.1", "198.51.100.1", name=name), PROXIES) == "10.0.0.1"


def test_without_the_setting_the_header_is_not_looked_at() -> None:
    assert client_address(scope("127.0.0.1", "198.51.100.1"), ()) == "127.0.0.1"


@given(st.lists(st.text(alphabet=st.characters(max_codepoint=255), max_size=40), max_size=4))
def test_what_a_stranger_writes_to_the_left_changes_nothing(written: list[str]) -> None:
    headers = [*written, "203.0.113.7"]
    assert client_address(scope("10.0.0.1", *headers), PROXIES) == "203.0.113.7"


@pytest.mark.parametrize(
    "text", ["10.0.0.1/8", "proxy.example", "10.0.0.0/33", "0.0.0.0/0", "::/0", "10.0.0.0/8;::1"]
)
def test_networks_that_can_not_be_used_are_refused(text: str) -> None:
    with pytest.raises(AccountSettingsError, match="trusted_proxies") as caught:
        parse_networks(text)
    assert caught.value.evidence == {"option": "trusted_proxies"}


def test_too_many_networks_are_refused(tmp_path: Path) -> None:
    with pytest.raises(AccountSettingsError, match="at most 64"):
        AccountSettings(tmp_path, trusted_proxies=parse_networks("10.0.0.1") * 65)


def test_a_stranger_can_not_choose_an_address_for_each_attempt(tmp_path: Path, clock: Clock) -> None:
    house = House(tmp_path, clock, limiter=None, trusted_proxies=parse_networks("10.0.0.1"))
    try:
        admin = set_up(house)

        def guess(place: int, peer: str, forwarded: str) -> int:
            browser = house.browser(address=peer)
            headers = {"x-forwarded-for": forwarded}
            fields = {"name": f"name {place}", "password": "x", "code": "1"}
            return browser.post("/login", fields, headers=headers).status_code

        direct = [guess(place, "203.0.113.7", f"192.0.2.{place}") for place in range(13)]
        assert direct == [401] * 11 + [429] * 2
        through = [guess(place, "10.0.0.1", f"192.0.2.{place}, 198.51.100.1") for place in range(20, 33)]
        assert through == [401] * 11 + [429] * 2
        assert guess(40, "10.0.0.1", "198.51.100.2") == 401
        assert sign_in(house.browser(), admin, clock).status_code == 303
    finally:
        house.close()


def test_a_forwarded_scheme_is_not_believed(tmp_path: Path, clock: Clock) -> None:
    house = House(tmp_path, clock, trusted_proxies=parse_networks("127.0.0.1"))
    try:
        answer = house.browser().get("/login", headers={"x-forwarded-proto": "https"})
        assert "strict-transport-security" not in answer.headers
    finally:
        house.close()
