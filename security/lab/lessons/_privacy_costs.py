"""What privacy costs: epsilon of many answers, and accuracy of a model that is trained with noise."""

from __future__ import annotations

import random
from collections.abc import Iterator

from security.lab.lessons._privacy_shared import EPSILON
from security.lab.parameters import Chosen, Real, Whole
from security.lab.steps import Event, Outcome, Step, Table, Value
from security.lab.workings import clinics, countnoise, dpsgd, fedavg
from ui import plots

_DELTA = 1e-6
_TRAIN_DELTA = 1e-5
_POINTS = 20
_NOISES = (32.0, 16.0, 8.0, 4.0, 2.0, 1.2)
_TRAIN, _TEST, _REPEATS, _RATE = 500, 400, 5, 0.1
_LOST = 0.05

COMPOSITION = (
    Real("epsilon", "Epsilon of one answer", 0.1, EPSILON.least, 2.0),
    Whole("answers", "Answers", 200, 10, 500),
)
DP_SGD = (
    Real("clip", "Longest gradient of one patient", 1.0, 0.1, 5.0),
    Whole("steps", "Training steps", 60, 10, 150),
)


def composition(chosen: Chosen, _: random.Random) -> Iterator[Event]:
    """Three ways to add up the epsilons of many Laplace answers."""
    epsilon, most = chosen.real("epsilon"), chosen.whole("answers")
    yield Step(
        "Basic: the sum",
        "k answers with epsilon each cost at most k times epsilon: [[composition]].",
        (
            Value("epsilon of one", epsilon),
            Value("answers", most),
            Value("basic", countnoise.basic(epsilon, most)),
        ),
    )
    # Imported only now, for the library takes its time and the first step needn't wait for it.
    from security.crypto.privacy.accounting import laplace_scale, total_epsilon
    from security.crypto.privacy.mechanisms import Laplace

    one = Laplace(laplace_scale(epsilon))
    counts = sorted({1 + (most - 1) * at // _POINTS for at in range(_POINTS + 1)})
    rows = []
    for count in counts:
        spent = total_epsilon([one] * count, _DELTA)
        rows.append(
            (count, countnoise.basic(epsilon, count), countnoise.advanced(epsilon, count, _DELTA), spent)
        )
    yield Step(
        "Advanced, and the app's accountant",
        f"If the promise may fail with probability [[delta]] = {_DELTA:g}, the sum can grow more slowly: with a small epsilon "
        "about with the root of k, and in the end with k again. With a large epsilon the plain sum is better. All three are true bounds, so the smallest one counts.",
        (Value("advanced", rows[-1][2]), Value("accountant", rows[-1][3])),
        plots.lines(
            "Epsilon of all answers together",
            [
                plots.Line("basic", [(float(row[0]), round(row[1], 4)) for row in rows], "b"),
                plots.Line("advanced", [(float(row[0]), round(row[2], 4)) for row in rows], "c"),
                plots.Line("accountant", [(float(row[0]), round(row[3], 4)) for row in rows], "a"),
            ],
            "answers",
        ),
        Table(
            ("answers", "basic", "advanced", "accountant"),
            tuple((str(k), *(f"{value:.3g}" for value in rest)) for k, *rest in rows[:: _POINTS // 4]),
        ),
    )
    best = rows[-1][3] < rows[-1][1]
    yield Outcome(
        "works" if best else "broken",
        f"{most} answers cost epsilon {rows[-1][1]:.3g} by the sum, and {rows[-1][3]:.3g} by the accountant."
        + ("" if best else " With so few answers the sum is the better bound."),
    )


def dp_sgd(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    """Accuracy against epsilon of one small model."""
    from security.crypto.privacy.accounting import epsilon_of

    steps, clip = chosen.whole("steps"), chosen.real("clip")
    train, test = clinics.region(rng, _TRAIN), clinics.region(rng, _TEST)

    def accuracy(noise: float) -> float:
        plan = dpsgd.Plan(noise, clip, _RATE, steps)
        return sum(fedavg.accuracy(dpsgd.train(rng, train, plan), test) for _ in range(_REPEATS)) / _REPEATS

    ill = sum(ill for _, ill in test) / _TEST
    guess, free = max(ill, 1 - ill), accuracy(0.0)
    yield Step(
        "A model without noise",
        f"Logistic regression on {_TRAIN} made-up patients: who has Parkinson's? Each step takes about a tenth of them.",
        (Value("accuracy without noise", free), Value("accuracy of always the same answer", guess)),
    )
    points, rows = [], []
    for noise in _NOISES:
        epsilon, right = epsilon_of(noise, _RATE, steps, _TRAIN_DELTA), accuracy(noise)
        points.append((round(epsilon, 4), right))
        rows.append((f"{noise:g}", f"{epsilon:.3g}", f"{right:.1%}"))
        yield Step(f"Noise {noise:g}", "", (Value("epsilon", epsilon), Value("accuracy", right)))
    ends = points[-1][0]
    yield Step(
        "Privacy against accuracy",
        "Each patient's gradient is cut to the same length ([[clipping]]), and noise is added to the sum of each step: "
        "[[DP-SGD]]. Less epsilon, more noise, and a worse model.",
        picture=plots.lines(
            "Accuracy on new patients",
            [
                plots.Line("with DP-SGD", points, "a"),
                plots.Line("without noise", [(points[0][0], free), (ends, free)], "b"),
                plots.Line("always the same answer", [(points[0][0], guess), (ends, guess)], "c"),
            ],
            "epsilon",
        ),
        table=Table(
            ("noise", f"epsilon at delta {_TRAIN_DELTA:g}", "accuracy"),
            tuple(rows),
            f"Mean of {_REPEATS} trainings",
        ),
    )
    best = max(right for _, right in points)
    yield Outcome(
        "works" if best >= free - _LOST and best > guess else "broken",
        f"From epsilon {points[0][0]:.2g} to {ends:.2g} the accuracy goes from {points[0][1]:.1%} to {points[-1][1]:.1%}; "
        f"without noise it is {free:.1%}.",
    )
