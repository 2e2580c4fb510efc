"""Pictures of PBFT runs: who said what to whom, how logs grow, and which numbers of nodes are enough."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from security.lab import pictures
from security.lab.workings.pbft import Message, NewView, PrePrepare, ViewChange, Vote
from security.lab.workings.pbft_network import Result, Sent
from ui import plots

MOST_ARROWS = 64


def ward(number: int) -> str:
    """Ward A, Ward B ..."""
    return f"Ward {chr(65 + number)}"


def kind(message: Message) -> str:
    """The message's kind in plain words."""
    match message:
        case PrePrepare():
            return "pre-prepare"
        case Vote():
            return message.phase
        case ViewChange():
            return "view change"
        case NewView():
            return "new view"
    return "catching up"


_STYLES = {"pre-prepare": "a", "prepare": "b", "commit": "c", "view change": "warn", "new view": "a"}


def _kept(result: Result, nodes: int) -> list[Sent]:
    """The messages to draw: about number 1, without the votes that go along with a proposal."""
    proposed = {(one.source, one.sent) for one in result.trace if isinstance(one.message, PrePrepare)}
    first = [
        one
        for one in result.trace
        if (not isinstance(one.message, PrePrepare | Vote) or one.message.number == 1)
        and not (isinstance(one.message, Vote) and (one.source, one.sent) in proposed)
    ]
    if nodes <= 5:
        return first[:MOST_ARROWS]
    # All of them would be a black square: the proposals, and what the first ward to answer says.
    teller = next((one.source for one in first if kind(one.message) == "prepare"), 0)
    proposals = [one for one in first if kind(one.message) == "pre-prepare"][: nodes - 1]
    return (
        proposals
        + [one for one in first if kind(one.message) == "prepare" and one.source == teller][: nodes - 1]
    )


def _short(order: str) -> str:
    """An order in few letters: the dose, or the first word."""
    words = order.split()
    return " ".join(words[-2:]) if order.endswith(" mg") else words[0] if words else "nothing"


def diagram(result: Result, nodes: int, faulty: Sequence[int], false: Sequence[str] = ()) -> str:
    """Messages about number 1, with a legend; time goes down, drawn by order and not to scale."""
    kept = _kept(result, nodes)
    carried = (
        [one for one in result.executed if one.number == 1 and one.node not in faulty] if nodes <= 5 else []
    )
    moments = {one.sent for one in kept} | {one.arrived for one in kept if one.arrived is not None}
    times = sorted(moments | {one.time for one in carried})
    rank = {time: float(number) for number, time in enumerate(times)}
    messages = []
    for one in kept:
        text, style = "", _STYLES.get(kind(one.message), "quiet")
        if isinstance(one.message, PrePrepare):
            text = _short(one.message.order)
            style = "bad" if one.message.order in false else style
        end = one.sent if one.arrived is None else one.arrived
        lost = one.arrived is None
        messages.append(
            pictures.Message(one.source, one.target, rank[one.sent], rank[end], text, style, lost)
        )
    for done in carried:
        style, at = "bad" if done.order in false else "good", rank[done.time]
        messages.append(pictures.Message(done.node, done.node, at, at, _short(done.order), style))
    lanes = [(ward(n) if nodes <= 5 else chr(65 + n), "bad" if n in faulty else "") for n in range(nodes)]
    told = f"Messages about the first order, time downward; {len(kept)} of {len(result.trace)} are drawn."
    kinds = list(dict.fromkeys(kind(one.message) for one in kept))
    keys = "".join(f'<span class="key {_STYLES.get(name, "quiet")}">{name}</span> ' for name in kinds)
    caption = f'<figcaption>Order no. 1 <span class="legend">{keys}</span></figcaption>'
    return f'<figure class="plot">{caption}{pictures.sequence(told, lanes, messages)}</figure>'


def growth(result: Result, sides: Mapping[str, Sequence[int]], until: int) -> str:
    """How many orders the slowest ward of each side has carried out, over time."""
    every = []
    for style, (name, members) in zip("ab", sides.items(), strict=False):
        done = dict.fromkeys(members, 0)
        points: list[tuple[float, float]] = [(0, 0)]
        for one in result.executed:
            if one.node in done:
                before = min(done.values())
                done[one.node] += 1
                if min(done.values()) != before:
                    points += [(one.time, before), (one.time, min(done.values()))]
        points.append((until, min(done.values())))
        every.append(plots.Line(name, points, style))
    return plots.lines("Orders carried out", every, "ms", "orders, slowest ward of each side")


def grid(told: str, rows: Sequence[tuple[int, Sequence[str]]], words: Mapping[str, tuple[str, str]]) -> str:
    """For n nodes (rows) and f liars (columns) a box; `words` maps a mark to its word and style."""
    columns = len(rows[0][1])
    wide, tall, left = 110.0, 24.0, 90.0
    canvas = pictures.Canvas(told, 34 + len(rows) * (tall + 4))
    canvas.text(left - 12, 18, "nodes", "small", "end")
    for f in range(columns):
        canvas.text(left + (f + 0.5) * wide, 18, f"{f} liar" + ("s" if f != 1 else ""), "small strong")
    for at, (nodes, marks) in enumerate(rows):
        y = 28 + at * (tall + 4)
        canvas.text(left - 12, y + 17, str(nodes), "strong", "end")
        for f, mark in enumerate(marks):
            word, style = words[mark]
            canvas.box(left + f * wide + 3, y, wide - 6, tall, style)
            canvas.text(left + (f + 0.5) * wide, y + 17, word, "small")
    return canvas.svg()
