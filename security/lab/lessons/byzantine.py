"""Byzantine agreement: PBFT among wards, liars among them, and why it takes 3f + 1."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from security.lab.errors import BadParameterError
from security.lab.lesson import Lesson, Run, program
from security.lab.lessons import _byzantine_words as words
from security.lab.parameters import Choice, Chosen, Whole
from security.lab.steps import Event, Outcome, Step, Table, Value
from security.lab.workings import pbft_pictures as draw
from security.lab.workings.pbft_faults import TOLD, Fault
from security.lab.workings.pbft_network import Result, Setting, obey_one_leader, simulate

ORDERS = ("levodopa 100 mg", "iron at noon", "pressure at 8", "stop aspirin")
FALSE = ("levodopa 900 mg", "levodopa 0 mg", "levodopa 500 mg")
_FIRST, _LAST = "the first wards (first leader)", "the last wards"
_FAULTS: dict[str, Fault] = {text: name for name, text in TOLD.items()}
_EACH, _HALVES = TOLD["each-another"], TOLD["two-faced"]
_MORE = 20

_NODES = Whole("nodes", "Wards (n)", 4, 4, 10)
_FAULTY = Whole("faulty", "Faulty wards (f)", 1, 0, 4)
_FAULT = Choice("fault", "What a faulty ward does", TOLD["silent"], tuple(_FAULTS))
_PLACE = Choice("place", "Which wards are faulty", _LAST, (_FIRST, _LAST))
_HOW_MANY = Whole("orders", "Drug orders", 2, 1, 4)
_DELAY = Whole("delay", "Longest delay, ms", 20, 1, 100)


def _setting(nodes: int, liars: range, fault: Fault, orders: int, delay: int) -> Setting:
    """The rules reckon with as many faults as this many nodes can bear."""
    if nodes - len(liars) < 2:
        raise BadParameterError(
            "faulty",
            f"of {nodes} wards {len(liars)} would be faulty; leave at least two honest ones.",
            "Where nobody honest is left, or only one, there is nothing to agree on.",
        )
    bears, faulty = (nodes - 1) // 3, dict.fromkeys(liars, fault)
    return Setting(
        nodes, ORDERS[:orders], FALSE, faulty, reckoned=bears, delay=delay, pause=delay, horizon=60_000
    )


def _logs(result: Result, orders: int) -> Table:
    most = max(orders, *(len(log) for log in result.logs.values()))
    rows = []
    for name, log in result.logs.items():
        told = [order or "(nothing)" for order in log]
        rows.append((draw.ward(name), *told, *["-"] * (most - len(log))))
    return Table(
        ("Ward", *(f"No. {n + 1}" for n in range(most))), tuple(rows), "What the honest wards carried out."
    )


def _counts(result: Result) -> tuple[Value, ...]:
    every = Counter(draw.kind(one.message) for one in result.trace)
    named = ("pre-prepare", "prepare", "commit", "view change", "new view", "catching up")
    return tuple(Value(f"{name} messages", every[name]) for name in named if every[name])


def _ends(result: Result) -> tuple[Value, ...]:
    split = result.first_split()
    return (
        Value("logs agree", split is None),
        Value("every order carried out", result.ending == "agreed"),
        Value("view at the end", max(result.views.values())),
        *((Value("first different number", split),) if split else ()),
    )


def _sizes(setting: Setting) -> Step:
    rules = setting.rules()
    overlap = max(0, 2 * rules.quorum - rules.nodes)
    liars = len(setting.faulty)
    return Step(
        "How many must agree",
        "The wards can't wait for all: a liar may stay silent for ever. So a [[quorum]] decides. Any two quorums must "
        "share an honest ward, which tells no two stories.",
        (
            Value("wards", rules.nodes),
            Value("faulty wards", liars),
            Value("faults the rules reckon with", rules.faults),
            Value("quorum", rules.quorum),
            Value("smallest overlap", overlap, "two quorums share at least so many wards"),
            Value("honest in it", overlap - liars, "must be 1 or more"),
        ),
    )


def _played(setting: Setting, result: Result) -> Iterator[Step]:
    liars = sorted(setting.faulty)
    about = "all wards are honest"
    if liars:
        about = (
            "faulty: " + ", ".join(draw.ward(n) for n in liars) + f", which {TOLD[setting.faulty[liars[0]]]}"
        )
    yield Step(
        "Who says what to whom",
        f"Here {about}. A leader gives the order a number (pre-prepare); each ward tells all what it heard (prepare); "
        "with a [[quorum]] of equal votes it tells that (commit); with a quorum of those it carries the order out (dots). "
        "Time goes down, not to scale; red is a false order.",
        _counts(result),
        draw.diagram(result, setting.nodes, liars, FALSE),
    )
    if max(result.views.values()):
        yield Step(
            "Another leader",
            "Orders wait and nothing happens, so the wards ask for a [[view change]]: the next ward leads, and must begin "
            "with every order that may already have been decided somewhere.",
            (Value("leader at the end", draw.ward(max(result.views.values()) % setting.nodes)),),
        )
    yield Step("What the wards carried out", values=_ends(result), table=_logs(result, len(setting.orders)))


def _show(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    nodes, faulty = chosen.whole("nodes"), chosen.whole("faulty")
    place = range(faulty) if chosen.text("place") == _FIRST else range(nodes - faulty, nodes)
    fault = _FAULTS[chosen.text("fault")]
    setting = _setting(nodes, place, fault, chosen.whole("orders"), chosen.whole("delay"))
    yield _sizes(setting)
    result = simulate(setting, rng)
    yield from _played(setting, result)
    if result.ending == "agreed":
        yield Outcome("works", "All honest wards carried out the same orders in the same order.")
    else:
        yield Outcome("broken", _FAILED[result.ending])


_FAILED = {
    "split": "Two honest wards carried out different orders under one number.",
    "stuck": "The honest wards can't go on: too few answer.",
}


def _one_leader(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    setting = _setting(
        chosen.whole("wards"), range(1), "each-another", chosen.whole("orders"), chosen.whole("delay")
    )
    result = obey_one_leader(setting, rng)
    yield Step(
        "Ward A leads, the others obey",
        "Nobody compares notes. The leader is a liar, and tells each ward another order under the same number.",
        (Value("messages", len(result.trace)),),
        draw.diagram(result, setting.nodes, [0], FALSE),
    )
    yield Step("What the wards carried out", values=_ends(result), table=_logs(result, len(setting.orders)))
    broken = result.ending == "split"
    yield Outcome("broken" if broken else "held", _FAILED["split"] if broken else "The orders are the same.")


def _attacked(setting: Setting, rng: random.Random) -> Iterator[Event]:
    yield _sizes(setting)
    result = simulate(setting, rng)
    yield from _played(setting, result)
    broken = result.ending != "agreed"
    yield Outcome("broken" if broken else "held", _FAILED.get(result.ending, "The wards agreed."))


def _cured(setting: Setting, rng: random.Random) -> Iterator[Event]:
    """The run's schedule, and more of them: one that goes well shows little."""
    yield _sizes(setting)
    result = simulate(setting, rng)
    yield from _played(setting, result)
    more = Counter(simulate(setting, rng).ending for _ in range(_MORE))
    yield Step(
        f"{_MORE} more schedules",
        "The same liars with other delays, and another choice of whom they tell what.",
        (Value("agreed", more["agreed"]), Value("disagreed", more["split"]), Value("stuck", more["stuck"])),
    )
    held = result.ending == "agreed" and more["agreed"] == _MORE
    yield Outcome(
        "held" if held else "broken",
        "In all schedules the honest wards carry out the same orders." if held else "A schedule went wrong.",
    )


def _pbft(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    fault = _FAULTS[chosen.text("fault")]
    yield from _cured(_setting(4, range(1), fault, chosen.whole("orders"), chosen.whole("delay")), rng)


_GO_ON, _WAIT = "2 of 3: go on without the liar", "3 of 3: wait for everybody"


def _three(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    setting = _setting(3, range(1), "two-faced", chosen.whole("orders"), chosen.whole("delay"))
    quorum = 2 if chosen.text("quorum") == _GO_ON else 3
    yield from _attacked(replace(setting, reckoned=1, quorum=quorum), rng)


def _enough(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    yield from _cured(_setting(4, range(1), "two-faced", chosen.whole("orders"), chosen.whole("delay")), rng)


def _two_of_four(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    yield from _attacked(
        _setting(4, range(2), "two-faced", chosen.whole("orders"), chosen.whole("delay")), rng
    )


def _seven(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    yield from _cured(_setting(7, range(2), "two-faced", chosen.whole("orders"), chosen.whole("delay")), rng)


_MARKS = {
    "agreed": ("safe", "good"),
    "split": ("disagree", "bad"),
    "stuck": ("stuck", "warn"),
    "-": ("-", "quiet"),
}


def _cell(nodes: int, liars: int, quorum: int, schedules: int, rng: random.Random) -> str:
    """The worst that happens in so many schedules for each of two kinds of liars."""
    if nodes - liars < 2:
        return "-"
    worst = "agreed"
    for fault in ("silent", "two-faced"):
        kinds = dict.fromkeys(
            range(liars), _FAULTS[TOLD["silent"]] if fault == "silent" else _FAULTS[_HALVES]
        )
        setting = Setting(nodes, ORDERS[:1], FALSE, kinds, quorum, horizon=4_000)
        for _ in range(schedules):
            ending = simulate(setting, rng).ending
            if ending == "split":
                return ending
            worst = ending if ending == "stuck" else worst
    return worst


def _bounds(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    schedules, ok = chosen.whole("schedules"), True
    bad: set[tuple[int, int]] = set()
    for title, text, go_on in (
        ("Never wait for a liar: quorum n − f", "They always go on. With too few wards they disagree.", True),
        (
            "Never disagree: more than half of n + f",
            "They never disagree. With too few wards they are stuck.",
            False,
        ),
    ):
        rows = []
        for nodes in range(3, 11):
            marks = [
                _cell(nodes, f, nodes - f if go_on else (nodes + f) // 2 + 1, schedules, rng)
                for f in range(4)
            ]
            rows.append((nodes, marks))
            for f, mark in enumerate(marks):
                if mark != "agreed":
                    bad.add((nodes, f))
                ok = ok and mark in ("-", "agreed" if nodes > 3 * f else "split" if go_on else "stuck")
        told = "; ".join(f"{n} nodes: " + ", ".join(_MARKS[m][0] for m in marks) for n, marks in rows)
        table = Table(
            ("Wards n", *(f"f = {f}" for f in range(4))),
            tuple((str(n), *(_MARKS[m][0] for m in marks)) for n, marks in rows),
            f"The worst of {2 * schedules} schedules in each cell; half with silent liars, half with two-faced ones.",
        )
        yield Step(title, text, picture=draw.grid(told, rows, _MARKS), table=table)
    yield Step(
        "The fewest wards for which both rules are well",
        "Four, seven, ten: n = 3f + 1. Trying schedules finds faults and proves nothing; the proof is the overlap of "
        "quorums.",
        tuple(
            Value(
                f"for {f} liar" + "s" * (f != 1),
                min((n for n in range(3, 11) if (n, f) not in bad), default=0),
            )
            for f in (1, 2, 3)
        ),
    )
    yield Outcome(
        "works" if ok else "broken",
        "Safe and going on from n = 3f + 1, and never below." if ok else "A cell differs.",
    )


def _partition(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    nodes, apart, heals = chosen.whole("nodes"), chosen.whole("apart"), chosen.whole("heals")
    apart = min(apart, nodes - 1)
    side = range(nodes - apart, nodes)
    setting = Setting(
        nodes, ORDERS[: chosen.whole("orders")], FALSE, reckoned=(nodes - 1) // 3, pause=100,
        apart=frozenset(side), heals=heals, horizon=200_000,
    )  # fmt: skip
    yield _sizes(setting)
    result = simulate(setting, rng)
    sides = {
        "wards " + ", ".join(chr(65 + n) for n in members): list(members)
        for members in (range(nodes - apart), side)
    }
    early = [one for one in result.executed if one.time < heals]
    lost = sum(one.arrived is None for one in result.trace)
    yield Step(
        "The line between two buildings is cut",
        "A side without a [[quorum]] waits: it is better not to answer than to answer differently.",
        (
            Value("messages lost", lost),
            *(
                Value(
                    f"carried out before it heals by {name}",
                    max(sum(e.node == n for e in early) for n in members),
                )
                for name, members in sides.items()
            ),
        ),
        draw.growth(result, sides, max(result.time, heals)),
    )
    yield Step(
        "The line is mended",
        f"After {heals} ms messages pass again. The wards find a common [[view]] and go on.",
        (*_ends(result), Value("all done after, ms", result.time)),
        table=_logs(result, len(setting.orders)),
    )
    ok = result.ending == "agreed"
    yield Outcome(
        "works" if ok else "broken", "They went on and never disagreed." if ok else _FAILED[result.ending]
    )


_PBFT_FAULT = Choice("fault", "How the leader lies", _EACH, (_EACH, _HALVES))

LESSON = Lesson(
    id="byzantine",
    number=9,
    topic="Trust without a centre",
    title="Agreement among liars",
    question="How do computers agree when some of them lie?",
    story=words.STORY,
    goals=words.GOALS,
    runs=(
        Run("show", "show", "Agree in three rounds", words.SHOW, _show, (_NODES, _FAULTY, _FAULT, _PLACE, _HOW_MANY, _DELAY)),
        Run("bounds", "show", "Find the bound by trying", words.BOUNDS, _bounds, (Whole("schedules", "Schedules for each kind of liar", 2, 1, 20),), seconds=40, heavy=True),
        Run("partition", "show", "Cut the network", words.PARTITION, _partition, (_NODES, Whole("apart", "Wards on the far side", 2, 1, 5), Whole("heals", "Mended after, ms", 500, 100, 5000), Whole("orders", "Drug orders", 3, 1, 4))),
        Run("one-leader", "attack", "Obey one leader", words.ONE_LEADER, _one_leader, (Whole("wards", "Wards", 4, 3, 10), _HOW_MANY, _DELAY)),
        Run("equivocating-three", "attack", "Three wards, one liar", words.THREE, _three, (Choice("quorum", "Who must agree", _GO_ON, (_GO_ON, _WAIT)), _HOW_MANY, _DELAY)),
        Run("two-of-four", "attack", "Four wards, two liars", words.TWO, _two_of_four, (_HOW_MANY, _DELAY)),
        Run("pbft", "cure", "Let the wards compare notes", words.PBFT, _pbft, (_PBFT_FAULT, _HOW_MANY, _DELAY), ("one-leader",)),
        Run("enough", "cure", "A fourth ward", words.ENOUGH, _enough, (_HOW_MANY, _DELAY), ("equivocating-three",)),
        Run("seven", "cure", "Seven wards for two liars", words.SEVEN, _seven, (_HOW_MANY, _DELAY), ("two-of-four",)),
    ),
    quiz=words.QUIZ,
    code=program("byzantine"),
    uses=words.USES,
    not_covered=words.NOT_COVERED,
    sources=words.SOURCES,
    teacher=words.TEACHER,
)  # fmt: skip
