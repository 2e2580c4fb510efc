"""Attacks on recorded traffic, for the lesson on envelope encryption, and the same against the mends."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from security.lab import pictures, story
from security.lab.parameters import Chosen
from security.lab.steps import Event, Outcome, Step, Value
from security.lab.workings import envelope

_GENOME = b"Genome of Rosa Lindqvist, chromosome 4, SNCA: no duplication found"


def _texts(many: int) -> list[bytes]:
    return [f"Visit {at + 1} of {story.PATIENT}: levodopa {100 + 25 * at} mg".encode() for at in range(many)]


def _recorded(sessions: Sequence[envelope.Session], keys: str) -> Step:
    messages = [
        pictures.Message(0, 1, 2 * at, 2 * at + 1, f"visit {at + 1}") for at in range(min(3, len(sessions)))
    ]
    end = 2.0 * len(messages) + 1
    messages.append(pictures.Message(2, 2, end, end, "records all"))
    return Step(
        f"{story.ATTACKER} records {len(sessions)} sessions",
        "She can't read them, and she can wait.",
        (Value("keys", keys), Value("first ciphertext", sessions[0].ciphertext)),
        pictures.sequence(
            "Doctor and hospital talk; Mallory records.",
            (("doctor", ""), ("hospital", ""), ("Mallory", "bad")),
            messages,
        ),
    )


def recorded(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    doctor, hospital = (X25519PrivateKey.from_private_bytes(rng.randbytes(32)) for _ in range(2))
    texts = _texts(chosen.whole("sessions"))
    sessions = [envelope.talk(doctor, hospital, text, rng.randbytes(16)) for text in texts]
    yield Step(
        "Two keys for years",
        "Doctor and hospital agree on each session's key by X25519, always with the same two key pairs.",
        (Value("doctor's public key", sessions[0].one), Value("hospital's public key", sessions[0].other)),
    )
    yield _recorded(sessions, "the same in all sessions")
    leaked = hospital.private_bytes_raw()
    opened = [envelope.replay(session, leaked) for session in sessions]
    yield Step(
        "A year later, one key leaks",
        "An old server is sold, its disk not wiped. All that was ever recorded opens.",
        (
            Value("leaked private key", leaked),
            Value("sessions opened", sum(text is not None for text in opened)),
            Value("first of them", (opened[0] or b"").decode()),
        ),
    )
    yield Outcome(
        "broken" if opened == texts else "held", f"One leaked key, {len(texts)} sessions of the past."
    )


def ephemeral(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    seeds = [rng.randbytes(32) for _ in range(2)]
    doctor, hospital = (Ed25519PrivateKey.from_private_bytes(seed) for seed in seeds)
    texts, kept = _texts(chosen.whole("sessions")), chosen.whole("kept")
    sessions, undeleted, signed = [], [], 0
    for at, text in enumerate(texts):
        secrets = [rng.randbytes(32) for _ in range(2)]
        one, other = (X25519PrivateKey.from_private_bytes(secret) for secret in secrets)
        sessions.append(envelope.talk(one, other, text, rng.randbytes(16)))
        for signer, public in ((doctor, sessions[-1].one), (hospital, sessions[-1].other)):
            signer.public_key().verify(signer.sign(public), public)
            signed += 1
        undeleted += secrets[1:] if at < kept else []
    yield Step(
        "A key pair for each session",
        "The keys that last only sign. Each session has an [[ephemeral key]] on both sides, signed, and deleted when it ends.",
        (
            Value("first ephemeral public key", sessions[0].one),
            Value("ephemeral keys signed and checked", signed),
        ),
    )
    yield _recorded(sessions, "new ones in each session")
    leaked = [*seeds, *(hashlib.sha512(seed).digest()[:32] for seed in seeds), *undeleted]
    opened = {
        session.ciphertext
        for session in sessions
        for key in leaked
        if envelope.replay(session, key) is not None
    }
    yield Step(
        "A year later, both signing keys leak",
        "She tries them, and whatever else was on the disk, against every session. From now on she can sign as the hospital; the past stays closed. This is [[forward secrecy]].",
        (
            Value("secrets found on the disk", len(leaked)),
            Value("ephemeral keys not deleted", len(undeleted)),
            Value("sessions opened", len(opened)),
        ),
    )
    yield Outcome(
        "broken" if opened else "held",
        f"{len(opened)} of {len(sessions)} recorded sessions open."
        if opened
        else f"None of {len(sessions)} recorded sessions opens.",
    )


def _agreed(chosen: Chosen, rng: random.Random) -> tuple[envelope.Group, int, int, bytes]:
    """A toy Diffie-Hellman: the group, the public numbers of both sides, and what they share."""
    group = envelope.toy_group(chosen.whole("bits"), rng)
    one, other = (rng.randrange(2, group.prime // 2) for _ in range(2))
    publics = [group.raise_to(group.generator, power) for power in (one, other)]
    return group, publics[0], publics[1], _number(group.raise_to(publics[1], one))


def _number(value: int) -> bytes:
    return value.to_bytes(4, "big")


def _toy(group: envelope.Group, one: int, other: int) -> Step:
    return Step(
        "A classical key exchange, recorded today",
        "Diffie-Hellman with a toy prime. Mallory has no quantum computer, and nor have we: trying all powers of a toy stands for it here.",
        (Value("prime", group.prime), Value("doctor's number", one), Value("hospital's number", other)),
    )


def _broken(group: envelope.Group, one: int, other: int) -> tuple[int, bytes]:
    power = envelope.logarithm(group, one)
    return power, _number(group.raise_to(other, power))


def harvest(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    group, one, other, shared = _agreed(chosen, rng)
    salt = rng.randbytes(16)
    sent = ChaCha20Poly1305(envelope.session_key(shared, salt)).encrypt(bytes(12), _GENOME, salt)
    session = envelope.Session(b"", b"", salt, sent)
    yield _toy(group, one, other)
    yield Step(
        "Her genome is sent",
        "It is true for a lifetime, and for her children's. Mallory stores the bytes.",
        (Value("ciphertext", sent),),
    )
    tries, found = _broken(group, one, other)
    text = envelope.unlock(envelope.session_key(found, salt), session) if found == shared else b""
    yield Step(
        "Years later the exchange is broken",
        "From the public numbers alone: harvest now, decrypt later.",
        (Value("powers tried", tries), Value("shared secret", found), Value("text", text.decode())),
        pictures.chain(
            "Recorded now, opened later.",
            (
                pictures.Box(("today", "recorded"), "quiet"),
                pictures.Box(("years later", f"{tries:,} tries"), "warn"),
                pictures.Box(("shared secret", found.hex()), "bad"),
                pictures.Box(("genome", "readable"), "bad"),
            ),
        ),
    )
    yield Outcome(
        "broken" if text == _GENOME else "held",
        "What must stay secret for decades needs a key exchange that holds for decades.",
    )


def hybrid(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    group, one, other, shared = _agreed(chosen, rng)
    salt, hospital = rng.randbytes(16), MLKEM768PrivateKey.from_seed_bytes(rng.randbytes(64))
    public = hospital.public_key().public_bytes_raw()
    yield _toy(group, one, other)
    second, enc = hospital.public_key().encapsulate()
    yield Step(
        "And a second secret beside it",
        "By [[ML-KEM]]-768 the doctor sends a second secret. The session's key is made of both: a [[hybrid key agreement]].",
        (
            Value("bytes of ML-KEM's public key", len(public)),
            Value("bytes sent for the second secret", len(enc)),
        ),
    )
    both = hospital.decapsulate(enc)
    sent = ChaCha20Poly1305(envelope.session_key(shared + second, salt)).encrypt(bytes(12), _GENOME, salt)
    session = envelope.Session(b"", b"", salt, sent)
    yield Step(
        "What travels",
        "The library draws the second secret itself, so that these bytes are new in each run.",
        (Value("encapsulated secret, first 32 bytes", enc[:32]), Value("ciphertext", sent)),
        measured=True,
    )
    hers = envelope.unlock(envelope.session_key(shared + both, salt), session)
    yield Step("The hospital opens it", "", (Value("text", hers.decode()),))
    tries, found = _broken(group, one, other)
    guesses = (
        b"",
        bytes(32),
        public[:32],
        enc[:32],
        hashlib.sha256(public).digest(),
        hashlib.sha256(enc).digest(),
    )
    opened = sum(_opens(envelope.session_key(found + guess, salt), session) for guess in guesses)
    yield _half_broken(tries, found == shared, len(guesses), opened)
    yield Outcome(
        "held" if hers == _GENOME and not opened else "broken",
        "With one of two secrets, the key is as unknown as with none.",
    )


def _half_broken(tries: int, right: bool, guesses: int, opened: int) -> Step:
    return Step(
        "Years later the toy half is broken",
        "Mallory has the first secret, and tries what she has for the second.",
        (
            Value("powers tried", tries),
            Value("first secret found", right),
            Value("guesses at the second", guesses),
            Value("opened", opened),
        ),
        pictures.chain(
            "One half is broken, the other holds.",
            (
                pictures.Box(("classical", "broken"), "bad"),
                pictures.Box(("ML-KEM", "holds"), "good"),
                pictures.Box(("both hashed", "one key")),
                pictures.Box(("genome", "closed" if not opened else "readable"), "bad" if opened else "good"),
            ),
            ("and",),
        ),
    )


def _opens(key: bytes, session: envelope.Session) -> bool:
    try:
        envelope.unlock(key, session)
    except InvalidTag:
        return False
    return True
