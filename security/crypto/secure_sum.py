"""The sum of several parties' numbers, for a collector that sees nothing else (Bonawitz et al. 2017).

Does: every pair of parties agrees on a key (X25519, RFC 7748), makes of it (HKDF-SHA-256, RFC 5869) a key
for one session, and of that a stream of words (ChaCha20, RFC 8439). Of each pair one adds the stream to its
numbers and the other takes it away, mod 2^64: what a party sends is uniform noise to whoever lacks its
keys, and in the sum of all the noise is gone. Numbers are whole ones (`FixedPoint`), so the sum is exact.

The collector is honest but curious: it hands out the parties' true public keys and adds up what it gets, and
may look at all of it. Does not: stop a collector who hands out keys of its own, or parties that tell it
theirs (what is left hidden is then the sum over the others); check what a party puts in; recover the sum
when a party is missing, whose part of the noise nobody else knows. With two parties each can work out the
other's numbers from the sum, so take three or more.

A party must never mask two different things in one session: their difference would lie open.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from security.crypto.errors import CryptoError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Words = npt.NDArray[np.uint64]

KEY_BYTES = 32
WORD_BYTES = 8
_SESSION = b"asklepion/v1/secure-sum/session"
_MASK = b"asklepion/v1/secure-sum/mask"


class SecureSumError(CryptoError):
    """What was sent can't be added up, or a number doesn't fit."""


class MissingPartyError(SecureSumError):
    """A party hasn't sent anything, so the noise stays; `evidence["missing"]` are the public keys, in hex."""


@dataclass(frozen=True)
class FixedPoint:
    """Real numbers as whole ones mod 2^64, in steps of 2^-`fraction_bits`."""

    fraction_bits: int = 24

    def encode(self, values: npt.NDArray[np.float64], parties: int) -> Words:
        """Words whose sum over `parties` can't run over.

        Raises:
            SecureSumError: a number is none, or too large.
        """
        import numpy as np

        most = 2.0 ** (62 - self.fraction_bits) / parties
        if not bool(np.all(np.abs(values) <= most)):  # NaN fails it too
            raise SecureSumError(
                f"A number to be added up must be finite and at most {most:g}, so that the sum of {parties} "
                "parties fits. Make the numbers smaller.",
                most=most,
            )
        return (
            np.rint(np.asarray(values, np.float64) * 2.0**self.fraction_bits).astype(np.int64).view(np.uint64)
        )

    def decode(self, words: Words) -> npt.NDArray[np.float64]:
        """The numbers that a sum of words stands for."""
        import numpy as np

        return words.view(np.int64).astype(np.float64) / 2.0**self.fraction_bits


@dataclass(frozen=True, eq=False)
class Masked:
    """What one party sends: words that say nothing, its public key, and which session they belong to."""

    sender: bytes
    session: bytes
    words: Words


class Party:
    """One party's key pair, and what it makes of its numbers."""

    __slots__ = ("_key", "public")

    def __init__(self, secret: bytes) -> None:
        """From the 32 bytes of a private key, for whoever keeps one.

        Raises:
            SecureSumError: it has another length.
        """
        if len(secret) != KEY_BYTES:
            raise SecureSumError(
                f"A party's key has {KEY_BYTES} bytes, not {len(secret)}.", length=len(secret)
            )
        self._key = X25519PrivateKey.from_private_bytes(secret)
        self.public = self._key.public_key().public_bytes_raw()

    def __repr__(self) -> str:
        return f"Party({self.public.hex()[:16]}, key hidden)"

    @classmethod
    def fresh(cls, random: Callable[[int], bytes] = secrets.token_bytes) -> Party:
        """With a new key."""
        return cls(random(KEY_BYTES))

    def mask(self, words: Words, parties: Sequence[bytes], context: str) -> Masked:
        """Hide `words` for one session.

        Args:
            words: the party's numbers, as `FixedPoint.encode` makes them.
            parties: the public keys of all, this one's too, in any order.
            context: names what is added up and when; never the same for two different things.

        Raises:
            SecureSumError: a key is there twice or is none, or this party's own is not among them.
        """
        import numpy as np

        session = session_of(parties, context, len(words))
        if self.public not in parties:
            raise SecureSumError("The party's own public key is not among those of all parties.")
        hidden = np.array(words, np.uint64)
        for other in parties:
            if other != self.public:
                noise = _stream(self._shared(other), session, len(words))
                hidden = hidden + noise if self.public < other else hidden - noise
        return Masked(self.public, session, hidden)

    def _shared(self, other: bytes) -> bytes:
        try:
            return self._key.exchange(X25519PublicKey.from_public_bytes(other))
        except ValueError:  # a wrong length, or a point from which every secret follows
            raise SecureSumError("A party's public key is none.", key=other.hex()) from None


def session_of(parties: Sequence[bytes], context: str, length: int) -> bytes:
    """32 bytes that name who adds up how many words, and what for.

    Raises:
        SecureSumError: a party is named twice, or there are fewer than two.
    """
    if len(set(parties)) != len(parties) or len(parties) < 2:
        raise SecureSumError(
            f"A secure sum needs at least two parties, each once; {len(parties)} keys were given, "
            f"{len(set(parties))} of them different."
        )
    parts = (_SESSION, context.encode("utf-8"), length.to_bytes(8, "big"), *sorted(parties))
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(4, "big") + part)
    return digest.digest()


def unmasked_sum(messages: Sequence[Masked], parties: Sequence[bytes], context: str) -> Words:
    """The sum mod 2^64 of what all parties put in; nothing shorter of it is ever to be seen.

    Raises:
        MissingPartyError: not all parties have sent something.
        SecureSumError: a message is of a stranger, of another session, or there twice.
    """
    import numpy as np

    senders = [message.sender for message in messages]
    if strangers := set(senders) - set(parties):
        raise SecureSumError("A message is of none of the parties.", stranger=min(strangers).hex())
    if len(set(senders)) != len(senders):
        raise SecureSumError("A party has sent two messages; each sends one.")
    if missing := [key.hex() for key in parties if key not in senders]:
        raise MissingPartyError(
            f"{len(missing)} of {len(parties)} parties sent nothing, so the noise of the others stays and "
            "there is no sum. Begin another session with those that are left.",
            missing=missing,
        )
    total = np.zeros_like(messages[0].words)
    for message in messages:
        if message.session != session_of(parties, context, len(message.words)):
            raise SecureSumError(
                "A message belongs to another session: other parties, another purpose or another length.",
                sender=message.sender.hex(),
            )
        if len(message.words) != len(total):
            raise SecureSumError("The messages differ in length.", sender=message.sender.hex())
        total += message.words
    return total


def _stream(shared: bytes, session: bytes, words: int) -> Words:
    import numpy as np

    key = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=session, info=_MASK).derive(shared)
    # The key is of this pair and session alone, so counter and nonce may begin at 0.
    stream = Cipher(algorithms.ChaCha20(key, bytes(16)), mode=None).encryptor()
    return np.frombuffer(stream.update(bytes(WORD_BYTES * words)), dtype="<u8").astype(np.uint64)
