"""Leakage: a record worked out of one update, and the same division of what a secure sum shows."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from security.lab import pictures, story
from security.lab.lessons._federated_shared import HEADINGS, SKEW, row, star
from security.lab.parameters import Chosen
from security.lab.steps import Event, Outcome, Step, Table, Value
from security.lab.workings import clinics, fedavg
from security.lab.workings.clinics import FEATURES, ROSA, Hospital

if TYPE_CHECKING:
    from security.crypto.secure_sum import Words

_FOUND = 0.01  # a recovered measurement is right if it is off by at most this many deviations


def _model(hospitals: Sequence[Hospital]) -> fedavg.Weights:
    """A half-trained model, as a server has it in the middle of things."""
    return fedavg.federated(hospitals, 3, 2)[-1]


def _verdict(answer: tuple[list[float], int] | None) -> bool:
    """Whether it is Rosa's record: every measurement and the illness."""
    if answer is None:
        return False
    z, ill = answer
    return ill == ROSA[1] and all(abs(a - b) <= _FOUND for a, b in zip(z, ROSA[0], strict=True))


def _compare_table(slope: Sequence[float], answer: tuple[list[float], int] | None, caption: str) -> Table:
    found = clinics.natural(answer[0]) if answer else [math.nan] * len(FEATURES)
    rows = []
    for at, (feature, truth, guess) in enumerate(zip(FEATURES, clinics.natural(ROSA[0]), found, strict=True)):
        shown = f"{guess:.3f}" if abs(guess) < 1e6 else f"{guess:.2e}"
        rows.append((f"{feature.name} ({feature.unit})", f"{slope[at]:.6g}", shown, f"{truth:g}"))
    told = "none" if answer is None else "yes" if answer[1] else "no"
    rows.append(("Parkinson's", f"{slope[-1]:.6g}", told, "yes" if ROSA[1] else "no"))
    return Table(("", "dW; last: db", "worked out", "Rosa's record"), tuple(rows), caption)


def _short(values: Sequence[float]) -> tuple[str, ...]:
    """The first three measurements, as a box of a picture has room for them."""
    return tuple(
        f"{name} {value:.3g}" for name, value in zip(("age", "tremor", "gait"), values, strict=False)
    )


def leakage(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    """Rosa's record from one update."""
    hospitals = clinics.hospitals(rng, SKEW.default)
    before = _model(hospitals)
    batch = [ROSA, *hospitals[0].patients[: chosen.whole("others")]]
    after = fedavg.trained(before, batch, 1)
    yield Step(
        f"{story.HOSPITAL} trains one step",
        f"On {story.PATIENT}"
        + (", the day's only new patient." if len(batch) == 1 else f" and {len(batch) - 1} others.")
        + " It sends the new weights; her record stays at home.",
        (Value("patients in the step", len(batch)),),
        table=Table(
            HEADINGS, (row("weights before", before), row("weights sent", after)), "What the server has"
        ),
    )
    slope = [(old - new) / fedavg.RATE for old, new in zip(before, after, strict=True)]
    yield Step(
        "The server takes the difference",
        "Before minus after, divided by the learning rate, is the [[gradient]]: dW for the measurements, db for the "
        "bias. Of one patient, dW = (p - y) x and db = p - y.",
        (Value("db", slope[-1], "p - y, below 0 for an ill patient"), Value("dW for tremor", slope[1])),
    )
    answer = fedavg.recovered(slope)
    found = clinics.natural(answer[0]) if answer else []
    lines, truth = _short(found), _short(clinics.natural(ROSA[0]))
    success = _verdict(answer)
    yield Step(
        "It divides dW by db",
        "x = dW / db: nothing is guessed, and no secret is needed. This is [[gradient leakage]].",
        picture=pictures.chain(
            "From Rosa's record to a gradient, and back to her record by a division.",
            [
                pictures.Box(("Rosa", *truth), "good"),
                pictures.Box(("gradient", f"dW: {slope[1]:.4f}", f"db: {slope[-1]:.4f}")),
                pictures.Box(("worked out", *lines), "bad" if success else ""),
            ],
            ("train", "dW/db"),
        ),
        table=_compare_table(slope, answer, "What the server works out, in the measurements' own units"),
    )
    yield Outcome(
        "broken" if success else "held",
        "The server has Rosa's record, and that she is ill, from the update alone."
        if success
        else "The division gives a mixture of the patients in the step, and not Rosa's record.",
    )


def secure(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    """The same division of masked numbers, of their sum, and of what is left when hospitals tell."""
    import numpy as np

    from security.crypto.secure_sum import FixedPoint, Party, unmasked_sum

    hospitals, fixed = clinics.hospitals(rng, SKEW.default), FixedPoint()
    model = _model(hospitals)
    slopes = [fedavg.gradient(model, [ROSA])] + [fedavg.gradient(model, h.patients) for h in hospitals[1:]]
    parties = [Party.fresh(rng.randbytes) for _ in hospitals]
    keys = [party.public for party in parties]
    coded = [fixed.encode(np.array(slope), len(parties)) for slope in slopes]
    sent = [party.mask(one, keys, "round 1") for party, one in zip(parties, coded, strict=True)]
    rows = tuple((h.name, key.hex()[:16] + "…") for h, key in zip(hospitals, keys, strict=True))
    yield Step(
        "Each pair of hospitals agrees on a secret",
        "From their key pairs (X25519). The server hands out the public keys, and is trusted to hand out the true ones: one "
        "that gave its own would read everything (signed keys help). Of each pair one adds a stream of "
        "noise to its numbers, and the other takes it away.",
        table=Table(("hospital", "public key"), rows),
    )
    yield Step(
        f"What {story.HOSPITAL} sends",
        "Its gradient is Rosa's alone, as whole numbers mod 2 to the 64, and masked: a [[secure sum]].",
        (Value("masked", sent[0].words.astype("<u8").tobytes()),),
        pictures.cells(
            "The first two numbers as bytes, open and masked.",
            [
                ("open: stays in the hospital", _bytes(coded[0])),
                ("masked: what the server sees", _bytes(sent[0].words)),
            ],
            [(), range(16)],
            "good",
        ),
    )
    seen = [float(one) for one in fixed.decode(sent[0].words)]
    answer = fedavg.recovered(seen)
    yield Step(
        "The server divides again",
        "The same division as in the attack, of what it sees.",
        table=_compare_table(seen, answer, "Worked out from the masked numbers"),
    )
    yield from _summed(chosen.whole("tell"), unmasked_sum(sent, keys, "round 1"), coded, _verdict(answer))


def _summed(tell: int, total: Words, coded: Sequence[Words], found: bool) -> Iterator[Event]:
    import numpy as np

    from security.crypto.secure_sum import FixedPoint

    plain = np.sum(coded, axis=0, dtype=np.uint64)
    yield Step(
        "The sum of all five",
        "Every mask is added once and taken away once, so the sum is exact.",
        (
            Value("sum equals the true one", bool(np.array_equal(total, plain))),
            Value("db of the sum", float(FixedPoint().decode(total)[-1])),
        ),
        star(
            "Five hospitals send masked numbers; the server sees the sum alone.",
            "sees the sum alone",
            ["good"] * 5,
        ),
    )
    yield from _last_try(tell, total, coded, found)


def _bytes(words: Words) -> bytes:
    return bytes(words[:2].astype(">u8").tobytes())


def _last_try(tell: int, total: Words, coded: Sequence[Words], found: bool) -> Iterator[Event]:
    """The server subtracts what `tell` of the other hospitals told it, and divides what is left."""
    import numpy as np

    from security.crypto.secure_sum import FixedPoint

    rest = np.array(total)
    for one in coded[len(coded) - tell :]:
        rest = rest - one
    seen = [float(one) for one in FixedPoint().decode(rest)]
    answer = fedavg.recovered(seen)
    who = f"the {len(coded)} hospitals'" if not tell else f"the {len(coded) - tell} silent hospitals'"
    yield Step(
        "The server's last try" if not tell else f"{tell} hospitals tell the server their numbers",
        f"It divides {who} sum." if not tell else f"It subtracts them, and divides {who} sum.",
        (Value("hospitals that told", tell),),
        table=_compare_table(seen, answer, "Worked out from the sum"),
    )
    found = found or _verdict(answer)
    yield Outcome(
        "broken" if found else "held",
        "Only one hospital kept silent, so the rest of the sum is its own: Rosa's record is out."
        if found
        else "Neither the masked numbers nor the sum give Rosa's record.",
    )
