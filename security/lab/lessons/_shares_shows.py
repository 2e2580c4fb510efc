"""The demonstrations of the lesson on shares: sums, Shamir's curve, products, a comparison, the app's own sum."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import combinations

from security.lab import pictures, story
from security.lab.errors import BadParameterError
from security.lab.parameters import Chosen
from security.lab.steps import Event, Outcome, Step, Table, Value
from security.lab.workings import garbled, sharing
from security.lab.workings.sharing import MERSENNE, ORDER, Share
from ui import plots

MOST_CASES = 1_000_000
_SMALL = 31


def long(number: int) -> str:
    """A number of the field in 32 hex digits."""
    return f"{number:032x}"


def short(number: int) -> str:
    """Its first digits."""
    return long(number)[:4] + "…"


def hospitals(count: int) -> tuple[str, ...]:
    """So many of the story's."""
    return story.HOSPITALS[:count]


def cases_of(text: str) -> list[int]:
    """Three to five whole numbers.

    Raises:
        BadParameterError: others, or too few of them.
    """
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() and len(part) <= 7 for part in parts):
        raise BadParameterError("cases", "give whole numbers from 0 to 1,000,000 with commas between.")
    numbers = [int(part) for part in parts]
    if not 3 <= len(numbers) <= 5 or max(numbers) > MOST_CASES:
        raise BadParameterError(
            "cases",
            "give three to five numbers of at most 1,000,000.",
            "With two hospitals there is nothing to hide: each takes its own number from the sum and has the other's.",
        )
    return numbers


def additive(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    """Additive sharing of three hospitals' counts."""
    cases = cases_of(chosen.text("cases"))
    names = hospitals(len(cases))
    rows = [sharing.split(number, len(cases), MERSENNE, rng) for number in cases]
    partial = [sum(column) % MERSENNE for column in zip(*rows, strict=True)]
    total = sum(partial) % MERSENNE
    yield Step(
        "Each hospital cuts its number into [[share|shares]]",
        "All but one are random numbers mod 2^127 − 1; the last makes the sum come out. One share stays, the others go to "
        "the other hospitals.",
        tuple(
            Value(f"{giver} for {taker}", long(share))
            for giver, row in zip(names, rows, strict=True)
            for taker, share in zip(names, row, strict=True)
        ),
    )
    yield Step(
        "Each adds up what it has, and says the result",
        "A partial sum is as random as the shares in it.",
        tuple(
            Value(f"partial sum of {name}", long(number)) for name, number in zip(names, partial, strict=True)
        ),
        _exchange(names, rows, partial),
    )
    seen = [
        (
            name,
            str(cases[at]),
            ", ".join(short(row[at]) for n, row in enumerate(rows) if n != at),
            "all",
            str(total),
        )
        for at, name in enumerate(names)
    ]
    headings = ("Hospital", "Own number", "Shares received", "Partial sums", "Result")
    yield Step("Who sees what", table=Table(headings, tuple(seen)), values=(Value("sum", total),))
    yield _every_secret_fits(names[0], cases[0], rows[0])
    works = total == sum(cases)
    yield Outcome("works" if works else "broken", f"The sum is {total}; no hospital saw another's number.")


def _exchange(names: Sequence[str], rows: Sequence[Sequence[int]], partial: Sequence[int]) -> str:
    messages, time = [], 0.0
    for giver, row in enumerate(rows):
        for taker, share in enumerate(row):
            if giver != taker:
                text = short(share) if len(names) == 3 else ""
                messages.append(pictures.Message(giver, taker, time, time + 0.8, text, "abc"[giver % 3]))
                time += 1
    for at, number in enumerate(partial):
        messages.append(pictures.Message(at, at, time, time, f"says {short(number)}", "good"))
        time += 0.6
    told = "Each hospital sends one share to each other one, then says its partial sum."
    return pictures.sequence(told, [(name, "") for name in names], messages)


def _every_secret_fits(name: str, true: int, row: Sequence[int]) -> Step:
    seen = sum(row[1:]) % MERSENNE
    fitting = tuple(
        (str(guess), long((guess - seen) % MERSENNE)) for guess in sorted({0, 1, true, true + 1, MOST_CASES})
    )
    return Step(
        f"What the others know of {name}'s number",
        "Suppose all others put the received shares together, before any partial sum is said. For each number there is one value of the missing share "
        "that fits, and all values are equally likely. So they know nothing, whatever their computers can do. (The sum "
        "itself still tells: all others together take their own numbers from it.)",
        table=Table(("If the number were", "the missing share would be"), fitting),
    )


def shamir(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    """Any k of n."""
    needed, parties = chosen.whole("needed"), chosen.whole("parties")
    if needed > parties:
        raise BadParameterError(
            "needed",
            f"{needed} of {parties} shares can't come together.",
            "Such a secret would be lost for good.",
        )
    yield from _small_curve(needed, parties, rng)
    key = rng.randbytes(16)
    secret = int.from_bytes(key, "big")
    coefficients = sharing.polynomial(secret, needed, ORDER, rng)
    shares = sharing.shares_of(coefficients, parties, ORDER)
    yield Step(
        "A real key in a large field",
        f"The archive's AES key is the value at 0 of a curve of degree {needed - 1} mod a prime of 253 bits. Each holder "
        "gets one point.",
        (Value("key", key), *(Value(f"share at {share.at}", f"{share.value:064x}") for share in shares)),
    )
    chosen_few = sorted(rng.sample(shares, needed))
    found = sharing.joined(chosen_few, ORDER)
    places = [share.at for share in chosen_few]
    factors = [math.prod(Fraction(-other, at - other) for other in places if other != at) for at in places]
    yield Step(
        "Some of them come together",
        "The value at 0 is a weighted sum of the shares (Lagrange).",
        (
            Value("places", ", ".join(map(str, places))),
            Value("weights", ", ".join(map(str, factors)), "a fraction is a number mod the prime too"),
            Value("key found", found == secret),
        ),
    )
    groups = list(combinations(shares, needed))
    right = sum(sharing.joined(group, ORDER) == secret for group in groups)
    fewer = sum(sharing.joined(group, ORDER) == secret for group in combinations(shares, needed - 1))
    yield Step(
        "All choices of holders",
        values=(
            Value(f"groups of {needed} that find the key", f"{right} of {len(groups)}"),
            Value(f"groups of {needed - 1} that find it", fewer, "joined as if they were enough"),
        ),
    )
    works = right == len(groups) and not fewer
    yield Outcome("works" if works else "broken", f"Any {needed} of the {parties} shares give the key back.")


def _small_curve(needed: int, parties: int, rng: random.Random) -> Iterator[Step]:
    coefficients = sharing.polynomial(rng.randrange(_SMALL), needed, _SMALL, rng)
    shares = sharing.shares_of(coefficients, parties, _SMALL)
    yield Step(
        f"A curve mod {_SMALL}, small enough to see",
        "Mod a prime a curve is a cloud of points. The value at 0 is the secret (red); the holders have the green ones.",
        tuple(Value(f"coefficient of x^{power}", number) for power, number in enumerate(coefficients)),
        curve(coefficients, shares),
    )
    counted = min(needed, 3)  # all curves are tried: 31^3 is enough for a slow computer
    few = sharing.shares_of(sharing.polynomial(coefficients[0], counted, _SMALL, rng), parties, _SMALL)
    fits = sharing.possible_secrets(few[: counted - 1], counted, _SMALL)
    yield Step(
        f"{counted - 1} of {counted} shares say nothing",
        f"All {_SMALL**counted:,} curves with {counted} coefficients, tried: through {counted - 1} given points there "
        "goes the same number of curves for each secret. Each secret is equally likely.",
        (Value("curves for each secret", ", ".join(map(str, sorted(set(fits))))),),
        plots.columns(
            "Curves through the known shares, by secret", [str(n) for n in range(_SMALL)], fits, "secret"
        ),
    )


def curve(coefficients: Sequence[int], shares: Sequence[Share]) -> str:
    """All points mod the small prime."""
    canvas = pictures.Canvas("The points of a polynomial mod 31; the secret is the one at 0.", 300)
    held = {share.at for share in shares}
    canvas.line(40, 270, 620, 270, "quiet")
    canvas.line(40, 10, 40, 270, "quiet")
    for tick in range(0, _SMALL, 5):
        canvas.text(40 + 18.5 * tick, 288, str(tick), "small")
        canvas.text(28, 274 - 8.5 * tick, str(tick), "small", "end")
    for at in range(_SMALL):
        value = sharing.value_at(coefficients, at, _SMALL)
        style = "bad" if at == 0 else "good" if at in held else "quiet"
        canvas.dot(40 + 18.5 * at, 270 - 8.5 * value, 6 if style != "quiet" else 3, style, f"{at}: {value}")
    return canvas.svg()


def beaver(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    """A product of two shared numbers."""
    x, y = chosen.whole("patients"), chosen.whole("price")
    names = hospitals(3)
    triple = sharing.deal(3, MERSENNE, rng)
    yield Step(
        "A dealer hands out a [[beaver triple]]",
        "Two random numbers u and v and their product w, in shares. The dealer must be trusted, learns nothing of the "
        "inputs, and can go home. (Without a dealer triples are made by [[oblivious transfer]] or homomorphic encryption.)",
        tuple(
            Value(
                f"{name}'s shares of u, v, w",
                ", ".join(short(part[at]) for part in (triple.u, triple.v, triple.w)),
            )
            for at, name in enumerate(names)
        ),
    )
    xs, ys = sharing.split(x, 3, MERSENNE, rng), sharing.split(y, 3, MERSENNE, rng)
    product = sharing.multiply(xs, ys, triple, MERSENNE)
    yield Step(
        "They open x − u and y − v",
        f"x is {names[0]}'s number of patients, y is {names[1]}'s price of a test, both in shares. u and v are random, so the "
        "two opened numbers are random too.",
        (Value("x - u", long(product.first)), Value("y - v", long(product.second))),
        _dealt(names, triple, xs, ys),
    )
    yield Step(
        "Each computes its share of the product",
        "x y = w + (x − u) v + (y − v) u + (x − u)(y − v): sums of shares, times numbers that all know.",
        tuple(Value(f"{name}'s share", long(part)) for name, part in zip(names, product.shares, strict=True)),
    )
    total = sum(product.shares) % MERSENNE
    yield Step("The shares are added up", values=(Value("product", total), Value("x times y", x * y)))
    works = total == x * y
    yield Outcome("works" if works else "broken", "The product is right, and neither factor was shown.")


def _dealt(names: Sequence[str], triple: sharing.Triple, xs: Sequence[int], ys: Sequence[int]) -> str:
    messages = [pictures.Message(0, at + 1, at, at + 0.8, "u, v, w", "a") for at in range(3)]
    for at in range(3):
        first = (xs[at] - triple.u[at]) % MERSENNE
        second = (ys[at] - triple.v[at]) % MERSENNE
        messages.append(pictures.Message(at + 1, at + 1, 3.4 + 0.8 * at, 3.4 + 0.8 * at, short(first), "b"))
        messages.append(pictures.Message(at + 1, at + 1, 3.8 + 0.8 * at, 3.8 + 0.8 * at, short(second), "c"))
    lanes = [("dealer", "warn"), *((name, "") for name in names)]
    return pictures.sequence(
        "The dealer sends triples; then each says its parts of x - u and y - v.", lanes, messages
    )


def _check_width(bits: int, numbers: tuple[tuple[str, int], ...]) -> None:
    for name, number in numbers:
        if number >> bits:
            raise BadParameterError(
                name,
                f"{number} doesn't fit into {bits} bits; choose more bits.",
                "The width is public: it says how large a number may be, and must not be chosen after seeing them.",
            )


def compare(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    """The millionaires' problem by a garbled circuit."""
    bits, a, b = chosen.whole("bits"), chosen.whole("first"), chosen.whole("second")
    _check_width(bits, (("first", a), ("second", b)))
    one, other = story.HOSPITALS[:2]
    made = garbled.garble(bits, rng)
    labels = [pair[bit] for pair, bit in zip(made.first, garbled.bits_of(a, bits), strict=True)]
    yield Step(
        f"{one} garbles the comparison",
        "A [[garbled circuit]]: each wire has two random labels, one for 0 and one for 1. Of each AND gate a table of four "
        f"locked labels goes to {other}, and the labels of {one}'s own bits, which look alike for 0 and 1.",
        (
            Value("tables", len(made.circuit.tables)),
            Value("bytes of tables", 4 * garbled.LABEL * bits),
            *(Value(f"label of bit {at}", label) for at, label in enumerate(labels)),
        ),
    )
    taken = [
        garbled.transfer(pair, bit, at, rng)
        for at, (pair, bit) in enumerate(zip(made.second, garbled.bits_of(b, bits), strict=True))
    ]
    yield Step(
        f"{other} takes its labels by [[oblivious transfer]]",
        f"Chou and Orlandi's, on the curve of X25519. For each bit {other} sends a point: x B for 0, x B + S for 1. {one} "
        "can't tell them apart, locks both labels, and only one can be opened.",
        (
            Value("S for bit 0", taken[0].offer),
            *(Value(f"point for bit {at}", one_of.choice) for at, one_of in enumerate(taken)),
        ),
        _talk(one, other),
    )
    done = garbled.evaluate(made.circuit, labels, [one_of.opened for one_of in taken])
    answer = f"{one} has more" if done.greater else f"{one} doesn't have more"
    yield _opened(other, made, done)
    seen = (
        (one, str(a), f"{bits} points that look alike", answer),
        (other, str(b), "random labels, one row of each table", answer),
    )
    yield Step(
        "Who sees what",
        f"Both are [[honest but curious]] here: a {one} that garbles another circuit isn't found out.",
        (Value("answer", answer),),
        table=Table(("Hospital", "Own number", "Sees", "Learns"), seen),
    )
    works = done.greater == (a > b)
    yield Outcome("works" if works else "broken", f"{answer} cases, and neither said how many.")


def _opened(other: str, made: garbled.Garbled, done: garbled.Evaluated) -> Step:
    rows = [(f"row {at}", row) for at, row in enumerate(made.circuit.tables[0])]
    marked = [list(range(garbled.LABEL)) if at == done.rows[0] else [] for at in range(4)]
    return Step(
        f"{other} opens one row of each table",
        "Two labels open one row; the other three stay noise. The label inside is random too. Only for the last wire is it "
        "said which label means yes.",
        tuple(Value(f"row opened at gate {at}", row) for at, row in enumerate(done.rows)),
        pictures.cells(
            f"The table of the first gate; row {done.rows[0]} can be opened.", rows, marked, "good"
        ),
    )


def _talk(one: str, other: str) -> str:
    every = (
        (0, 1, "tables and own labels", "a"),
        (0, 1, "S", "b"),
        (1, 0, "a point for each bit", "b"),
        (0, 1, "both labels, locked", "b"),
        (1, 1, "opens one, evaluates", "good"),
        (1, 0, "the answer", "good"),
    )
    messages = [
        pictures.Message(source, target, at, at + (0.6 if source != target else 0), text, style)
        for at, (source, target, text, style) in enumerate(every)
    ]
    return pictures.sequence("Who sends what in the comparison.", [(one, ""), (other, "")], messages)


def app_sum(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    """The app's own secure sum (Bonawitz)."""
    import numpy as np

    from security.crypto.secure_sum import FixedPoint, Party, unmasked_sum

    cases = cases_of(chosen.text("cases"))
    names = hospitals(len(cases))
    parties = [Party(rng.randbytes(32)) for _ in cases]
    keys, form = [party.public for party in parties], FixedPoint()
    yield Step(
        "Every pair of hospitals agrees on a key",
        "From their key pairs (X25519), as the app does it when models are trained together. The collector hands out the "
        "public keys, and is trusted to hand out the true ones: one that gave its own would read everything (signed keys "
        "help). From each pair's key both make the same noise "
        "(HKDF, ChaCha20): one adds it, the other takes it away.",
        tuple(Value(f"public key of {name}", key) for name, key in zip(names, keys, strict=True)),
    )
    plain = [form.encode(np.array([float(number)]), len(cases)) for number in cases]
    sent = [party.mask(words, keys, "lesson") for party, words in zip(parties, plain, strict=True)]
    rows = []
    for name, words, masked in zip(names, plain, sent, strict=True):
        rows += [(f"{name}: own", words.tobytes()), (f"{name}: sent", masked.words.tobytes())]
    yield Step(
        "Each sends its number under all its noise",
        "The collector sees the sent words only: 64 bits of noise each.",
        tuple(
            Value(f"sent by {name}", masked.words.tobytes()) for name, masked in zip(names, sent, strict=True)
        ),
        pictures.cells("Each hospital's number as eight bytes, and what it sends.", rows),
    )
    total = round(float(form.decode(unmasked_sum(sent, keys, "lesson"))[0]))
    yield Step(
        "In the sum the noise is gone",
        "One message per hospital, where shares take one per pair. But a hospital that falls silent leaves its noise behind.",
        (Value("sum", total), Value("true sum", sum(cases))),
    )
    yield Outcome(
        "works" if total == sum(cases) else "broken", f"The collector has the sum, {total}, and nothing else."
    )
