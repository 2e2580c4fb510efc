"""Plots as SVG, drawn here: lines, bars, a funnel. No script; colours are the page's, by class.

Every plot has a title and a sentence for those who hear the page, and its numbers are text or a tooltip.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _HEIGHT = 640, 240
_FEW = 40
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 14, 14, 34


@dataclass(frozen=True)
class Line:
    """One line of a plot; `points` are (x, y), in order of x. `style` is a class: "a", "b", "c" or "dots"."""

    name: str
    points: Sequence[tuple[float, float]]
    style: str = "a"


def ticks(low: float, high: float, about: int = 4) -> list[float]:
    """Round numbers from `low` to `high`, about as many as asked for."""
    if not (math.isfinite(low) and math.isfinite(high)) or high <= low:
        return [low]
    raw = (high - low) / max(1, about)
    size = 10.0 ** math.floor(math.log10(raw))
    step = next(size * factor for factor in (1, 2, 5, 10) if size * factor >= raw)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [number * step for number in range(first, last + 1)]


def number(value: float) -> str:
    """A number as an axis says it: 1.2k, 0.003, 2e-05."""
    size = abs(value)
    if size >= 1_000_000:
        return f"{value / 1e6:g}M"
    if size >= 10_000:
        return f"{value / 1e3:g}k"
    if size and size < 0.001:
        return f"{value:.0e}"
    return f"{value:.6g}"


def lines(title: str, every: Sequence[Line], x_name: str = "step", y_name: str = "") -> str:
    """A plot of lines with axes and a legend; an empty one says that nothing is there yet."""
    kept = [
        Line(line.name, [(x, y) for x, y in line.points if math.isfinite(x) and math.isfinite(y)], line.style)
        for line in every
    ]
    kept = [line for line in kept if line.points]
    if not kept:
        return _figure(title, '<p class="quiet">Nothing to draw yet.</p>', "")
    xs = [x for line in kept for x, _ in line.points]
    ys = [y for line in kept for _, y in line.points]
    low_x, high_x = min(xs), max(xs)
    low_y, high_y = min(ys), max(ys)
    if high_x == low_x:
        high_x += 1
    room = (high_y - low_y) * 0.06 or abs(high_y) * 0.1 or 1.0
    low_y, high_y = (low_y - room if low_y < 0 or low_y - room > 0 else 0.0), high_y + room

    def place(x: float, y: float) -> tuple[float, float]:
        across = _LEFT + (x - low_x) / (high_x - low_x) * (_WIDTH - _LEFT - _RIGHT)
        down = _HEIGHT - _BOTTOM - (y - low_y) / (high_y - low_y) * (_HEIGHT - _TOP - _BOTTOM)
        return round(across, 1), round(down, 1)

    parts = [_opening(_told(title, kept))]
    parts += [_level(place(low_x, value)[1], value) for value in ticks(low_y, high_y)]
    parts += [
        _text(place(value, low_y)[0], _HEIGHT - 14, number(value), "middle")
        for value in ticks(low_x, high_x, 6)
    ]
    parts.append(_text(_WIDTH - _RIGHT, _HEIGHT - 1, x_name, "end"))
    for line in kept:
        spots = [place(x, y) for x, y in line.points]
        if line.style != "dots" and len(spots) > 1:
            path = "L".join(f"{x} {y}" for x, y in spots)
            parts.append(f'<path class="line {line.style}" d="M{path}"/>')
        if line.style == "dots" or len(spots) <= _FEW:
            for (x, y), (at, value) in zip(spots, line.points, strict=True):
                tip = f"<title>{escape(f'{line.name}: {number(value)} at {x_name} {number(at)}')}</title>"
                parts.append(f'<circle class="dot {line.style}" cx="{x}" cy="{y}" r="3">{tip}</circle>')
    parts.append("</svg>")
    legend = "".join(f'<span class="key {line.style}">{escape(line.name)}</span>' for line in kept)
    if y_name:
        legend += f'<span class="unit">{escape(y_name)}</span>'
    return _figure(title, "".join(parts), legend)


def _opening(told: str) -> str:
    return f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(told)}">'


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text class="tick" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _level(y: float, value: float) -> str:
    """A line across, and the number that it stands for."""
    across = f'<path class="grid" d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}"/>'
    return across + _text(_LEFT - 8, y + 4, number(value), "end")


def bars(title: str, rows: Sequence[tuple[str, float]], note: str = "") -> str:
    """Horizontal bars with their numbers; the funnel of a preparation is one."""
    if not rows:
        return _figure(title, '<p class="quiet">Nothing to draw yet.</p>', "")
    most = max(value for _, value in rows) or 1
    lines_ = ""
    for name, value in rows:
        fill = f'<rect class="bar-fill" width="{100 * value / most:.2f}" height="10" rx="1"/>'
        lines_ += (
            f'<tr><th scope="row">{escape(name)}</th><td class="bar-cell"><svg viewBox="0 0 100 10" '
            f'preserveAspectRatio="none" aria-hidden="true">{fill}</svg></td>'
            f'<td class="value">{value:,.0f}</td></tr>'
        )
    return _figure(title, f'<table class="bars"><tbody>{lines_}</tbody></table>', escape(note))


def columns(title: str, names: Sequence[str], counts: Sequence[int], unit: str) -> str:
    """Upright bars side by side: a histogram."""
    if not counts or not max(counts):
        return _figure(title, '<p class="quiet">Nothing to draw yet.</p>', "")
    most, width = max(counts), (_WIDTH - _LEFT - _RIGHT) / len(counts)
    tall = (_HEIGHT - _TOP - _BOTTOM) / most
    floor = _HEIGHT - _BOTTOM
    told = ", ".join(f"{name}: {count:,}" for name, count in zip(names, counts, strict=True) if count)
    parts = [_opening(f"{title}. {told}")]
    parts += [_level(floor - value * tall, value) for value in ticks(0, most)]
    for index, (name, count) in enumerate(zip(names, counts, strict=True)):
        x = _LEFT + index * width
        parts.append(
            f'<rect class="bar-fill" x="{x + 1:.1f}" y="{floor - count * tall:.1f}" '
            f'width="{width - 2:.1f}" height="{count * tall:.1f}">'
            f"<title>{escape(f'{name} {unit}: {count:,}')}</title></rect>"
        )
        parts.append(_text(x, _HEIGHT - 14, name))
    parts.append(_text(_WIDTH - _RIGHT, _HEIGHT - 1, unit, "end") + "</svg>")
    return _figure(title, "".join(parts), "")


def _told(title: str, every: Sequence[Line]) -> str:
    ends = "; ".join(
        f"{line.name} from {number(line.points[0][1])} to {number(line.points[-1][1])}" for line in every
    )
    return f"{title}: {ends}"


def _figure(title: str, body: str, legend: str) -> str:
    caption = f'<figcaption>{escape(title)}<span class="legend">{legend}</span></figcaption>'
    return f'<figure class="plot">{caption}{body}</figure>'
