"""What an entry is, and the one way to write it as bytes.

Does: gives each entry exactly one encoding, every part of a fixed length or with its length before it, so
that no two entries share one. An entry's hash is its leaf's hash in the Merkle tree (`merkle.leaf_hash`);
because the previous entry's hash is part of it, the entries are a chain as well. Does not: check that
times rise; the order is that of the indices, the times are what the writers' clocks said.

The encoding, all integers big-endian:

    "asklepion/v1/ledger-entry" | index (8) | milliseconds since 1970 (8) | previous hash (32)
    | length of the kind (4) | kind, ASCII | length of the data (4) | data

Data is JSON of one flat object: keys in the order of their code points, no white space, ASCII only (others as
\\uXXXX), floats by the shortest decimal that reads back as the same double.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from security.crypto.ledger.errors import EntryError
from security.crypto.ledger.merkle import HASH_BYTES, leaf_hash

Field: TypeAlias = str | int | float | bool
FIRST_PREVIOUS = bytes(HASH_BYTES)
"""What the first entry has in the place of a previous hash."""
MOST_DATA = 65_536
MOST_KIND = 64
MOST_WHOLE = 2**53 - 1
MOST_TIME = 2**53
MOST_INDEX = 2**63 - 1
_PREFIX = b"asklepion/v1/ledger-entry"
_KIND = re.compile(rf"[a-z0-9][a-z0-9.-]{{0,{MOST_KIND - 1}}}", re.ASCII)


@dataclass(frozen=True)
class Entry:
    """One entry.

    Attributes:
        index: its place, from 0.
        time: milliseconds since 1970 in UTC, by the writer's clock.
        kind: what sort of thing happened: lower-case letters, digits, dots and dashes.
        data: the canonical JSON.
        previous: the hash of the entry before, 32 bytes; zeros for the first.
        hash: of all this, 32 bytes.
    """

    index: int
    time: int
    kind: str
    data: str
    previous: bytes
    hash: bytes

    @property
    def fields(self) -> dict[str, Field]:
        """The data as a dict."""
        return decode(self.data)

    def encoded(self) -> bytes:
        """The bytes that are hashed, as the head of this module says.

        Raises:
            EntryError: a part is out of its bounds, so that there is no encoding.
        """
        kind, data = check_kind(self.kind).encode("ascii"), self.data.encode("utf-8", "surrogatepass")
        if not (0 <= self.index <= MOST_INDEX and 0 <= self.time <= MOST_TIME):
            raise EntryError("An entry's index or time is out of bounds.", index=self.index)
        if len(self.previous) != HASH_BYTES or len(data) > MOST_DATA:
            raise EntryError("An entry's previous hash or data has a wrong length.", index=self.index)
        return b"".join(
            (
                _PREFIX,
                self.index.to_bytes(8, "big"),
                self.time.to_bytes(8, "big"),
                self.previous,
                len(kind).to_bytes(4, "big"),
                kind,
                len(data).to_bytes(4, "big"),
                data,
            )
        )


def make(index: int, time: int, kind: str, data: str, previous: bytes) -> Entry:
    """The entry with its hash; `data` is what `encode` made.

    Raises:
        EntryError: a part is out of its bounds.
    """
    bare = Entry(index, time, kind, data, previous, b"")
    return Entry(index, time, kind, data, previous, leaf_hash(bare.encoded()))


def fault(entry: Entry, index: int, previous: bytes) -> str:
    """What is wrong with an entry that should stand at `index` after one of hash `previous`; empty if
    nothing is."""
    if entry.index != index:
        return f"entry {index} is missing" if entry.index > index else "an index comes twice"
    if entry.previous != previous:
        return "the hash of the entry before is not the one that was chained"
    try:
        if encode(entry.fields) != entry.data:
            return "the data is not in its canonical form"
        if leaf_hash(entry.encoded()) != entry.hash:
            return "the content doesn't have the hash that was stored"
    except EntryError as error:
        return f"the content is malformed: {error}"
    return ""


def encode(fields: Mapping[str, Field]) -> str:
    """The canonical JSON of these fields.

    Raises:
        EntryError: a name isn't text, a value neither text nor a finite number, or all are too long.
    """
    for name, value in fields.items():
        if not isinstance(name, str) or not name:
            raise EntryError("A field's name must be a text that isn't empty.")
        if not isinstance(value, str | int | float):
            raise EntryError(f"The field {name!r} must be text or a number.", field=name)
        if isinstance(value, float) and not math.isfinite(value):
            raise EntryError(f"The field {name!r} is not a finite number.", field=name)
        if isinstance(value, int) and abs(value) > MOST_WHOLE:  # other readers of JSON would round it
            raise EntryError(f"The field {name!r} is too large; give it as text.", field=name)
        if any(0xD800 <= ord(character) <= 0xDFFF for character in f"{name}{value}"):
            raise EntryError(f"The field {name!r} has half a character (a lone surrogate).", field=name)
    text = json.dumps(dict(fields), sort_keys=True, separators=(",", ":"), allow_nan=False)
    if len(text) > MOST_DATA:
        raise EntryError(
            f"The data has {len(text):,} bytes, and an entry takes {MOST_DATA:,}. Store a hash of it instead."
        )
    return text


def decode(data: str) -> dict[str, Field]:
    """The fields of what `encode` made.

    Raises:
        EntryError: it is no JSON of a flat object.
    """
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        raise EntryError("The data is no JSON.") from None
    if not isinstance(found, dict) or not all(isinstance(v, str | int | float) for v in found.values()):
        raise EntryError("The data is no flat object of texts and numbers.")
    return found


def check_kind(kind: str) -> str:
    """The kind as it is.

    Raises:
        EntryError: it has other characters than a kind may have, or too many.
    """
    if _KIND.fullmatch(kind) is None:
        raise EntryError(
            f"A kind has 1 to {MOST_KIND} lower-case letters, digits, dots and dashes, such as consent.given."
        )
    return kind


def milliseconds(now: float) -> int:
    """Unix seconds as the whole milliseconds of an entry.

    Raises:
        EntryError: before 1970, or not a time.
    """
    if not 0 <= now <= MOST_TIME / 1000:
        raise EntryError("A time must be in seconds since 1970.")
    return round(now * 1000)
