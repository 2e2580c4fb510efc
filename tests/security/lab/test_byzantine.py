"""PBFT: safe and going on whenever n >= 3f + 1, broken beyond, and one schedule for one seed."""

from __future__ import annotations

import random
from itertools import combinations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from security.lab import running
from security.lab.errors import BadParameterError
from security.lab.lessons.byzantine import LESSON, ORDERS
from security.lab.steps import Outcome, Step, Value
from security.lab.workings.pbft import (
    NOTHING,
    Message,
    NewView,
    Node,
    Prepared,
    PrePrepare,
    Rules,
    ViewChange,
    Vote,
    orders_of,
)
from security.lab.workings.pbft_faults import FAULTS, TOLD
from security.lab.workings.pbft_network import Setting, first_split, obey_one_leader, simulate

FALSE = ("false one", "false two", "false three")


@st.composite
def settings_within_the_bound(draw: st.DrawFn) -> Setting:
    nodes = draw(st.integers(4, 10))
    liars = draw(st.lists(st.integers(0, nodes - 1), max_size=(nodes - 1) // 3, unique=True))
    apart = draw(st.lists(st.integers(0, nodes - 1), max_size=nodes, unique=True))
    return Setting(
        nodes,
        ORDERS[: draw(st.integers(1, 4))],
        FALSE[: draw(st.integers(1, 3))],
        {liar: draw(st.sampled_from(FAULTS)) for liar in liars},
        reckoned=draw(st.integers(len(liars), (nodes - 1) // 3)),
        delay=draw(st.integers(1, 60)),
        pause=draw(st.sampled_from((0, 50, 400))),
        apart=frozenset(apart),
        heals=draw(st.sampled_from((0, 300, 2_000))),
        loss=draw(st.sampled_from((0.0, 0.1, 0.5))),
    )


# A node ran ahead alone through the views while the others had a quorum with the liar, and was never back.
AHEAD = Setting(
    7,
    ORDERS[:1],
    FALSE[:1],
    {6: "silent", 4: "liar"},
    reckoned=2,
    delay=3,
    apart=frozenset({0, 1, 2, 4, 5}),
    heals=2_000,
)


@given(settings_within_the_bound(), st.integers(0, 2**32))
@example(AHEAD, 0)
@settings(max_examples=120, deadline=None)
def test_safe_and_going_on_within_the_bound(setting: Setting, seed: int) -> None:
    result = simulate(setting, random.Random(seed))
    assert first_split(list(result.logs.values())) is None
    assert result.ending == "agreed"
    for name in result.logs:
        assert set(setting.orders) <= set(result.carried_out(name))


@given(st.integers(3, 9), st.integers(1, 3), st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_beyond_the_bound_liars_split_the_honest(nodes: int, liars: int, seed: int) -> None:
    if nodes > 3 * liars or nodes - liars < 2:
        return
    faulty = dict.fromkeys(range(liars), FAULTS[FAULTS.index("two-faced")])
    split = simulate(Setting(nodes, ORDERS[:1], FALSE, faulty), random.Random(seed))
    assert split.ending == "split"
    never = Setting(nodes, ORDERS[:1], FALSE, faulty, quorum=(nodes + liars) // 2 + 1, horizon=10_000)
    stuck = simulate(never, random.Random(seed))
    assert stuck.ending == "stuck"


def test_one_seed_is_one_schedule() -> None:
    setting = Setting(7, ORDERS, FALSE, {0: "two-faced", 3: "liar"}, loss=0.2, heals=500)
    first, again, other = (simulate(setting, random.Random(seed)) for seed in (5, 5, 6))
    assert first == again
    assert first.trace != other.trace


@pytest.mark.parametrize("nodes", range(4, 11))
def test_quorums_share_an_honest_node(nodes: int) -> None:
    faults = (nodes - 1) // 3
    quorum = Setting(nodes, ORDERS, reckoned=faults).rules().quorum
    groups = [set(group) for group in combinations(range(nodes), quorum)]
    assert min(len(one & other) for one in groups[:40] for other in groups) > faults


def test_without_agreement_each_ward_obeys_another_order() -> None:
    assert obey_one_leader(Setting(4, ORDERS, FALSE, {0: "each-another"}), random.Random(1)).ending == "split"
    assert obey_one_leader(Setting(4, ORDERS, FALSE), random.Random(1)).ending == "agreed"


def test_a_crashed_leader_is_replaced() -> None:
    result = simulate(Setting(4, ORDERS, FALSE, {0: "silent"}), random.Random(2))
    assert result.ending == "agreed"
    assert min(result.views.values()) >= 1


def test_a_minority_waits_until_the_line_is_mended() -> None:
    setting = Setting(4, ORDERS[:2], reckoned=1, apart=frozenset({3}), heals=3_000)
    result = simulate(setting, random.Random(3))
    assert result.ending == "agreed"
    early = {one.node for one in result.executed if one.time < 3_000}
    assert early == {0, 1, 2}


def test_the_new_view_keeps_the_certificate_of_the_highest_view() -> None:
    old, new = Prepared(0, 2, "old", (0, 1, 2)), Prepared(3, 2, "new", (0, 1, 3))
    assert orders_of(((0, ViewChange(4, (old,))), (1, ViewChange(4, (new,))))) == (NOTHING, "new")
    assert orders_of(()) == ()


class Desk:
    """A wire that delivers nothing and keeps everything."""

    def __init__(self) -> None:
        self.out: list[tuple[int, int, Message]] = []
        self.spoken: set[tuple[int, Message]] = set()

    def send(self, source: int, target: int, message: Message) -> None:
        self.out.append((source, target, message))

    def said(self, source: int, message: Message) -> bool:
        return (source, message) in self.spoken

    def alarm(self, node: int, after: int, ticket: int) -> None: ...

    def ordered(self, node: int, number: int, order: str) -> None: ...


def test_a_forged_certificate_is_refused() -> None:
    desk = Desk()
    node = Node(0, Rules(4, 1, 3, 100), desk)
    forged = Prepared(0, 1, "false", (1, 2, 3))
    changes = tuple((who, ViewChange(1, (forged,) if who == 1 else ())) for who in (1, 2, 3))
    desk.spoken |= set(changes)
    node.receive(1, NewView(1, changes, ("false",)))
    assert node.view == 0
    desk.spoken |= {(who, Vote("prepare", 0, 1, "false")) for who in (1, 2, 3)}
    node.receive(1, NewView(1, changes, ("another",)))  # its orders don't follow from the certificates
    assert node.view == 0
    node.receive(2, NewView(1, changes, ("false",)))  # not this view's leader
    assert node.view == 0
    node.receive(1, NewView(1, changes, ("false",)))
    assert node.view == 1


def test_a_node_votes_once_for_a_number_and_only_for_the_leader() -> None:
    desk = Desk()
    node = Node(1, Rules(4, 1, 3, 100), desk)
    node.receive(2, PrePrepare(0, 1, "not the leader's"))
    node.receive(0, PrePrepare(0, 1, "first"))
    node.receive(0, PrePrepare(0, 1, "second"))
    votes = {message for _, _, message in desk.out if isinstance(message, Vote)}
    assert votes == {Vote("prepare", 0, 1, "first")}


def test_more_liars_than_a_run_can_bear() -> None:
    with pytest.raises(BadParameterError, match="two honest"):
        list(running.work(LESSON, LESSON.run(), {"nodes": 4, "faulty": 3}, 0))
    many = {"nodes": 6, "faulty": 2, "fault": TOLD["two-faced"], "place": "the first wards (first leader)"}
    end = list(running.work(LESSON, LESSON.run(), many, 0))[-1]
    assert isinstance(end, Outcome)


@pytest.mark.parametrize("quorum", ["2 of 3: go on without the liar", "3 of 3: wait for everybody"])
@pytest.mark.parametrize("seed", range(5))
def test_three_wards_disagree_or_are_stuck(quorum: str, seed: int) -> None:
    end = list(running.work(LESSON, LESSON.run("equivocating-three"), {"quorum": quorum}, seed))[-1]
    assert isinstance(end, Outcome)
    assert end.verdict == "broken"


def test_the_bound_that_is_found_is_3f_plus_1() -> None:
    events = list(running.work(LESSON, LESSON.run("bounds"), {"schedules": 1}, 9))
    shown: list[Value] = [value for event in events if isinstance(event, Step) for value in event.values]
    assert [value.value for value in shown] == [4, 7, 10]
