"""What a person can set in a run: typed, with bounds, checked before anything is computed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from security.lab.errors import BadParameterError, NotHereError

FILE_BYTES = 1_000_000
TEXT_CHARACTERS = 10_000


@dataclass(frozen=True)
class Whole:
    """A whole number from `least` to `most`."""

    name: str
    label: str
    default: int
    least: int
    most: int
    hint: str = ""

    def parse(self, raw: Any) -> int:
        """From a text or a number.

        Raises:
            BadParameterError: it isn't whole, or out of bounds.
        """
        if isinstance(raw, float) and raw.is_integer():
            raw = int(raw)
        text = str(raw).strip()
        # Digits of other scripts are numbers to int(); a seed or a key must read the same to everybody.
        if (
            isinstance(raw, bool)
            or not text.isascii()
            or not text.removeprefix("-").isdigit()
            or len(text) > 20
        ):
            raise BadParameterError(self.name, f"give a whole number from {self.least} to {self.most}.")
        if not self.least <= int(text) <= self.most:
            raise BadParameterError(
                self.name, f"{text} is out of bounds; give a whole number from {self.least} to {self.most}."
            )
        return int(text)


@dataclass(frozen=True)
class Real:
    """A number from `least` to `most`."""

    name: str
    label: str
    default: float
    least: float
    most: float
    hint: str = ""

    def parse(self, raw: Any) -> float:
        """From a text or a number.

        Raises:
            BadParameterError: it isn't a finite number, or out of bounds.
        """
        try:
            value = float(raw)
        except (TypeError, ValueError, OverflowError):
            value = math.nan
        if isinstance(raw, bool) or not self.least <= value <= self.most:
            raise BadParameterError(self.name, f"give a number from {self.least:g} to {self.most:g}.")
        return value


@dataclass(frozen=True)
class Choice:
    """One of `options`."""

    name: str
    label: str
    default: str
    options: tuple[str, ...]
    hint: str = ""

    def parse(self, raw: Any) -> str:
        """One of the options, as it is written.

        Raises:
            BadParameterError: it is none of them.
        """
        if raw not in self.options:
            raise BadParameterError(self.name, f"choose one of {', '.join(self.options)}.")
        return str(raw)


@dataclass(frozen=True)
class Text:
    """Text of at most `most` characters; with `lines`, the page gives it several lines."""

    name: str
    label: str
    default: str
    most: int = 2_000
    least: int = 0
    lines: bool = False
    hint: str = ""

    def parse(self, raw: Any) -> str:
        """The text as it is.

        Raises:
            BadParameterError: too short, too long, or not text that UTF-8 can carry.
        """
        if not isinstance(raw, str):
            raise BadParameterError(self.name, "give a text.")
        if not self.least <= len(raw) <= self.most:
            raise BadParameterError(
                self.name, f"it has {len(raw):,} characters; give {self.least:,} to {self.most:,}."
            )
        if any(0xD800 <= ord(character) <= 0xDFFF for character in raw):
            raise BadParameterError(self.name, "it has half a character (a lone surrogate); paste it anew.")
        return raw


@dataclass(frozen=True)
class File:
    """A file of the person's own, of at most `most` bytes; without one the run uses its own example."""

    name: str
    label: str
    most: int = FILE_BYTES
    default: bytes = b""
    hint: str = ""

    def parse(self, raw: Any) -> bytes:
        """The bytes.

        Raises:
            BadParameterError: it is larger than a lesson takes.
        """
        if not isinstance(raw, bytes):
            raise BadParameterError(self.name, "give a file.")
        if len(raw) > self.most:
            raise BadParameterError(
                self.name,
                f"the file has {len(raw):,} bytes, and a lesson takes {self.most:,}; use a smaller one.",
            )
        return raw


Parameter: TypeAlias = Whole | Real | Choice | Text | File


class Chosen:
    """The checked values of one run, by name; asking for a name that the run doesn't have is a KeyError."""

    def __init__(self, values: Mapping[str, Any], tools: Mapping[str, Any] | None = None) -> None:
        self._values = dict(values)
        self._tools = dict(tools or {})

    @classmethod
    def parse(
        cls, parameters: tuple[Parameter, ...], raw: Mapping[str, Any], tools: Mapping[str, Any] | None = None
    ) -> Chosen:
        """Defaults, with what was given in their place.

        Raises:
            BadParameterError: a value can't be used, or there is no parameter of that name.
        """
        known = {parameter.name for parameter in parameters}
        for name in raw:
            if name not in known:
                there = ", ".join(sorted(known)) or "none"
                raise BadParameterError(name, f"there is no parameter of this name; there are: {there}.")
        return cls({p.name: p.parse(raw[p.name]) if p.name in raw else p.default for p in parameters}, tools)

    def whole(self, name: str) -> int:
        """The value of a `Whole`."""
        return int(self._values[name])

    def real(self, name: str) -> float:
        """The value of a `Real`."""
        return float(self._values[name])

    def text(self, name: str) -> str:
        """The value of a `Text` or a `Choice`."""
        return str(self._values[name])

    def file(self, name: str) -> bytes:
        """The value of a `File`; empty if none was given."""
        return bytes(self._values[name])

    def tool(self, name: str) -> Any:
        """Something that the app hands in, such as its language model.

        Raises:
            NotHereError: the app has none.
        """
        if name not in self._tools:
            raise NotHereError(f"This run needs the {name}, which isn't available here.")
        return self._tools[name]
