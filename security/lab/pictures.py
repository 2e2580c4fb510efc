"""Pictures of a lesson as SVG: bytes, pixels, boxes with arrows, messages between parties, trees.

Curves and bars are in `ui.plots`. No script, no font, no colour: colours are the page's, by class ("good",
"bad", "warn", "quiet", "a", "b", "c", or none), and dark mode is the page's affair. Each picture says in
`told` what it shows, for those who hear the page. Numbers are written with one decimal at most, so that the
same run draws the same picture everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH = 640
_GLYPH = 7.4


class Canvas:
    """An SVG of WIDTH by `height` units; the calls draw in order."""

    def __init__(self, told: str, height: float, width: float = WIDTH) -> None:
        self._told, self._height, self._width = told, height, width
        self._parts: list[str] = []

    def box(self, x: float, y: float, width: float, height: float, style: str = "", tip: str = "") -> None:
        """A rectangle with rounded corners."""
        inner = f"<title>{escape(tip)}</title>" if tip else ""
        self._parts.append(
            f'<rect class="box {style}" x="{_n(x)}" y="{_n(y)}" width="{_n(width)}" '
            f'height="{_n(height)}" rx="4">{inner}</rect>'
        )

    def text(self, x: float, y: float, text: str, style: str = "", anchor: str = "middle") -> None:
        """One line of text; style "mono" for bytes and code, "small", "strong"."""
        self._parts.append(
            f'<text class="word {style}" x="{_n(x)}" y="{_n(y)}" text-anchor="{anchor}">{escape(text)}</text>'
        )

    def line(self, x1: float, y1: float, x2: float, y2: float, style: str = "") -> None:
        """A straight line."""
        self._parts.append(
            f'<line class="edge {style}" x1="{_n(x1)}" y1="{_n(y1)}" x2="{_n(x2)}" y2="{_n(y2)}"/>'
        )

    def arrow(self, x1: float, y1: float, x2: float, y2: float, style: str = "") -> None:
        """A straight line with a head at its end."""
        self.line(x1, y1, x2, y2, style)
        angle = math.atan2(y2 - y1, x2 - x1)
        points = [(x2, y2)]
        for turn in (2.6, -2.6):
            points.append((x2 + 8 * math.cos(angle + turn), y2 + 8 * math.sin(angle + turn)))
        path = " ".join(f"{_n(x)},{_n(y)}" for x, y in points)
        self._parts.append(f'<polygon class="head {style}" points="{path}"/>')

    def dot(self, x: float, y: float, radius: float, style: str = "", tip: str = "") -> None:
        """A filled circle."""
        inner = f"<title>{escape(tip)}</title>" if tip else ""
        self._parts.append(
            f'<circle class="spot {style}" cx="{_n(x)}" cy="{_n(y)}" r="{_n(radius)}">{inner}</circle>'
        )

    def raw(self, markup: str) -> None:
        """Markup that the caller has escaped; for what the other calls can't draw."""
        self._parts.append(markup)

    def svg(self) -> str:
        """The whole picture."""
        return (
            f'<svg class="drawing" viewBox="0 0 {_n(self._width)} {_n(self._height)}" role="img" '
            f'aria-label="{escape(self._told)}">{"".join(self._parts)}</svg>'
        )


def _n(value: float) -> str:
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def cells(
    told: str, rows: Sequence[tuple[str, bytes]], marked: Sequence[Sequence[int]] = (), style: str = "bad"
) -> str:
    """Rows of bytes in hex, 16 to a line, each row under its name; `marked` has positions for each row."""
    size, left = 34.0, 60.0
    height = sum(20 + 30 * max(1, -(-len(data) // 16)) for _, data in rows) + 8
    canvas = Canvas(told, height)
    y = 8.0
    for number, (name, data) in enumerate(rows):
        hot = set(marked[number]) if number < len(marked) else set()
        canvas.text(left, y + 10, name, "small", "start")
        y += 18
        for at, byte in enumerate(data):
            x, line = left + at % 16 * size, y + at // 16 * 30
            canvas.box(x, line, size - 3, 24, style if at in hot else "", f"byte {at}")
            canvas.text(x + (size - 3) / 2, line + 16.5, f"{byte:02x}", "mono")
        y += 30 * max(1, -(-len(data) // 16)) + 2
    return canvas.svg()


def pixels(told: str, images: Sequence[tuple[str, Sequence[Sequence[int]]]]) -> str:
    """Grey images side by side, each a name and rows of values 0 (black) to 255; at most 64 by 64 pixels
    each."""
    gap, count = 16.0, max(1, len(images))
    side = min(200.0, (WIDTH - gap * (count - 1)) / count)
    canvas = Canvas(told, side + 26)
    start = (WIDTH - count * side - (count - 1) * gap) / 2
    for number, (name, image) in enumerate(images):
        x0 = start + number * (side + gap)
        tall, wide = len(image), len(image[0])
        dot = side / max(tall, wide)
        for row, line in enumerate(image):
            at = 0
            while at < wide:  # neighbours of one value are one rectangle, or the page would grow heavy
                end = at
                while end + 1 < wide and line[end + 1] == line[at]:
                    end += 1
                grey = f"{line[at]:02x}" * 3
                canvas.raw(
                    f'<rect x="{x0 + at * dot:.2f}" y="{row * dot:.2f}" width="{(end - at + 1) * dot:.2f}" '
                    f'height="{dot:.2f}" fill="#{grey}" shape-rendering="crispEdges"/>'
                )
                at = end + 1
        canvas.text(x0 + side / 2, side + 18, name, "small")
    return canvas.svg()


@dataclass(frozen=True)
class Box:
    """A box of a chain or a tree: lines of text, and the style of its frame."""

    lines: tuple[str, ...]
    style: str = ""


def chain(told: str, boxes: Sequence[Box], labels: Sequence[str] = (), broken: Sequence[int] = ()) -> str:
    """Boxes in reading order with arrows between, four to a line; `labels` stand on the arrows, `broken`
    are the
    indices of arrows that are crossed out."""
    per_line = 4
    gap, wide = 40.0, (WIDTH - 3 * 40.0) / 4
    tall = 18 + 15.0 * max((len(box.lines) for box in boxes), default=1)
    lines_ = -(-len(boxes) // per_line)
    canvas = Canvas(told, lines_ * (tall + 34) - 14)
    for number, box in enumerate(boxes):
        x, y = number % per_line * (wide + gap), number // per_line * (tall + 34) + 8
        canvas.box(x, y, wide, tall, box.style)
        for at, text in enumerate(box.lines):
            fits = int((wide - 8) / _GLYPH)
            canvas.text(
                x + wide / 2, y + 19 + 15 * at, _fit(text, fits), "strong" if at == 0 else "mono small"
            )
        if number + 1 < len(boxes) and number % per_line < per_line - 1:
            style = "bad" if number in broken else ""
            canvas.arrow(x + wide + 3, y + tall / 2, x + wide + gap - 3, y + tall / 2, style)
            if number in broken:
                canvas.text(x + wide + gap / 2, y + tall / 2 - 7, "✕", "bad strong")
            elif number < len(labels):
                canvas.text(x + wide + gap / 2, y + tall / 2 - 7, labels[number], "small")
    return canvas.svg()


def _fit(text: str, most: int) -> str:
    return text if len(text) <= most else text[: max(1, most - 1)] + "…"


@dataclass(frozen=True)
class Message:
    """A message from lane `source` to lane `target` (the same lane: a note there); sent and arrived are
    times on the
    picture's own scale, rising from 0. A lost one ends half-way, in style "bad"."""

    source: int
    target: int
    sent: float
    arrived: float
    text: str = ""
    style: str = ""
    lost: bool = False


def sequence(told: str, lanes: Sequence[tuple[str, str]], messages: Sequence[Message]) -> str:
    """Parties as upright lanes (name, style), time downward, messages as arrows."""
    span = max((max(m.sent, m.arrived) for m in messages), default=1.0) or 1.0
    height = max(120.0, 26.0 * len({round(m.sent, 3) for m in messages}) + 40)
    canvas = Canvas(told, height + 50)
    step = WIDTH / len(lanes)

    def down(time: float) -> float:
        return 44 + time / span * (height - 14)

    for number, (name, style) in enumerate(lanes):
        x = step * (number + 0.5)
        canvas.line(x, 30, x, height + 44, "quiet")
        canvas.box(x - min(60, step / 2 - 4), 4, min(120, step - 8), 24, style)
        canvas.text(x, 20.5, _fit(name, int(min(120, step - 8) / _GLYPH)), "small strong")
    for message in messages:
        x1, x2 = step * (message.source + 0.5), step * (message.target + 0.5)
        y1, y2 = down(message.sent), down(message.arrived)
        if message.source == message.target:
            canvas.dot(x1, y1, 4, message.style)
            last = message.source == len(lanes) - 1 and len(lanes) > 1
            canvas.text(x1 + (-9 if last else 9), y1 + 4, message.text, "small", "end" if last else "start")
            continue
        if message.lost:
            x2, y2 = (x1 + x2) / 2, (y1 + y2) / 2
            canvas.line(x1, y1, x2, y2, "bad dashed")
            canvas.text(x2, y2 + 4, "✕", "bad strong")
        else:
            canvas.arrow(x1, y1, x2, y2, message.style)
        if message.text:
            canvas.text((x1 + x2) / 2, (y1 + y2) / 2 - 5, message.text, f"small {message.style}")
    return canvas.svg()


def tree(told: str, levels: Sequence[Sequence[Box]]) -> str:
    """A binary tree, its root first: level k has the nodes from left to right, children of node i being 2i
    and 2i+1
    of the next level where they exist."""
    tall, gap = 36.0, 30.0
    canvas = Canvas(told, len(levels) * (tall + gap) - gap + 8)
    places: list[list[float]] = []
    for row in levels:
        places.append([WIDTH * (number + 0.5) / max(1, len(row)) for number in range(len(row))])
    for depth, row in enumerate(levels[:-1]):
        for number in range(len(row)):
            for child in (2 * number, 2 * number + 1):
                if child < len(levels[depth + 1]):
                    below = levels[depth + 1][child]
                    y = depth * (tall + gap) + tall + 4
                    canvas.line(places[depth][number], y, places[depth + 1][child], y + gap, below.style)
    for depth, row in enumerate(levels):
        for number, box in enumerate(row):
            wide = min(110.0, WIDTH / max(1, len(row)) - 6)
            x, y = places[depth][number], depth * (tall + gap) + 4
            canvas.box(x - wide / 2, y, wide, tall, box.style)
            fits = int((wide - 4) / _GLYPH)
            for at, text in enumerate(box.lines[:2]):
                canvas.text(
                    x, y + 15 + 14 * at, _fit(text, fits), "small strong" if at == 0 else "small mono"
                )
    return canvas.svg()
