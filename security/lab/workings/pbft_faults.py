"""How nodes of the PBFT simulation fail or lie. Liars of one simulation know each other and a common plan."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

from security.lab.workings.pbft import (
    Message,
    NewView,
    Node,
    PrePrepare,
    Rules,
    ViewChange,
    Vote,
    Wire,
    orders_of,
)

Fault: TypeAlias = Literal["silent", "crash", "each-another", "two-faced", "liar", "slow"]
FAULTS: tuple[Fault, ...] = get_args(Fault)
TOLD: dict[Fault, str] = {
    "silent": "never says a word",
    "crash": "stops in the middle",
    "each-another": "as leader tells every ward another order",
    "two-faced": "as leader tells two halves two orders, and votes for both",
    "liar": "votes at random, and hides what it knows",
    "slow": "sends everything late",
}


@dataclass
class Plan:
    """What the liars agree on: the false orders, who is told which, and what they can draw."""

    rng: random.Random
    false: Sequence[str]
    liars: frozenset[int]
    side: dict[int, int] = field(default_factory=dict)  # of each honest node: 0 or 1

    @classmethod
    def make(cls, rng: random.Random, nodes: int, liars: frozenset[int], false: Sequence[str]) -> Plan:
        """The honest nodes are cut in two halves, by chance."""
        honest = [node for node in range(nodes) if node not in liars]
        rng.shuffle(honest)
        return cls(rng, false, liars, {node: number % 2 for number, node in enumerate(honest)})

    def order_for(self, target: int, number: int, true: str, halves: bool) -> str:
        """What a lying leader tells this node to be the order of this number."""
        if target in self.liars:
            return true
        if halves:
            return true if self.side[target] == 0 else self.false[number % len(self.false)]
        honest = sorted(self.side)
        at = honest.index(target)
        return true if at == 0 else self.false[(at - 1 + number) % len(self.false)]


class Silent(Node):
    """Says nothing."""

    def everybody(self, message: Callable[[int], Message | None]) -> None:
        """Nothing."""


class EachAnother(Node):
    """As leader it tells every node another order; else it is honest."""

    plan: Plan

    def propose(self, proposal: PrePrepare) -> None:
        """To each its own."""
        plan = self.plan
        self.everybody(
            lambda to: PrePrepare(
                proposal.view,
                proposal.number,
                plan.order_for(to, proposal.number, proposal.order, halves=False),
            )
        )


class TwoFaced(Node):
    """As leader it tells two halves two orders and votes for both; its accomplices vote along. It hides its
    certificates, and as a new leader it shows each half other view changes."""

    plan: Plan

    def propose(self, proposal: PrePrepare) -> None:
        """One half hears the true order, the other a false one; both hear the liars' votes at once."""
        number, view, plan = proposal.number, proposal.view, self.plan
        for to in range(self.rules.nodes):
            order = plan.order_for(to, number, proposal.order, halves=True)
            self.wire.send(self.name, to, PrePrepare(view, number, order))
        self._both(view, number, proposal.order)

    def _accept(self, message: PrePrepare) -> None:
        self.accepted[message.view, message.number] = message.order
        self._both(message.view, message.number, message.order)

    def _both(self, view: int, number: int, true: str) -> None:
        for to in sorted(self.plan.side):
            order = self.plan.order_for(to, number, true, halves=True)
            self.wire.send(self.name, to, Vote("prepare", view, number, order))
            self.wire.send(self.name, to, Vote("commit", view, number, order))

    def _change_to(self, view: int) -> None:
        self.prepared.clear()
        super()._change_to(view)

    def announce(self, view: int, changes: tuple[tuple[int, ViewChange], ...]) -> None:
        """Each half sees another choice of view changes, all of them real."""
        both = []
        for _ in range(2):
            few = tuple(sorted(self.plan.rng.sample(changes, self.rules.quorum), key=lambda pair: pair[0]))
            both.append(NewView(view, few, orders_of(few)))
        self.everybody(lambda to: both[self.plan.side.get(to, 0)])


class Liar(TwoFaced):
    """Votes at random for true and false orders, asks for view changes at whim, never proposes a thing."""

    def propose(self, proposal: PrePrepare) -> None:
        """Nothing: the others must replace it."""

    def _both(self, view: int, number: int, true: str) -> None:
        rng, false = self.plan.rng, self.plan.false
        for to in sorted(self.plan.side):
            for phase in ("prepare", "commit"):
                order = rng.choice([true, *false])
                self.wire.send(
                    self.name, to, Vote("prepare" if phase == "prepare" else "commit", view, number, order)
                )
        if rng.random() < 0.3:
            self._change_to(self.view + 1)


def make(fault: Fault | None, name: int, rules: Rules, wire: Wire, plan: Plan) -> Node:
    """A node with this fault; None is an honest one. A crash and slowness are the network's part."""
    kinds: dict[Fault, type[Node]] = {
        "silent": Silent,
        "each-another": EachAnother,
        "two-faced": TwoFaced,
        "liar": Liar,
    }
    node = kinds.get(fault, Node)(name, rules, wire) if fault else Node(name, rules, wire)
    if isinstance(node, EachAnother | TwoFaced):
        node.plan = plan
    return node
