"""Lesson 6: vectors of HOTP and TOTP, one use, passkeys, errors of a face check, risk, hostile settings."""

from __future__ import annotations

import base64
import random
from dataclasses import replace
from typing import Any

import pyotp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from security.crypto import onetime
from security.lab import running
from security.lab.errors import BadParameterError
from security.lab.lessons.factors import LESSON
from security.lab.steps import Event, Outcome, Step, outcome_of
from security.lab.workings import faces, factors_risk, passkeys
from security.lab.workings.onetime_codes import accepted, from_base32, worked

KEY = b"12345678901234567890"
SITE, ORIGIN = "asklepion.example", "https://asklepion.example"
chances = st.lists(st.floats(0, 1), min_size=1, max_size=4)


def go(run: str, seed: int = 0, **values: Any) -> list[Event]:
    return list(running.work(LESSON, LESSON.run(run), values, seed))


def verdict(events: list[Event]) -> str:
    end = outcome_of(events)
    assert isinstance(end, Outcome)
    return end.verdict


def value(events: list[Event], name: str) -> Any:
    return next(v.value for e in events if isinstance(e, Step) for v in e.values if v.name == name)


def test_hotp_of_rfc_4226_appendix_d() -> None:
    codes = [
        "755224",
        "287082",
        "359152",
        "969429",
        "338314",
        "254676",
        "287922",
        "162583",
        "399871",
        "520489",
    ]
    numbers = (1284755224, 1094287082, 137359152, 1726969429, 1640338314)
    macs = ("cc93cf18508d94934c64b65d8ba7667fb7cde4b0", "75a48a19d4cbe100644e8ac1397eea747a2d33ab")
    assert [worked(KEY, count).code for count in range(10)] == codes
    assert tuple(worked(KEY, count).number for count in range(5)) == numbers
    assert tuple(worked(KEY, count).mac.hex() for count in range(2)) == macs


@pytest.mark.parametrize(
    ("now", "code"),
    [
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)
def test_totp_of_rfc_6238_appendix_b(now: int, code: str) -> None:
    assert worked(KEY, now // 30, 8).code == code
    shown = go("show", secret=base64.b32encode(KEY).decode(), time=now)
    assert value(shown, "code") == code[2:]
    assert verdict(shown) == "works"


@given(st.binary(min_size=16, max_size=64), st.integers(0, 20_000_000_000))
def test_the_truncation_is_pyotps_for_any_secret_and_time(key: bytes, now: int) -> None:
    secret = base64.b32encode(key).decode().rstrip("=")
    done = worked(key, now // 30)
    assert done.code == pyotp.TOTP(secret).at(now) == onetime.code_at(secret, now // 30)
    assert len(done.read) == 4
    assert done.number < 2**31
    assert from_base32(secret) == key


@given(st.binary(min_size=16, max_size=64))
def test_a_secret_is_read_as_people_type_it(key: bytes) -> None:
    text = base64.b32encode(key).decode()
    spaced = " ".join(text[at : at + 4] for at in range(0, len(text), 4)).lower()
    assert from_base32(spaced) == key


@pytest.mark.parametrize(
    "secret", ["", "  ", "A", "ABC1", "ABCDEFG0", "ÄÖÜ", "A\0AA", "=====", "AB=CD", "A" * 128, "A" * 24]
)
def test_a_secret_that_is_no_base32_is_refused(secret: str) -> None:
    with pytest.raises(ValueError):
        from_base32(secret)


def test_a_mistyped_secret_teaches() -> None:
    with pytest.raises(BadParameterError) as refused:
        go("show", secret="NOT BASE32 189 NOT BASE32 189")
    assert refused.value.teaches


@given(
    st.binary(min_size=20, max_size=20), st.integers(100, 10**10), st.lists(st.integers(0, 89), max_size=8)
)
def test_a_code_is_accepted_exactly_once_with_a_memory(key: bytes, now: int, later: list[int]) -> None:
    secret, last, count = base64.b32encode(key).decode(), -1, 0
    code = onetime.code_at(secret, now // 30)
    times = [now, *(now + after for after in sorted(later))]
    for at in times:
        step = onetime.matching_step(secret, code, now=at, last_step=last)
        # Two neighbouring steps may have one code by chance; then it is another step's.
        if step is not None:
            assert step > last
            last, count = step, count + (step == now // 30)
    assert count == 1


@pytest.mark.parametrize("seed", range(5))
def test_replay_ends_with_the_window(seed: int) -> None:
    assert verdict(go("replay", seed, delay=20)) == "broken"
    assert verdict(go("replay", seed, delay=120)) == "held"
    for delay in (1, 20, 29, 30, 49):
        assert verdict(go("one-use", seed, delay=delay)) == "held"


@given(st.binary(min_size=1, max_size=20), st.integers(0, 10**9))
def test_a_server_without_a_memory_takes_three_steps(key: bytes, now: int) -> None:
    here = now // 30
    for step in range(max(0, here - 1), here + 2):
        assert accepted(key, worked(key, step).code, now)


def test_a_page_in_between_works_only_while_the_code_is_good() -> None:
    assert verdict(go("phishing", delay=0)) == "broken"
    assert verdict(go("phishing", delay=120)) == "held"


def test_a_number_stays_where_the_company_asks_for_a_secret() -> None:
    assert verdict(go("sim-swap", check="a PIN agreed on")) == "held"


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=16, max_size=32))
def test_a_passkey_fits_its_own_challenge_and_origin_alone(seed: bytes, challenge: bytes) -> None:
    device = passkeys.Device()
    public = device.register(SITE, seed)
    true = device.sign(SITE, challenge, ORIGIN)
    assert passkeys.refusal(public, ORIGIN, challenge, true) == ""
    assert passkeys.refusal(public, ORIGIN, challenge + b"x", true)
    assert passkeys.refusal(public, "https://other.example", challenge, true)
    assert passkeys.refusal(public, ORIGIN, challenge, device.sign(SITE, challenge, "https://other.example"))
    for changed in (
        replace(true, client=true.client[:-1] + b" }"),
        replace(true, device=bytes(37)),
        replace(true, signature=bytes(64)),
    ):
        assert passkeys.refusal(public, ORIGIN, challenge, changed) == "the signature doesn't fit"


def test_a_key_of_another_site_is_refused_though_it_signs() -> None:
    device = passkeys.Device()
    public = device.register("other.example", bytes(32))
    shown = device.sign("other.example", b"c" * 32, ORIGIN)
    assert passkeys.refusal(public, ORIGIN, b"c" * 32, shown) == "the key is another site's"


def test_the_browser_offers_no_key_to_another_host() -> None:
    device = passkeys.Device()
    device.register(SITE, bytes(32))
    assert passkeys.browser_signs(device, "https://asklepion.example.evil", b"c") is None
    assert passkeys.browser_signs(device, ORIGIN, b"c") is not None


@pytest.mark.parametrize(
    ("page", "ends"),
    [
        ("https://asklepion.example", "broken"),
        ("https://asklepion.example:444", "held"),
        ("https://asklepion.example.evil", "held"),
        ("https://a.asklepion.example", "held"),
    ],
)
def test_only_the_very_origin_lets_mallory_in(page: str, ends: str) -> None:
    assert verdict(go("passkey", page=page)) == ends


def test_a_way_back_by_text_message_undoes_the_passkey() -> None:
    by_text = go("passkey", recovery="gets a text message")
    assert verdict(by_text) == "broken"
    assert value(by_text, "messages on Mallory's phone") == 1
    by_key = go("passkey", recovery="shows a second passkey")
    assert verdict(by_key) == "held"
    assert value(by_key, "messages on Mallory's phone") == 0
    assert value(by_key, "the owner's second passkey") == "accepted"


@pytest.mark.parametrize(
    "page", ["http://x.example", "https://", "https://A.example", "https://x/y", "javascript:1"]
)
def test_a_page_that_is_no_origin_is_refused(page: str) -> None:
    with pytest.raises(BadParameterError):
        go("passkey", page=page)


def test_waits_leave_few_guesses_whatever_the_speed() -> None:
    slow, fast = go("limits", digits=6, rate=1), go("limits", digits=6, rate=1_000)
    assert value(fast, "guesses with it") <= value(slow, "guesses with it") < 40
    assert verdict(go("guessing", digits=6, tries=100)) == "held"


@given(st.integers(0, 2**31), st.lists(st.floats(0, 1), min_size=2, max_size=10))
@settings(max_examples=25, deadline=None)
def test_false_accepts_fall_and_false_rejects_rise_with_the_threshold(seed: int, grid: list[float]) -> None:
    scores = faces.measured(200, 200, random.Random(seed))
    grid = sorted(grid)
    accepts = [scores.false_accepts(t) for t in grid]
    rejects = [scores.false_rejects(t) for t in grid]
    assert accepts == sorted(accepts, reverse=True)
    assert rejects == sorted(rejects)
    assert scores.false_accepts(0.0) == 1.0
    assert scores.false_rejects(0.0) == 0.0


def test_the_equal_error_lies_where_the_errors_meet() -> None:
    scores = faces.measured(2_000, 2_000, random.Random(1))
    at, error = scores.equal_error()
    assert 0.4 < at < 0.6
    assert 0 < error < 0.05
    assert abs(scores.false_accepts(at) - scores.false_rejects(at)) < 0.01


@given(st.lists(st.floats(0, 1), max_size=50), st.integers(1, 30))
def test_a_histogram_counts_every_score(scores: list[float], bins: int) -> None:
    assert sum(faces.histogram(scores, bins)) == len(scores)


def test_the_threshold_and_the_device_decide_at_the_door() -> None:
    assert verdict(go("face", threshold=1.0)) == "held"
    assert verdict(go("face", threshold=0.0, staff=1)) == "broken"
    assert verdict(go("face", staff=1)) == "held", "the length of the list decides"
    assert value(go("face", threshold=0.0, staff=77), "people she passes for") == 77
    assert verdict(go("second-factor-face", threshold=0.0)) == "held"
    assert verdict(go("second-factor-face", asks="face alone")) == "broken"


@given(chances, st.floats(0, 1))
def test_all_combinations_sum_to_one_and_keep_each_factors_chance(each: list[float], shared: float) -> None:
    every = factors_risk.combinations(each, shared)
    assert sum(every.values()) == pytest.approx(1)
    assert min(every.values()) >= 0
    for at, chance in enumerate(each):
        assert sum(p for fallen, p in every.items() if fallen[at]) == pytest.approx(chance, abs=1e-9)


@given(chances)
def test_alone_chances_multiply_and_together_the_best_factor_is_left(each: list[float]) -> None:
    product = 1.0
    for chance in each:
        product *= chance
    assert factors_risk.all_fall(each, 0.0) == pytest.approx(product)
    assert factors_risk.all_fall(each, 1.0) == pytest.approx(min(each))


def test_a_second_factor_that_falls_with_the_first_adds_nothing() -> None:
    assert verdict(go("risk", know=2.0, have=2.0, shared=100.0)) == "broken"
    assert verdict(go("risk", know=0.0, have=0.0, are=0.0)) == "broken"


@pytest.mark.parametrize(
    ("run", "values"),
    [
        ("show", {"secret": ""}),
        ("show", {"time": -1}),
        ("show", {"time": 10**19}),
        ("risk", {"know": float("nan")}),
        ("risk", {"shared": 101}),
        ("replay", {"delay": 0}),
        ("sim-swap", {"check": "nothing"}),
        ("passkey", {"recovery": "asks nothing"}),
        ("guessing", {"digits": 9}),
        ("guessing", {"tries": 10**9}),
        ("face", {"threshold": "inf"}),
        ("face", {"staff": 10**7}),
        ("limits", {"rate": 0}),
    ],
)
def test_hostile_settings_are_refused(run: str, values: dict[str, Any]) -> None:
    with pytest.raises(BadParameterError):
        go(run, **values)
