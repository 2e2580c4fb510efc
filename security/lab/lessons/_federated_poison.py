"""Poison: one hospital's false update against the mean, and against rules that it can't drag far."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from security.lab import story
from security.lab.lessons._federated_shared import HEADINGS, ROUNDS, SKEW, TEST, row, star
from security.lab.parameters import Chosen, Real, Whole
from security.lab.steps import Event, Outcome, Step, Table, Value
from security.lab.workings import clinics, fedavg
from security.lab.workings.clinics import Patient
from ui import plots

_COLLAPSE = 0.1  # so much accuracy lost counts as an attack that worked
_EVIL = (3, 4, 1)
HOSTILE = (
    Whole("evil", "Hospitals in Mallory's hands", 1, 1, 3),
    Real("boost", "How many times as long her update is", 20.0, 1.0, 50.0),
    Real("skew", SKEW.label, 0.5, SKEW.least, SKEW.most, SKEW.hint),
    ROUNDS,
)


def _curve(every: Sequence[fedavg.Weights], test: Sequence[Patient]) -> list[tuple[float, float]]:
    return [(float(at), fedavg.accuracy(weights, test)) for at, weights in enumerate(every)]


def _poisoned(chosen: Chosen, rng: random.Random, name: str) -> Iterator[Event]:
    rounds, steps = chosen.whole("rounds"), 2
    hospitals, rule = clinics.hospitals(rng, chosen.real("skew")), fedavg.RULES[name]
    test = clinics.region(rng, TEST)
    evil = _EVIL[: chosen.whole("evil")]
    send = fedavg.reversing(evil, chosen.real("boost"))
    clean = fedavg.federated(hospitals, rounds, steps)
    poisoned = fedavg.federated(hospitals, rounds, steps, rule, send)
    names = " and ".join(story.HOSPITALS[i] for i in evil)
    yield Step(
        f"{story.ATTACKER} speaks for {names}",
        "What she sends is the true update turned round and made longer: [[model poisoning]].",
        (Value("length of her update, in true ones", -chosen.real("boost")),),
        star(
            f"Five hospitals send updates to the server; {names} sends a false one.",
            f"rule: {name}",
            ["bad" if i in evil else "" for i in range(len(hospitals))],
        ),
    )
    first = [
        send(i, list(fedavg.START), fedavg.trained(fedavg.START, h.patients, steps))
        for i, h in enumerate(hospitals)
    ]
    rows = [row(h.name, w) for h, w in zip(hospitals, first, strict=True)] + [row(name, poisoned[1])]
    yield Step(
        f"Round 1: {name}",
        "One false row among five. Look at what the rule makes of it, in the last row.",
        table=Table(
            HEADINGS,
            tuple(rows),
            f"Weights that arrive in the first round, and what the rule makes of them ({name})",
        ),
    )
    yield from _result(clean, poisoned, test, name)


def _result(
    clean: Sequence[fedavg.Weights], poisoned: Sequence[fedavg.Weights], test: Sequence[Patient], name: str
) -> Iterator[Event]:
    before, after = fedavg.accuracy(clean[-1], test), fedavg.accuracy(poisoned[-1], test)
    ill = sum(ill for _, ill in test)
    yield Step(
        f"{len(clean) - 1} rounds",
        "An ill patient whom the model calls healthy is missed.",
        (
            Value("accuracy without her", before),
            Value("accuracy with her", after),
            Value("ill patients missed without her", fedavg.missed(clean[-1], test), f"of {ill}"),
            Value("ill patients missed with her", fedavg.missed(poisoned[-1], test), f"of {ill}"),
        ),
        plots.lines(
            "Accuracy on new patients",
            [
                plots.Line("all honest, mean", _curve(clean, test), "a"),
                plots.Line(f"{story.ATTACKER} among them, {name}", _curve(poisoned, test), "b"),
            ],
            "round",
        ),
    )
    broken = before - after >= _COLLAPSE
    yield Outcome(
        "broken" if broken else "held",
        f"With {story.ATTACKER} among them ({name}) the model is right about {after:.1%} of new patients; without her, "
        f"about {before:.1%}.",
    )


def poison(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    """The attack on the mean."""
    yield from _poisoned(chosen, rng, "mean")


def robust(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    """The same attack on the chosen rule."""
    yield from _poisoned(chosen, rng, chosen.text("rule"))
