"""Everything that the app itself lists is shut to a stranger, save the short list of the door's own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

import app as asklepion
from security.accounts.middleware import OPEN
from tests.app.served import ROOT, App

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


@pytest.fixture(scope="module")
def routes() -> dict[str, bool]:
    """{path: whether it is a websocket}."""
    printed = subprocess.run(
        [sys.executable, "-m", "tests.app.list_routes"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert printed.returncode == 0, printed.stderr
    return dict(json.loads(printed.stdout.splitlines()[-1]))


def test_the_app_lists_gradios_paths_and_our_own(routes: dict[str, bool]) -> None:
    assert len(routes) > 40
    assert {"/login", "/setup", "/logout"} <= routes.keys()
    for part in ("queue/data", "file=", "heartbeat", "/upload"):
        assert any(part in path for path in routes), part


def test_the_list_of_open_paths_is_short() -> None:
    assert {path: set(methods) for path, methods in OPEN.items()} == {
        "/login": {"GET", "HEAD", "POST"},
        "/logout": {"POST"},
        "/setup": {"GET", "HEAD", "POST"},
        "/invite": {"GET", "HEAD", "POST"},
        "/reset": {"GET", "HEAD", "POST"},
        "/healthz": {"GET", "HEAD"},
        "/door/strength": {"POST"},
        "/door/door.css": {"GET", "HEAD"},
        "/door/mark.svg": {"GET", "HEAD"},
        "/door/passkeys.js": {"GET", "HEAD"},
        "/door/meter.js": {"GET", "HEAD"},
    }


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_every_listed_path_is_shut_without_a_session(app: App, routes: dict[str, bool], accept: str) -> None:
    with httpx.Client(base_url=app.url, headers={"accept": accept}) as stranger:
        for path in routes:
            for method in METHODS:
                if method in OPEN.get(path, ()):
                    continue
                answer = stranger.request(method, path)
                sent_to_the_door = answer.status_code == 303 and answer.headers["location"].startswith(
                    "/login"
                )
                closed_door = answer.status_code == 405 and path in OPEN
                refused = answer.status_code in (401, 403)
                assert refused or sent_to_the_door or closed_door, (method, path, answer.status_code)


def test_every_listed_path_is_shut_to_a_websocket(app: App, routes: dict[str, bool]) -> None:
    upgrade = {
        "connection": "Upgrade",
        "upgrade": "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    with httpx.Client(base_url=app.url, headers=upgrade) as stranger:
        for path in [*routes, "/gradio_api/queue/join", "/anything"]:
            if path not in OPEN:
                assert stranger.get(path).status_code in (303, 401, 403), path


@pytest.mark.parametrize(
    "environ",
    [
        {"ASKLEPION_PORT": "70000"},
        {"ASKLEPION_PORT": "７８６０"},
        {"ASKLEPION_HOST": "x"},
        {"ASKLEPION_TRUSTED_PROXIES": "10.0.0.1/8"},
        {"ASKLEPION_TRUSTED_PROXIES": "0.0.0.0/0"},
    ],
)
def test_settings_that_cannot_be_used_are_named(environ: dict[str, str], tmp_path: Path) -> None:
    (name,) = environ
    with pytest.raises(asklepion.SettingsError, match=name):
        asklepion.Settings.from_env({"ASKLEPION_DATA": str(tmp_path)} | environ)


def test_trusted_proxies_reach_the_settings(tmp_path: Path) -> None:
    environ = {"ASKLEPION_DATA": str(tmp_path), "ASKLEPION_TRUSTED_PROXIES": "10.0.0.0/8, ::1"}
    settings = asklepion.Settings.from_env(environ)
    assert [str(network) for network in settings.trusted_proxies] == ["10.0.0.0/8", "::1/128"]
