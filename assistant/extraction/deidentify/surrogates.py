"""Other names, places and numbers in place of the real ones, the same for the same key.

Each is chosen by an HMAC of what it replaces: without the key nothing tells which name stood there, and with
the same key the same name always becomes the same other name. The lists are short and ours, so two people
can get one surrogate. A surrogate is no proof of anonymity.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence

from assistant.extraction.deidentify import dates
from assistant.extraction.deidentify.identifiers import Identifier
from assistant.extraction.deidentify.words import among, words

_PART = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]{2,})?")


class Surrogates:
    """Surrogates of one document. `key` decides them; nothing is kept beyond the document."""

    def __init__(self, key: bytes, text: str, found: Sequence[Identifier]) -> None:
        self._key = key
        self._day_first = dates.is_day_first(text)
        parts = [part for one in found if one.kind == "NAME" for part in _PART.findall(one.text)]
        whole = [part for part in parts if len(part) > 1]
        # Given names first: an initial is most often theirs.
        self._known = sorted(whole, key=lambda part: self._given(part) is None)

    def of(self, one: Identifier) -> str:
        """What to write in its place."""
        if one.kind == "NAME":
            return self._name(one.text)
        if one.kind == "DATE":
            return self.date(one.text)
        if one.kind == "AGE":
            return "90+"
        if one.kind == "LOCATION":
            return self._place(one.text)
        if one.kind in ("EMAIL", "URL"):
            return self._address(one)
        if one.kind == "IP":
            return f"192.0.2.{1 + self._pick('ip', one.text, 253)}"
        return self._figures(one)

    def date(self, written: str) -> str:
        """The date moved by this key's days; `[DATE]` if it can't be read."""
        return dates.moved(written, shift_of(self._key), self._day_first) or "[DATE]"

    def _pick(self, sort: str, value: str, size: int) -> int:
        digest = hmac.new(self._key, f"{sort}|{value.casefold()}".encode(), hashlib.sha256).digest()
        return int.from_bytes(digest[:8]) % size

    def _one_of(self, table: str, sort: str, value: str) -> str:
        choices = words(table)
        return choices[self._pick(sort, value, len(choices))]

    @staticmethod
    def _given(part: str) -> str | None:
        """The table of other given names of its kind; None for what is no common given name."""
        name = part.capitalize()
        if name in among("given_women"):
            return "women"
        return "men" if name in among("given_men") else None

    def _part(self, part: str) -> str:
        """Decided by the word and the key alone, so that it is the same in every document of that key."""
        table = self._given(part)
        new = self._one_of(table, "given", part) if table else self._one_of("families", "family", part)
        return new.upper() if part.isupper() else new.lower() if part.islower() else new

    def _name(self, written: str) -> str:
        def replace(match: re.Match[str]) -> str:
            part = match[0]
            if part.islower() and part in among("particles"):
                return part
            if len(part) == 1:
                return self._initial(part)
            initials = len(part) <= 3 and part.isupper() and len(written) <= 3
            return "".join(map(self._initial, part)) if initials else self._part(part)

        return _PART.sub(replace, written)

    def _initial(self, letter: str) -> str:
        """The first letter of the surrogate of the name that has this initial here, else one by the key."""
        real = next((part for part in self._known if part[0].casefold() == letter.casefold()), None)
        letters = "ABCDEFGHIJKLMNOPRSTVW"
        other = self._part(real)[0] if real else letters[self._pick("initial", letter, len(letters))]
        return other.upper() if letter.isupper() else other.lower()

    def _place(self, written: str) -> str:
        place = self._one_of("places", "place", written)
        kind = re.search(
            r"\b(hospital|clinic|medical cent(?:er|re)|infirmary|"
            r"hospice|school|university|pharmacy|practice|nursing home|"
            r"care home|street|avenue|road|lane|drive)\b", written, re.IGNORECASE,
        )  # fmt: skip
        whole = f"{place} {kind[1]}" if kind else place
        number = re.match(r"\d+\s", written)
        if number:
            whole = f"{1 + self._pick('house', written, 199)} {whole}"
        return whole.upper() if written.isupper() else whole

    def _address(self, one: Identifier) -> str:
        name = self._one_of("families", "net", one.text).lower()
        number = self._pick("net number", one.text, 1000)
        return f"{name}{number}@example.org" if one.kind == "EMAIL" else f"https://example.org/{name}{number}"

    def _figures(self, one: Identifier) -> str:
        """Every digit another, every capital another; marks and length stay."""
        out = []
        for at, char in enumerate(one.text):
            if char.isascii() and char.isdigit():
                out.append(str(self._pick(f"digit {at}", one.text, 10)))
            elif char.isupper():
                out.append("ABCDEFGHJKLMNPRSTUVWXYZ"[self._pick(f"letter {at}", one.text, 23)])
            else:
                out.append(char)
        return "".join(out)


def shift_of(key: bytes) -> int:
    """Days by which every date of a document is moved: 30 to 365, either way."""
    number = int.from_bytes(hmac.new(key, b"days", hashlib.sha256).digest()[:8])
    days = 30 + number % 336
    return days if number >> 40 & 1 else -days
