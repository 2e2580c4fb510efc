"""The man in the middle of an agreement, and the signatures that keep her out."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from security.crypto.signatures import SignatureError, SigningKey, VerifyKey
from security.lab import pictures, story
from security.lab.lesson import Run
from security.lab.parameters import Chosen, Text
from security.lab.pictures import Message
from security.lab.steps import Event, Outcome, Step, Value
from security.lab.workings.agreement import Party, session_key

_TEXTS = (
    Text("message", "What the doctor writes", story.PRESCRIPTION, most=500, least=1),
    Text(
        "false", "What Mallory makes of it", story.PRESCRIPTION.replace("100 mg", "900 mg"), most=500, least=1
    ),
)
_LANES = (("Dr. Okafor", "good"), ("Mallory", "bad"), ("Tom Bauer", "good"))
_CONTEXT = "lesson-key-agreement"


def _middle(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    message, false = chosen.text("message").encode(), chosen.text("false").encode()
    doctor, pharmacist = Party(rng.randbytes(32)), Party(rng.randbytes(32))
    to_doctor, to_pharmacist = Party(rng.randbytes(32)), Party(rng.randbytes(32))
    yield Step(
        "Mallory holds both public keys back and sends her own",
        "Nothing in 32 bytes says whose they are.",
        (
            Value("doctor's public key", doctor.public),
            Value("what the pharmacist gets", to_pharmacist.public),
            Value("pharmacist's public key", pharmacist.public),
            Value("what the doctor gets", to_doctor.public),
        ),
    )
    left = session_key(doctor.shared(to_doctor.public), doctor.public, to_doctor.public)
    right = session_key(pharmacist.shared(to_pharmacist.public), to_pharmacist.public, pharmacist.public)
    yield Step(
        "Two agreements in place of one",
        "Doctor and pharmacist each share a key with Mallory and believe that they share it with each other.",
        (Value("doctor and Mallory", left), Value("Mallory and pharmacist", right)),
    )
    nonce = rng.randbytes(12)
    sealed = AESGCM(left).encrypt(nonce, message, None)
    hers = session_key(to_doctor.shared(doctor.public), doctor.public, to_doctor.public)
    read = AESGCM(hers).decrypt(nonce, sealed, None)
    passed_on = AESGCM(right).encrypt(nonce, false, None)
    opened = AESGCM(right).decrypt(nonce, passed_on, None)
    yield Step(
        "She reads, writes another dose and encrypts again",
        "Each [[tag]] is right: each key is a true one, for the wrong pair.",
        (Value("Mallory reads", read.decode()), Value("the pharmacist reads", opened.decode())),
        pictures.sequence(
            "Mallory sits between doctor and pharmacist and agrees on a key with each.",
            _LANES,
            _in_the_middle(),
        ),
    )
    yield Outcome(
        "broken" if read == message and opened == false else "held",
        "Unbroken X25519, unbroken AES, and the pharmacist hands out Mallory's dose.",
    )


def _in_the_middle() -> Sequence[Message]:
    return (
        Message(0, 1, 1, 1.5, "her key", "a"),
        Message(1, 2, 1.6, 2.1, "Mallory's key", "bad"),
        Message(2, 1, 2.6, 3.1, "his key", "a"),
        Message(1, 0, 3.2, 3.7, "Mallory's key", "bad"),
        Message(0, 1, 4.2, 4.7, "message", "good"),
        Message(1, 1, 5.1, 5.1, "reads it", "bad"),
        Message(1, 2, 5.5, 6, "another one", "bad"),
    )


def _authenticated(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    message = chosen.text("message").encode()
    ines, tom, mallory = (SigningKey(rng.randbytes(32)) for _ in range(3))
    last_week = Party(rng.randbytes(32)).public
    old = ines.sign(last_week, _CONTEXT)
    yield Step(
        "Keys that the two know beforehand",
        "A signing key stays the same for years. The public halves were handed over once, on paper.",
        (
            Value("doctor's verifying key", bytes(ines.verify_key)),
            Value("pharmacist's verifying key", bytes(tom.verify_key)),
        ),
    )
    doctor, pharmacist, hers = (Party(rng.randbytes(32)) for _ in range(3))
    by_ines, by_tom = ines.sign(doctor.public, _CONTEXT), tom.sign(pharmacist.public, _CONTEXT)
    yield Step(
        "Each signs the public key it sends",
        "By the app's own module for Ed25519 [[signature|signatures]]. A signature here names neither the day nor the partner, so an old "
        "signed key would pass as well; TLS signs all that was said.",
        (
            Value("doctor's public key", doctor.public),
            Value("her signature", by_ines),
            Value("pharmacist's public key", pharmacist.public),
            Value("his signature", by_tom),
        ),
    )
    tries = _tries((ines, by_ines), (tom, by_tom), mallory, hers.public)
    yield _her_own_key(tries)
    honest = _accepted(ines.verify_key, doctor.public, by_ines) and _accepted(
        tom.verify_key, pharmacist.public, by_tom
    )
    opened = _sent(doctor, pharmacist, message, rng.randbytes(12))
    yield Step(
        "The true keys are accepted",
        "And so is a key that the doctor signed last week, if somebody sends it again.",
        (
            Value("accepted", honest),
            Value("last week's key, sent again", _accepted(ines.verify_key, last_week, old)),
            Value("the pharmacist reads", opened.decode()),
        ),
    )
    yield Outcome(
        "held" if honest and opened == message and not any(tries.values()) else "broken",
        "Mallory gets no key of her own accepted. She can cut the line, or repeat an old signed key, which helps her only if "
        "she has its private half.",
    )


def _tries(
    ines: tuple[SigningKey, bytes], tom: tuple[SigningKey, bytes], mallory: SigningKey, hers: bytes
) -> dict[str, bool]:
    """What Mallory sends with her public key, and whether it is accepted; the two come with the signature
    that each made."""
    own = mallory.sign(hers, _CONTEXT)
    return {
        "no signature": _accepted(ines[0].verify_key, hers, bytes(64)),
        "the doctor's signature": _accepted(ines[0].verify_key, hers, ines[1]),
        "Mallory's signature": _accepted(ines[0].verify_key, hers, own),
        "to the doctor, the pharmacist's signature": _accepted(tom[0].verify_key, hers, tom[1]),
        "to the doctor, Mallory's signature": _accepted(tom[0].verify_key, hers, own),
    }


def _her_own_key(tries: dict[str, bool]) -> Step:
    return Step(
        "Mallory puts her own key in the middle, with",
        values=tuple(Value(name, "accepted" if took else "refused") for name, took in tries.items()),
        picture=pictures.sequence(
            "Mallory's key comes without a good signature and is refused on both sides.", _LANES, _kept_out()
        ),
    )


def _sent(doctor: Party, pharmacist: Party, message: bytes, nonce: bytes) -> bytes:
    """What the pharmacist opens of a message under the key that both agreed on."""
    left = session_key(doctor.shared(pharmacist.public), doctor.public, pharmacist.public)
    right = session_key(pharmacist.shared(doctor.public), doctor.public, pharmacist.public)
    return AESGCM(right).decrypt(nonce, AESGCM(left).encrypt(nonce, message, None), None)


def _kept_out() -> Sequence[Message]:
    return (
        Message(0, 1, 1, 1.6, "key, signed", "good"),
        Message(1, 2, 2, 2.6, "Mallory's key", "bad"),
        Message(2, 2, 3, 3, "refused", "good"),
        Message(2, 1, 3.8, 4.4, "key, signed", "good"),
        Message(1, 0, 4.8, 5.4, "Mallory's key", "bad"),
        Message(0, 0, 5.8, 5.8, "refused", "good"),
    )


def _accepted(known: VerifyKey, public: bytes, signature: bytes) -> bool:
    try:
        known.verify(public, signature, _CONTEXT)
    except SignatureError:
        return False
    return True


RUNS = (
    Run(
        "middle",
        "attack",
        "Sit in the middle",
        "Mallory agrees on a key with each side. Look at what the two believe. A [[man in the middle]] needs no mathematics.",
        _middle,
        _TEXTS,
    ),
    Run(
        "authenticated",
        "cure",
        "Sign the keys",
        "The same attack against public keys that are signed.",
        _authenticated,
        _TEXTS[:1],
        ("middle",),
    ),
)
