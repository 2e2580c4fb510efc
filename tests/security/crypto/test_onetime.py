"""One-time codes: the published vectors, a narrow window, each code once, and a QR code that stays here."""

from __future__ import annotations

import base64
import re
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree

import pytest
import segno
from hypothesis import given
from hypothesis import strategies as st

from security.crypto.onetime import (
    STEP_SECONDS,
    code_at,
    matching_step,
    new_secret,
    provisioning_uri,
    qr_svg,
    step_at,
)
from tests.security.crypto.fakes import Script

RFC_SECRET = base64.b32encode(b"12345678901234567890").decode("ascii")
NOW = 1_700_000_000.0
HERE = int(NOW) // 30
URI = provisioning_uri(RFC_SECRET, "ada.lovelace@hospital.example", "Asklepion")


@pytest.mark.parametrize(
    ("time", "code"),
    [
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)
def test_rfc_6238_appendix_b_sha1(time: int, code: str) -> None:
    assert code_at(RFC_SECRET, step_at(time), digits=8) == code
    assert code_at(RFC_SECRET, step_at(time)) == code[-6:]


@pytest.mark.parametrize(
    ("counter", "code"),
    [
        (0, "755224"),
        (1, "287082"),
        (2, "359152"),
        (3, "969429"),
        (4, "338314"),
        (5, "254676"),
        (6, "287922"),
        (7, "162583"),
        (8, "399871"),
        (9, "520489"),
    ],
)
def test_rfc_4226_appendix_d(counter: int, code: str) -> None:
    assert code_at(RFC_SECRET, counter) == code


@pytest.mark.parametrize(("time", "step"), [(0, 0), (29.999, 0), (30, 1), (59.5, 1), (60, 2)])
def test_a_step_lasts_thirty_seconds(time: float, step: int) -> None:
    assert (step_at(time), STEP_SECONDS) == (step, 30)


@pytest.mark.parametrize("offset", [-1, 0, 1])
def test_the_step_before_and_the_step_after_are_accepted(offset: int) -> None:
    code = code_at(RFC_SECRET, HERE + offset)
    assert matching_step(RFC_SECRET, code, now=NOW, last_step=-1) == HERE + offset


@pytest.mark.parametrize("offset", [-1000, -3, -2, 2, 3, 1000])
def test_steps_further_away_are_not(offset: int) -> None:
    code = code_at(RFC_SECRET, HERE + offset)
    assert matching_step(RFC_SECRET, code, now=NOW, last_step=-1) is None


def test_a_spent_code_is_refused_for_as_long_as_its_window_is_open() -> None:
    code = code_at(RFC_SECRET, HERE)
    spent = matching_step(RFC_SECRET, code, now=NOW, last_step=-1)
    assert spent == HERE
    for later in (0, 15, 30):
        assert matching_step(RFC_SECRET, code, now=NOW + later, last_step=spent) is None


def test_a_code_older_than_the_last_spent_one_is_refused() -> None:
    older = code_at(RFC_SECRET, HERE - 1)
    assert matching_step(RFC_SECRET, older, now=NOW, last_step=HERE) is None


def test_the_next_code_after_a_spent_one_is_accepted() -> None:
    following = code_at(RFC_SECRET, HERE + 1)
    assert matching_step(RFC_SECRET, following, now=NOW, last_step=HERE) == HERE + 1


def test_at_the_beginning_of_time_no_step_before_it_is_tried() -> None:
    assert matching_step(RFC_SECRET, code_at(RFC_SECRET, 0), now=0, last_step=-1) == 0


@pytest.mark.parametrize("zero", ["\uff10", "\u0660", "\u06f0", "\u0966", "\U0001d7ce"])
def test_digits_of_other_scripts_are_refused(zero: str) -> None:
    code = code_at(RFC_SECRET, HERE)
    foreign = "".join(chr(ord(zero) + int(digit)) for digit in code)
    assert matching_step(RFC_SECRET, foreign, now=NOW, last_step=-1) is None
    assert matching_step(RFC_SECRET, code[:5] + foreign[5], now=NOW, last_step=-1) is None


def test_superscript_digits_are_refused() -> None:
    assert matching_step(RFC_SECRET, "\u00b2" * 6, now=NOW, last_step=-1) is None


@pytest.mark.parametrize(
    "change",
    ["{}0", "0{}", " {}", "{} ", "{}\n", "+{}", "{}\0", ""],
)
def test_anything_but_exactly_six_digits_is_refused(change: str) -> None:
    code = code_at(RFC_SECRET, HERE)
    assert matching_step(RFC_SECRET, change.format(code), now=NOW, last_step=-1) is None


def test_a_code_cut_or_with_a_sign_in_the_place_of_a_digit_is_refused() -> None:
    code = code_at(RFC_SECRET, HERE)
    for wrong in (code[:-1], code[1:], f"-{code[1:]}", f"{code[:3]} {code[4:]}", f"{code[:5]}."):
        assert matching_step(RFC_SECRET, wrong, now=NOW, last_step=-1) is None


def test_codes_of_eight_digits_are_not_taken_by_their_end() -> None:
    code = code_at(RFC_SECRET, HERE, digits=8)
    assert matching_step(RFC_SECRET, code, now=NOW, last_step=-1) is None


@given(st.text(max_size=8))
def test_hostile_codes_are_refused_without_an_error(code: str) -> None:
    accepted = {code_at(RFC_SECRET, HERE + offset) for offset in (-1, 0, 1)}
    assert (matching_step(RFC_SECRET, code, now=NOW, last_step=-1) is not None) == (code in accepted)


def test_a_code_of_another_secret_is_refused() -> None:
    other = new_secret(Script(b"another 20-byte key!"))
    assert matching_step(RFC_SECRET, code_at(other, HERE), now=NOW, last_step=-1) is None


def test_a_new_secret_is_160_bits_of_the_randomness_given() -> None:
    assert new_secret(Script(b"12345678901234567890")) == RFC_SECRET
    assert (len(RFC_SECRET), RFC_SECRET.rstrip("=")) == (32, RFC_SECRET)


def test_every_new_secret_is_another() -> None:
    assert len({new_secret() for _ in range(100)}) == 100


def test_the_address_tells_an_authenticator_all_it_needs() -> None:
    parts = urlsplit(URI)
    assert (parts.scheme, parts.netloc) == ("otpauth", "totp")
    assert unquote(parts.path) == "/Asklepion:ada.lovelace@hospital.example"
    told = {name: values[0] for name, values in parse_qs(parts.query, strict_parsing=True).items()}
    assert (told.pop("secret"), told.pop("issuer")) == (RFC_SECRET, "Asklepion")
    # Whatever else is told must be what an app assumes if it isn't.
    assert told.items() <= {"algorithm": "SHA1", "digits": "6", "period": "30"}.items()


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40))
def test_a_hostile_account_name_can_not_add_a_parameter_or_another_secret(account: str) -> None:
    parts = urlsplit(provisioning_uri(RFC_SECRET, f"{account}&secret=AAAA?secret=BBBB#x", "Asklepion"))
    assert parse_qs(parts.query)["secret"] == [RFC_SECRET]
    assert parts.fragment == ""


def test_the_drawing_shows_the_modules_of_the_code_and_a_quiet_zone_of_four() -> None:
    # No decoder is needed to see that each dark module is drawn, and nothing else.
    expected = [
        [bool(module & 1) for module in row] for row in segno.make(URI, error="m", micro=False).matrix
    ]
    size = len(expected)
    svg = ElementTree.fromstring(qr_svg(URI))
    assert svg.get("viewBox") == f"0 0 {4 * (size + 8)} {4 * (size + 8)}"
    background, dark = svg.iter("path")
    assert (background.get("fill"), dark.get("stroke")) == ("#fff", "#000")
    assert background.get("d") == f"M0 0h{size + 8}v{size + 8}h-{size + 8}z"
    assert drawn(dark.get("d") or "", size) == expected


def drawn(path: str, size: int) -> list[list[bool]]:
    """The modules that a path of horizontal strokes covers, without the quiet zone."""
    modules = [[False] * size for _ in range(size)]
    x, y = 0.0, 0.0
    for command, numbers in re.findall(r"([Mmh])([-\d. ]+)", path):
        values = [float(number) for number in re.findall(r"-?[\d.]+", numbers)]
        if command == "M":
            x, y = values
        elif command == "m":
            x, y = x + values[0], y + values[1]
        else:
            for step in range(int(values[0])):
                modules[int(y) - 4][int(x) + step - 4] = True
            x += values[0]
    return modules


def test_the_drawing_loads_runs_and_links_to_nothing() -> None:
    svg = qr_svg(URI)
    assert {element.tag for element in ElementTree.fromstring(svg).iter()} == {"svg", "g", "path"}
    assert not re.search(r"href|url\(|script|\bon\w+\s*=|style|<!|<\?", svg, re.IGNORECASE)
    assert set(re.findall(r"https?://[^\"' ]+", svg)) <= {"http://www.w3.org/2000/svg"}


def test_the_drawing_does_not_hold_the_secret_in_plain_words() -> None:
    assert RFC_SECRET not in qr_svg(URI)


def test_hostile_text_can_not_leave_the_drawing() -> None:
    svg = qr_svg('"><script>alert(1)</script>')
    assert "script" not in svg
    ElementTree.fromstring(svg)
