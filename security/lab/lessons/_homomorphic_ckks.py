"""CKKS in the lesson on homomorphic encryption: real numbers, the depth, and what all of it costs."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from security.lab import pictures
from security.lab.lesson import Run
from security.lab.lessons._homomorphic_values import VALUES, tenths_of
from security.lab.parameters import Choice, Chosen, Real, Whole
from security.lab.steps import Event, Outcome, Step, Table, Value
from security.lab.workings import ckks, paillier
from ui import plots

_CLOSE = 1e-4
_MEGABYTES = 4096  # of addresses: numpy reserves some for each core of the machine
_T = TypeVar("_T")


def _ckks(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    values = [tenths / 10 for tenths in tenths_of(chosen)]
    weights = [rng.randrange(1, 100) / 100 for _ in values]
    setting = ckks.SHALLOW
    mean = sum(values) / len(values)
    weighted = sum(value * weight for value, weight in zip(values, weights, strict=True))
    yield Step(
        "Real numbers in one ciphertext",
        "[[CKKS]] keeps a whole vector of real numbers in one ciphertext, each times the [[scale]] and rounded. So results are "
        "approximate. The library is TenSEAL, on Microsoft SEAL; it draws its own randomness, so what follows differs from run to run.",
        (
            Value("values", len(values)),
            Value("degree of the polynomials", setting.degree),
            Value("numbers that one ciphertext holds", setting.degree // 2),
            Value("bits of the primes", " ".join(map(str, setting.bits))),
            Value("true mean", mean, "percent"),
            Value("true weighted sum", weighted),
        ),
    )
    own = ckks.context(setting, rotations=True)
    sealed = ckks.encrypt(own, values).serialize()
    public = ckks.public_part(own)
    at_cloud = ckks.received(ckks.for_the_cloud(public), sealed)
    refused = _refuses_to_read(at_cloud)
    yield Step(
        "The cloud gets keys to compute with, none to read with",
        "The public part is large: to add up the slots of a vector it must be turned, and each turn needs a key of its own.",
        (
            Value("bytes of the cloud's keys", len(public)),
            Value("bytes of the ciphertext", len(sealed)),
            Value("bytes of the values", 8 * len(values)),
            Value("the cloud can decrypt", not refused),
        ),
        measured=True,
    )
    answers = [at_cloud.sum() * (1 / len(values)), at_cloud.dot(weights)]
    found = [float(ckks.received(own, one.serialize()).decrypt()[0]) for one in answers]
    yield from _decrypted(found, [mean, weighted], len(values), refused)


def _refuses_to_read(vector: Any) -> bool:
    """Whether a vector can't be decrypted in the context that it is in."""
    try:
        vector.decrypt()
    except ValueError:
        return True
    return False


def _decrypted(found: Sequence[float], true: Sequence[float], count: int, refused: bool) -> Iterator[Event]:
    """Mean and weighted sum, as found and as they are, of so many values."""
    errors = [abs(one - other) for one, other in zip(found, true, strict=True)]
    yield Step(
        "Ines decrypts mean and weighted sum",
        values=(
            Value("mean", found[0]),
            Value("its error", errors[0]),
            Value("weighted sum", found[1]),
            Value("its error, too", errors[1]),
        ),
        measured=True,
    )
    close = max(errors) < _CLOSE
    yield Step(
        "Good enough?",
        "HbA1c is measured to one decimal. An error below one ten-thousandth doesn't matter to a therapy; in bookkeeping it would.",
        (Value("both errors are below 0.0001", close),),
        pictures.chain(
            "Values, one ciphertext, cloud, two results.",
            [
                pictures.Box((f"{count} values", "Devices")),
                pictures.Box(("1 ciphertext", "unreadable"), "warn"),
                pictures.Box(("Cloud", "sum, weights"), "warn"),
                pictures.Box((f"{true[0]:.5g} %", "error < 0.0001"), "good" if close else "bad"),
            ],
        ),
    )
    yield Outcome(
        "works" if close and refused else "broken",
        "Mean and weighted sum agree with the true ones to four decimals, and the cloud could read neither values nor results.",
    )


def _settings_table() -> Table:
    rows = tuple(
        (
            setting.name,
            " ".join(map(str, setting.bits)),
            f"{sum(setting.bits)} of {ckks.MOST_BITS[setting.degree]}",
            str(setting.depth),
            f"{setting.raw_bytes:,}",
        )
        for setting in ckks.SETTINGS
    )
    return Table(
        ("degree, scale", "bits of the primes", "bits", "depth", "bytes"), rows, "Bytes before packing"
    )


def _noise(chosen: Chosen, _: random.Random) -> Iterator[Event]:
    value, most = chosen.real("value"), chosen.whole("squarings")
    picked = next(setting for setting in ckks.SETTINGS if setting.name == chosen.text("setting"))
    yield Step(
        "Each multiplication uses up a prime",
        "After a multiplication the numbers carry the scale twice; dividing by a prime takes one of them away, and the prime is "
        "gone. How many there are is the [[multiplicative depth]]. The sum of their bits is bounded by the degree, or the "
        "encryption could be broken.",
        (Value("depth of the setting", picked.depth), Value("number to square", value)),
        table=_settings_table(),
    )
    levels: list[ckks.Level] = []
    ended = ""
    try:
        for level in ckks.squared_again(picked, value):
            levels.append(level)
            if level.squarings >= most:
                break
    except ckks.DepthError as error:
        ended = str(error)
    rows = tuple((str(one.squarings), f"{one.error:.1e}", f"{one.size:,}") for one in levels)
    points = [(float(one.squarings), math.log10(max(one.error, 1e-15))) for one in levels]
    yield Step(
        "Square, and square again",
        "Each step adds an error and doubles the relative one that is there; of a number below 1 the error itself may shrink, for the "
        "number does. The ciphertext shrinks, for it has fewer primes.",
        picture=plots.lines(
            "Error after each squaring",
            [plots.Line("digits of the error", points)],
            "squarings",
            "power of ten",
        ),
        table=Table(("squarings", "error", "bytes"), rows),
        measured=True,
    )
    yield Step(
        "The end of the primes" if ended else "Stopped before the end",
        ended or "There would have been primes for more.",
        (Value("squarings that worked", levels[-1].squarings), Value("refused after that", bool(ended))),
    )
    fine = levels[-1].error < 0.5 and levels[-1].squarings == min(most, picked.depth)
    yield Outcome(
        "works" if fine else "broken",
        f"{levels[-1].squarings} multiplications in a row, as planned"
        + (", and the next one was refused rather than answered wrongly." if ended else "."),
    )


def _timed(work: Callable[[], _T], times: int = 1) -> tuple[_T, float]:
    """The result, and microseconds for one call."""
    start = time.perf_counter()
    result = work()
    for _ in range(times - 1):
        work()
    return result, (time.perf_counter() - start) / times * 1e6


def _paillier_times(values: list[int], rng: random.Random) -> tuple[int, dict[str, float], int]:
    key = paillier.key_pair(1024, rng)
    public = key.public
    rs = [public.randomness(rng) for _ in values]
    sealed, encrypting = _timed(lambda: [public.encrypt(v, r) for v, r in zip(values, rs, strict=True)])
    total, adding = _timed(lambda: public.add(sealed))
    found, reading = _timed(lambda: key.decrypt(total))
    return (
        found,
        {"encrypt": encrypting, "add": adding, "decrypt": reading},
        public.ciphertext_bytes * len(values),
    )


def _ckks_times(values: list[int]) -> tuple[float, dict[str, float], int]:
    own = ckks.context(ckks.SHALLOW, rotations=True)
    sealed, encrypting = _timed(lambda: ckks.encrypt(own, values))
    total, adding = _timed(sealed.sum)
    found, reading = _timed(total.decrypt)
    return (
        float(found[0]),
        {"encrypt": encrypting, "add": adding, "decrypt": reading},
        len(sealed.serialize()),
    )


def _cost(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    values = [rng.randrange(40, 140) for _ in range(chosen.whole("count"))]
    yield Step(
        "The same sum three times", values=(Value("values", len(values)), Value("true sum", sum(values)))
    )
    _, plain = _timed(lambda: sum(values), 1000)
    exact, first, first_bytes = _paillier_times(values, rng)
    near, second, second_bytes = _ckks_times(values)
    rows = [("in the clear", "-", f"{plain:.1f}", "-", f"{8 * len(values):,}")]
    for name, times, size in (
        ("Paillier, 1024 bits", first, first_bytes),
        ("CKKS, 8192", second, second_bytes),
    ):
        encrypt, add, decrypt = (f"{times[part]:,.0f}" for part in ("encrypt", "add", "decrypt"))
        rows.append((name, encrypt, add, decrypt, f"{size:,}"))
    bars = [("clear: add", plain)]
    for name, times in (("Paillier", first), ("CKKS", second)):
        bars += [(f"{name}: {part}", took) for part, took in times.items()]
    yield Step(
        "What it takes",
        "Microseconds on this machine for all values together, and bytes on the line. Paillier pays for each value; CKKS pays the "
        "same for one value or four thousand. Paillier's 1,024 bits are too few in earnest: with 3,072 it takes fifteen to twenty times as "
        "long and three times the bytes. The keys that CKKS's cloud needs come on top.",
        table=Table(("how", "encrypt", "add", "decrypt", "bytes"), tuple(rows), "Microseconds"),
        picture=plots.bars("Microseconds", bars, "The shorter the better"),
        measured=True,
    )
    values_ = (
        Value("Paillier's sum is exact", exact == sum(values)),
        Value("CKKS's is within 0.01", abs(near - sum(values)) < 0.01),
    )
    yield Step("Are they right?", values=values_)
    works = exact == sum(values) and abs(near - sum(values)) < 0.01
    yield Outcome(
        "works" if works else "broken",
        "All three sums agree. Here computing on ciphertexts costs hundreds to many thousands of times more, so one encrypts only what must be hidden, and "
        "takes masks or a trusted sum where those will do.",
    )


RUNS = (
    Run(
        "ckks",
        "show",
        "Real numbers, approximately",
        "CKKS through TenSEAL: a mean and a weighted sum of encrypted values, with small errors.",
        _ckks,
        (VALUES,),
        megabytes=_MEGABYTES,
    ),
    Run(
        "noise",
        "show",
        "How often one may multiply",
        "Square an encrypted number again and again, until no prime is left.",
        _noise,
        (
            Choice(
                "setting", "Setting", ckks.SETTINGS[1].name, tuple(setting.name for setting in ckks.SETTINGS)
            ),
            Real("value", "Number to square", 1.02, 0.5, 1.1),
            Whole("squarings", "Squarings at most", 12, 1, 12),
        ),
        megabytes=_MEGABYTES,
    ),
    Run(
        "cost",
        "show",
        "What it costs",
        "One sum in the clear, with Paillier and with CKKS: time and bytes.",
        _cost,
        (Whole("count", "Values", 12, 2, 100),),
        seconds=40.0,
        megabytes=_MEGABYTES,
    ),
)
