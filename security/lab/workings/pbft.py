"""One node of Practical Byzantine Fault Tolerance, spelled out to be seen; nothing else may use it.

Source: Castro and Liskov, "Practical Byzantine Fault Tolerance" (OSDI 1999). Nodes give each order a number
in three rounds (pre-prepare, prepare, commit), carry orders out in the order of their numbers, and replace a
leader that doesn't get on (view change). Left out: checkpoints and so the cutting of the log, batching,
answers to clients, digests in place of orders. A node that fell behind takes what f + 1 others say they
carried out, which is what a checkpoint's proof would give it. Timers grow by doubling; as in the paper, a
node gives up a leader that didn't come only when a quorum has waited with it, and until then repeats itself.

Nodes do nothing by themselves: `pbft_network` hands them messages and alarms. Signatures are modelled: the
network names the true sender, and remembers what each node has really said, so that nobody can put words
into another's mouth in a certificate.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

NOTHING = ""
"""The order that fills a number to which no order was promised; it changes nothing."""


@dataclass(frozen=True, slots=True)
class PrePrepare:
    """The leader of `view` gives `order` this `number` (from 1)."""

    view: int
    number: int
    order: str


@dataclass(frozen=True, slots=True)
class Vote:
    """A vote: by "prepare" a node says that it accepted this order for this number and view alone;
    by "commit", that it knows of a quorum that has."""

    phase: Literal["prepare", "commit"]
    view: int
    number: int
    order: str


@dataclass(frozen=True, slots=True)
class Prepared:
    """A certificate: these `voters` have sent a prepare vote for it."""

    view: int
    number: int
    order: str
    voters: tuple[int, ...]

    def vote(self) -> Vote:
        """What each of the voters has said."""
        return Vote("prepare", self.view, self.number, self.order)


@dataclass(frozen=True, slots=True)
class ViewChange:
    """I want the leader of `view`; these are my certificates."""

    view: int
    prepared: tuple[Prepared, ...]


@dataclass(frozen=True, slots=True)
class NewView:
    """The new leader shows whose view changes it has, and the orders from number 1 that follow from them."""

    view: int
    changes: tuple[tuple[int, ViewChange], ...]
    orders: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Done:
    """To one that fell behind: I have carried out this order at this number."""

    number: int
    order: str


Message: TypeAlias = PrePrepare | Vote | ViewChange | NewView | Done


@dataclass(frozen=True)
class Rules:
    """`nodes` in all; `quorum` votes decide; `faults` liars are reckoned with; `timeout` is in ms."""

    nodes: int
    faults: int
    quorum: int
    timeout: int


class Wire(Protocol):
    """What a node can do to the world."""

    def send(self, source: int, target: int, message: Message) -> None:
        """Send; it may arrive late or never."""

    def said(self, source: int, message: Message) -> bool:
        """Whether that node has really sent this message to anybody: a check of its signature."""

    def alarm(self, node: int, after: int, ticket: int) -> None:
        """Call the node's `ring(ticket)` after so many ms."""

    def ordered(self, node: int, number: int, order: str) -> None:
        """Note that the node carries out an order."""


def orders_of(changes: tuple[tuple[int, ViewChange], ...]) -> tuple[str, ...]:
    """The orders from number 1 that a new view must begin with: of each number the certificate of the highest
    view, and NOTHING where there is none."""
    best: dict[int, Prepared] = {}
    for _, change in changes:
        for one in change.prepared:
            if one.number not in best or one.view > best[one.number].view:
                best[one.number] = one
    return tuple(best[n].order if n in best else NOTHING for n in range(1, max(best, default=0) + 1))


class Node:
    """An honest node."""

    def __init__(self, name: int, rules: Rules, wire: Wire) -> None:
        self.name, self.rules, self.wire = name, rules, wire
        self.view, self.active = 0, True
        self.waiting: list[str] = []  # orders heard of and not carried out
        self.accepted: dict[tuple[int, int], str] = {}
        self.votes: dict[Vote, set[int]] = {}
        self.prepared: dict[int, Prepared] = {}
        self.certified: set[tuple[int, int, str]] = set()
        self.decided: dict[int, str] = {}
        self.log: list[str] = []  # carried out; the order of number i is at i - 1
        self.changes: dict[int, dict[int, ViewChange]] = {}
        self.told: dict[Done, set[int]] = {}
        self._early: list[tuple[int, PrePrepare]] = []
        self._next, self._failed, self._ticket, self._ringing = 1, 0, 0, False

    # -- what comes in ------------------------------------------------------------------------------------

    def hear(self, order: str) -> None:
        """A doctor's order; doctors tell all nodes."""
        if order in self.log or order in self.waiting:
            return
        self.waiting.append(order)
        if not self._ringing:
            self._set_alarm()
        self._propose()

    def receive(self, source: int, message: Message) -> None:
        """A message whose sender is certain."""
        match message:
            case PrePrepare():
                self._on_pre_prepare(source, message)
            case Vote():
                self.votes.setdefault(message, set()).add(source)
                self._count(message)
            case ViewChange():
                self._on_view_change(source, message)
            case NewView():
                self._on_new_view(source, message)
            case Done():
                self._on_done(source, message)

    def ring(self, ticket: int) -> None:
        """The alarm of this ticket goes off; only the last one set counts."""
        if ticket != self._ticket or not self._ringing:
            return
        self._ringing = False
        if self.active and not self.waiting:
            return
        if self.active or self._accompanied():
            self._failed += 1
            self._change_to(self.view + 1)
        else:
            self._change_to(self.view)  # said again, for it may have been lost

    def _accompanied(self) -> bool:
        """Whether a quorum has given up the views before this one. A node that runs ahead alone is missed in
        the views of the others."""
        with_it = {who for view, by in self.changes.items() if view >= self.view for who in by}
        return len(with_it) >= self.rules.quorum

    # -- the three rounds ---------------------------------------------------------------------------------

    def leader(self, view: int) -> int:
        """Whose turn it is."""
        return view % self.rules.nodes

    def _propose(self) -> None:
        if not self.active or self.leader(self.view) != self.name:
            return
        given = {order for (view, _), order in self.accepted.items() if view == self.view}
        for order in self.waiting:
            if order not in given:
                self.propose(PrePrepare(self.view, self._next, order))
                self._next += 1

    def propose(self, proposal: PrePrepare) -> None:
        """Tell all; a liar does it otherwise."""
        self.everybody(lambda _: proposal)

    def _on_pre_prepare(self, source: int, message: PrePrepare) -> None:
        place = (message.view, message.number)
        if source != self.leader(message.view) or place in self.accepted or message.number < 1:
            return
        if message.view > self.view or (message.view == self.view and not self.active):
            self._early.append((source, message))
        elif message.view == self.view:
            self._accept(message)

    def _accept(self, message: PrePrepare) -> None:
        self.accepted[message.view, message.number] = message.order
        vote = Vote("prepare", message.view, message.number, message.order)
        self.everybody(lambda _: vote)
        self._count(vote)

    def _count(self, vote: Vote) -> None:
        voters = self.votes.get(vote, set())
        what = (vote.view, vote.number, vote.order)
        if len(voters) < self.rules.quorum:
            return
        if vote.phase == "prepare":
            mine = self.accepted.get((vote.view, vote.number)) == vote.order
            if mine and self.active and vote.view == self.view and what not in self.certified:
                self.certified.add(what)
                self.prepared[vote.number] = Prepared(*what, tuple(sorted(voters)))
                commit = Vote("commit", *what)
                self.everybody(lambda _: commit)
                self._count(commit)
        elif what in self.certified:
            self._decide(vote.number, vote.order)

    def _decide(self, number: int, order: str) -> None:
        self.decided.setdefault(number, order)
        before = len(self.log)
        while len(self.log) + 1 in self.decided:
            order = self.decided[len(self.log) + 1]
            self.log.append(order)
            self.wire.ordered(self.name, len(self.log), order)
            if order in self.waiting:
                self.waiting.remove(order)
        if len(self.log) > before and self.active:
            self._failed, self._ringing = 0, False
            if self.waiting:
                self._set_alarm()

    # -- another leader -----------------------------------------------------------------------------------

    def _change_to(self, view: int) -> None:
        self.view, self.active = view, False
        certificates = tuple(self.prepared[n] for n in sorted(self.prepared))
        self.everybody(lambda _: ViewChange(view, certificates))
        self._set_alarm()

    def _on_view_change(self, source: int, message: ViewChange) -> None:
        if source != self.name and self.log:
            for number, order in enumerate(self.log, 1):
                self.wire.send(self.name, source, Done(number, order))
        if message.view < self.view or not self._sound(source, message):
            return
        self.changes.setdefault(message.view, {})[source] = message
        ahead: dict[int, int] = {}
        for view, by in self.changes.items():
            for who in by:
                if view > self.view and who != self.name:
                    ahead[who] = min(view, ahead.get(who, view))
        if len(ahead) > self.rules.faults:  # one of them is honest, so it is no liar's whim
            self._change_to(min(ahead.values()))
        self._lead()

    def _sound(self, source: int, change: ViewChange) -> bool:
        """Whether it was really said and its certificates hold."""
        return self.wire.said(source, change) and all(
            len(set(one.voters)) >= self.rules.quorum
            and one.view < change.view
            and all(self.wire.said(voter, one.vote()) for voter in one.voters)
            for one in change.prepared
        )

    def _lead(self) -> None:
        if self.active or self.leader(self.view) != self.name:
            return
        known = self.changes.get(self.view, {})
        if len(known) >= self.rules.quorum:
            self.announce(self.view, tuple(sorted(known.items(), key=lambda pair: pair[0])))

    def announce(self, view: int, changes: tuple[tuple[int, ViewChange], ...]) -> None:
        """Open the new view; a liar does it otherwise."""
        news = NewView(view, changes, orders_of(changes))
        self.everybody(lambda _: news)

    def _on_new_view(self, source: int, message: NewView) -> None:
        late = message.view < self.view or (message.view == self.view and self.active)
        senders = {sender for sender, _ in message.changes}
        if late or source != self.leader(message.view) or len(senders) < self.rules.quorum:
            return
        if message.orders != orders_of(message.changes) or not all(
            change.view == message.view and self._sound(sender, change) for sender, change in message.changes
        ):
            return
        self.view, self.active = message.view, True
        self._next = len(message.orders) + 1
        for number, order in enumerate(message.orders, 1):
            self._accept(PrePrepare(self.view, number, order))
        self._ringing = False
        if self.waiting:
            self._set_alarm()
        early, self._early = self._early, []
        for sender, proposal in early:
            self._on_pre_prepare(sender, proposal)
        self._propose()

    def _on_done(self, source: int, message: Done) -> None:
        tellers = self.told.setdefault(message, set())
        tellers.add(source)
        if len(tellers) > self.rules.faults and message.number not in self.decided:
            self._decide(message.number, message.order)

    # -- out ----------------------------------------------------------------------------------------------

    def everybody(self, message: Callable[[int], Message | None]) -> None:
        """Send each node, this one first, what `message` says for it; None is silence."""
        for target in [self.name, *(n for n in range(self.rules.nodes) if n != self.name)]:
            content = message(target)
            if content is not None:
                self.wire.send(self.name, target, content)

    def _set_alarm(self) -> None:
        self._ticket += 1
        self._ringing = True
        self.wire.alarm(self.name, self.rules.timeout * 2 ** min(self._failed, 10), self._ticket)


def histogram(logs: list[list[str]]) -> Counter[tuple[str, ...]]:
    """How many nodes have each log."""
    return Counter(tuple(log) for log in logs)
