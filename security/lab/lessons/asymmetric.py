"""Key pairs: a secret between two who never met, four ways."""

from __future__ import annotations

import random
from collections.abc import Iterator

from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from nacl.public import PrivateKey, SealedBox

from security.lab import pictures, story
from security.lab.lesson import Lesson, Run, program
from security.lab.lessons import _asymmetric_keys as keys
from security.lab.lessons import _asymmetric_middle as middle
from security.lab.lessons import _asymmetric_rsa as rsa
from security.lab.lessons import _asymmetric_shared as shared_keys
from security.lab.lessons import _asymmetric_words as words
from security.lab.parameters import Choice, Chosen, Text
from security.lab.pictures import Message
from security.lab.steps import Event, Outcome, Step, Value
from security.lab.workings import textbook_rsa
from security.lab.workings.agreement import Party, sealed_box, session_key

_X25519, _BOX, _RSA, _KEM = "X25519", "sealed box", "RSA-OAEP", "ML-KEM-768"
_LANES = (("Dr. Okafor", "good"), ("Tom Bauer", "good"))


def _show(chosen: Chosen, rng: random.Random) -> Iterator[Event]:
    ways = {_X25519: _agree, _BOX: _box, _RSA: _oaep, _KEM: _kem}
    yield from ways[chosen.text("method")](chosen.text("message").encode(), rng)


def _works(opened: bytes, message: bytes, text: str) -> Outcome:
    return Outcome("works" if opened == message else "broken", text)


def _agree(message: bytes, rng: random.Random) -> Iterator[Event]:
    doctor, pharmacist = Party(rng.randbytes(32)), Party(rng.randbytes(32))
    yield Step(
        "Each draws a private key",
        "32 random bytes each. The [[public key]] follows from the [[private key]]; the way back is infeasible.",
        (
            Value("doctor's private key", doctor.secret, "secret"),
            Value("pharmacist's private key", pharmacist.secret, "secret"),
        ),
    )
    yield Step(
        "The public keys travel in the open",
        "Whoever listens may have both.",
        (Value("doctor's public key", doctor.public), Value("pharmacist's public key", pharmacist.public)),
        _agreement(doctor.public, pharmacist.public),
    )
    shared, theirs = doctor.shared(pharmacist.public), pharmacist.shared(doctor.public)
    yield Step(
        "Own private key, other's public key",
        "Both calculations end at the same point of the curve: the [[shared secret]].",
        (Value("shared secret", shared), Value("the pharmacist's", theirs), Value("same", shared == theirs)),
    )
    key = session_key(shared, doctor.public, pharmacist.public)
    yield Step(
        "HKDF makes a key of it",
        "A point isn't evenly random; [[HKDF]] makes 32 even bytes and ties them to these two public keys.",
        (Value("session key", key),),
    )
    nonce = rng.randbytes(12)
    sealed = AESGCM(key).encrypt(nonce, message, None)
    opened = AESGCM(session_key(theirs, doctor.public, pharmacist.public)).decrypt(nonce, sealed, None)
    yield Step(
        "The message, by AES-256-GCM",
        values=(
            Value("nonce", nonce),
            Value("ciphertext and tag", sealed),
            Value("the pharmacist reads", opened.decode()),
        ),
    )
    yield _works(
        opened,
        message,
        "Two who never met have a key that nobody else has, if each has the other's true public key.",
    )


def _agreement(doctor: bytes, pharmacist: bytes) -> str:
    return pictures.sequence(
        "Each sends the other a public key; then an encrypted message goes to the pharmacist.",
        _LANES,
        (
            Message(0, 1, 1, 1.6, f"public key {doctor.hex()[:8]}…", "a"),
            Message(1, 0, 2.2, 2.8, f"public key {pharmacist.hex()[:8]}…", "a"),
            Message(0, 0, 3.4, 3.4, "same secret"),
            Message(1, 1, 3.4, 3.4, "same secret"),
            Message(0, 1, 4, 4.6, "message, encrypted", "good"),
        ),
    )


def _box(message: bytes, rng: random.Random) -> Iterator[Event]:
    pharmacist, once = Party(rng.randbytes(32)), Party(rng.randbytes(32))
    yield Step(
        "The pharmacist's key pair",
        "Its public half hangs at the door.",
        (Value("pharmacist's public key", pharmacist.public),),
    )
    sealed = sealed_box(message, pharmacist.public, once.secret)
    yield Step(
        "A one-time key pair for one message",
        "A [[sealed box]] agrees on a key with it and throws the private half away: afterwards not even the sender can open the box. The library draws this pair itself; here it is put in by hand, so that it repeats.",
        (
            Value("one-time public key", once.public),
            Value("sealed box", sealed),
            Value("bytes more than the text", len(sealed) - len(message)),
        ),
        pictures.cells(
            "The sealed box: one-time public key, tag, and the ciphertext's beginning.",
            [
                ("one-time public key", sealed[:32]),
                ("tag", sealed[32:48]),
                ("ciphertext, its first bytes", sealed[48:80]),
            ],
            (range(32), ()),
            "good",
        ),
    )
    opened = SealedBox(PrivateKey(pharmacist.secret)).decrypt(sealed)
    yield Step(
        "PyNaCl opens it",
        "Nothing in it says who sent it.",
        (Value("the pharmacist reads", opened.decode()),),
    )
    yield _works(opened, message, "Only the pharmacist reads it. Who wrote it, the box doesn't say.")


def _oaep(message: bytes, rng: random.Random) -> Iterator[Event]:
    key = textbook_rsa.rsa_key(2048, 65537, rng)
    yield Step(
        "Two primes, one modulus",
        "The product n is public; whoever finds p and q has the [[private exponent]] d.",
        (
            Value("p", f"{key.p:x}", "secret"),
            Value("q", f"{key.q:x}", "secret"),
            Value("n", f"{key.n:x}"),
            Value("e", key.e),
            Value("bits of n", key.n.bit_length()),
        ),
    )
    content, seed = rng.randbytes(32), rng.randbytes(32)
    block = textbook_rsa.oaep(content, key.size, seed)
    yield Step(
        "OAEP mixes a fresh AES key with random bytes",
        f"RSA takes few bytes ({key.size - 66} here), so it carries a key and that key encrypts the text: [[hybrid encryption]]. [[OAEP]] spreads a random seed over the whole block.",
        (Value("AES key", content), Value("seed", seed), Value("block", block)),
        pictures.cells(
            "The beginning of the OAEP block: a zero byte, 32 bytes of hidden seed, then the hidden rest.",
            [("block, its first 64 of 256 bytes", block[:64])],
            (range(1, 33),),
            "good",
        ),
    )
    c = pow(textbook_rsa.number(block), key.e, key.n).to_bytes(key.size, "big")
    nonce = rng.randbytes(12)
    sealed = AESGCM(content).encrypt(nonce, message, None)
    yield Step(
        "Encrypt",
        "The block to the power e modulo n; the text by AES-256-GCM.",
        (Value("encrypted key", c), Value("nonce", nonce), Value("ciphertext and tag", sealed)),
    )
    private = textbook_rsa.library_key(key)
    carried = private.decrypt(c, padding.OAEP(padding.MGF1(SHA256()), SHA256(), None))
    opened = AESGCM(carried).decrypt(nonce, sealed, None)
    yield Step(
        "pyca/cryptography decrypts",
        "It checks the whole OAEP block before it hands out a byte.",
        (Value("AES key again", carried), Value("the pharmacist reads", opened.decode())),
    )
    yield _works(opened, message, "The padding spelled out here is the one that the library reads.")


def _kem(message: bytes, rng: random.Random) -> Iterator[Event]:
    private = MLKEM768PrivateKey.from_seed_bytes(rng.randbytes(64))
    public = private.public_key().public_bytes_raw()
    nonce, bit = rng.randbytes(12), rng.randrange(8 * 1088)
    yield Step(
        "The pharmacist's key pair, from a seed of 64 bytes",
        "[[ML-KEM]] rests on noisy equations, for which no fast way is known on a quantum computer either.",
        (
            Value("seed", private.private_bytes_raw(), "secret"),
            Value("public key", public),
            Value("bytes", len(public)),
        ),
        _encapsulation(len(public)),
    )
    secret, wrapped = private.public_key().encapsulate()
    taken = private.decapsulate(wrapped)
    sealed = AESGCM(secret).encrypt(nonce, message, None)
    yield Step(
        "The doctor draws a secret and wraps it",
        "The library draws it anew each time.",
        (
            Value("shared secret", secret),
            Value("wrapped", wrapped),
            Value("the pharmacist's", taken),
            Value("ciphertext and tag", sealed),
        ),
        measured=True,
    )
    changed = bytearray(wrapped)
    changed[bit // 8] ^= 1 << bit % 8
    other = private.decapsulate(bytes(changed))
    opened = AESGCM(taken).decrypt(nonce, sealed, None)
    yield Step(
        "One changed bit gives another secret",
        "There is no error to ask questions about: [[implicit rejection]].",
        (
            Value("same secret without a change", secret == taken),
            Value("same with one bit changed", secret == other),
            Value("the pharmacist reads", opened.decode()),
        ),
    )
    yield Outcome(
        "works" if opened == message and secret == taken != other else "broken",
        "A secret by public key that shall stand against quantum computers, at the price of a kilobyte each way.",
    )


def _encapsulation(size: int) -> str:
    return pictures.sequence(
        "The pharmacist's public key goes to the doctor, a wrapped secret comes back.",
        _LANES,
        (
            Message(1, 0, 1, 1.6, f"public key, {size:,} bytes", "a"),
            Message(0, 0, 2.2, 2.2, "draws a secret"),
            Message(0, 1, 2.8, 3.4, "wrapped secret, 1,088 bytes", "good"),
            Message(0, 1, 4, 4.6, "message, encrypted", "good"),
        ),
    )


LESSON = Lesson(
    id="asymmetric",
    number=2,
    topic="Encryption",
    title="Two who never met",
    question="How do two people who never met agree on a secret?",
    story=words.STORY,
    goals=words.GOALS,
    runs=(
        Run(
            "show",
            "show",
            "Agree on a key",
            "Both sides step by step: key pairs, a [[shared secret]], a key of it, a message. Other methods can be chosen.",
            _show,
            (
                Choice("method", "Method", _X25519, (_X25519, _BOX, _RSA, _KEM)),
                Text("message", "The message", story.PRESCRIPTION, most=2000, least=1, lines=True),
            ),
        ),
        *keys.RUNS,
        *rsa.RUNS,
        *shared_keys.RUNS,
        *middle.RUNS,
    ),
    quiz=words.QUIZ,
    code=program("asymmetric"),
    uses=words.USES,
    not_covered=words.NOT_COVERED,
    sources=words.SOURCES,
    teacher=words.TEACHER,
)
