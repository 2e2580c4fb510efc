"""Lesson 6, something you are: two kinds of error, one among five thousand, and a second factor beside it."""

from __future__ import annotations

import random
from collections.abc import Generator, Iterator

from security.lab import story
from security.lab.parameters import Choice, Chosen, Real, Whole
from security.lab.steps import Event, Outcome, Step, Table, Value
from security.lab.workings import faces, passkeys
from ui import plots

THRESHOLD = Real("threshold", "How alike is alike enough", 0.5, 0.0, 1.0, "0: everybody. 1: nobody.")
STAFF = Whole("staff", "People on the hospital's list", 5_000, 1, 10_000)
ASKS = Choice("asks", "The door asks for", "face and device", ("face and device", "face alone"))
_SAME, _STRANGERS = 2_000, 20_000
_BINS = 25
_SITE = "door.st-damian.example"


def face(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    """Mallory's face against everybody's on the list, at a lax threshold."""
    threshold, staff = chosen.real("threshold"), chosen.whole("staff")
    scores = yield from _errors(threshold, rng)
    likeness, alike = _against_all(staff, threshold, rng)
    alone = scores.false_accepts(threshold)
    yield Step(
        "One among so many",
        f"The camera at the medicine room looks {story.ATTACKER}'s face up among all {staff:,} of the staff. Each comparison may go wrong, "
        "and somebody on so long a list looks like her.",
        (
            Value("false accepts in one comparison, %", round(100 * alone, 4)),
            Value("chance of at least one, %", round(100 * faces.any_of(alone, staff), 4)),
            Value("people she passes for", alike),
            Value("best likeness", round(likeness, 6)),
        ),
        plots.lines("Somebody on the list fits", [_growth(alone, staff)], "people on the list", "%"),
    )
    if alike:
        yield Outcome(
            "broken", f"The door opens for {story.ATTACKER}: the camera takes her for one of {alike} people."
        )
    else:
        yield Outcome(
            "held", "Nobody on the list is alike enough; look at what the rightful staff pay for it."
        )


def second(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    """The same face, but she must say who she claims to be and show that person's device."""
    threshold, staff = chosen.real("threshold"), chosen.whole("staff")
    scores = yield from _errors(threshold, rng)
    likeness, alike = _against_all(staff, threshold, rng)
    passes = likeness >= threshold
    yield Step(
        "Say who you are first",
        f"One comparison in place of {staff:,}. We let {story.ATTACKER} know whom she resembles most, and claim to be that person.",
        (
            Value("people she passes for, if all were searched", alike),
            Value("likeness to the one she claims", round(likeness, 6)),
            Value("face accepted", passes),
            Value("chance for any stranger, %", round(100 * scores.false_accepts(threshold), 4)),
        ),
    )
    owner, hers = passkeys.Device(), passkeys.Device()
    public = owner.register(_SITE, rng.randbytes(32))
    hers.register(_SITE, rng.randbytes(32))
    challenge, origin = rng.randbytes(32), f"https://{_SITE}"
    right = passkeys.refusal(public, origin, challenge, owner.sign(_SITE, challenge, origin))
    wrong = passkeys.refusal(public, origin, challenge, hers.sign(_SITE, challenge, origin))
    yield Step(
        "And show the device",
        "The badge signs the door's [[challenge]] with a key that can be taken back when it is lost. A face can't be taken back.",
        (
            Value("owner's badge", "refused" if right else "accepted"),
            Value("Mallory's badge", "refused" if wrong else "accepted", wrong),
        ),
    )
    yield _stricter(scores, staff)
    opened = passes and (chosen.text("asks") == "face alone" or not wrong)
    if opened or right:
        yield Outcome("broken", "The face alone was enough, and hers is alike enough.")
    else:
        yield Outcome(
            "held",
            "Her face passes, her badge doesn't." if passes else "Neither her face nor her badge passes.",
        )


def _errors(threshold: float, rng: random.Random) -> Generator[Event, None, faces.Scores]:
    scores = faces.measured(_SAME, _STRANGERS, rng)
    names = [f"{at / _BINS:g}" if at % 5 == 0 else "" for at in range(_BINS)]
    yield Step(
        "A camera gives a number",
        f"{_SAME:,} likenesses of people with their own pictures, {_STRANGERS:,} with other people's. Made-up numbers, of a usual shape.",
        (Value("likenesses, own picture", _SAME), Value("likenesses, another's", _STRANGERS)),
        plots.columns("With their own picture", names, faces.histogram(scores.same, _BINS), "likeness"),
    )
    wrong_in, wrong_out = scores.false_accepts(threshold), scores.false_rejects(threshold)
    yield Step(
        "Strangers, and a threshold",
        f"From {threshold:g} on, it is the same person. A [[false accept]] lets a stranger in, a [[false reject]] keeps the nurse out.",
        (
            Value("false accepts, %", round(100 * wrong_in, 4)),
            Value("false rejects, %", round(100 * wrong_out, 4)),
        ),
        plots.columns(
            "With somebody else's picture", names, faces.histogram(scores.strangers, _BINS), "likeness"
        ),
    )
    at, error = scores.equal_error()
    grid = [point / 100 for point in range(101)]
    curve = [
        (round(100 * scores.false_accepts(t), 4), round(100 * (1 - scores.false_rejects(t)), 4))
        for t in reversed(grid)
    ]
    here = plots.Line("this threshold", [(round(100 * wrong_in, 4), round(100 * (1 - wrong_out), 4))], "dots")
    near = [(x, y) for x, y in curve if x <= 10]
    yield Step(
        "One error against the other",
        "Each point of the curve is a threshold: strangers let in across, rightful people let in upward. A stricter one moves to the "
        "left and down. The [[equal error rate]] is where both errors are the same.",
        (Value("equal error rate, %", round(100 * error, 4)), Value("at the threshold", at)),
        plots.lines(
            "Rightful people let in (ROC curve)",
            [plots.Line("all thresholds", near), here],
            "strangers let in, %",
            "%",
        ),
    )
    return scores


def _against_all(staff: int, threshold: float, rng: random.Random) -> tuple[float, int]:
    """The best likeness to anybody on the list, all of them strangers, and how many reach the threshold."""
    scores = [faces.score(faces.STRANGER, rng) for _ in range(staff)]
    return max(scores), sum(one >= threshold for one in scores)


def _growth(alone: float, staff: int) -> plots.Line:
    at = sorted({max(1, staff * point**2 // 900) for point in range(31)})
    return plots.Line("in", [(float(count), round(100 * faces.any_of(alone, count), 4)) for count in at], "b")


def _stricter(scores: faces.Scores, staff: int) -> Step:
    rows = []
    for threshold in (0.4, 0.5, 0.6, 0.7, 0.8):
        alone = scores.false_accepts(threshold)
        cells = (alone, faces.any_of(alone, staff), scores.false_rejects(threshold))
        rows.append((f"{threshold:g}", *(f"{round(100 * share, 2):g} %" for share in cells)))
    return Step(
        "Or a stricter threshold?",
        "It helps one against one, and the rightful staff pay with waiting at the door. Against a long list it takes a threshold that keeps many of them out. "
        "A zero means: none among the scores that we drew.",
        table=Table(
            ("threshold", "a stranger, one comparison", f"a stranger, {staff:,}", "rightful, kept out"),
            tuple(rows),
        ),
    )
