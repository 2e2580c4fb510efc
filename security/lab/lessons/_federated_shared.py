"""What the runs of the lesson on federated learning share: parameters, the star, a row of weights."""

from __future__ import annotations

from collections.abc import Sequence

from security.lab import pictures, story
from security.lab.parameters import Real, Whole
from security.lab.workings.clinics import FEATURES

TEST = 400
ROUNDS = Whole("rounds", "Rounds", 15, 1, 40)
SKEW = Real("skew", "How much the hospitals differ", 0.8, 0.0, 1.0, "0: all see the same kind of patients")
HEADINGS = ("", *(feature.name for feature in FEATURES), "bias")


def star(told: str, up: str, styles: Sequence[str] = ()) -> str:
    """The server in the middle, hospitals around it, and what each sends on its arrow."""
    canvas = pictures.Canvas(told, 270)
    places = ((105, 40), (320, 40), (535, 40), (150, 225), (490, 225))
    for number, (x, y) in enumerate(places):
        style = styles[number] if number < len(styles) else ""
        inward = (320 + (x - 320) * 0.28, 135 - 24 if y < 135 else 135 + 24)
        edge = y + 24 if y < 135 else y - 24
        canvas.arrow(x, edge, inward[0], inward[1], style)
        canvas.box(x - 80, y - 22, 160, 44, style)
        canvas.text(x, y - 3, story.HOSPITALS[number], "strong")
        canvas.text(x, y + 14, "false update" if style == "bad" else "records stay here", "small")
    canvas.box(225, 113, 190, 44, "good")
    canvas.text(320, 132, "Server", "strong")
    canvas.text(320, 149, up, "small")
    return canvas.svg()


def row(name: str, weights: Sequence[float]) -> tuple[str, ...]:
    return (name, *(f"{weight:.3f}" for weight in weights))
