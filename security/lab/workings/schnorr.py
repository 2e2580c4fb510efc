"""Schnorr's proof that somebody knows a secret number, spelled out here to be seen; never use it.

The group is the one of prime order inside edwards25519, and its arithmetic is libsodium's, through PyNaCl. A
point is 32 bytes, a scalar a whole number from 0 to ORDER - 1, written as 32 bytes, little-endian. What is
spelled out is the protocol. For signatures use Ed25519 of a library, which is this proof.

Sources: Schnorr, "Efficient signature generation by smart cards", Journal of Cryptology 4 (1991); Fiat and
Shamir, "How to prove yourself", CRYPTO 1986; RFC 8032 for the group; RFC 8235 for the proof by hash.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import random
from collections.abc import Iterator
from dataclasses import dataclass

from nacl import bindings
from nacl.exceptions import RuntimeError as SodiumError

ORDER = 2**252 + 27742317777372353535851937790883648493
IDENTITY = b"\x01" + bytes(31)
_PREFIX = b"asklepion/lab/zero-knowledge/"


@contextlib.contextmanager
def _points() -> Iterator[None]:
    """The library refuses what is no point of the group in two ways; callers see one."""
    try:
        yield
    except (SodiumError, TypeError) as error:
        raise ValueError("not a point of the group") from error


def scalar_bytes(scalar: int) -> bytes:
    """32 bytes, little-endian, of the scalar modulo ORDER."""
    return (scalar % ORDER).to_bytes(32, "little")


def random_scalar(rng: random.Random) -> int:
    """From 1 to ORDER - 1."""
    return rng.randrange(1, ORDER)


def times_base(scalar: int) -> bytes:
    """scalar · G for the base point G."""
    scalar %= ORDER
    return bindings.crypto_scalarmult_ed25519_base_noclamp(scalar_bytes(scalar)) if scalar else IDENTITY


def times(scalar: int, point: bytes) -> bytes:
    """scalar · point.

    Raises:
        ValueError: the point is none of the group.
    """
    scalar %= ORDER
    if not scalar:
        return IDENTITY
    with _points():
        return bindings.crypto_scalarmult_ed25519_noclamp(scalar_bytes(scalar), point)


def add(left: bytes, right: bytes) -> bytes:
    """The sum of two points.

    Raises:
        ValueError: one of them is no point.
    """
    with _points():
        return bindings.crypto_core_ed25519_add(left, right)


def subtract(left: bytes, right: bytes) -> bytes:
    """The difference of two points.

    Raises:
        ValueError: one of them is no point.
    """
    with _points():
        return bindings.crypto_core_ed25519_sub(left, right)


def is_point(point: bytes) -> bool:
    """Whether these are the 32 bytes of a point of the group of prime order, other than the identity."""
    return len(point) == 32 and bindings.crypto_core_ed25519_is_valid_point(point)


def hashed_point(label: str) -> bytes:
    """A point of the group whose scalar nobody knows: it is made from a hash."""
    digest = hashlib.sha256(_PREFIX + label.encode()).digest()
    return bindings.crypto_core_ed25519_from_uniform(digest)


G = times_base(1)


def challenge_from(domain: str, *parts: bytes) -> int:
    """A challenge by SHA-512 over the domain and the parts, each after its length (4 bytes, big-endian)."""
    digest = hashlib.sha512(_PREFIX)
    for part in (domain.encode(), *parts):
        digest.update(len(part).to_bytes(4, "big") + part)
    return int.from_bytes(digest.digest(), "little") % ORDER


@dataclass(frozen=True)
class Transcript:
    """What passes between the two: a point, a challenge and a response (scalars)."""

    commitment: bytes
    challenge: int
    response: int


def respond(secret: int, nonce: int, challenge: int) -> int:
    """The response: nonce + challenge · secret, modulo ORDER."""
    return (nonce + challenge * secret) % ORDER


def accepts(public: bytes, transcript: Transcript) -> bool:
    """The check: response · G = commitment + challenge · public, all in range and in the group."""
    if not (is_point(public) and is_point(transcript.commitment) and 0 <= transcript.response < ORDER):
        return False
    right = add(transcript.commitment, times(transcript.challenge, public))
    return hmac.compare_digest(times_base(transcript.response), right)


def extract(first: Transcript, second: Transcript) -> int:
    """The secret, out of two answers to different challenges after one commitment.

    Raises:
        ValueError: the challenges are equal.
    """
    gap = (first.challenge - second.challenge) % ORDER
    if not gap:
        raise ValueError("two equal challenges say nothing new")
    return (first.response - second.response) * pow(gap, -1, ORDER) % ORDER


def simulate(public: bytes, rng: random.Random) -> Transcript:
    """A transcript that the check accepts, made without the secret: challenge and response first, and the
    commitment to fit.

    Raises:
        ValueError: the public key is no point.
    """
    challenge, response = random_scalar(rng), random_scalar(rng)
    return Transcript(subtract(times_base(response), times(challenge, public)), challenge, response)


@dataclass(frozen=True)
class Proof:
    """A proof without a partner: 64 bytes."""

    commitment: bytes
    response: int

    def __bytes__(self) -> bytes:
        return self.commitment + scalar_bytes(self.response)

    @classmethod
    def parse(cls, data: bytes) -> Proof:
        """From 64 bytes.

        Raises:
            ValueError: another length.
        """
        if len(data) != 64:
            raise ValueError("a proof has 64 bytes")
        return cls(data[:32], int.from_bytes(data[32:], "little"))


def derived_nonce(secret: int, context: bytes) -> int:
    """A nonce by HMAC-SHA-512 over the context, keyed by the secret: the same context, the same nonce;
    another context, another (the idea of RFC 6979 and of Ed25519)."""
    digest = hmac.digest(scalar_bytes(secret), _PREFIX + b"nonce" + context, hashlib.sha512)
    return int.from_bytes(digest, "little") % ORDER


def _challenge(public: bytes, commitment: bytes, context: bytes) -> int:
    return challenge_from("schnorr", G, public, commitment, context)


def prove(secret: int, context: bytes, nonce: int) -> Proof:
    """That the prover knows the secret of `secret · G`, bound to the context."""
    commitment = times_base(nonce)
    return Proof(commitment, respond(secret, nonce, _challenge(times_base(secret), commitment, context)))


def proof_transcript(public: bytes, proof: Proof, context: bytes) -> Transcript:
    """The proof with its challenge, which the hash gives."""
    return Transcript(proof.commitment, _challenge(public, proof.commitment, context), proof.response)


def verify(public: bytes, proof: Proof, context: bytes) -> bool:
    """Whether the proof is one for this key and this context."""
    return accepts(public, proof_transcript(public, proof, context))
