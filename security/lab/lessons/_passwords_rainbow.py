"""Lesson 5, a table computed beforehand, and the salt that makes it useless."""

from __future__ import annotations

import random
from collections.abc import Generator, Iterator, Sequence

from security.lab import pictures
from security.lab.parameters import Choice, Chosen, Whole
from security.lab.steps import Event, Outcome, Step, Table, Value
from security.lab.workings import rainbow
from security.lab.workings import stored_passwords as ways
from ui import plots

_DIGITS = rainbow.Space("4 digits", "0123456789", 4)
_SPACES = {
    space.name: space
    for space in (
        _DIGITS,
        rainbow.Space("5 digits", "0123456789", 5),
        rainbow.Space("4 small letters", "abcdefghijklmnopqrstuvwxyz", 4),
    )
}
SPACE = Choice("space", "Passwords of", _DIGITS.name, tuple(_SPACES), "Letters take ten seconds or more.")
STEPS = Whole("steps", "Steps in a chain", 40, 10, 200, "Longer: a smaller table, slower to search.")
STOLEN = Whole("stolen", "Stolen hashes", 20, 1, 100)
_HALF = 0.5
_SHOWN = 12


def attack(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    """A real rainbow table, built once, against hashes without a salt."""
    table = yield from _built(chosen, rng)
    secrets = _secrets(table, chosen, rng)
    hashes = [rainbow.digest(secret) for secret in secrets]
    found = yield from _looked_up(
        table, secrets, hashes, b"", "No salt: the table was made for just these hashes."
    )
    yield _verdict(found, len(secrets))


def salted(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    """The same table against salted hashes, and what is left to the thief."""
    table = yield from _built(chosen, rng)
    secrets = _secrets(table, chosen, rng)
    salts = [rng.randbytes(ways.SALT_BYTES) for _ in secrets]
    hashes = [rainbow.digest(secret, salt) for secret, salt in zip(secrets, salts, strict=True)]
    yield Step(
        "Each with a salt",
        "Passwords of the same kind, each hashed with 16 random bytes of its own.",
        (
            Value("first salt", salts[0]),
            Value("first hash", hashes[0]),
            Value("possible salts", f"2^{8 * ways.SALT_BYTES}", "and a table would be needed for each"),
        ),
    )
    told = "The table has hashes of bare passwords, and these are none."
    found = yield from _looked_up(table, secrets, hashes, salts[0], told)
    yield _what_is_left(table, secrets[0], salts[0], hashes[0], len(secrets))
    yield _verdict(found, len(secrets))


def _secrets(table: rainbow.Rainbow, chosen: Chosen, rng: random.Random) -> list[bytes]:
    return [table.space.text(rng.randrange(table.space.size)) for _ in range(chosen.whole("stolen"))]


def _built(chosen: Chosen, rng: random.Random) -> Generator[Event, None, rainbow.Rainbow]:
    space, steps = _SPACES[chosen.text("space")], chosen.whole("steps")
    begin = rng.randrange(space.size)
    chain = rainbow.Rainbow(space, steps).chain(begin)
    boxes = [pictures.Box((text.decode(), hashed.hex()[:8] + "…")) for text, hashed in chain[:3]]
    boxes.append(pictures.Box((chain[-1][0].decode(), f"step {steps}"), "good"))
    yield Step(
        "One chain",
        "Hash a password; make another password out of the hash (a reduction, a different one in each column); hash again. "
        "Only the first and the last are kept. A [[rainbow table]] is many such chains.",
        (
            Value("first", chain[0][0].decode()),
            Value("its hash", chain[0][1]),
            Value("second", chain[1][0].decode()),
        ),
        pictures.chain(
            "A chain: password, hash, reduced to the next password.", boxes, ("reduce", "reduce", "…")
        ),
    )
    table = rainbow.build(space, steps, rng)
    yield Step(
        "The table",
        "Built once, before any theft, and used for every table ever stolen. Chains that end alike have merged; one is kept.",
        (
            Value("possible passwords", space.size),
            Value("hashes computed", table.hashes),
            Value("chains begun", table.begun),
            Value("chains kept", len(table.ends)),
            Value("bytes of this table", table.table_bytes),
            Value("bytes of the full table", table.full_bytes),
        ),
        plots.bars(
            "Bytes to store",
            [("every password with its hash", table.full_bytes), ("rainbow table", table.table_bytes)],
        ),
    )
    return table


def _looked_up(
    table: rainbow.Rainbow, secrets: Sequence[bytes], hashes: Sequence[bytes], salt: bytes, told: str
) -> Generator[Event, None, int]:
    searches = [table.find(hashed) for hashed in hashes]
    hits = [search for search in searches if search.text is not None]
    rows = []
    for secret, hashed, search in list(zip(secrets, hashes, searches, strict=True))[:_SHOWN]:
        got = search.text.decode() if search.text is not None else "–"
        rows.append((hashed.hex()[:16] + "…", got, secret.decode(), f"{search.hashes:,}"))
    yield Step(
        "Look the stolen hashes up",
        told
        + " To search: assume that the hash stands in the last column, then in the one before, and so on; run to the "
        "chain's end, and see whether the table has that end.",
        (
            Value("stolen hashes", len(searches)),
            Value("inverted", len(hits)),
            Value("hashes computed for the search", sum(search.hashes for search in searches)),
            Value("ends that led astray", sum(search.false_alarms for search in searches)),
            Value("salted", bool(salt)),
        ),
        _way_back(hits[0], table) if hits else "",
        Table(("stolen hash", "found", "the truth", "hashes"), tuple(rows), f"The first {len(rows)}."),
    )
    return len(hits)


def _way_back(hit: rainbow.Lookup, table: rainbow.Rainbow) -> str:
    assert hit.text is not None
    boxes = [
        pictures.Box(("stolen hash", rainbow.digest(hit.text).hex()[:10] + "…"), "warn"),
        pictures.Box(("chain's end", f"{table.steps - hit.column} steps on"), "good"),
        pictures.Box(("its start", hit.start.decode()), "good"),
        pictures.Box(("password", hit.text.decode()), "bad"),
    ]
    return pictures.chain(
        "From the hash to the end, to the start, to the password.", boxes, ("run", "table", "run")
    )


def _what_is_left(table: rainbow.Rainbow, secret: bytes, salt: bytes, hashed: bytes, rows: int) -> Step:
    space = table.space
    tries = next(at for at in range(space.size) if rainbow.digest(space.text(at), salt) == hashed) + 1
    bare = table.find(rainbow.digest(secret)).hashes
    return Step(
        "What is left to her",
        "Each row alone: try every password with this row's salt, which stands beside the hash. So a [[salt]] doesn't make "
        "a weak password strong; it takes away the head start and the one attack for all. Slowness helps against that.",
        (
            Value("without salt: hashes to search the first", bare),
            Value("with salt: tries until the first is found", tries),
            Value("with salt: tries for all rows, at most", rows * space.size),
            Value("a new table for each row", rows * table.hashes),
        ),
        plots.bars(
            "Hashes to compute, at most",
            [("one row, salted", float(space.size)), (f"{rows} rows, salted", float(rows * space.size))],
        ),
    )


def _verdict(found: int, stolen: int) -> Outcome:
    told = f"{found} of {stolen} hashes turned back into passwords by the table. "
    if found >= _HALF * stolen:
        return Outcome("broken", told + "Half or more: for these the hash hides nothing.")
    return Outcome("held", told + "The table is of no use here; each row must be attacked by itself.")
