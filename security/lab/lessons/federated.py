"""Federated learning: five hospitals train one model, a poisoned update, a leaking one, and a cure for each."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence

from security.lab import story
from security.lab.lesson import Lesson, Run, program
from security.lab.lessons import _federated_words as words
from security.lab.lessons._federated_leakage import leakage, secure
from security.lab.lessons._federated_poison import HOSTILE, poison, robust
from security.lab.lessons._federated_shared import HEADINGS, ROUNDS, SKEW, TEST, row, star
from security.lab.parameters import Choice, Chosen, Whole
from security.lab.steps import Event, Outcome, Step, Table, Value
from security.lab.workings import clinics, fedavg
from security.lab.workings.clinics import FEATURES, Hospital, Patient
from ui import plots

_CLOSE = 0.05

_STEPS = Whole("steps", "Local steps in a round", 2, 1, 20)


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _losses(every: Sequence[fedavg.Weights], test: Sequence[Patient]) -> list[tuple[float, float]]:
    return [(float(at), round(fedavg.loss(weights, test), 6)) for at, weights in enumerate(every)]


def _show(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    rounds, steps = chosen.whole("rounds"), chosen.whole("steps")
    hospitals = clinics.hospitals(rng, chosen.real("skew"))
    test = clinics.region(rng, TEST)
    yield _patients(hospitals)
    yield Step(
        "What travels",
        "Each hospital trains the model on its own patients and sends the model's weights back: the [[local update]]. "
        "No record is sent.",
        (Value("numbers in one update", len(fedavg.START)), Value("records sent", 0)),
        star(
            "A server in the middle of five hospitals; weights travel, records stay.", "averages the weights"
        ),
    )
    first = [fedavg.trained(fedavg.START, h.patients, steps) for h in hospitals]
    every = fedavg.federated(hospitals, rounds, steps)
    rows = [row(h.name, w) for h, w in zip(hospitals, first, strict=True)] + [row("weighted mean", every[1])]
    yield Step(
        "Round 1",
        "The server takes the mean, in which each hospital counts by its patients ([[FedAvg]]). That is the new model.",
        (Value("tremor weight after round 1", every[1][1]),),
        table=Table(HEADINGS, tuple(rows), "Weights after the first round, per hospital, and their mean"),
    )
    yield from _compared(hospitals, test, every, rounds, steps)


def _patients(hospitals: Sequence[Hospital]) -> Step:
    rows = []
    for hospital in hospitals:
        means = [_mean([z[at] for z, _ in hospital.patients]) for at in range(len(FEATURES))]
        natural = clinics.natural(means)
        rows.append(
            (
                hospital.name,
                str(len(hospital.patients)),
                f"{hospital.share():.0%}",
                *(f"{v:.3g}" for v in natural),
            )
        )
    heads = ("hospital", "patients", "ill", *(f"{f.name} ({f.unit})" for f in FEATURES))
    return Step(
        "Five hospitals, five kinds of patients",
        "The hospitals differ in their [[case mix]] and in the share of patients with Parkinson's disease. Such data "
        "is called non-IID: not drawn from one and the same population.",
        table=Table(heads, tuple(rows), "Patients, share of ill ones, and mean measurements"),
    )


def _compared(
    hospitals: Sequence[Hospital],
    test: Sequence[Patient],
    every: Sequence[fedavg.Weights],
    rounds: int,
    steps: int,
) -> Iterator[Event]:
    lonely = [fedavg.alone(hospital.patients, rounds, steps) for hospital in hospitals]
    central = fedavg.alone([p for hospital in hospitals for p in hospital.patients], rounds, steps)
    curves = [_losses(one, test) for one in lonely]
    mean_loss = [(pair[0][0], _mean([y for _, y in pair])) for pair in zip(*curves, strict=True)]
    yield Step(
        f"{rounds} rounds",
        f"How wrong the model is about {len(test)} patients of the region on whom nobody trained. Lower is better. The federated line all but covers the pooled one.",
        (Value("tremor weight", every[-1][1]), Value("federated loss", fedavg.loss(every[-1], test), "nats")),
        plots.lines(
            "Error on new patients",
            [
                plots.Line("federated", _losses(every, test), "a"),
                plots.Line("all records pooled", _losses(central, test), "b"),
                plots.Line("alone (mean of five)", mean_loss, "c"),
            ],
            "round",
            "log loss",
        ),
    )
    together, pooled = fedavg.accuracy(every[-1], test), fedavg.accuracy(central[-1], test)
    solo = [fedavg.accuracy(one[-1], test) for one in lonely]
    rows = tuple(
        (h.name, f"{mine:.1%}", f"{together:.1%}", f"{together - mine:+.1%}")
        for h, mine in zip(hospitals, solo, strict=True)
    )
    yield Step(
        "Who gains by joining?",
        "Alone, a hospital learns its own kind of patient. Together they come close to the model of all records pooled.",
        (
            Value("federated accuracy", together),
            Value("pooled accuracy", pooled),
            Value("accuracy alone, mean of five", _mean(solo)),
        ),
        table=Table(("hospital", "alone", "federated", "gain"), rows, "Accuracy on new patients"),
    )
    good = together >= pooled - _CLOSE and together >= _mean(solo)
    yield Outcome(
        "works" if good else "broken",
        f"The federated model is right about {together:.1%} of new patients; the pooled one about {pooled:.1%}, and "
        f"hospitals alone about {_mean(solo):.1%}.",
    )


_RULE = Choice("rule", "The server's rule", "median", ("median", "trimmed mean", "Krum"))

LESSON = Lesson(
    id="federated",
    number=10,
    topic="Learning without seeing",
    title="Federated learning",
    question="How is a model trained on data that never leaves the hospital, and why?",
    story=f"Five hospitals want a model that tells Parkinson's disease early. None may give its records away, and {story.HOSPITAL} "
    f"has {story.PATIENT}'s. So the model travels and the records stay. But {story.ATTACKER} has got hold of Hillcrest's computer, and the "
    "server that averages is curious.",
    goals=words.GOALS,
    runs=(
        Run(
            "show",
            "show",
            "Train together",
            "Rounds of [[federated learning]]: compare the shared model with each hospital's own, and with one of all records pooled.",
            _show,
            (ROUNDS, SKEW, _STEPS),
        ),
        Run(
            "poison",
            "attack",
            "Poison the model",
            "One hospital sends its update turned round and twenty times as long. Watch the accuracy.",
            poison,
            HOSTILE,
        ),
        Run(
            "leakage",
            "attack",
            "Read a record from an update",
            "The server works Rosa's record out of one [[local update]].",
            leakage,
            (Whole("others", "Other patients in the same step", 0, 0, 32),),
        ),
        Run(
            "robust",
            "cure",
            "A rule that outliers can't drag",
            "The same poison against the median, the [[trimmed mean]] or [[Krum]] in place of the mean.",
            robust,
            (_RULE, *HOSTILE),
            ("poison",),
        ),
        Run(
            "secure-sum",
            "cure",
            "Add up behind masks",
            "The same division of what the server sees when it adds up masked numbers. Let other hospitals tell theirs, and look again.",
            secure,
            (Whole("tell", "Hospitals that tell the server their numbers", 0, 0, 4),),
            ("leakage",),
            megabytes=4096,
        ),
    ),
    quiz=words.QUIZ,
    code=program("federated"),
    uses=words.USES,
    not_covered=words.NOT_COVERED,
    sources=words.SOURCES,
    teacher=words.TEACHER,
)
