"""Attacks on counts: the difference of two exact ones, and the mean of many noisy ones."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

from security.lab import pictures, story
from security.lab.errors import BadParameterError
from security.lab.lessons._privacy_shared import EPSILON, PATIENTS, ROSA, SURE, noise_of, told, with_rosa
from security.lab.parameters import Chosen, Whole
from security.lab.steps import Event, Outcome, Step, Value
from security.lab.workings import countnoise
from ui import plots

_TRIALS = 200
DIFFERENCING = (ROSA, PATIENTS, Whole("least", "Groups smaller than this get no answer", 10, 0, 1000))
AVERAGING = (ROSA, EPSILON, Whole("pairs", "How often the two questions are asked", 800, 1, 3000))


def differencing(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    """Two exact counts, one without Rosa."""
    patients, least = chosen.whole("patients"), chosen.whole("least")
    if least > patients:
        raise BadParameterError(
            "least",
            f"with {patients} patients no group has {least}, so no question at all would be answered.",
            "A server that never answers is safe, and of no use.",
        )
    listed = with_rosa(rng, patients, chosen.text("rosa"))
    everybody, others = sum(listed), sum(listed[1:])
    yield Step(
        "Question 1: how many patients have HIV?",
        "The server names nobody, and answers exactly.",
        (Value("patients asked about", patients), Value("answer 1", everybody)),
    )
    if patients - 1 < least:
        yield Step("Question 2 is refused", f"Without {story.PATIENT} the group has {patients - 1} patients.")
        yield Outcome(
            "held", f"The group is smaller than {least}: {story.ATTACKER} has one count, and no difference."
        )
        return
    yield Step(
        f"Question 2: the same, without {story.PATIENT}",
        "It may read: how many patients have HIV who were not born on her birthday? Both groups are large.",
        (Value("patients asked about", patients - 1), Value("answer 2", others)),
    )
    guess = everybody - others == 1
    yield Step(
        "One count minus the other",
        "[[Differencing]]: all other patients drop out.",
        (Value("difference", everybody - others),),
        pictures.chain(
            "The count of all minus the count without Rosa is Rosa's status.",
            [
                pictures.Box(("All", f"{everybody} of {patients}")),
                pictures.Box(("Without Rosa", f"{others} of {patients - 1}")),
                pictures.Box(("Rosa", f"{everybody - others}", "HIV" if guess else "no HIV"), "bad"),
            ],
            ("−", "="),
        ),
    )
    right = guess == listed[0]
    yield Outcome(
        "broken" if right else "held", f"{story.ATTACKER} is certain: {story.PATIENT} {told(guess)}."
    )


def averaging(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    """The two noisy counts, asked again and again."""
    pairs, noise = chosen.whole("pairs"), noise_of(countnoise.LAPLACE, chosen.real("epsilon"))
    listed = with_rosa(rng, PATIENTS.default, chosen.text("rosa"))
    everybody, others = sum(listed), sum(listed[1:])
    means = countnoise.differences(rng, noise, everybody, others, pairs)
    yield Step(
        "Two noisy answers",
        f"The count of all and the count without {story.PATIENT}, each with fresh [[Laplace noise]]. Their difference "
        "says next to nothing.",
        (Value("noise scale", noise.scale), Value("difference, asked once", means[0])),
    )
    shown = [(float(at + 1), round(means[at], 4)) for at in _places(pairs)]
    yield Step(
        f"{pairs:,} answers to each, averaged",
        "Nothing limits how often one may ask. The noise is new each time, and its mean goes to 0.",
        (Value("mean difference", means[-1]), Value("guess", told(means[-1] > 0.5))),
        plots.lines(
            "The mean difference closes in on Rosa's status",
            [
                plots.Line("mean so far", shown, "a"),
                plots.Line("has HIV: 1", [(1.0, 1.0), (float(max(2, pairs)), 1.0)], "b"),
                plots.Line("has not: 0", [(1.0, 0.0), (float(max(2, pairs)), 0.0)], "c"),
            ],
            "times asked",
        ),
    )
    yield from _how_often(rng, noise, pairs)


def _places(pairs: int) -> list[int]:
    """About 120 indices of the means, always the last; the first few, wild ones, stay out of a long picture."""
    first = min(pairs // 50, 10)
    stride = max(1, pairs // 120)
    return [*range(first, pairs - 1, stride), pairs - 1]


def _how_often(rng: random.Random, noise: countnoise.Noise, pairs: int) -> Iterator[Event]:
    asked = sorted({2**power for power in range(pairs.bit_length()) if 2**power < pairs} | {pairs})
    rates = countnoise.averaged(rng, noise, asked, _TRIALS)
    doubled = [round(math.log2(one), 2) for one in asked]
    expected = [countnoise.averaged_expected(noise, one) for one in asked]
    yield Step(
        "Was it luck?",
        f"The attack again, on {_TRIALS} patients for whom a coin decided the status.",
        (Value("right", rates[-1], f"share of {_TRIALS}"), Value("expected", expected[-1])),
        plots.lines(
            "How often the attacker is right",
            [
                plots.Line("measured", list(zip(doubled, rates, strict=True)), "a"),
                plots.Line(
                    "expected", [(n, round(one, 4)) for n, one in zip(doubled, expected, strict=True)], "b"
                ),
            ],
            "doublings of the questions",
        ),
    )
    yield Outcome(
        "broken" if rates[-1] >= SURE else "held",
        f"With {pairs:,} answers to each of the two questions {story.ATTACKER} is right about {rates[-1]:.1%} of patients.",
    )
