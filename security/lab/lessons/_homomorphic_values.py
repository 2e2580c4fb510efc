"""What the runs of the lesson on homomorphic encryption share: the values and the key."""

from __future__ import annotations

import random
import re

from security.lab.errors import BadParameterError
from security.lab.parameters import Choice, Chosen, Text
from security.lab.workings import paillier

LEAST, MOST, MANY = 30, 200, 40
DEFAULT = "6.8 7.4 5.9 8.1 7.0 6.4 9.2 7.7"
VALUES = Text(
    "values", "HbA1c values in percent", DEFAULT, 300, 1, hint="two to forty, from 3.0 to 20.0, one decimal"
)
BITS = Choice(
    "bits", "Bits of n", "1024", ("512", "1024", "2048"), "3,072 or more in earnest; the more, the slower"
)


def tenths_of(chosen: Chosen) -> list[int]:
    """The values in tenths of a percent.

    Raises:
        BadParameterError: a value is no number with at most one decimal, or out of bounds, or too few or many.
    """
    found = []
    words = chosen.text("values").replace(";", " ").split()
    for word in words:
        if not re.fullmatch(r"[0-9]{1,2}(\.[0-9])?", word):
            raise BadParameterError(
                "values", "give numbers such as 6.8, with a point and one decimal, and spaces between."
            )
        whole, _, decimal = word.partition(".")
        found.append(10 * int(whole) + int(decimal or "0"))
    if not 2 <= len(found) <= MANY:
        raise BadParameterError(
            "values",
            f"give 2 to {MANY} values.",
            "A sum of one value is that value: whoever may choose how many are added up can read each.",
        )
    if not all(LEAST <= value <= MOST for value in found):
        raise BadParameterError(
            "values",
            "each value must lie from 3.0 to 20.0.",
            "The device must check that before it encrypts: afterwards the cloud can't see that somebody sent 9,000, unless a "
            "range proof comes along (lesson 13).",
        )
    return found


def key_of(chosen: Chosen, rng: random.Random) -> paillier.PrivateKey:
    """A key of the chosen length."""
    return paillier.key_pair(int(chosen.text("bits")), rng)


def whole_bytes(number: int) -> bytes:
    """A whole number from 0 as big-endian bytes."""
    return number.to_bytes(max(1, (number.bit_length() + 7) // 8), "big")


def percent(tenths: int) -> str:
    """68 as "6.8 %"."""
    return f"{tenths // 10}.{tenths % 10} %" if tenths >= 0 else f"-{percent(-tenths)}"
