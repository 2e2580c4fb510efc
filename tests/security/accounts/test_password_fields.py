"""What the door's forms ask for: secrets are masked, password managers are let in, nothing else is asked."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import security.accounts

TEMPLATES = sorted((Path(security.accounts.__file__).parent / "templates").glob("*.html"))
INPUT = re.compile(r"<input\b[^>]*>")
PASSWORDS = {"old", "password", "password_again"}


def inputs(page: str) -> dict[str, str]:
    found = {}
    for tag in INPUT.findall(page):
        name = re.search(r'\bname="([^"]+)"', tag)
        if name is not None and 'type="hidden"' not in tag:
            found[name[1]] = tag
    return found


def test_there_are_forms_with_passwords() -> None:
    # Setting up and being invited share one; sign-in, confirmation, change and reset have one each.
    asking = [path.name for path in TEMPLATES if PASSWORDS & inputs(path.read_text()).keys()]
    assert {"login.html", "confirm.html", "password.html", "setup.html", "reset.html"} <= set(asking)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.stem)
def test_passwords_are_masked_and_may_be_pasted_and_filled_in(template: Path) -> None:
    page = template.read_text()
    for name, tag in inputs(page).items():
        if "password" in name or name == "old":
            assert 'type="password"' in tag, name
            assert re.search(r'autocomplete="(current|new)-password"', tag), name
            assert 'maxlength="1024"' in tag, "a shorter one would cut what is pasted"
    assert not re.search(r"\bon(paste|copy|drop|input|key\w+|beforeinput)\s*=", page)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.stem)
def test_no_form_asks_for_a_hint_or_the_name_of_a_first_pet(template: Path) -> None:
    for name in inputs(template.read_text()):
        assert not re.search(r"hint|question|answer|remind|mother|maiden|pet", name), name
