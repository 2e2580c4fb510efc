"""A proof of age without a birth date, spelled out here to be seen; never use it.

The registry commits to the day of birth (Pedersen) and signs the commitment together with the holder's
public key (Ed25519). The holder proves that cutoff - day lies from 0 to 2^16 - 1 days, where the cutoff is
the latest day of birth that is old enough. Days are counted as in `date.toordinal`.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from security.lab.workings import pedersen, schnorr

BITS = 16
LARGEST = (1 << BITS) - 1
CREDENTIAL_BYTES, POSSESSION_BYTES = 128, 64
_DOMAIN = b"asklepion/lab/age-credential"


def latest_birth(today: date, age: int) -> date:
    """The latest day of birth of somebody who is `age` today; born on 29 February, one is older from 1 March.

    Raises:
        ValueError: that is before the year 1.
    """
    year = today.year - age
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if today.month == 2 and today.day == 29 and not leap:
        return date(year, 2, 28)
    return today.replace(year=year)


@dataclass(frozen=True)
class Credential:
    """What the registry signs (two points) and its signature: 128 bytes."""

    commitment: bytes
    holder: bytes
    signature: bytes

    def __bytes__(self) -> bytes:
        return self.commitment + self.holder + self.signature


@dataclass(frozen=True)
class Secrets:
    """What the holder keeps: day of birth, blinding, and the secret of the holder's key."""

    birth: date
    blinding: int
    holder: int


def issue(registry: Ed25519PrivateKey, birth: date, rng: random.Random) -> tuple[Credential, Secrets]:
    """A credential for a newly made holder's key."""
    kept = Secrets(birth, schnorr.random_scalar(rng), schnorr.random_scalar(rng))
    commitment = pedersen.commit(birth.toordinal(), kept.blinding)
    holder = schnorr.times_base(kept.holder)
    return Credential(commitment, holder, registry.sign(_DOMAIN + commitment + holder)), kept


@dataclass(frozen=True)
class Shown:
    """What is shown at the counter: the credential, the range proof, and perhaps the proof of the holder's
    key."""

    credential: Credential
    range: pedersen.RangeProof
    possession: schnorr.Proof | None

    def __bytes__(self) -> bytes:
        last = b"" if self.possession is None else bytes(self.possession)
        return bytes(self.credential) + bytes(self.range) + last

    @classmethod
    def parse(cls, data: bytes, bound: bool) -> Shown:
        """From its bytes, with or without the proof of the holder's key.

        Raises:
            ValueError: too short, or of a wrong length.
        """
        end = len(data) - (POSSESSION_BYTES if bound else 0)
        credential = Credential(data[:32], data[32:64], data[64:CREDENTIAL_BYTES])
        proof = pedersen.RangeProof.parse(data[CREDENTIAL_BYTES : max(CREDENTIAL_BYTES, end)])
        return cls(credential, proof, schnorr.Proof.parse(data[end:]) if bound else None)


def _context(credential: Credential, cutoff: date, session: bytes) -> bytes:
    return bytes(credential) + cutoff.toordinal().to_bytes(4, "big") + session


def difference(credential: Credential, cutoff: date) -> bytes:
    """The commitment to cutoff - day of birth, which everybody can work out.

    Raises:
        ValueError: the credential's commitment is no point.
    """
    return schnorr.subtract(schnorr.times_base(cutoff.toordinal()), credential.commitment)


def show(
    credential: Credential, kept: Secrets, cutoff: date, session: bytes, rng: random.Random, lie: bool = False
) -> Shown:
    """The proof for this session; an empty session leaves the holder's key out, which is the naive way.

    With `lie` it is tried for somebody who is too young, and the check refuses it.

    Raises:
        ValueError: not old enough, so that there is no proof.
    """
    days = cutoff.toordinal() - kept.birth.toordinal()
    context = _context(credential, cutoff, session)
    make = pedersen.cheat_range if lie else pedersen.prove_range
    ranged = make(days, -kept.blinding % schnorr.ORDER, BITS, context, rng)
    possession = None
    if session:
        nonce = schnorr.derived_nonce(kept.holder, context + bytes(ranged))
        possession = schnorr.prove(kept.holder, context + bytes(ranged), nonce)
    return Shown(credential, ranged, possession)


def check(shown: Shown, registry: Ed25519PublicKey, cutoff: date, session: bytes) -> str:
    """Why it is refused, or nothing if it is accepted. An empty session is the naive check."""
    credential = shown.credential
    try:
        registry.verify(credential.signature, _DOMAIN + credential.commitment + credential.holder)
        total = difference(credential, cutoff)
    except (InvalidSignature, ValueError):
        return "the registry's signature is wrong"
    context = _context(credential, cutoff, session)
    if session:
        whole = context + bytes(shown.range)
        if shown.possession is None or not schnorr.verify(credential.holder, shown.possession, whole):
            return "the proof of the holder's key isn't for this session"
    if not pedersen.verify_range(total, shown.range, BITS, context):
        return "the range proof is wrong"
    return ""
