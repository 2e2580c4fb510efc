"""Where one is sent after signing in."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from security.accounts.redirects import local_path

BASE = "https://door.example.org/login"


@pytest.mark.parametrize("target", ["/", "/?x=1", "/a/b-c.d?e=f&g=%20", "/a?next=https://elsewhere.example"])
def test_paths_of_this_app_are_kept(target: str) -> None:
    assert local_path(target) == target


@pytest.mark.parametrize(
    "target",
    [
        "",
        "x",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "\t//evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        "/a//b",
        "/login",
        "/login?next=/login",
        "/logout",
        "/setup?token=x",
        "/ä",
        "/a#b",
        "/a\r\nset-cookie: x=y",
        "/" + "a" * 600,
    ],
)
def test_everything_else_is_the_front_page(target: str) -> None:
    assert local_path(target) == "/"


@given(st.one_of(st.text(), st.text("/\\.:@?%\t\n evil")))
def test_it_always_stays_here(target: str) -> None:
    went = urlsplit(urljoin(BASE, local_path(target)))
    assert (went.scheme, went.netloc) == ("https", "door.example.org")
    assert local_path(target).isascii()
