"""Lesson 13: zero-knowledge proofs, from one equation to a proof of age."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from security.lab import pictures
from security.lab.errors import BadParameterError
from security.lab.lesson import Lesson, Run, program
from security.lab.lessons import _zero_knowledge_attacks as attacks
from security.lab.lessons import _zero_knowledge_games as games
from security.lab.lessons import _zero_knowledge_words as words
from security.lab.parameters import Chosen, Text, Whole
from security.lab.steps import Download, Event, Outcome, Step, Table, Value
from security.lab.workings import age_proof, schnorr
from security.lab.workings.schnorr import scalar_bytes
from ui import plots


def _show(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    context = chosen.text("context").encode()
    secret, nonce, fresh = (schnorr.random_scalar(rng) for _ in range(3))
    public, commitment = schnorr.times_base(secret), schnorr.times_base(nonce)
    yield Step(
        "Lena's phone has a key pair",
        "The public key is the secret times a fixed point G of the curve edwards25519. Back from the public key to the secret "
        "there is no known way. Lena wants to show that she knows the secret, without showing it.",
        (Value("secret", scalar_bytes(secret), "stays in the phone"), Value("public key", public)),
    )
    challenge = schnorr.random_scalar(rng)
    response = schnorr.respond(secret, nonce, challenge)
    yield Step(
        "Commit, ask, answer",
        "Lena sends a [[commitment]]: a random [[nonce]] times G. Tom asks with a random number, the [[challenge]]. Lena answers "
        "nonce + challenge · secret, modulo the order of the group. The nonce hides the secret in the answer.",
        (
            Value("commitment", commitment),
            Value("challenge", scalar_bytes(challenge)),
            Value("response", scalar_bytes(response)),
        ),
        pictures.sequence(
            "Three messages between Lena and Tom: commitment, challenge, response.",
            [("Lena", ""), ("Tom", "")],
            [
                pictures.Message(0, 1, 1, 1, f"commitment {commitment.hex()[:8]}…"),
                pictures.Message(1, 0, 2, 2, f"challenge {scalar_bytes(challenge).hex()[:8]}…"),
                pictures.Message(0, 1, 3, 3, f"response {scalar_bytes(response).hex()[:8]}…"),
            ],
        ),
    )
    left, right = (
        schnorr.times_base(response),
        schnorr.add(commitment, schnorr.times(challenge, public)),
    )
    yield Step(
        "Tom checks one equation",
        "response · G = commitment + challenge · public key. Both sides are points that Tom can work out.",
        (Value("left side", left), Value("right side", right), Value("equal", left == right)),
    )
    liar = schnorr.Transcript(commitment, challenge, schnorr.random_scalar(rng))
    fooled = schnorr.accepts(public, liar)
    yield Step(
        "Somebody without the secret answers at random",
        "To answer two different challenges after one commitment one must know the secret: [[special soundness]].",
        (Value("her response", scalar_bytes(liar.response)), Value("a guess is accepted", fooled)),
    )
    yield from _by_hash(secret, fresh, context, left == right and not fooled)


def _by_hash(secret: int, fresh: int, context: bytes, sound: bool) -> Iterator[Event]:
    """Fiat-Shamir, and the end; `sound` says whether the conversation before went as it should."""
    public = schnorr.times_base(secret)
    proof = schnorr.prove(secret, context, fresh)
    accepted = schnorr.verify(public, proof, context)
    elsewhere = schnorr.verify(public, proof, context + b" (another)")
    yield Step(
        "A hash asks in Tom's place",
        "[[Fiat-Shamir]]: the challenge is SHA-512 over a name for this kind of proof, G, the public key, the commitment and what "
        "the proof is for. The nonce is a fresh one: one nonce answers one challenge. Now the proof is 64 bytes that everybody can check at any time. For Ed25519 signatures what it is for is the message.",
        (
            Value("context", context.decode()),
            Value("proof", bytes(proof)),
            Value("accepted", accepted),
            Value("accepted for another context", elsewhere),
        ),
    )
    works = sound and accepted and not elsewhere
    yield Outcome(
        "works" if works else "broken",
        "Tom is convinced that Lena's phone knows the secret, and has seen only numbers that he could have made up himself.",
    )


def _day(name: str, text: str) -> date:
    try:
        if len(text) != 10:
            raise ValueError("not a date")
        return date.fromisoformat(text)
    except ValueError:
        raise BadParameterError(
            name,
            "give a day as YEAR-MONTH-DAY, such as 2003-05-14.",
            "The message doesn't repeat what you typed: errors end in logs, and a birth date in a log is a birth date shown.",
        ) from None


def _who_sees(birth: date, shown: int) -> Step:
    rows = (
        ("the registry", "the birth date", "where and when it is shown"),
        ("Lena's phone", "everything", "-"),
        ("Tom", f"{shown:,} bytes and “old enough”", "the birth date"),
    )
    return Step(
        "Who sees what",
        "Tom can recognise the same credential when it comes again; other systems hide that too.",
        table=Table(("who", "sees", "doesn't see"), rows),
        picture=pictures.chain(
            "Registry, phone and counter, with what each knows.",
            [
                pictures.Box(("Registry", birth.isoformat(), "signs a box"), "warn"),
                pictures.Box(("Phone", birth.isoformat(), "proves"), "warn"),
                pictures.Box(("Tom", "????-??-??", "old enough"), "good"),
            ],
        ),
    )


def _asked(chosen: Chosen) -> tuple[date, date]:
    """The birth date and the last one that is old enough.

    Raises:
        BadParameterError: a date is none, or out of bounds.
    """
    birth, today = _day("birth", chosen.text("birth")), _day("today", chosen.text("today"))
    if not date(1850, 1, 1) <= birth <= today <= date(2199, 12, 31):
        raise BadParameterError(
            "birth",
            "the birth date must be from 1850-01-01 to today, and today at most 2199-12-31.",
            "A proof over 16 bits of days reaches 179 years; what lies outside must be refused before, or numbers wrap around.",
        )
    return birth, age_proof.latest_birth(today, chosen.whole("age"))


def _sealed(birth: date, credential: age_proof.Credential) -> Step:
    """What the registry makes of a birth date."""
    return Step(
        "The registry seals the birthday",
        "day · G + [[blinding]] · H: a Pedersen [[commitment]]. The registry signs it, together with the key of Lena's phone, with Ed25519.",
        (
            Value("day of birth, as a number", birth.toordinal(), "days since the year 1"),
            Value("commitment", credential.commitment),
            Value("holder's key", credential.holder),
            Value("registry's signature", credential.signature),
        ),
    )


def _bit_by_bit(shown: age_proof.Shown, session: bytes, old: bool) -> Step:
    """The proof that the phone makes for Tom's number."""
    data = bytes(shown)
    return Step(
        "The phone proves it bit by bit",
        "A [[range proof]]: the difference in 16 boxes, one for each bit. For each box: “it holds 0, or it holds 1”, and one of the two is simulated. "
        "The boxes, with weights 1, 2, 4 …, add up to the difference."
        + ("" if old else " She isn't old enough, so one box must hold what is neither 0 nor 1."),
        (
            Value("Tom's fresh number", session),
            Value("lowest box", shown.range.bits[0].box),
            Value("highest box", shown.range.bits[-1].box),
            Value("bytes of the whole proof", len(data)),
        ),
        plots.bars(
            "Bytes that Tom gets",
            [
                ("signed box", age_proof.CREDENTIAL_BYTES),
                ("16 bits", len(bytes(shown.range))),
                ("holder's key", age_proof.POSSESSION_BYTES),
            ],
        ),
        files=(Download("age.proof", data, "xxd age.proof"),),
    )


def _over(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    birth, cutoff = _asked(chosen)
    age = chosen.whole("age")
    registry = Ed25519PrivateKey.from_private_bytes(rng.randbytes(32))
    credential, kept = age_proof.issue(registry, birth, rng)
    yield _sealed(birth, credential)
    days = cutoff.toordinal() - birth.toordinal()
    yield Step(
        "What is to be proved",
        f"Who is {age} today was born on the cutoff day or before. So cutoff - day of birth isn't negative: it lies from 0 to "
        "65,535 days. Tom works out a box with the difference, from the signed box alone.",
        (
            Value("cutoff", cutoff.isoformat()),
            Value("difference in days", days, "known to Lena alone"),
            Value("box with the difference", age_proof.difference(credential, cutoff)),
        ),
    )
    session = rng.randbytes(32)
    old = days >= 0
    shown = age_proof.show(credential, kept, cutoff, session, rng, lie=not old)
    yield _bit_by_bit(shown, session, old)
    data = bytes(shown)
    why = age_proof.check(age_proof.Shown.parse(data, True), registry.public_key(), cutoff, session)
    data = data[:200] + bytes([data[200] ^ 1]) + data[201:]
    flipped = age_proof.check(age_proof.Shown.parse(data, True), registry.public_key(), cutoff, session)
    yield Step(
        "Tom checks",
        values=(
            Value("accepted", not why),
            Value("reason", why or "none"),
            Value("accepted with one bit flipped", not flipped),
        ),
    )
    if old:
        yield _who_sees(birth, len(data))
        works = not why and bool(flipped)
        yield Outcome(
            "works" if works else "broken", f"Tom knows: at least {age}. He doesn't know the birth date."
        )
        return
    yield Outcome(
        "held" if why else "broken", f"Not {age} yet: there is no proof, and the best attempt is refused."
    )


LESSON = Lesson(
    id="zero-knowledge",
    number=13,
    topic="Computing on secrets",
    title="Zero-knowledge proofs",
    question="Can I prove that I am over 18 without showing my birth date?",
    story=words.STORY,
    goals=words.GOALS,
    runs=(
        Run(
            "show",
            "show",
            "I know the secret",
            "Schnorr's proof: commit, challenge, response, and one equation to check. Then a hash asks the question.",
            _show,
            (Text("context", "What the proof is for", "St. Damian pharmacy, counter 1", 100),),
        ),
        games.CAVE,
        games.COLOURING,
        games.SIMULATOR,
        Run(
            "over-18",
            "show",
            "Over 18",
            "A sealed birthday, signed by the registry, and a proof that it is early enough. Try somebody younger.",
            _over,
            (
                Text("birth", "Birth date", "2003-05-14", 10, 1),
                Text("today", "Today", "2026-03-02", 10, 1),
                Whole("age", "Age to prove", 18, 1, 120),
            ),
        ),
        *attacks.RUNS,
    ),
    quiz=words.QUIZ,
    code=program("zero-knowledge"),
    uses=words.USES,
    not_covered=words.NOT_COVERED,
    sources=words.SOURCES,
    teacher=words.TEACHER,
)
