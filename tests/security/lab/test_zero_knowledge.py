"""Lesson 13: proofs of true statements are accepted, of false ones refused, and nothing is learned."""

from __future__ import annotations

import hashlib
import itertools
import random
from datetime import date

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from security.lab import running
from security.lab.errors import BadParameterError
from security.lab.lessons.zero_knowledge import LESSON
from security.lab.steps import Outcome, Step, outcome_of
from security.lab.workings import age_proof, colouring, pedersen, schnorr, tiny_schnorr

SCALARS = st.integers(1, schnorr.ORDER - 1)
DAYS = st.dates(date(1900, 1, 1), date(2026, 3, 2))
TODAY = date(2026, 3, 2)
FEW = settings(max_examples=25, deadline=None)
VERY_FEW = settings(max_examples=8, deadline=None)


def verdict(run: str, seed: int = 0, **values: object) -> str:
    end = outcome_of(list(running.work(LESSON, LESSON.run(run), values, seed)))
    assert isinstance(end, Outcome)
    return end.verdict


def registry() -> tuple[Ed25519PrivateKey, Ed25519PublicKey]:
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    return key, key.public_key()


# --- Schnorr -----------------------------------------------------------------------------------------------


def test_ed25519_is_this_proof_with_the_message_in_the_hash() -> None:
    # RFC 8032, section 7.1, test 1: the empty message.
    public = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    signature = bytes.fromhex(
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f"
        "0595bbe24655141438e7a100b"
    )
    proof = schnorr.Proof.parse(signature)
    asked = int.from_bytes(hashlib.sha512(proof.commitment + public).digest(), "little") % schnorr.ORDER
    assert schnorr.accepts(public, schnorr.Transcript(proof.commitment, asked, proof.response))
    assert not schnorr.accepts(public, schnorr.Transcript(proof.commitment, asked + 1, proof.response))


def test_the_base_point_is_the_one_of_rfc_8032() -> None:
    assert schnorr.G.hex() == "58" + "66" * 31
    assert schnorr.is_point(pedersen.H) and pedersen.H != schnorr.G


@given(SCALARS, SCALARS, st.binary(max_size=50))
@FEW
def test_whoever_knows_the_secret_always_convinces(secret: int, nonce: int, context: bytes) -> None:
    public = schnorr.times_base(secret)
    proof = schnorr.prove(secret, context, nonce)
    assert schnorr.verify(public, proof, context)
    assert schnorr.Proof.parse(bytes(proof)) == proof
    assert not schnorr.verify(public, proof, context + b"x")
    if secret + 1 < schnorr.ORDER:
        assert not schnorr.verify(schnorr.times_base(secret + 1), proof, context)


@given(st.integers(0, 511))
@FEW
def test_no_bit_of_a_proof_can_be_changed(bit: int) -> None:
    data = bytearray(bytes(schnorr.prove(12345, b"context", 67890)))
    data[bit // 8] ^= 1 << bit % 8
    assert not schnorr.verify(schnorr.times_base(12345), schnorr.Proof.parse(bytes(data)), b"context")


def test_a_response_has_one_form_alone() -> None:
    proof = schnorr.prove(7, b"", 9)
    heavier = schnorr.Proof(proof.commitment, proof.response + schnorr.ORDER)
    assert not schnorr.verify(schnorr.times_base(7), heavier, b"")


@pytest.mark.parametrize(
    "point", [bytes(32), schnorr.IDENTITY, b"\xff" * 32, b"\x02" + bytes(31), b"", b"short"]
)
def test_what_is_no_point_of_the_group_is_refused(point: bytes) -> None:
    assert not schnorr.is_point(point)
    assert not schnorr.accepts(point, schnorr.Transcript(schnorr.G, 1, 1))
    assert not schnorr.accepts(schnorr.G, schnorr.Transcript(point, 1, 1))


@given(SCALARS, SCALARS, SCALARS, SCALARS)
@FEW
def test_two_answers_after_one_commitment_give_the_secret(secret: int, nonce: int, c: int, d: int) -> None:
    first, second = (
        schnorr.Transcript(schnorr.times_base(nonce), asked, schnorr.respond(secret, nonce, asked))
        for asked in (c, d)
    )
    if c == d:
        with pytest.raises(ValueError, match="equal challenges"):
            schnorr.extract(first, second)
    else:
        assert schnorr.extract(first, second) == secret


@pytest.mark.parametrize("order", sorted(tiny_schnorr.GROUPS))
def test_made_up_conversations_are_distributed_exactly_as_real_ones(order: int) -> None:
    group = tiny_schnorr.GROUPS[order]
    for secret in range(group.order):
        real, made = group.every_real(secret), group.every_simulated(group.public(secret))
        assert real == made
        assert set(real.values()) == {1} and len(real) == order**2
        assert all(group.accepts(group.public(secret), triple) for triple in real)


@given(st.integers(0, 2**32))
@FEW
def test_the_simulator_needs_no_secret(seed: int) -> None:
    stranger = schnorr.hashed_point("somebody")
    assert schnorr.accepts(stranger, schnorr.simulate(stranger, random.Random(seed)))


def test_a_derived_nonce_belongs_to_one_context() -> None:
    assert schnorr.derived_nonce(5, b"a") == schnorr.derived_nonce(5, b"a")
    assert len({schnorr.derived_nonce(key, text) for key in (5, 6) for text in (b"a", b"b")}) == 4


# --- commitments and ranges --------------------------------------------------------------------------------


@given(st.integers(0, 255), SCALARS, st.integers(0, 2**32))
@VERY_FEW
def test_a_number_in_range_always_has_a_proof(value: int, blinding: int, seed: int) -> None:
    total = pedersen.commit(value, blinding)
    proof = pedersen.prove_range(value, blinding, 8, b"c", random.Random(seed))
    assert pedersen.verify_range(total, proof, 8, b"c")
    assert pedersen.RangeProof.parse(bytes(proof)) == proof
    assert not pedersen.verify_range(total, proof, 8, b"d")
    assert not pedersen.verify_range(pedersen.commit(value + 1, blinding), proof, 8, b"c")


@pytest.mark.parametrize("value", [-1, -365, 16, 10**6])
def test_a_number_out_of_range_has_none(value: int) -> None:
    rng = random.Random(1)
    with pytest.raises(ValueError, match="no proof"):
        pedersen.prove_range(value, 3, 4, b"", rng)
    proof = pedersen.cheat_range(value, 3, 4, b"", rng)
    total = pedersen.commit(value, 3)
    assert pedersen.boxes_add_up(total, proof)
    assert not pedersen.verify_range(total, proof, 4, b"")
    wrapped = pedersen.prove_range(value % 16, 3, 4, b"", rng)
    assert not pedersen.verify_range(total, wrapped, 4, b"")


@pytest.mark.parametrize("bit", [0, 1])
def test_no_byte_of_a_bit_proof_can_be_changed(bit: int) -> None:
    data = bytes(pedersen.RangeProof((pedersen.prove_bit(bit, 77, b"c", random.Random(2)),)))
    assert pedersen.verify_bit(pedersen.RangeProof.parse(data).bits[0], b"c")
    for at in range(len(data)):
        changed = pedersen.RangeProof.parse(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        assert not pedersen.verify_bit(changed.bits[0], b"c")


def test_a_forged_zero_passes_the_weak_hash_alone() -> None:
    forged = pedersen.forge_zero(random.Random(3))
    assert forged.value != 0
    assert pedersen.commit(forged.value, forged.blinding) == forged.box
    assert pedersen.verify_zero(forged.box, forged.proof, strong=False)
    assert not pedersen.verify_zero(forged.box, forged.proof, strong=True)


# --- age ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("today", "latest"),
    [
        ("2026-03-02", "2008-03-02"),
        ("2026-02-28", "2008-02-28"),
        ("2024-02-29", "2006-02-28"),
        ("2028-02-29", "2010-02-28"),
    ],
)
def test_the_cutoff_is_the_eighteenth_birthday(today: str, latest: str) -> None:
    assert age_proof.latest_birth(date.fromisoformat(today), 18) == date.fromisoformat(latest)


@given(DAYS, st.integers(0, 2**32))
@VERY_FEW
def test_an_age_is_proved_if_and_only_if_it_is_reached(birth: date, seed: int) -> None:
    key, known = registry()
    rng = random.Random(seed)
    cutoff = age_proof.latest_birth(TODAY, 18)
    credential, kept = age_proof.issue(key, birth, rng)
    old = birth <= cutoff
    shown = age_proof.show(credential, kept, cutoff, b"session", rng, lie=not old)
    assert (age_proof.check(shown, known, cutoff, b"session") == "") is old
    if not old:
        with pytest.raises(ValueError, match="no proof"):
            age_proof.show(credential, kept, cutoff, b"session", rng)


@pytest.mark.parametrize(("birth", "old"), [(date(2008, 3, 2), True), (date(2008, 3, 3), False)])
def test_the_birthday_itself_decides(birth: date, old: bool) -> None:
    assert verdict("over-18", birth=birth.isoformat()) == ("works" if old else "held")


def test_a_proof_is_worth_nothing_elsewhere() -> None:
    key, known = registry()
    rng = random.Random(4)
    cutoff = age_proof.latest_birth(TODAY, 18)
    credential, kept = age_proof.issue(key, date(2003, 5, 14), rng)
    shown = age_proof.show(credential, kept, cutoff, b"session", rng)
    assert age_proof.Shown.parse(bytes(shown), True) == shown
    assert age_proof.check(shown, known, cutoff, b"session") == ""
    assert age_proof.check(shown, known, cutoff, b"another")
    assert age_proof.check(shown, known, date(1990, 1, 1), b"session")
    stranger = Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key()
    assert "signature" in age_proof.check(shown, stranger, cutoff, b"session")
    other, _ = age_proof.issue(key, date(2010, 1, 1), rng)
    swapped = age_proof.Shown(other, shown.range, shown.possession)
    assert age_proof.check(swapped, known, cutoff, b"session")
    unheld = age_proof.Shown(credential, shown.range, None)
    assert "holder" in age_proof.check(unheld, known, cutoff, b"session")


@given(st.integers(0, 8 * 2752 - 1))
@FEW
def test_no_bit_of_an_age_proof_can_be_changed(bit: int) -> None:
    key, known = registry()
    rng = random.Random(5)
    cutoff = age_proof.latest_birth(TODAY, 18)
    credential, kept = age_proof.issue(key, date(2003, 5, 14), rng)
    data = bytearray(bytes(age_proof.show(credential, kept, cutoff, b"session", rng)))
    assert len(data) == 2752
    data[bit // 8] ^= 1 << bit % 8
    assert age_proof.check(age_proof.Shown.parse(bytes(data), True), known, cutoff, b"session")


@pytest.mark.parametrize("length", [0, 10, 128, 192, 200, 351])
def test_bytes_of_a_wrong_length_are_no_proof(length: int) -> None:
    with pytest.raises(ValueError, match="range proof has"):
        age_proof.Shown.parse(bytes(length), True)


# --- the map -----------------------------------------------------------------------------------------------


def test_the_map_has_a_colouring_and_with_one_line_more_none() -> None:
    assert colouring.wrong_lines(colouring.TRUE, colouring.EDGES) == 0
    least = min(
        colouring.wrong_lines(every, colouring.MORE_EDGES) for every in itertools.product(range(3), repeat=6)
    )
    assert least == colouring.wrong_lines(colouring.TRUE, colouring.MORE_EDGES) == 1


def test_a_box_that_opens_to_another_team_is_refused() -> None:
    rng = random.Random(6)
    played = colouring.play(colouring.TRUE, colouring.EDGES, rng)
    assert played.accepted()
    third = next(team for team in range(3) if team not in played.colours)
    lie = colouring.Round(played.boxes, played.edge, (third, played.colours[1]), played.nonces)
    assert not lie.accepted()


def test_opened_teams_say_nothing_about_the_plan() -> None:
    rng = random.Random(7)
    seen = {colouring.play(colouring.TRUE, colouring.EDGES, rng).colours for _ in range(300)}
    assert seen == {(a, b) for a in range(3) for b in range(3) if a != b}


# --- runs --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("nonce", "ends"),
    [("the same both times", "broken"), ("one more the second time", "broken"), ("drawn anew", "held")],
)
def test_the_nonce_decides(nonce: str, ends: str) -> None:
    assert verdict("reused-nonce", nonce=nonce) == ends


@pytest.mark.parametrize("run", ["reused-nonce", "fresh-nonce"])
def test_attack_and_cure_meet_the_same_subtractions(run: str) -> None:
    events = list(running.work(LESSON, LESSON.run(run), {}, 0))
    shown = {value.name: value.value for event in events if isinstance(event, Step) for value in event.values}
    numbers = [shown["her number, if the nonce is the same"], shown["her number, if it is one more"]]
    assert numbers[0] != numbers[1]
    assert (shown["Lena's secret"] in numbers) is (run == "reused-nonce")


def test_the_default_run_uses_no_nonce_twice() -> None:
    for seed in range(3):
        values = {
            value.name: value.value
            for event in running.work(LESSON, LESSON.run(), {}, seed)
            if isinstance(event, Step)
            for value in event.values
        }
        proof = values["proof"]
        assert isinstance(proof, bytes) and proof[:32] != values["commitment"]


@pytest.mark.parametrize(
    "birth", ["", "14.5.2003", "2003-02-30", "20030514", "1492-01-01", "2999-01-01", "٢٠٠٣-٠٥-١٤"]
)
def test_a_strange_birth_date_is_refused_and_not_repeated(birth: str) -> None:
    with pytest.raises(BadParameterError) as caught:
        list(running.work(LESSON, LESSON.run("over-18"), {"birth": birth}, 0))
    assert not birth or birth not in str(caught.value)


@pytest.mark.parametrize("age", [1, 120])
def test_any_age_can_be_asked_for(age: int) -> None:
    assert verdict("over-18", age=age) == ("works" if age == 1 else "held")


@pytest.mark.parametrize(
    ("run", "values"), [("cave", {"rounds": 1}), ("cave", {"rounds": 40}), ("colouring", {"rounds": 300})]
)
def test_other_numbers_of_rounds_work_too(run: str, values: dict[str, int]) -> None:
    assert verdict(run, **values) == "works"


def test_the_simulator_counts_in_every_group() -> None:
    for order in ("5", "23"):
        assert verdict("simulator", order=order, count=1) == "works"
