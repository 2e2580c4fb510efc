"""The attacks and cures of the lesson on zero-knowledge proofs."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import date

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from security.lab import pictures
from security.lab.lesson import Run
from security.lab.parameters import Choice, Chosen, Whole
from security.lab.steps import Event, Outcome, Step, Value
from security.lab.workings import age_proof, pedersen, schnorr
from security.lab.workings.schnorr import scalar_bytes

_CONTEXTS = (b"St. Damian pharmacy, Monday", b"St. Damian pharmacy, Tuesday")
_SAME, _NEXT, _FRESH = "the same both times", "one more the second time", "drawn anew"
_GAPS = (0, 1)
"""By how much Mallory supposes that the second nonce is larger."""
_TODAY = date(2026, 3, 2)


def _take_secret(secret: int, nonces: tuple[int, int]) -> Iterator[Step | bool]:
    """Two proofs with these nonces, and Mallory's subtractions; last, whether she has the secret."""
    public = schnorr.times_base(secret)
    proofs = [schnorr.prove(secret, text, nonce) for text, nonce in zip(_CONTEXTS, nonces, strict=True)]
    both = [
        schnorr.proof_transcript(public, proof, text) for proof, text in zip(proofs, _CONTEXTS, strict=True)
    ]
    values = [Value("public key", public)]
    for day, seen in zip(("Monday", "Tuesday"), both, strict=True):
        values.append(Value(f"commitment, {day}", seen.commitment))
        values.append(Value(f"challenge, {day}", scalar_bytes(seen.challenge)))
        values.append(Value(f"response, {day}", scalar_bytes(seen.response)))
    fine = all(schnorr.accepts(public, seen) for seen in both)
    values.append(Value("both are accepted", fine))
    yield Step("Mallory reads two proofs of Lena's phone", "Everybody may read a proof.", tuple(values))
    guesses = [_subtracted(both[0], both[1], gap) for gap in _GAPS]
    rights = [schnorr.times_base(guess) == public for guess in guesses]
    right = any(rights)
    best = guesses[rights.index(True)] if right else guesses[0]
    yield Step(
        "She subtracts",
        "response 1 - response 2 = (challenge 1 - challenge 2) · secret, if the nonce is the same. She divides. Then she tries it "
        "with 1 taken off response 2, in case the second nonce is one more.",
        (
            Value("her number, if the nonce is the same", scalar_bytes(guesses[0])),
            Value("it gives Lena's public key", rights[0]),
            Value("her number, if it is one more", scalar_bytes(guesses[1])),
            Value("that one gives it", rights[1]),
            Value("Lena's secret", scalar_bytes(secret)),
        ),
        _subtraction_picture(both, best, right),
    )
    yield right


def _subtracted(first: schnorr.Transcript, other: schnorr.Transcript, gap: int) -> int:
    """The secret, if the other nonce is the first one and `gap` more."""
    second = schnorr.Transcript(first.commitment, other.challenge, (other.response - gap) % schnorr.ORDER)
    return schnorr.extract(first, second)


def _subtraction_picture(both: Sequence[schnorr.Transcript], found: int, right: bool) -> str:
    return pictures.chain(
        "Two proofs, their difference, the secret.",
        [
            pictures.Box(("Monday", scalar_bytes(both[0].response).hex()[:12] + "…")),
            pictures.Box(("Tuesday", scalar_bytes(both[1].response).hex()[:12] + "…")),
            pictures.Box(("subtract", "and divide")),
            pictures.Box(
                ("Lena's secret" if right else "not the secret", scalar_bytes(found).hex()[:12] + "…"),
                "bad" if right else "good",
            ),
        ],
        ("−", "=", ""),
    )


def _told(work: Iterator[Step | bool]) -> Iterator[Event]:
    """Steps as they come, then the outcome of the subtraction."""
    for event in work:
        if isinstance(event, bool):
            text = (
                "Mallory has Lena's secret and can be Lena from now on."
                if event
                else "Neither subtraction gives a number that has anything to do with Lena's secret."
            )
            yield Outcome("broken" if event else "held", text)
        else:
            yield event


def _reused(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    secret, nonce = schnorr.random_scalar(rng), schnorr.random_scalar(rng)
    way = chosen.text("nonce")
    second = {_SAME: nonce, _NEXT: nonce + 1, _FRESH: schnorr.random_scalar(rng)}[way]
    yield Step(
        "Lena's phone has a bad source of random numbers",
        f"The [[nonce]] of the second proof is {way}.",
        (Value("nonce, Monday", scalar_bytes(nonce)), Value("nonce, Tuesday", scalar_bytes(second))),
    )
    yield from _told(_take_secret(secret, (nonce, second)))


def _fresh(_: Chosen, rng: random.Random) -> Iterator[Event]:
    secret = schnorr.random_scalar(rng)
    first, second = (schnorr.derived_nonce(secret, text) for text in _CONTEXTS)
    yield Step(
        "The nonce is a keyed hash of what is proved",
        "HMAC-SHA-512 over the context, keyed by the secret. No random numbers are needed, and another context gives another nonce. "
        "Ed25519 does much the same, with SHA-512 and a second secret made from its seed.",
        (Value("nonce, Monday", scalar_bytes(first)), Value("nonce, Tuesday", scalar_bytes(second))),
    )
    yield from _told(_take_secret(secret, (first, second)))


def _forge_box(rng: random.Random, strong: bool, tries: int) -> Iterator[Event]:
    """Mallory's forgery against one way of hashing."""
    box, honest = pedersen.prove_zero(schnorr.random_scalar(rng), rng, strong)
    yield Step(
        "Each evening a ward reports how many tablets are missing, in a box",
        "The box is a [[commitment]], with a proof that it holds 0. The challenge is a hash over "
        + ("the box and the proof's commitment." if strong else "the proof's commitment, and nothing else."),
        (
            Value("an honest box", box),
            Value("its proof is accepted", pedersen.verify_zero(box, honest, strong)),
        ),
    )
    forged, lucky = pedersen.forge_zero(rng), False
    for _ in range(tries):
        lucky = pedersen.verify_zero(forged.box, forged.proof, strong)
        if lucky:
            break
        forged = pedersen.forge_zero(rng)
    order = ["commitment", "hash", "box to fit", "accepted" if lucky else "refused"]
    yield Step(
        "Mallory begins with the proof and makes the box last",
        "She chooses commitment and response, works out the challenge, and solves the equation for the box.",
        (
            Value("her proof", bytes(forged.proof)),
            Value("her box", forged.box),
            Value("tries", tries),
            Value("her proof is accepted", lucky),
        ),
        pictures.chain(
            "Mallory's order: commitment, hash, box.",
            [
                pictures.Box((word,), "" if at < 3 else "bad" if lucky else "good")
                for at, word in enumerate(order)
            ],
            broken=() if lucky else (2,),
        ),
    )
    yield from _opened(forged, lucky, tries)


def _opened(forged: pedersen.Forged, lucky: bool, tries: int) -> Iterator[Event]:
    """What is in Mallory's box, and whether the check was fooled."""
    opens = pedersen.commit(forged.value, forged.blinding) == forged.box
    false = opens and forged.value != 0
    yield Step(
        "She opens the box herself",
        "It doesn't hold 0, and she knows how to open it.",
        (
            Value("number in the box", str(forged.value)),
            Value("blinding", scalar_bytes(forged.blinding)),
            Value("the box opens to it", opens),
        ),
    )
    broken = lucky and false
    yield Outcome(
        "broken" if broken else "held",
        "The check accepts a proof that the box holds 0, and the box holds another number: a proof of something false."
        if broken
        else f"In {tries} tries the check accepted none: with the box in the hash, a box made last changes the challenge.",
    )


def _weak(_: Chosen, rng: random.Random) -> Iterator[Event]:
    yield from _forge_box(rng, False, 1)


def _strong(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    yield from _forge_box(rng, True, chosen.whole("tries"))


def _counter(rng: random.Random, bound: bool) -> Iterator[Event]:
    """Lena's proof is recorded and played again for a boy of 17."""
    registry = Ed25519PrivateKey.from_private_bytes(rng.randbytes(32))
    known = registry.public_key()
    cutoff = age_proof.latest_birth(_TODAY, 18)
    numbers = [rng.randbytes(32) if bound else b"" for _ in range(2)]
    credential, kept = age_proof.issue(registry, date(2003, 5, 14), rng)
    shown = bytes(age_proof.show(credential, kept, cutoff, numbers[0], rng))
    first = age_proof.check(age_proof.Shown.parse(shown, bound), known, cutoff, numbers[0])
    values = [Value("bytes", len(shown)), Value("Tom accepts Lena", not first)]
    if bound:
        values.insert(0, Value("Tom's fresh number", numbers[0]))
    yield Step(
        "Lena, 22, proves her age",
        "Tom sends a fresh number; it and the holder's key are in the proof."
        if bound
        else "The proof says: the registry signed a box, and its birthday is early enough. It doesn't say whose, or for whom.",
        tuple(values),
    )
    own, boy = age_proof.issue(registry, date(2008, 9, 30), rng)
    lie = age_proof.show(own, boy, cutoff, numbers[1], rng, lie=True)
    why = age_proof.check(lie, known, cutoff, numbers[1])
    yield Step(
        "A boy of 17 tries with his own credential",
        "He does what he can, but of what is false there is no proof.",
        (Value("Tom accepts the boy", not why), Value("reason", why)),
    )
    again = age_proof.check(age_proof.Shown.parse(shown, bound), known, cutoff, numbers[1])
    yield from _replayed(again, numbers[1])


def _replayed(again: str, number: bytes) -> Iterator[Event]:
    """Lena's bytes are sent a second time: why Tom refuses them ("" if he doesn't), and his next number, if he
    sends one."""
    taken = not again
    values = [Value("Tom accepts the boy now", taken), Value("reason now", again or "none")]
    if number:
        values.insert(0, Value("Tom's next number", number))
    messages = [
        pictures.Message(0, 2, 1, 1, "Lena's proof", "good"),
        pictures.Message(1, 1, 2, 2, "recorded"),
        pictures.Message(1, 2, 3, 3, "the same bytes", "bad"),
        pictures.Message(2, 2, 4, 4, "accepted" if taken else "refused", "bad" if taken else "good"),
    ]
    yield Step(
        "Mallory recorded Lena's bytes and sells them to the boy",
        "A [[replay]]: he sends them as they are.",
        tuple(values),
        pictures.sequence(
            "Lena's proof is recorded by Mallory and sent again to Tom.",
            [("Lena", ""), ("Mallory", "bad"), ("Tom", "")],
            messages,
        ),
    )
    yield Outcome(
        "broken" if taken else "held",
        "The boy gets the tablets. The proof is right; it is about somebody else."
        if taken
        else "Refused: the proof is for an older number, and a new one needs the secret in Lena's phone.",
    )


def _too_young(_: Chosen, rng: random.Random) -> Iterator[Event]:
    yield from _counter(rng, False)


def _bound(_: Chosen, rng: random.Random) -> Iterator[Event]:
    yield from _counter(rng, True)


RUNS = (
    Run(
        "reused-nonce",
        "attack",
        "One nonce, two proofs",
        "Two answers after one commitment are two equations in two unknowns.",
        _reused,
        (Choice("nonce", "The second nonce is", _SAME, (_SAME, _NEXT, _FRESH)),),
    ),
    Run(
        "fresh-nonce",
        "cure",
        "Derive the nonce",
        "The nonce comes from the secret and the context: another context, another nonce.",
        _fresh,
        cures=("reused-nonce",),
    ),
    Run(
        "weak-fiat-shamir",
        "attack",
        "What the hash left out",
        "The challenge doesn't depend on the statement. Mallory proves something false.",
        _weak,
    ),
    Run(
        "strong-fiat-shamir",
        "cure",
        "Hash the statement too",
        "The same forgery, with the box in the hash.",
        _strong,
        (Whole("tries", "Mallory's tries", 50, 1, 1_000),),
        ("weak-fiat-shamir",),
    ),
    Run(
        "too-young",
        "attack",
        "Seventeen",
        "A boy of 17 sends a proof that somebody else made.",
        _too_young,
    ),
    Run(
        "bound",
        "cure",
        "Bind the proof",
        "A fresh number of Tom's and the holder's key go into the proof.",
        _bound,
        cures=("too-young",),
    ),
)
