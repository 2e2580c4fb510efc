"""Differential privacy: noise on a count, two attacks on counts, a budget, and what it all costs."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence

from security.lab import story
from security.lab.lesson import Lesson, Run, program
from security.lab.lessons import _privacy_attacks as attacks
from security.lab.lessons import _privacy_costs as costs
from security.lab.lessons import _privacy_cures as cures
from security.lab.lessons import _privacy_words as words
from security.lab.lessons._privacy_shared import EPSILON, KIND, PATIENTS, noise_of, statuses
from security.lab.parameters import Chosen, Whole
from security.lab.steps import Event, Outcome, Step, Value
from security.lab.workings import countnoise
from security.lab.workings.countnoise import Noise
from ui import plots

_BINS = 24
_SHOWN = 6
_GRID = 200
_RARE = 4.5  # standard errors: a mean that is further off is not this noise's


def _show(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    made = noise_of(chosen.text("kind"), chosen.real("epsilon"))
    draws = chosen.whole("draws")
    true = sum(statuses(rng, chosen.whole("patients")))
    yield Step(
        "The true count",
        f"{story.HOSPITAL} wants to publish how many of its patients have HIV.",
        (Value("patients", chosen.whole("patients")), Value("true count", true)),
    )
    answers = [true + made.draw(rng) for _ in range(draws)]
    shown = [("true", float(true))]
    shown += [
        (f"answer {at + 1}", float(max(0, round(answer)))) for at, answer in enumerate(answers[:_SHOWN])
    ]
    yield Step(
        "Noise is added",
        f"One patient changes the count by at most 1 (the [[sensitivity]]), so [[epsilon]] {made.epsilon:g} asks for noise of "
        "this scale. Only one answer is ever told; rounding it, or taking 0 for less than 0, costs no privacy.",
        (Value("noise scale", made.scale), Value("first noisy count", answers[0])),
        plots.bars("The true count and six answers that might have been told", shown),
    )
    error = sum(abs(answer - true) for answer in answers) / draws
    yield Step(
        f"{draws:,} answers that might have been told",
        "The two curves are for a hospital with Rosa and for one where she doesn't have HIV. Every answer "
        "may come from either; how much likelier from one than from the other, epsilon bounds.",
        (Value("mean error", error), Value("expected mean error", made.mean_error())),
        _curves(made, true, answers),
    )
    yield from _promise(made, error, draws)


def _curves(made: Noise, true: int, answers: Sequence[float]) -> str:
    """Densities with and without one patient, and dots for the share of answers in bins."""
    reach = max(3.0, 3.5 * made.deviation())
    if made.kind == countnoise.DISCRETE:
        places = [float(x) for x in range(-math.ceil(reach), math.ceil(reach) + 1)]
        width = 1.0
    else:
        width = 2 * reach / _BINS
        places = [-reach + width * (at + 0.5) for at in range(_BINS)]
    dots = []
    for place in places:
        inside = sum(-width / 2 <= answer - true - place < width / 2 for answer in answers)
        dots.append((true + place, inside / (len(answers) * width)))
    grid = places if made.kind == countnoise.DISCRETE else [reach * (at / 60 - 1) for at in range(121)]
    return plots.lines(
        "How likely each answer is",
        [
            plots.Line(f"true count {true}", [(true + x, round(made.density(x), 6)) for x in grid], "a"),
            plots.Line(
                f"true count {true - 1}", [(true + x, round(made.density(x + 1), 6)) for x in grid], "b"
            ),
            plots.Line("drawn", dots, "dots"),
        ],
        "answer",
    )


def _promise(made: Noise, error: float, draws: int) -> Iterator[Event]:
    """Whether the promise of epsilon is kept, computed from the densities."""
    most = math.exp(made.epsilon)
    if made.kind == countnoise.GAUSSIAN:
        cost = countnoise.gaussian_delta(made.epsilon, made.scale)
        kept = cost <= made.delta * 1.001
        value = Value("delta that it needs", cost, f"allowed: {made.delta:g}")
        text = "A Gaussian's ratio has no bound far out, so it keeps epsilon but for a small probability [[delta]]."
    else:
        reach = max(2, math.ceil(3 * made.deviation()))
        grid = [reach * at / _GRID for at in range(-_GRID, _GRID + 1)]
        if made.kind == countnoise.DISCRETE:
            grid = [float(x) for x in range(-reach, reach + 1)]
        ratio = max(made.density(x) / made.density(x + 1) for x in grid)
        kept = ratio <= most * (1 + 1e-9)
        value = Value("largest ratio of the two curves", ratio)
        text = (
            "At no answer is one curve more than e^epsilon times the other. That is [[differential privacy]]."
        )
    yield Step("The promise", text, (value, Value("e^epsilon", most)))
    spread = math.sqrt(max(made.deviation() ** 2 - made.mean_error() ** 2, 1e-12) / draws)
    true_noise = abs(error - made.mean_error()) <= _RARE * spread + 1e-9
    yield Outcome(
        "works" if kept and true_noise else "broken",
        f"The count is off by {error:.3g} on average, and one patient makes no answer more than {most:.3g} times as likely"
        + (f", but for a probability of {made.delta:g}." if made.delta else "."),
    )


LESSON = Lesson(
    id="privacy",
    number=11,
    topic="Learning without seeing",
    title="Differential privacy",
    question="How many patients have HIV, without telling of any one?",
    story=f"{story.STUDENT} counts for her thesis how many patients of {story.HOSPITAL} have HIV. {story.PATIENT} is one of those asked, and "
    f"nobody may learn her status. {story.ATTACKER} asks harmless questions too: only counts, never a name.",
    goals=words.GOALS,
    runs=(
        Run(
            "show",
            "show",
            "A count with noise",
            "Choose [[epsilon]] and look how far the answers are off, and how much the two curves overlap.",
            _show,
            (EPSILON, KIND, PATIENTS, Whole("draws", "Answers to draw", 1000, 100, 5000)),
            seconds=40.0,
            megabytes=6144,
        ),
        Run(
            "composition",
            "show",
            "How costs add up",
            "Epsilon after many answers, in three ways of counting.",
            costs.composition,
            costs.COMPOSITION,
            seconds=40.0,
            megabytes=6144,
        ),
        Run(
            "dp-sgd",
            "show",
            "A model trained with noise",
            "Accuracy against epsilon: a model that hides each patient it learnt from.",
            costs.dp_sgd,
            costs.DP_SGD,
            seconds=40.0,
            megabytes=6144,
            heavy=True,
        ),
        Run(
            "differencing",
            "attack",
            "Two counts, one patient",
            "Two exact counts over large groups, and a subtraction.",
            attacks.differencing,
            attacks.DIFFERENCING,
        ),
        Run(
            "averaging",
            "attack",
            "Ask again and again",
            "Noise that is drawn anew for each question, and nobody who counts the questions.",
            attacks.averaging,
            attacks.AVERAGING,
            seconds=40.0,
            megabytes=6144,
        ),
        Run(
            "noise",
            "cure",
            "Noise against the subtraction",
            "The best attacker there is plays thousands of games; compare her rate with the bound.",
            cures.noise,
            cures.NOISE,
            ("differencing",),
            seconds=40.0,
            megabytes=6144,
        ),
        Run(
            "budget",
            "cure",
            "A budget against averaging",
            "The app's own ledger charges each answer, and refuses when the [[privacy budget]] is spent.",
            cures.budget,
            cures.BUDGET,
            ("averaging",),
            seconds=40.0,
            megabytes=6144,
        ),
    ),
    quiz=words.QUIZ,
    code=program("privacy"),
    uses=words.USES,
    not_covered=words.NOT_COVERED,
    sources=words.SOURCES,
    teacher=words.TEACHER,
)
