"""Cures: noise against differencing, and the app's own budget against averaging."""

from __future__ import annotations

import hashlib
import math
import random
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from security.lab import story
from security.lab.lessons._privacy_shared import EPSILON, KIND, PATIENTS, SURE, noise_of, statuses
from security.lab.parameters import Chosen, Real, Whole
from security.lab.steps import Event, Outcome, Step, Table, Value
from security.lab.workings import countnoise
from ui import plots

_FEW = 3000
_TRIALS = 1000
_LEDGER_DELTA = 1e-6
_EPSILONS = (0.05, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0)
NOISE = (EPSILON, KIND, Whole("games", "Games", 4000, 100, 20_000))
BUDGET = (
    Real("epsilon", "Epsilon of one answer", 0.5, 0.1, 5.0),
    Real("allowed", "Epsilon that all answers may cost", 3.0, 0.5, 5.0),
    Whole("pairs", "How often the attacker wants to ask", 800, 1, 3000),
)


def noise(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    """Differencing against noisy counts, by the best attacker there is."""
    epsilon, times = chosen.real("epsilon"), chosen.whole("games")
    made = noise_of(chosen.text("kind"), epsilon)
    listed = statuses(rng, PATIENTS.default)
    everybody, others = sum(listed), sum(listed[1:])
    first, second = everybody + made.draw(rng), others + made.draw(rng)
    yield Step(
        "The same two questions",
        "Each answer has noise of its own.",
        (
            Value("noise scale", made.scale),
            Value("answer 1", first),
            Value("answer 2", second),
            Value("difference", first - second),
        ),
    )
    right = countnoise.games(rng, made, others, times)
    bound = countnoise.guess_bound(epsilon, made.delta)
    rate, slack = right / times, 4.5 * math.sqrt(bound * (1 - bound) / times)
    yield Step(
        "The best attacker",
        f"Let {story.ATTACKER} know the status of everybody else, and play {times:,} games: a coin decides Rosa's "
        "status, one noisy count is told, and the [[likelihood test]] guesses. No guess is better.",
        (
            Value("right", rate, f"share of {times:,}"),
            Value("expected", made.guess_probability()),
            Value("bound", bound, "(e^epsilon + delta) / (1 + e^epsilon), for every attacker"),
        ),
        _against_epsilon(rng, made.kind),
    )
    kept = rate <= bound + slack
    sure = rate >= SURE
    text = f"The best attacker is right in {rate:.1%} of the games; the bound is {bound:.1%}, and a coin's rate 50%."
    yield Outcome(
        "held" if kept and not sure else "broken",
        text + (" Epsilon is too large to hide her." if sure else ""),
    )


def _against_epsilon(rng: random.Random, kind: str) -> str:
    curve = [(0.1 * at, round(countnoise.guess_bound(0.1 * at), 4)) for at in range(51)]
    spots = []
    for epsilon in _EPSILONS:
        made = noise_of(kind, epsilon)
        spots.append((epsilon, countnoise.games(rng, made, 0, _FEW) / _FEW))
    return plots.lines(
        "How often the best attacker is right",
        [plots.Line("bound", curve, "b"), plots.Line(f"measured in {_FEW} games", spots, "dots")],
        "epsilon",
    )


def budget(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    """Averaging against a server that charges each answer to the app's ledger."""
    made, allowed = noise_of(countnoise.LAPLACE, chosen.real("epsilon")), chosen.real("allowed")
    listed = statuses(rng, PATIENTS.default)
    data = hashlib.sha256(bytes(listed)).hexdigest()
    yield Step(
        "The data's owner sets a budget",
        "All answers about these patients may cost this much together: the [[privacy budget]]. The ledger is the app's own.",
        (
            Value("allowed epsilon", allowed),
            Value("allowed delta", _LEDGER_DELTA),
            Value("data set", data[:16]),
        ),
    )
    spent, refusal = _asked(data, made, allowed, 2 * chosen.whole("pairs"))
    answers = len(spent)
    yield Step(
        "Charge first, then answer",
        "Two questions at a time, as before. The ledger is asked before any noise is drawn. It counts by Rényi accounting, which for a few answers is a little dearer than their sum, and for many much cheaper.",
        (Value("answers given", answers), Value("epsilon spent", spent[-1] if spent else 0.0)),
        plots.lines(
            "What the answers have cost together",
            [
                plots.Line("spent", [(float(at + 1), round(one, 4)) for at, one in enumerate(spent)], "a"),
                plots.Line("allowed", [(1.0, allowed), (float(max(2, answers)), allowed)], "b"),
            ],
            "answers",
            "epsilon",
        ),
    )
    if refusal:
        yield Step("The next one is refused", refusal)
    yield from _left_to_average(rng, made, answers, chosen.whole("pairs"))


def _left_to_average(
    rng: random.Random, made: countnoise.Noise, answers: int, wanted: int
) -> Iterator[Event]:
    pairs = answers // 2
    rate = countnoise.averaged(rng, made, [pairs], _TRIALS)[0] if pairs else 0.5
    yield Step(
        "What can be averaged",
        f"The same attack with the {pairs} pairs of answers that {story.ATTACKER} got, on {_TRIALS:,} patients.",
        (Value("right", rate, f"share of {_TRIALS:,}" if pairs else "a coin"),),
        table=Table(
            ("", "pairs", "right"),
            (
                ("with the budget", f"{pairs:,}", f"{rate:.1%}"),
                (
                    "without",
                    f"{wanted:,}",
                    f"{countnoise.averaged_expected(made, wanted):.1%} (expected)",
                ),
            ),
        ),
    )
    yield Outcome(
        "held" if rate < SURE else "broken",
        f"The server gave {answers} answers; with them {story.ATTACKER} is right about {rate:.1%} of patients.",
    )


def _asked(data: str, made: countnoise.Noise, allowed: float, most: int) -> tuple[Sequence[float], str]:
    """Epsilon spent after each answer until one is refused, and the refusal; the ledger's file is gone after."""
    from security.crypto.privacy import Budget, BudgetSpentError, Laplace

    spent: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        ledger = Budget(Path(folder), now=lambda: datetime(2026, 1, 1, tzinfo=UTC))
        ledger.allow(data, allowed, _LEDGER_DELTA)
        while len(spent) < most:
            try:
                ledger.charge(data, Laplace(made.scale), "a count")
            except BudgetSpentError as error:
                return spent, str(error)
            spent.append(ledger.spent(data))
    return spent, ""
