"""The exercise of 2045: chances in plain sight, decisions that matter, cards to print."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from security.lab import catalogue, running
from security.lab.errors import BadParameterError
from security.lab.lessons import _year_2045_cards as cards
from security.lab.steps import Outcome, Step, outcome_of
from security.lab.workings import outbreak
from security.lab.workings.outbreak import Decisions, course, working

LESSON = catalogue.lesson("2045")
decisions = st.builds(
    Decisions,
    st.sampled_from(outbreak.CODE),
    st.sampled_from(outbreak.NETWORK),
    st.sampled_from(outbreak.BACKUPS),
    st.sampled_from(outbreak.MEETS),
    st.sampled_from(outbreak.LINKS_CHOICE),
    st.sampled_from(outbreak.KEYS),
    st.sampled_from(outbreak.LEDGER),
)
seeds = st.integers(0, 10_000)


def verdict(run: str, seed: int = 0, **raw: str) -> str:
    end = outcome_of(list(running.work(LESSON, LESSON.run(run), raw, seed)))
    assert end is not None
    return end.verdict


@settings(max_examples=60)
@given(decisions, seeds)
def test_hours_follow_from_decisions_and_luck(chosen: Decisions, seed: int) -> None:
    hours = course(chosen, random.Random(seed))
    assert hours == course(chosen, random.Random(seed))
    assert [hour.hour for hour in hours] == list(range(outbreak.HOURS + 1))
    assert all(len(hour.states) == 5 and 0 <= hour.copies <= len(outbreak.PEERS) for hour in hours)
    assert 0 <= working(chosen, hours[-1]) <= 5


@settings(max_examples=40)
@given(decisions, seeds)
def test_every_copy_stays_unless_all_go_on_without_its_key(chosen: Decisions, seed: int) -> None:
    last = course(chosen, random.Random(seed))[-1].copies
    forgotten = chosen.ledger == "fork, five agree" and chosen.keys == "revoke" and chosen.meets != "never"
    assert last == (0 if forgotten else len(outbreak.PEERS))


@settings(max_examples=40)
@given(seeds, st.sampled_from(outbreak.NETWORK))
def test_without_a_meeting_nobody_comes_back(seed: int, network: str) -> None:
    hours = course(Decisions(network=network), random.Random(seed))
    runs = [hour.count("runs it") + hour.count("locked") for hour in hours]
    assert runs == sorted(runs) and runs[-1] >= 1
    assert hours[0].states[outbreak.FIRST] == "runs it"
    assert hours[outbreak.LOCKS_AFTER].states[outbreak.FIRST] == "locked"


@given(seeds)
@settings(max_examples=20)
def test_offline_backups_bring_back_what_online_ones_lose(seed: int) -> None:
    late = {"code": outbreak.CODE[2], "network": "segmented", "meets": "hour 12", "keys": "revoke"}
    online = course(Decisions(backups="online", **late), random.Random(seed))[-1]
    offline = course(Decisions(backups="offline", **late), random.Random(seed))[-1]
    assert online.states[outbreak.FIRST] == "locked"
    assert offline.count("locked") == 0


def test_the_verdict_follows_the_decisions() -> None:
    assert verdict("defence", ledger="fork, three agree") == "broken", "two ledgers are no common one"
    assert verdict("defence", meets="never", code=outbreak.CODE[0], network="flat") == "broken"
    assert verdict("spread", seed=3) == "broken"
    assert verdict("spread", **{name: getattr(WHOLE, name) for name in NAMES}) == "held"


NAMES = ("code", "network", "backups", "meets", "links", "keys", "ledger")
WHOLE = Decisions(
    outbreak.CODE[2], "segmented", "offline", "hour 6", "cut for a day", "revoke", outbreak.LEDGER[1]
)


def test_the_checkpoint_counts_valid_signatures() -> None:
    def votes(**raw: str) -> object:
        events = list(running.work(LESSON, LESSON.run("defence"), raw, 0))
        values = [value for event in events if isinstance(event, Step) for value in event.values]
        return next(value.value for value in values if value.name == "valid signatures")

    assert (votes(), votes(keys="keep"), votes(ledger="keep")) == (5, 4, 0)
    assert votes(ledger="fork, three agree") == 3
    assert [votes(ledger=ledger, meets="never") for ledger in outbreak.LEDGER] == [0, 0, 0]


def test_two_halves_still_hand_the_record_out() -> None:
    told = "copies that the followed ledger hands out at the end"
    for ledger, count in (("fork, five agree", 0), ("fork, three agree", len(outbreak.PEERS))):
        events = list(running.work(LESSON, LESSON.run("defence"), {"ledger": ledger}, 0))
        values = [value for event in events if isinstance(event, Step) for value in event.values]
        assert next(value.value for value in values if value.name == told) == count


def test_too_few_that_work_are_no_success_even_if_they_are_more() -> None:
    kept = {seed: verdict("show", seed, backups="online") for seed in range(4)}
    assert set(kept.values()) == {"broken"}


def test_at_hour_six_two_measures_do_together_what_neither_does_alone() -> None:
    def held(**chosen: str) -> int:
        some = Decisions(meets="hour 6", **chosen)
        return sum(working(some, course(some, random.Random(seed))[-1]) >= 4 for seed in range(40))

    single = {
        "code": outbreak.CODE[2],
        "network": "segmented",
        "backups": "offline",
        "links": "cut for a day",
    }
    single |= {"keys": "revoke", "ledger": outbreak.LEDGER[1]}
    assert all(held(**{name: choice}) < 4 for name, choice in single.items())
    assert held(code=outbreak.CODE[2], backups="offline") == 40


def test_a_record_taken_out_changes_all_blocks_after_it() -> None:
    events = list(running.work(LESSON, LESSON.run("spread"), {}, 5))
    step = next(event for event in events if isinstance(event, Step))
    assert {value.name: value.value for value in step.values}["blocks that change"] == 3
    assert isinstance(events[-1], Outcome)


def test_cards_and_events_are_handed_out_as_markdown() -> None:
    events = list(running.work(LESSON, LESSON.run(), {}, 0))
    files = {
        file.name: file.data.decode() for event in events if isinstance(event, Step) for file in event.files
    }
    assert set(files) == {"role-cards.md", "events.md", "debrief.md"}
    assert all(card.role in files["role-cards.md"] for card in cards.CARDS)
    assert all(one.text in files["events.md"] for one in cards.INJECTS)
    assert [one.hour for one in cards.INJECTS] == sorted(one.hour for one in cards.INJECTS)


@pytest.mark.parametrize("raw", [{"meets": "hour 7"}, {"code": ""}, {"hour": "3"}, {"keys": 1}])
def test_other_decisions_are_refused(raw: dict[str, object]) -> None:
    with pytest.raises(BadParameterError):
        list(running.work(LESSON, LESSON.run("show"), raw, 0))
