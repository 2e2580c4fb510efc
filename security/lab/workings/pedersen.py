"""Pedersen's commitments and a proof that what is inside lies from 0 to 2^k - 1, spelled out here to be
seen; never use it.

A commitment to v with blinding r is v · G + r · H; nobody knows H's scalar. The range proof commits to each
bit, and proves of each box that it holds 0 or 1 by the OR-proof of Cramer, Damgård and Schoenmakers: the
prover simulates the branch that is false, and the two challenges must add up to the hash.

Sources: Pedersen, CRYPTO 1991; Cramer, Damgård and Schoenmakers, CRYPTO 1994; Mao, PKC 1998 (range by bits).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from security.lab.workings import schnorr
from security.lab.workings.schnorr import ORDER, G, add, scalar_bytes, subtract, times, times_base

H = schnorr.hashed_point("pedersen/h")
BIT_BYTES = 160


def commit(value: int, blinding: int) -> bytes:
    """value · G + blinding · H: 32 bytes."""
    return add(times_base(value), times(blinding, H))


@dataclass(frozen=True)
class BitProof:
    """A box and the proof that it holds 0 or 1: two challenges and two responses, scalars."""

    box: bytes
    challenges: tuple[int, int]
    responses: tuple[int, int]

    def __bytes__(self) -> bytes:
        return self.box + b"".join(scalar_bytes(number) for number in (*self.challenges, *self.responses))


def _bit_challenge(box: bytes, tries: Sequence[bytes], context: bytes) -> int:
    return schnorr.challenge_from("bit", G, H, box, *tries, context)


def prove_bit(bit: int, blinding: int, context: bytes, rng: random.Random, value: int = -1) -> BitProof:
    """The proof for a box with `bit`; if the box holds a `value` other than that, the check refuses it."""
    box = commit(bit if value < 0 else value, blinding)
    shifted = (box, subtract(box, G))  # what is a multiple of H if the box holds 0, or 1
    nonce, asked, answer = (schnorr.random_scalar(rng) for _ in range(3))
    tries, challenges, responses = [b"", b""], [0, 0], [0, 0]
    other = 1 - bit
    challenges[other], responses[other] = asked, answer
    tries[other] = subtract(times(answer, H), times(asked, shifted[other]))
    tries[bit] = times(nonce, H)
    challenges[bit] = (_bit_challenge(box, tries, context) - asked) % ORDER
    responses[bit] = schnorr.respond(blinding, nonce, challenges[bit])
    return BitProof(box, (challenges[0], challenges[1]), (responses[0], responses[1]))


def verify_bit(proof: BitProof, context: bytes) -> bool:
    """Whether the box holds 0 or 1."""
    numbers = (*proof.challenges, *proof.responses)
    if not schnorr.is_point(proof.box) or not all(0 <= number < ORDER for number in numbers):
        return False
    shifted = (proof.box, subtract(proof.box, G))
    if not schnorr.is_point(shifted[1]):
        return False
    tries = [
        subtract(times(proof.responses[at], H), times(proof.challenges[at], shifted[at])) for at in (0, 1)
    ]
    return sum(proof.challenges) % ORDER == _bit_challenge(proof.box, tries, context)


@dataclass(frozen=True)
class RangeProof:
    """One proof for each bit, the lowest first."""

    bits: tuple[BitProof, ...]

    def __bytes__(self) -> bytes:
        return b"".join(bytes(bit) for bit in self.bits)

    @classmethod
    def parse(cls, data: bytes) -> RangeProof:
        """From its bytes.

        Raises:
            ValueError: not a whole number of bits.
        """
        if not data or len(data) % BIT_BYTES:
            raise ValueError(f"a range proof has {BIT_BYTES} bytes for each bit")
        found = []
        for start in range(0, len(data), BIT_BYTES):
            part = data[start : start + BIT_BYTES]
            a, b, c, d = (int.from_bytes(part[at : at + 32], "little") for at in range(32, BIT_BYTES, 32))
            found.append(BitProof(part[:32], (a, b), (c, d)))
        return cls(tuple(found))


def _bit_context(at: int, total: bytes, context: bytes) -> bytes:
    return at.to_bytes(2, "big") + total + context


def _blindings(blinding: int, bits: int, rng: random.Random) -> list[int]:
    """One for each bit, whose sum with weights 1, 2, 4 ... is `blinding`."""
    rest = [schnorr.random_scalar(rng) for _ in range(bits - 1)]
    first = (blinding - sum(number << at for at, number in enumerate(rest, start=1))) % ORDER
    return [first, *rest]


def prove_range(value: int, blinding: int, bits: int, context: bytes, rng: random.Random) -> RangeProof:
    """That `commit(value, blinding)` holds a number from 0 to 2^bits - 1.

    Raises:
        ValueError: it doesn't, so there is no proof.
    """
    if not 0 <= value < 1 << bits:
        raise ValueError("there is no proof of what isn't so")
    total = commit(value, blinding)
    return RangeProof(
        tuple(
            prove_bit(value >> at & 1, own, _bit_context(at, total, context), rng)
            for at, own in enumerate(_blindings(blinding, bits, rng))
        )
    )


def cheat_range(value: int, blinding: int, bits: int, context: bytes, rng: random.Random) -> RangeProof:
    """The best that a liar can do: boxes that add up, the first of them with what is too much or too little.

    Each box but the first holds a bit, and the first holds `value` less the others' worth; the check of the
    first box then fails.
    """
    total = commit(value, blinding)
    own = _blindings(blinding, bits, rng)
    high = [value >> at & 1 for at in range(1, bits)]
    first = (value - sum(bit << at for at, bit in enumerate(high, start=1))) % ORDER
    proofs = [prove_bit(0, own[0], _bit_context(0, total, context), rng, first)]
    for at, bit in enumerate(high, start=1):
        proofs.append(prove_bit(bit, own[at], _bit_context(at, total, context), rng))
    return RangeProof(tuple(proofs))


def boxes_add_up(total: bytes, proof: RangeProof) -> bool:
    """Whether the boxes, with weights 1, 2, 4 ..., are `total`."""
    if not all(schnorr.is_point(bit.box) for bit in proof.bits):
        return False
    found = schnorr.IDENTITY
    for bit in reversed(proof.bits):
        found = add(add(found, found), bit.box)
    return found == total


def verify_range(total: bytes, proof: RangeProof, bits: int, context: bytes) -> bool:
    """Whether `total` is a commitment to a number from 0 to 2^bits - 1."""
    if len(proof.bits) != bits or not schnorr.is_point(total):
        return False
    each = all(verify_bit(bit, _bit_context(at, total, context)) for at, bit in enumerate(proof.bits))
    return each and boxes_add_up(total, proof)


# The mistake that the lesson shows: a challenge that doesn't depend on what is proved.


def zero_challenge(box: bytes, commitment: bytes, strong: bool) -> int:
    """The challenge of a proof that `box` holds 0; the weak one leaves the box out."""
    return schnorr.challenge_from("zero", *((G, H, box) if strong else ()), commitment)


def verify_zero(box: bytes, proof: schnorr.Proof, strong: bool) -> bool:
    """Whether the proof says that `box` is a multiple of H: response · H = commitment + challenge · box."""
    if not (schnorr.is_point(box) and schnorr.is_point(proof.commitment) and 0 <= proof.response < ORDER):
        return False
    challenge = zero_challenge(box, proof.commitment, strong)
    return times(proof.response, H) == add(proof.commitment, times(challenge, box))


def prove_zero(blinding: int, rng: random.Random, strong: bool) -> tuple[bytes, schnorr.Proof]:
    """A box with 0 and its proof."""
    box, nonce = times(blinding, H), schnorr.random_scalar(rng)
    commitment = times(nonce, H)
    return box, schnorr.Proof(
        commitment, schnorr.respond(blinding, nonce, zero_challenge(box, commitment, strong))
    )


@dataclass(frozen=True)
class Forged:
    """A box, the "proof" that it holds 0, and how it opens: a value other than 0, and its blinding."""

    box: bytes
    proof: schnorr.Proof
    value: int
    blinding: int


def forge_zero(rng: random.Random) -> Forged:
    """A proof first and the box to fit, against the weak challenge (Bernhard, Pereira and Warinschi 2012)."""
    alpha, beta, response = (schnorr.random_scalar(rng) for _ in range(3))
    commitment = commit(alpha, beta)
    inverse = pow(zero_challenge(b"", commitment, False), -1, ORDER)
    value, blinding = -alpha * inverse % ORDER, (response - beta) * inverse % ORDER
    return Forged(commit(value, blinding), schnorr.Proof(commitment, response), value, blinding)
