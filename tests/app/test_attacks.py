"""No route, however it is spelled, gives a stranger anything, or a user what is another's."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from security.accounts.middleware import OPEN
from tests.app.attacks import CONTEXTS, METHODS
from tests.app.rules import OWN, Who
from tests.app.served import ROOT
from tests.app.spellings import spellings


def attacked(*options: str) -> Any:
    printed = subprocess.run(
        [sys.executable, "-m", "tests.app.attacks", *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert printed.returncode == 0, printed.stderr
    return json.loads(printed.stdout.splitlines()[-1])


def test_every_route_is_shut_to_whom_it_does_not_belong() -> None:
    found = attacked()
    assert found["breaches"] == []
    assert found["unruled"] == [], "a new route: say in tests/app/rules.py who may do what on it"
    assert found["paths"] > 40
    assert found["tried"] > 80 * len(CONTEXTS) * len(METHODS) * 7


def test_what_is_planted_is_found() -> None:
    found = attacked("--planted")
    assert found["unruled"] == ["/planted/gradio", "/planted/open", "/planted/own"]
    breached = {(who, path) for who, _, path, *_ in found["breaches"]}
    for who in ("anonymous", "password only", "expired", "signed out"):
        assert (who, "/planted/open") in breached
    assert {path for _, path in breached} == {"/planted/open"}, "the door shuts what nobody has ruled on"


def test_what_is_tried_is_all_that_was_asked_for() -> None:
    wanted = {"anonymous", "password only", "full", "expired", "signed out", "other user"}
    assert set(CONTEXTS) == wanted | {"owes consent", "owes passkey"}
    assert METHODS == ("GET", "HEAD", "POST", "OPTIONS")
    names = {one.name for one in spellings("/account/people")}
    wanted = {"trailing slash", "double slash", "encoded dots", "upper case", "root_path", "forwarded"}
    assert wanted <= names


def test_the_rules_and_the_door_agree() -> None:
    everybody = {path: rule.methods for path, rule in OWN.items() if rule.who is Who.EVERYBODY}
    assert everybody == {path: methods - {"HEAD"} for path, methods in OPEN.items()}
