"""Templates -> texts with their identifiers marked: the small language of `templates/*.txt`.

A file holds documents, each after a line `%% style`. `{slot}` and `{slot.form}` are filled by a world
(`synthetic.py`), `[a|b]` takes one of its ways, and `{{` is a brace. No Faker and no model in here.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

TEMPLATES = Path(__file__).parent / "templates"
_CHOICE = re.compile(r"\[([^\[\]\n]*\|[^\[\]\n]*)\]")
_SLOT = re.compile(r"\{([a-z]+\d*(?:[.:][A-Za-z]+){0,2})\}")


@dataclass(frozen=True)
class Template:
    """One document with slots."""

    style: str
    text: str


@dataclass(frozen=True)
class Gold:
    """An identifier that was put in: offsets in code points, and its kind (or "STATE", which may stay)."""

    start: int
    end: int
    kind: str


@dataclass(frozen=True)
class Sample:
    """A text and every identifier in it."""

    text: str
    spans: tuple[Gold, ...]
    style: str


Piece = tuple[str, str]
"""Some text and its kind, "" for none."""


def read_templates(name: str) -> list[Template]:
    """The templates of `templates/NAME.txt`."""
    content = (TEMPLATES / f"{name}.txt").read_text(encoding="utf-8")
    out = []
    for block in re.split(r"^%% ?", content, flags=re.MULTILINE)[1:]:
        style, _, text = block.partition("\n")
        out.append(Template(style.strip(), text.strip("\n")))
    return out


def read_sentences(name: str) -> list[str]:
    """The lines of `templates/NAME.txt`."""
    return (TEMPLATES / f"{name}.txt").read_text(encoding="utf-8").splitlines()


def choose(text: str, rng: random.Random) -> str:
    """Take one way of every `[a|b]`, the inner ones first."""
    while _CHOICE.search(text):
        text = _CHOICE.sub(lambda found: rng.choice(found[1].split("|")), text)
    return text


def pieces(text: str, fill: Callable[[str], list[Piece]]) -> list[Piece]:
    """Split a template at its slots and fill them."""
    out: list[Piece] = []
    at = 0
    for found in _SLOT.finditer(text):
        out.append((text[at : found.start()].replace("{{", "{").replace("}}", "}"), ""))
        out.extend(fill(found[1]))
        at = found.end()
    out.append((text[at:].replace("{{", "{").replace("}}", "}"), ""))
    return [piece for piece in out if piece[0]]


def join(parts: list[Piece], style: str) -> Sample:
    """The pieces as one text."""
    at, spans = 0, []
    for text, kind in parts:
        if kind:
            spans.append(Gold(at, at + len(text), kind))
        at += len(text)
    return Sample("".join(text for text, _ in parts), tuple(spans), style)


def with_noise(parts: list[Piece], rng: random.Random, rate: float) -> list[Piece]:
    """Slips of the keyboard around the identifiers, and now and then a text all in one case.

    rate: the chance of each sort of noise in a text.
    """
    if rng.random() < rate:
        slip = rng.uniform(0.01, 0.08)
        parts = [(text if kind else _slips(text, slip, rng), kind) for text, kind in parts]
    if rng.random() < rate:
        parts = [
            (text if kind else text.replace("\n", rng.choice(("  ", " ", "\n\n"))), kind)
            for text, kind in parts
        ]
    chance = rng.random()
    if chance < rate / 3:
        return [(_same_length(text, str.lower), kind) for text, kind in parts]
    if chance < rate / 2:
        return [(_same_length(text, str.upper), kind) for text, kind in parts]
    if chance < rate:
        return [(_same_length(text, str.lower) if kind == "NAME" else text, kind) for text, kind in parts]
    return parts


def _same_length(text: str, change: Callable[[str], str]) -> str:
    return "".join(changed if len(changed := change(char)) == 1 else char for char in text)


def _slips(text: str, rate: float, rng: random.Random) -> str:
    def slip(found: re.Match[str]) -> str:
        word = found[0]
        if len(word) < 4 or rng.random() >= rate:
            return word
        at = rng.randrange(1, len(word) - 1)
        return rng.choice(
            (
                word[:at] + word[at + 1] + word[at] + word[at + 2 :],
                word[:at] + word[at + 1 :],
                word[:at] + word[at] + word[at:],
            )
        )

    return re.sub(r"[A-Za-z]+", slip, text)
