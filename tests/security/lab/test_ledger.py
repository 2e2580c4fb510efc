"""Lesson 8: published numbers of the double spend, mining, forks that heal, and hostile parameters."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from security.lab import running, story
from security.lab.errors import BadParameterError
from security.lab.lessons.ledger import LESSON
from security.lab.steps import Event, Step, outcome_of
from security.lab.workings import chainsim, consents

# Nakamoto 2008, section 11: the table for q = 0.1, and the confirmations for a risk below 0.1 %.
NAKAMOTO = {1: 0.2045873, 2: 0.0509779, 3: 0.0131722, 5: 0.0009137, 6: 0.0002428, 10: 0.0000012}
NAKAMOTO_BELOW = {0.10: 5, 0.15: 8, 0.20: 11, 0.25: 15, 0.30: 24, 0.35: 41, 0.40: 89, 0.45: 340}
# Rosenfeld 2014, table 1, in percent.
ROSENFELD = {(0.1, 1): 20, (0.1, 2): 5.6, (0.1, 6): 0.059, (0.2, 6): 2.331, (0.3, 6): 15.645}


def events_of(run: str, values: Mapping[str, Any] | None = None, seed: int = 0) -> list[Event]:
    return list(running.work(LESSON, LESSON.run(run), values or {}, seed))


def verdict(run: str, values: Mapping[str, Any] | None = None, seed: int = 0) -> str:
    end = outcome_of(events_of(run, values, seed))
    assert end is not None
    return end.verdict


def values_of(events: list[Event]) -> dict[str, Any]:
    return {v.name: v.value for event in events if isinstance(event, Step) for v in event.values}


def test_the_published_tables_of_the_double_spend() -> None:
    for z, expected in NAKAMOTO.items():
        assert chainsim.nakamoto(0.1, z) == pytest.approx(expected, abs=6e-8)
    for share, z in NAKAMOTO_BELOW.items():
        assert chainsim.nakamoto(share, z) < 0.001 <= chainsim.nakamoto(share, z - 1)
    for (share, z), percent in ROSENFELD.items():
        assert 100 * chainsim.rosenfeld(share, z) == pytest.approx(percent, rel=0.05)
    assert chainsim.rosenfeld(0.5, 40) == chainsim.nakamoto(0.7, 40) == 1
    assert chainsim.needed(0.45, 0.001, 100) is None


@given(st.sampled_from([0.1, 0.2, 0.3, 0.4]), st.integers(1, 8), st.integers(0, 2**32))
@settings(max_examples=15)
def test_the_simulation_agrees_with_the_formula(share: float, z: int, seed: int) -> None:
    rate = chainsim.wins(random.Random(seed), share, z, 1500) / 1500
    assert abs(rate - chainsim.rosenfeld(share, z)) < 0.07  # over five standard deviations


@given(st.floats(0.05, 0.9), st.integers(1, 20), st.integers(0, 2**32))
def test_one_race_is_the_same_as_the_counted_ones(share: float, z: int, seed: int) -> None:
    race = chainsim.race(random.Random(seed), share, z)
    assert race.won == bool(chainsim.wins(random.Random(seed), share, z, 1))
    assert race.honest[-1] + race.false[-1] == len(race.honest)  # one block each, and the one in hand


@given(st.binary(max_size=64), st.integers(0, 9))
def test_what_is_mined_has_its_zeros(header: bytes, bits: int) -> None:
    found = chainsim.mine(header, bits, 20_000)
    assert found is not None
    digest = hashlib.sha256(header + found.number.to_bytes(8, "big")).digest()
    assert digest == found.hash and chainsim.leading_zero_bits(digest) >= bits
    assert found.tries == found.number + 1
    if found.number:
        assert chainsim.mine(header, bits, found.number) is None  # it was the first


@given(st.integers(0, 2**32), st.integers(2, 5), st.integers(0, 20), st.integers(10, 60))
@settings(max_examples=30)
def test_peers_agree_in_the_end_and_blocks_form_a_tree(seed: int, count: int, delay: int, every: int) -> None:
    history = chainsim.peers(random.Random(seed), count, 6, every, delay, 20_000)
    assert history.agreed
    for block in history.blocks[1:]:
        assert block.parent is not None
        assert history.blocks[block.parent].height == block.height - 1
    main = history.main()
    assert [history.blocks[n].height for n in main] == list(range(len(main)))
    rows = chainsim.lanes(history)
    places = [(row, block.height) for row, block in zip(rows, history.blocks, strict=True)]
    assert len(set(places)) == len(places)
    if delay == 0:
        assert len(history.blocks) - len(main) <= count  # only within one tick


@pytest.mark.parametrize("entry", range(8))
def test_any_entry_is_proved_and_any_change_found(entry: int) -> None:
    assert verdict("show", {"entry": entry}) == "works"
    assert verdict("tamper", {"entry": entry}) == "broken"
    found = events_of("chain", {"entry": entry})
    assert values_of(found)["first bad entry"] == entry
    assert values_of(found)["refused"] is True
    assert verdict("rewrite", {"entry": entry}) == "broken"
    assert verdict("checkpoint", {"entry": entry}) == "held"


@pytest.mark.parametrize(
    ("liars", "ends"), [(0, "held"), (2, "held"), (3, "held"), (4, "broken"), (5, "broken")]
)
def test_only_a_quorum_of_liars_undoes_what_was_signed(liars: int, ends: str) -> None:
    found = events_of("finality", {"liars": liars})
    end = outcome_of(found)
    assert end is not None
    assert end.verdict == ends
    shown = values_of(found)
    assert shown["good signatures under Mallory's"] == liars
    assert shown["her chain is longer"] == 3_000
    assert shown["peers go over to it"] == (3_000 if ends == "broken" else 0)


def test_the_cure_of_a_double_spend_differs_from_the_attack_in_its_patience_alone() -> None:
    attack, cure = LESSON.run("double-spend"), LESSON.run("confirmations")
    assert [p.name for p in attack.parameters if p.default not in [q.default for q in cure.parameters]] == [
        "confirmations"
    ]
    assert verdict("double-spend", {"confirmations": 18}) == "held"
    assert verdict("confirmations", {"confirmations": 6}) == "broken"
    assert verdict("majority", {"confirmations": 40}) == "broken"


@given(st.integers(0, 20), st.integers(0, 20), st.integers(0, 20))
def test_a_peer_keeps_to_what_was_signed(own: int, offered: int, height: int) -> None:
    honest, false = chainsim.chain(chainsim.HONEST, own), chainsim.chain(chainsim.FALSE, offered)
    block = chainsim.chain(chainsim.HONEST, height)[height]
    assert chainsim.follows(honest, false, {}) == (offered > own)
    assert chainsim.follows(honest, false, {height: {block}}) == (offered > own and height == 0)
    both = {block, chainsim.chain(chainsim.FALSE, height)[height]}
    assert chainsim.follows(honest, false, {height: both}) == (offered > own and offered >= height)
    longer = chainsim.chain(chainsim.HONEST, own + 1)
    assert chainsim.follows(honest, longer, {height: {block}}) == (own + 1 >= height)


def test_without_a_rule_peers_follow_every_longer_chain() -> None:
    longer, moved = chainsim.undone(random.Random(7), 0.55, 6, 500, {})
    assert longer == moved == chainsim.wins(random.Random(7), 0.55, 6, 500)


def test_no_person_is_named_in_the_ledger() -> None:
    held = consents.in_ledger()
    for entry in held.ledger.entries():
        assert story.RECORD_NUMBER not in entry.data
        assert entry.fields["patient"] == consents.pseudonym(story.RECORD_NUMBER)
    assert consents.pseudonym(story.RECORD_NUMBER) != consents.pseudonym(story.RECORD_NUMBER, bytes(32))


@pytest.mark.parametrize("entry", range(8))
def test_a_proof_fits_its_own_entry_alone_and_growth_is_proved(entry: int) -> None:
    shown = values_of(events_of("show", {"entry": entry}))
    assert shown[f"the same proof for entry {(entry + 1) % 8}"] == "refused"
    assert shown["of these accepted"] == 0 and shown["bits changed in turn"] == 768
    assert shown["it only grew"] is True
    assert shown["the changed ledger's proof"] == "refused"


def test_a_rewriting_that_changes_nothing_is_the_same_ledger() -> None:
    held = consents.in_ledger()
    again = consents.rewritten(held, lambda entry: (entry.kind, str(entry.fields["purpose"])))
    assert again.ledger.root() == held.ledger.root()


def test_the_smallest_and_the_largest_settings_end() -> None:
    for values in ({"share": 0.05, "confirmations": 40}, {"share": 0.9, "confirmations": 1}, {"share": 0.5}):
        assert verdict("majority", values) in ("broken", "held")
        assert verdict("finality", {**values, "liars": 3}) == "held"
    assert verdict("confirmations", {"share": 0.2, "confirmations": 6}) == "broken"
    assert verdict("confirmations", {"share": 0.1, "confirmations": 12}) == "held"
    assert verdict("mining", {"bits": 1}) == "works"
    assert verdict("fork", {"peers": 2, "delay": 20, "every": 10}) in ("works", "broken")


@pytest.mark.parametrize(
    ("run", "values"),
    [
        ("show", {"entry": 8}),
        ("show", {"entry": "-1"}),
        ("show", {"entry": "٣"}),
        ("mining", {"bits": 64}),
        ("mining", {"bits": 0}),
        ("majority", {"share": float("nan")}),
        ("majority", {"share": 1.0}),
        ("majority", {"confirmations": 10**9}),
        ("finality", {"liars": 6}),
        ("fork", {"peers": 6}),
        ("tamper", {"where": "1; DROP TABLE consents"}),
    ],
)
def test_hostile_parameters_are_refused(run: str, values: dict[str, Any]) -> None:
    with pytest.raises(BadParameterError):
        events_of(run, values)
