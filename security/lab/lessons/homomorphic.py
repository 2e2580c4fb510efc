"""Lesson 14: homomorphic encryption, a mean of values that the cloud can't read."""

from __future__ import annotations

import random
from collections.abc import Iterator

from security.lab import pictures
from security.lab.lesson import Lesson, Run, program
from security.lab.lessons import _homomorphic_attacks as attacks
from security.lab.lessons import _homomorphic_ckks as reals
from security.lab.lessons import _homomorphic_words as words
from security.lab.lessons._homomorphic_values import BITS, VALUES, key_of, percent, tenths_of, whole_bytes
from security.lab.parameters import Chosen
from security.lab.steps import Event, Outcome, Step, Table, Value
from security.lab.workings import paillier


def _picture(count: int, mean: float) -> str:
    return pictures.sequence(
        "Devices send ciphertexts to the cloud, the cloud sends one to the doctor, who decrypts the sum.",
        [("Devices", ""), ("Cloud", "warn"), ("Dr. Okafor", "good")],
        [
            pictures.Message(2, 0, 1, 1, "public key"),
            pictures.Message(0, 1, 2, 2, f"{count} ciphertexts"),
            pictures.Message(1, 1, 3, 3, "multiplies them"),
            pictures.Message(1, 2, 4, 4, "1 ciphertext"),
            pictures.Message(2, 2, 5, 5, f"mean {mean:.6g} %"),
        ],
    )


def _show(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    values = tenths_of(chosen)
    key = key_of(chosen, rng)
    public = key.public
    yield Step(
        "Ines makes a key pair",
        "[[Paillier]]'s encryption, spelled out here to be seen. Everybody may have n, the product of two primes; the primes stay "
        "with Ines. 1,024 bits are for the class alone: in earnest take 3,072 or more.",
        (Value("n", whole_bytes(public.n)), Value("bits of n", public.n.bit_length())),
    )
    sent = [(value, public.randomness(rng)) for value in values]
    first, r = sent[0]
    ciphertexts = [public.encrypt(value, r) for value, r in sent]
    rows = tuple(
        (f"patient {at + 1}", whole_bytes(c).hex()[:24] + "…") for at, c in enumerate(ciphertexts[:8])
    )
    yield Step(
        "Each device encrypts its value",
        "(1 + value · n) · r^n modulo n², with a random r each time. Values are in tenths of a percent, as whole numbers.",
        (
            Value("first value", percent(first), "seen by the device alone"),
            Value("its r", whole_bytes(r)),
            Value("its ciphertext", whole_bytes(ciphertexts[0])),
            Value("bytes of a ciphertext", public.ciphertext_bytes),
        ),
        table=Table(("from", "ciphertext"), rows, "What the cloud sees"),
    )
    yield from _added(key, values, ciphertexts)


def _added(key: paillier.PrivateKey, values: list[int], ciphertexts: list[int]) -> Iterator[Event]:
    """The cloud adds and scales; Ines decrypts."""
    public = key.public
    total = public.add(ciphertexts)
    yield Step(
        "The cloud multiplies the ciphertexts",
        "The product of ciphertexts holds the sum of the values. Nothing was decrypted.",
        (Value("ciphertext of the sum", whole_bytes(total)),),
    )
    found = key.decrypt(total)
    mean = found / len(values) / 10
    yield Step(
        "Ines decrypts one ciphertext",
        values=(
            Value("sum in tenths", found),
            Value("mean HbA1c", mean, "percent"),
            Value("sum of the true values", sum(values)),
        ),
        picture=_picture(len(values), mean),
    )
    glucose = public.add_plain(public.scale(total, 287), -4_670 * len(values))
    known = key.decrypt(glucose)
    yield Step(
        "The cloud can also multiply by known numbers",
        "Mean blood sugar in mg/dL is 28.7 · HbA1c - 46.7. A power of a ciphertext multiplies, and a known number can be added. "
        "Two ciphertexts can't be multiplied with each other's values here: for that see CKKS.",
        (
            Value("ciphertext of the scaled sum", whole_bytes(glucose)),
            Value("mean blood sugar", known / len(values) / 100, "mg/dL"),
        ),
    )
    works = found == sum(values) and known == 287 * sum(values) - 4_670 * len(values)
    yield Outcome(
        "works" if works else "broken",
        f"The mean of {len(values)} values is {mean:.6g} %, exact to the last digit, and the cloud has seen only random-looking numbers.",
    )


LESSON = Lesson(
    id="homomorphic",
    number=14,
    topic="Computing on secrets",
    title="Homomorphic encryption",
    question="Can a cloud compute the mean of values that it can't read?",
    story=words.STORY,
    goals=words.GOALS,
    runs=(
        Run(
            "show",
            "show",
            "A mean of sealed values",
            "Devices encrypt, the cloud multiplies, the doctor decrypts the sum.",
            _show,
            (VALUES, BITS),
            seconds=40.0,
        ),
        *reals.RUNS,
        *attacks.RUNS,
    ),
    quiz=words.QUIZ,
    code=program("homomorphic"),
    uses=words.USES,
    not_covered=words.NOT_COVERED,
    sources=words.SOURCES,
    teacher=words.TEACHER,
)
