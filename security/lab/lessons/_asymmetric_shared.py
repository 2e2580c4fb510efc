"""RSA keys that have something in common: one modulus for all, or one prime in two of them."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence

from security.lab import story
from security.lab.errors import BadParameterError
from security.lab.lesson import Run
from security.lab.lessons._asymmetric_rsa import SMALL, message_of, readable
from security.lab.parameters import Choice, Chosen, Text
from security.lab.pictures import Canvas
from security.lab.steps import Event, Outcome, Step, Table, Value
from security.lab.workings import textbook_rsa
from security.lab.workings.numbers import extended_gcd
from security.lab.workings.textbook_rsa import RsaKey, number, rsa_key, text

_PRESCRIPTION = Text("message", "The message, at most 127 bytes", story.PRESCRIPTION, most=127, least=1)
_NAMES = story.HOSPITALS


def _common_modulus(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    message = message_of(chosen, SMALL // 8 - 1)
    e1, e2 = int(chosen.text("first")), int(chosen.text("second"))
    if e1 == e2:
        raise BadParameterError(
            "second",
            "choose two different exponents.",
            "With the same exponent and modulus both have the same key, and read each other's mail.",
        )
    key = rsa_key(SMALL, e1 * e2, rng)
    m = number(message)
    one, two = pow(m, e1, key.n), pow(m, e2, key.n)
    yield Step(
        "The hospital computes one modulus for all",
        "Two doctors have the same n and different exponents. Both get the same message.",
        (Value("n", f"{key.n:x}"), Value(f"with e = {e1}", f"{one:x}"), Value(f"with e = {e2}", f"{two:x}")),
    )
    _, a, b = extended_gcd(e1, e2)
    yield Step(
        "Euclid finds a and b with a e1 + b e2 = 1",
        "So the first ciphertext to the a times the second to the b is m to the 1.",
        (Value("a", a), Value("b", b), Value("a e1 + b e2", a * e1 + b * e2)),
    )
    found = textbook_rsa.common_modulus((one, e1), (two, e2), key.n)
    yield Step(
        "Two powers and one product",
        values=(Value("Mallory reads", "nothing" if found is None else readable(text(found))),),
    )
    yield Outcome("broken" if found == m else "held", "Neither a prime nor a private exponent was needed.")


def _weak_key(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    message = message_of(chosen, SMALL // 8 - 1)
    keys = [rsa_key(SMALL, 65537, rng) for _ in range(5)]
    # Two machines without chance at their start draw the same first prime and differ only afterwards.
    repeated = keys[1].p
    keys[4] = RsaKey(repeated, keys[4].q, 65537)
    yield Step(
        "Five hospitals, five moduli",
        "Two of them made their key at the first start of the same machine, before it had collected any chance.",
        table=_moduli(keys),
    )
    factors = textbook_rsa.shared_primes([key.n for key in keys])
    yield Step(
        "Mallory takes the greatest common divisor of each pair",
        "Factoring one modulus is out of reach. Euclid's algorithm on two takes microseconds.",
        (Value("moduli with a common prime", len(factors)),),
        _pairs_picture(keys),
    )
    yield from _private_from_prime(keys, factors, message)


def _private_from_prime(keys: Sequence[RsaKey], factors: dict[int, int], message: bytes) -> Iterator[Event]:
    """Mallory's way from a prime to the message, sent to the last of `keys`."""
    target = keys[-1]
    c = pow(number(message), target.e, target.n)
    prime = factors.get(len(keys) - 1)
    if prime is None:
        yield Outcome("held", "No two moduli have a prime in common.")
        return
    opened = RsaKey(prime, target.n // prime, target.e)
    read = text(pow(c, opened.d, opened.n))
    yield Step(
        "The prime gives the private key",
        values=(
            Value("common prime", f"{prime:x}"),
            Value("private exponent", f"{opened.d:x}"),
            Value("Mallory reads", readable(read)),
        ),
    )
    yield Outcome(
        "broken" if read == message else "held", "Both keys lie open, although each by itself would be good."
    )


def _moduli(keys: Sequence[RsaKey]) -> Table:
    rows = tuple((name, f"{key.n:x}"[:24] + "…") for name, key in zip(_NAMES, keys, strict=False))
    return Table(("hospital", "n"), rows, "The first digits of each modulus.")


def _pairs_picture(keys: Sequence[RsaKey]) -> str:
    """Each pair's greatest common divisor: 1, or a prime."""
    size, left, top = 120.0, 110.0, 34.0
    canvas = Canvas(
        "The greatest common divisor of each pair of moduli; a common prime is marked.", top + 40 * len(keys)
    )
    for column in range(len(keys) - 1):
        canvas.text(left + (column + 0.5) * size, top - 12, _NAMES[column], "small")
    for row in range(1, len(keys)):
        y = top + (row - 1) * 40
        canvas.text(left - 10, y + 21, _NAMES[row], "small", "end")
        for column in range(row):
            common = math.gcd(keys[row].n, keys[column].n)
            canvas.box(left + column * size, y, size - 6, 32, "bad" if common > 1 else "")
            canvas.text(
                left + (column + 0.5) * size - 3,
                y + 21,
                "1" if common == 1 else "a prime",
                "small" if common == 1 else "small strong",
            )
    return canvas.svg()


def _own_key(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    message = message_of(chosen, SMALL // 8 - 1)
    keys = [rsa_key(SMALL, e, rng) for e in (17, 65537, 65537, 65537, 65537)]
    yield Step(
        "Each hospital draws two primes of its own",
        "From good randomness, after the machine has collected enough of it.",
        table=_moduli(keys),
    )
    m = number(message)
    one, two = (pow(m, key.e, key.n) for key in keys[:2])
    found = textbook_rsa.common_modulus((one, keys[0].e), (two, keys[1].e), keys[0].n)
    yield Step(
        "Two ciphertexts of one message, as before",
        "Euclid's numbers are the same, but a product modulo one n says nothing about the other.",
        (
            Value("Mallory gets", "nothing" if found is None else text(found)),
            Value("it is the message", found == m),
        ),
    )
    factors = textbook_rsa.shared_primes([key.n for key in keys])
    yield Step(
        "The greatest common divisors again",
        values=(Value("moduli with a common prime", len(factors)),),
        picture=_pairs_picture(keys),
    )
    yield Outcome(
        "broken" if found == m or factors else "held",
        "Nothing is shared, so nothing cancels out. Padding would have stopped the first attack as well. But one modulus "
        "for all stays broken even with padding: each doctor factors n with her own d and reads the others' mail.",
    )


RUNS = (
    Run(
        "common-modulus",
        "attack",
        "One modulus for all",
        "Two exponents under one [[modulus]]: Euclid reads along.",
        _common_modulus,
        (
            _PRESCRIPTION,
            Choice("first", "First exponent", "17", ("3", "5", "17", "257", "65537")),
            Choice("second", "Second exponent", "65537", ("3", "5", "17", "257", "65537")),
        ),
    ),
    Run(
        "weak-key",
        "attack",
        "Two keys with one prime",
        "Machines with bad randomness draw the same prime. Look for the pair.",
        _weak_key,
        (_PRESCRIPTION,),
    ),
    Run(
        "own-key",
        "cure",
        "A key pair of one's own",
        "Both attacks against keys that have nothing in common.",
        _own_key,
        (_PRESCRIPTION,),
        ("common-modulus", "weak-key"),
    ),
)
