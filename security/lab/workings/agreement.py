"""Keys from X25519 (RFC 7748), and the sealed box put together by hand so that it repeats."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from nacl import bindings

INFO = b"security lab"


@dataclass(frozen=True)
class Party:
    """One side of an agreement: a 32-byte private key, and what follows from it."""

    secret: bytes

    @property
    def public(self) -> bytes:
        """The public key, 32 bytes."""
        return X25519PrivateKey.from_private_bytes(self.secret).public_key().public_bytes_raw()

    def shared(self, public: bytes) -> bytes:
        """The secret shared with the owner of `public`.

        Raises:
            ValueError: the public key is one of the few that give everybody the same secret.
        """
        return X25519PrivateKey.from_private_bytes(self.secret).exchange(
            X25519PublicKey.from_public_bytes(public)
        )


def session_key(shared: bytes, first: bytes, second: bytes) -> bytes:
    """32 bytes for a cipher, by HKDF-SHA-256 (RFC 5869), bound to both public keys."""
    return HKDF(SHA256(), 32, salt=None, info=INFO + first + second).derive(shared)


def sealed_box(message: bytes, public: bytes, secret: bytes) -> bytes:
    """libsodium's sealed box with a given secret for the sender's one-time key pair; `crypto_box_seal` draws
    it itself.

    Format: one-time public key (32) | tag (16) | ciphertext. The nonce is a hash of the two public keys.
    """
    once = Party(secret).public
    nonce = hashlib.blake2b(once + public, digest_size=24).digest()
    return once + bindings.crypto_box_easy(message, nonce, public, secret)
