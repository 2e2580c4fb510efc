"""The network under the PBFT nodes: a deterministic simulation of delays, reordering, loss and partitions.

All chance comes from one `random.Random`; times are whole milliseconds of the simulation, and equal times go
by the order of sending. So one seed is one schedule, on every machine.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from security.lab.workings import pbft_faults
from security.lab.workings.pbft import NOTHING, Message, Node, PrePrepare, Rules, ViewChange, Vote
from security.lab.workings.pbft_faults import Fault, Plan

MOST_EVENTS = 60_000
Ending = Literal["agreed", "stuck", "split"]


@dataclass(frozen=True)
class Setting:
    """What is to be simulated.

    Attributes:
        nodes: how many, and `faulty` of them how.
        orders: what the doctors order, each told to all nodes within one `delay`, `pause` ms apart.
        quorum: votes that decide; 0 is nodes - `reckoned`.
        reckoned: how many faults the rules reckon with; below 0 it is as many as there are.
        delay: a message takes 1 to `delay` ms.
        apart: nodes that are cut off from the others until `heals` ms; messages across are lost.
        loss: the share of all messages that are lost until `heals`.
        horizon: ms after which nobody waits any longer.
    """

    nodes: int
    orders: tuple[str, ...]
    false: tuple[str, ...] = ("-",)
    faulty: Mapping[int, Fault] = field(default_factory=dict)
    quorum: int = 0
    reckoned: int = -1
    delay: int = 20
    pause: int = 0
    apart: frozenset[int] = frozenset()
    heals: int = 0
    loss: float = 0.0
    horizon: int = 1_000_000

    def rules(self) -> Rules:
        """For the nodes; the first timeout leaves time for the three rounds."""
        reckoned = len(self.faulty) if self.reckoned < 0 else self.reckoned
        return Rules(self.nodes, reckoned, self.quorum or self.nodes - reckoned, 6 * self.delay + 10)


@dataclass(frozen=True)
class Sent:
    """A message on the wire; `arrived` is None if it was lost."""

    sent: int
    arrived: int | None
    source: int
    target: int
    message: Message


@dataclass(frozen=True)
class Executed:
    """A node carried out an order."""

    time: int
    node: int
    number: int
    order: str


@dataclass(frozen=True)
class Result:
    """How it went. `logs` are the honest nodes', without their NOTHINGs only in `carried_out`."""

    ending: Ending
    logs: Mapping[int, Sequence[str]]
    trace: Sequence[Sent]
    executed: Sequence[Executed]
    views: Mapping[int, int]
    time: int

    def carried_out(self, node: int) -> list[str]:
        """The orders that a ward really followed: no fillers, and none twice."""
        return list(dict.fromkeys(order for order in self.logs[node] if order != NOTHING))

    def first_split(self) -> int | None:
        """The lowest number at which two honest nodes carried out different orders."""
        return first_split(list(self.logs.values()))


def first_split(logs: Sequence[Sequence[str]]) -> int | None:
    """The lowest number (from 1) for which two logs have different orders; None if there is none."""
    for at in range(max((len(log) for log in logs), default=0)):
        if len({log[at] for log in logs if len(log) > at}) > 1:
            return at + 1
    return None


class Simulation:
    """One schedule of one setting; it is the nodes' `Wire`."""

    def __init__(self, setting: Setting, rng: random.Random) -> None:
        self.setting, self.rng, self.now = setting, rng, 0
        liars = frozenset(setting.faulty)
        plan = Plan.make(rng, setting.nodes, liars, setting.false)
        rules = setting.rules()
        self.nodes = [
            pbft_faults.make(setting.faulty.get(name), name, rules, self, plan)
            for name in range(setting.nodes)
        ]
        self.honest = [node for node in self.nodes if node.name not in liars]
        self.trace: list[Sent] = []
        self.executed: list[Executed] = []
        self._spoken: set[tuple[int, Message]] = set()
        self._queue: list[tuple[int, int, int, int, Message | str | int]] = []
        self._count = 0
        self._crash_at = {
            name: rng.randint(1, 4 * setting.delay)
            for name in sorted(liars)
            if setting.faulty[name] == "crash"
        }

    def send(self, source: int, target: int, message: Message) -> None:
        """Onto the wire; to itself it takes no time and can't be lost."""
        if self.now >= self._crash_at.get(source, self.now + 1):
            return
        # Only what can stand in a certificate must be remembered.
        if isinstance(message, ViewChange) or (isinstance(message, Vote) and message.phase == "prepare"):
            self._spoken.add((source, message))
        if source == target:
            self._push(self.now, source, target, message)
            return
        time = self.now + self.rng.randint(1, self.setting.delay)
        if self.setting.faulty.get(source) == "slow":
            time += 6 * self.setting.delay
        lost = self._lost(source, target)
        self.trace.append(Sent(self.now, None if lost else time, source, target, message))
        if not lost:
            self._push(time, source, target, message)

    def _lost(self, source: int, target: int) -> bool:
        if self.now >= self.setting.heals:
            return False
        across = (source in self.setting.apart) != (target in self.setting.apart)
        return across or (self.setting.loss > 0 and self.rng.random() < self.setting.loss)

    def said(self, source: int, message: Message) -> bool:
        """A check of a signature: has that node sent it?"""
        return (source, message) in self._spoken

    def alarm(self, node: int, after: int, ticket: int) -> None:
        """A timer."""
        self._push(self.now + after, node, node, ticket)

    def ordered(self, node: int, number: int, order: str) -> None:
        """Note it."""
        self.executed.append(Executed(self.now, node, number, order))

    def _push(self, time: int, source: int, target: int, content: Message | str | int) -> None:
        self._count += 1
        heapq.heappush(self._queue, (time, self._count, source, target, content))

    def _finished(self) -> bool:
        return all(set(self.setting.orders) <= set(node.log) for node in self.honest)

    def run(self) -> Result:
        """Until all honest nodes have carried out all orders, two disagree, or nobody waits any longer."""
        setting = self.setting
        for number, order in enumerate(setting.orders):
            for node in self.nodes:
                self._push(
                    number * setting.pause + self.rng.randint(0, setting.delay), node.name, node.name, order
                )
        ending: Ending = "stuck"
        events = seen = 0
        while self._queue and events < MOST_EVENTS and self._queue[0][0] <= setting.horizon:
            self.now, _, source, target, content = heapq.heappop(self._queue)
            events += 1
            self._deliver(self.nodes[target], source, content)
            if len(self.executed) > seen:
                seen = len(self.executed)
                if first_split([node.log for node in self.honest]) is not None:
                    ending = "split"
                    break
                if self._finished():
                    ending = "agreed"
                    break
        logs = {node.name: tuple(node.log) for node in self.honest}
        views = {node.name: node.view for node in self.honest}
        return Result(ending, logs, self.trace, self.executed, views, self.now)

    def _deliver(self, node: Node, source: int, content: Message | str | int) -> None:
        if self.now >= self._crash_at.get(node.name, self.now + 1):
            return
        if isinstance(content, int):
            node.ring(content)
        elif isinstance(content, str):
            node.hear(content)
        else:
            node.receive(source, content)


def simulate(setting: Setting, rng: random.Random) -> Result:
    """One schedule."""
    return Simulation(setting, rng).run()


def obey_one_leader(setting: Setting, rng: random.Random) -> Result:
    """No protocol: what the leader, node 0, says is carried out. A lying one tells each another order."""
    liars = frozenset(setting.faulty)
    plan = Plan.make(rng, setting.nodes, liars, setting.false)
    wards = [name for name in range(setting.nodes) if name not in liars]
    trace, executed = [], []
    logs: dict[int, list[str]] = {name: [] for name in wards}
    for number, true in enumerate(setting.orders, 1):
        for ward in wards:
            order = plan.order_for(ward, number, true, halves=False) if 0 in liars else true
            logs[ward].append(order)
            sent = (number - 1) * 2 * setting.delay
            arrived = sent + rng.randint(1, setting.delay)
            if ward != 0:
                trace.append(Sent(sent, arrived, 0, ward, PrePrepare(0, number, order)))
            executed.append(Executed(arrived, ward, number, order))
    split = first_split(list(logs.values())) is not None
    time = max(one.time for one in executed)
    return Result("split" if split else "agreed", logs, trace, executed, dict.fromkeys(wards, 0), time)
