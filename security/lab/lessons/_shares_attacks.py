"""The attacks of the lesson on shares, and the mends."""

from __future__ import annotations

import datetime
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from security.lab import pictures, story
from security.lab.errors import BadParameterError
from security.lab.lessons._shares_shows import hospitals, long, short
from security.lab.parameters import Chosen
from security.lab.steps import Event, Outcome, Step, Table, Value
from security.lab.workings import committed, sharing
from security.lab.workings.sharing import MERSENNE, ORDER, Share

DATED, REUSED = "random numbers drawn from the date", "the same random numbers each week"
_YEAR = [datetime.date(2026, 1, 1) + datetime.timedelta(days=day) for day in range(365)]
_NAMES = hospitals(4)


def _dated(day: datetime.date) -> random.Random:
    return random.Random(f"masks of {day.isoformat()}")


def _weeks(counts: Sequence[int], flaw: str, rng: random.Random) -> list[list[int]]:
    """The victim's shares for four hospitals, week by week; "" is without a flaw."""
    day = rng.choice(_YEAR[:-7])
    once = rng.getrandbits(64)
    rows = []
    for week, count in enumerate(counts):
        source = rng
        if flaw == DATED:
            source = _dated(day + datetime.timedelta(days=7 * week))
        elif flaw == REUSED:
            source = random.Random(once)
        rows.append(sharing.split(count, 4, MERSENNE, source))
    return rows


@dataclass(frozen=True)
class _Learned:
    """What the second and the fourth hospital make of their shares."""

    day: str
    made: bytes
    by_date: int | None
    by_difference: int


def _collude(rows: Sequence[Sequence[int]], known: int) -> _Learned:
    day, made, by_date = "none fits", b"", None
    for guess in _YEAR:
        source = _dated(guess)
        masks = [source.randrange(MERSENNE) for _ in range(3)]
        if masks[1] == rows[1][1]:  # Northgate's share shows that the guess is right
            day, made = guess.isoformat(), masks[1].to_bytes(16, "big")
            by_date = (sum(masks) + rows[1][3]) % MERSENNE
    change = (rows[1][3] + rows[1][1] - rows[0][3] - rows[0][1]) % MERSENNE
    return _Learned(day, made, by_date, (known + change) % MERSENNE)


def _told(rows: Sequence[Sequence[int]]) -> Table:
    line = [
        (f"week {week}", *(short(share) if at in (1, 3) else "hidden" for at, share in enumerate(row)))
        for week, row in enumerate(rows, 1)
    ]
    return Table(
        ("", *_NAMES), tuple(line), f"{_NAMES[0]}'s shares, as far as {_NAMES[1]} and {_NAMES[3]} see them."
    )


def _two_weeks(chosen: Chosen, rng: random.Random, flaw: str) -> tuple[list[Step], list[str]]:
    counts = [chosen.whole("first"), chosen.whole("second")]
    rows = _weeks(counts, flaw, rng)
    learned = _collude(rows, counts[0])
    old, new = (row[1].to_bytes(16, "big") for row in rows)
    guessed = [(f"made from {learned.day}", learned.made)] if learned.made else []
    steps = [
        Step(
            f"{_NAMES[0]} shares its cases of two weeks",
            f"With four hospitals and two of them colluding, two shares stay hidden. Here: {flaw or 'fresh numbers each week'}.",
            (
                Value(f"{_NAMES[3]}'s share, week 1", long(rows[0][3])),
                Value(f"{_NAMES[3]}'s share, week 2", long(rows[1][3])),
            ),
            table=_told(rows),
        ),
        Step(
            "First try: guess the date",
            f"They make the random numbers of all {len(_YEAR)} days, and look whether {_NAMES[1]}'s share is among them.",
            (
                Value("date that fits", learned.day),
                Value("cases, by the date", "-" if learned.by_date is None else learned.by_date),
            ),
            alike(
                "Northgate's share of week 2, and the one made from a date.",
                [("share of week 2", new), *guessed],
            ),
        ),
        Step(
            "Second try: take one week from the other",
            f"If the hidden shares are the same, the difference is that of the cases. Week 1 ({counts[0]}) was in the paper.",
            (Value("cases, by the difference", _number(learned.by_difference)),),
            alike("Northgate's shares of both weeks.", [("share of week 1", old), ("share of week 2", new)]),
        ),
    ]
    ways = []
    if learned.by_date == counts[1]:
        ways.append("by the date")
    if learned.by_difference == counts[1]:
        ways.append("by the difference of two weeks")
    return steps, ways


def _number(value: int) -> str:
    return str(value) if value < 10**9 else long(value) + " (hex)"


def collude(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    """Two of four hospitals, and bad random numbers."""
    steps, ways = _two_weeks(chosen, rng, chosen.text("flaw"))
    yield from steps
    if ways:
        text = f"They know {_NAMES[0]}'s {chosen.whole('second')} cases of week 2, {' and '.join(ways)}."
        yield Outcome("broken", text)
    else:
        yield Outcome("held", "They learned nothing.")


def fresh(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    """Fresh uniform numbers."""
    steps, ways = _two_weeks(chosen, rng, "")
    yield from steps
    text = "No date fits, and the difference is as random as the shares." if not ways else "They know it."
    yield Outcome("broken" if ways else "held", text)


@dataclass(frozen=True)
class _Shared:
    """Counts of several hospitals in Shamir shares, and each hospital's share of the sum."""

    cases: list[int]
    polynomials: list[list[int]]
    sums: list[Share]


def _share_cases(parties: int, needed: int, rng: random.Random) -> _Shared:
    if needed > parties:
        raise BadParameterError(
            "needed",
            f"{needed} of {parties} shares can't come together.",
            "Such a sum would be lost for good.",
        )
    cases = [rng.randint(5, 60) for _ in range(parties)]
    polynomials = [sharing.polynomial(number, needed, ORDER, rng) for number in cases]
    return _Shared(cases, polynomials, _sums(polynomials, parties))


def _sums(polynomials: Sequence[Sequence[int]], parties: int) -> list[Share]:
    every = [sharing.shares_of(one, parties, ORDER) for one in polynomials]
    return [Share(at + 1, sum(row[at].value for row in every) % ORDER) for at in range(parties)]


def _hand_in(shared: _Shared, needed: int, shift: int) -> tuple[list[Share], int]:
    """The shares of the first so many hospitals, the last of them false; and what comes out."""
    few = shared.sums[:needed]
    false = sharing.forged(few, needed - 1, shift, ORDER)
    handed = [*few[:-1], false]
    return handed, sharing.joined(handed, ORDER)


def _forging(names: Sequence[str], shared: _Shared, handed: Sequence[Share], result: int) -> Iterator[Step]:
    liar = names[len(handed) - 1]
    yield Step(
        "Each hospital shares its cases by Shamir's curve",
        "Shares of several secrets add up to shares of the sum: each hospital adds what it got. "
        f"{len(handed)} of {len(names)} open the sum.",
        tuple(
            Value(f"share of the sum: {name}", f"{s.value:064x}")
            for name, s in zip(names, shared.sums, strict=True)
        ),
    )
    yield Step(
        f"{liar} hands in a false share",
        "The result is a weighted sum, and the weights are public. So one can choose by how much it will be off, without "
        "knowing the result.",
        (
            Value("true share", f"{shared.sums[len(handed) - 1].value:064x}"),
            Value("false share", f"{handed[-1].value:064x}"),
            Value("true sum", sum(shared.cases)),
            Value("sum that comes out", result if result < 10**9 else f"{result:064x} (hex)"),
        ),
        pictures.chain(
            f"{len(handed)} shares go into one sum; the last is false.",
            [
                *(
                    pictures.Box((names[at], f"{s.value:064x}"[:8]), "bad" if s == handed[-1] else "")
                    for at, s in enumerate(handed)
                ),
                pictures.Box(("sum", str(result) if result < 10**9 else "noise"), "warn"),
            ],
            ["+"] * (len(handed) - 1) + ["="],
        ),
    )


def forged_share(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    """One party moves the result."""
    parties, needed, shift = chosen.whole("parties"), chosen.whole("needed"), chosen.whole("shift")
    names, shared = hospitals(parties), _share_cases(parties, needed, rng)
    handed, result = _hand_in(shared, needed, shift)
    yield from _forging(names, shared, handed, result)
    true = sum(shared.cases)
    if result != true and result == true + shift and 0 <= result < 10**6:
        spare = (
            "; one more would show that something is false, but not who lied." if parties > needed else "."
        )
        yield Outcome(
            "broken",
            f"Everybody takes {result} for the sum; it is {true}. With just {needed} shares nobody can notice{spare}",
        )
    else:
        yield Outcome("held", "Nothing was changed, or the result is so absurd that everybody notices.")


PEDERSEN, FELDMAN = "Pedersen's (hide small numbers)", "Feldman's (hide long random secrets only)"


def verifiable(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    """The same false share against commitments."""
    parties, needed, shift = chosen.whole("parties"), chosen.whole("needed"), chosen.whole("shift")
    names, shared = hospitals(parties), _share_cases(parties, needed, rng)
    handed, result = _hand_in(shared, needed, shift)
    yield from _forging(names, shared, handed, result)
    hide = chosen.text("commitments") == PEDERSEN
    blinds = [[rng.randrange(ORDER) for _ in range(needed)] for _ in names]
    every = [
        committed.pedersen(one, two) if hide else committed.feldman(one)
        for one, two in zip(shared.polynomials, blinds, strict=True)
    ]
    total = committed.added(every)
    blind_sums = _sums(blinds, parties)
    yield Step(
        "Each hospital had published commitments",
        "To each coefficient of its curve, a point of the curve of Ed25519. Points add up like the shares, so those of the "
        "sum follow. A point says nothing of a long random number; to small ones Pedersen's adds a random part.",
        tuple(Value(f"commitment to the sum's x^{power}", point) for power, point in enumerate(total)),
    )
    good = [committed.fits(one, total, blind_sums[one.at - 1] if hide else None) for one in handed]
    rows = tuple((names[one.at - 1], "fits" if ok else "FALSE") for one, ok in zip(handed, good, strict=True))
    liars = [name for name, ok in rows if ok == "FALSE"]
    yield Step(
        "Every share is checked",
        "The share times the base point"
        + (", plus the share of the random parts times a second point," if hide else "")
        + " must be the sum of the commitments times the powers of its place.",
        (Value("named", ", ".join(liars) or "nobody"),),
        table=Table(("Hospital", "Share"), rows),
    )
    yield from _reopened(shared, handed, good, needed, 0 if hide else 61, every[0][0])


def _reopened(
    shared: _Shared, handed: Sequence[Share], good: Sequence[bool], needed: int, trial: int, point: bytes
) -> Iterator[Event]:
    """Open the sum without the liar; `trial` is how many small numbers to try under the first commitment."""
    honest = [s for s, ok in zip(handed, good, strict=True) if ok] + list(shared.sums[len(handed) :])
    true, named = sum(shared.cases), not all(good)
    opened = sharing.joined(honest[:needed], ORDER) if len(honest) >= needed else None
    yield Step(
        "The others open the sum without it",
        "If enough honest shares are left; else there is no sum, but no false one either.",
        (Value("sum", "not enough shares" if opened is None else opened), Value("true sum", true)),
    )
    leaked = committed.guessed(point, trial) if trial else None
    if trial:
        yield Step(
            f"{story.ATTACKER} tries small numbers under Feldman's commitment",
            f"0 times the base point, 1 times, 2 times ... until it is {story.HOSPITAL}'s.",
            (
                Value("cases found", "none" if leaked is None else leaked),
                Value("true cases", shared.cases[0]),
            ),
        )
    if leaked is not None:
        yield Outcome("broken", "The false share is named, but the commitment gives a small number away.")
    elif opened in (None, true):
        text = "The false share was found, and its maker is named." if named else "No share was false."
        yield Outcome("held", text)
    else:
        yield Outcome("broken", "A false sum was accepted.")


def _sealed(needed: int, bits: int, rng: random.Random) -> tuple[bytes, bytes, bytes, list[Share]]:
    key, nonce = rng.randbytes(16), rng.randbytes(12)
    sealed = AESGCM(key).encrypt(nonce, story.NOTE.encode(), None)
    coefficients = sharing.polynomial(
        int.from_bytes(key, "big"), needed, ORDER, rng, 1 << bits if bits else 0
    )
    return key, nonce, sealed, sharing.shares_of(coefficients, 5, ORDER)


def _try_all(known: Sequence[Share], bits: int, nonce: bytes, sealed: bytes) -> tuple[int, bytes, str]:
    """How many keys were possible, the one that opens the note, and the note."""
    possible = [n for n in sharing.candidates(known, 1 << bits, ORDER) if n < 1 << 128]
    for number in possible:
        key = number.to_bytes(16, "big")
        try:
            return len(possible), key, AESGCM(key).decrypt(nonce, sealed, None).decode()
        except InvalidTag:
            continue
    return len(possible), b"", ""


def _guess(chosen: Chosen, rng: random.Random, small: bool) -> Iterator[Event]:
    needed, bits = chosen.whole("needed"), chosen.whole("bits")
    key, nonce, sealed, shares = _sealed(needed, bits if small else 0, rng)
    known = shares[: needed - 1]
    drawn = f"from {bits} bits" if small else "from the whole field, 253 bits"
    yield Step(
        f"The key of {story.PATIENT}'s note is shared, {needed} of 5",
        f"The coefficients of the curve were drawn {drawn}.",
        (Value("sealed note", sealed), *(Value(f"share at {s.at}", f"{s.value:064x}") for s in shares)),
        _bars(shares),
    )
    count, found, note = _try_all(known, bits, nonce, sealed)
    yield Step(
        f"{needed - 1} holders try to do it alone",
        f"They guess the highest coefficient, 2^{bits} ways. With it guessed the curve has one degree less, and their "
        "shares suffice. Each key that comes out is tried on the note.",
        (
            Value("keys that are short enough", count),
            Value("key that opens the note", found or "none"),
            Value("the note", note or "stays closed"),
        ),
    )
    if found == key:
        yield Outcome("broken", f"{needed - 1} of the {needed} holders have the key and read the note.")
    else:
        yield Outcome("held", "No guess opens the note: one share fewer says nothing at all.")


def _bars(shares: Sequence[Share]) -> str:
    """The shares' bytes: small coefficients leave the key's first bytes as they are."""
    rows = [(f"share at {share.at}", share.value.to_bytes(32, "big")[-16:]) for share in shares[:3]]
    return alike("The last 16 bytes of three shares; red where they are alike.", rows)


def alike(told: str, rows: Sequence[tuple[str, bytes]]) -> str:
    """Rows of bytes, marked where all of them are the same."""
    same = [
        at for at, column in enumerate(zip(*(data for _, data in rows), strict=True)) if len(set(column)) == 1
    ]
    return pictures.cells(told, rows, [same] * len(rows) if len(rows) > 1 else [])


def too_few_random(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    """Small coefficients."""
    yield from _guess(chosen, rng, small=True)


def uniform(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    """Coefficients from the whole field."""
    yield from _guess(chosen, rng, small=False)
