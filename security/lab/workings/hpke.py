"""HPKE (RFC 9180), base mode, one message, spelled out here to be seen; never use it.

The suite is DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and an AEAD of the caller's choice. Real programs call
`cryptography.hazmat.primitives.hpke`, which draws the ephemeral key itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

_KEM, _KDF = b"\x00\x20", b"\x00\x01"
_AEADS: dict[str, tuple[bytes, int, type[AESGCM] | type[ChaCha20Poly1305]]] = {
    "AES-128-GCM": (b"\x00\x01", 16, AESGCM),
    "ChaCha20-Poly1305": (b"\x00\x03", 32, ChaCha20Poly1305),
}
_NONCE_BYTES = 12


@dataclass(frozen=True)
class Sent:
    """All that arises on the way: `enc` and `ciphertext` are sent, the rest is secret."""

    enc: bytes
    shared: bytes
    key: bytes
    nonce: bytes
    ciphertext: bytes

    @property
    def message(self) -> bytes:
        """What travels, in one piece."""
        return self.enc + self.ciphertext


def _extract(suite: bytes, salt: bytes, label: bytes, secret: bytes) -> bytes:
    mac = HMAC(salt or bytes(32), SHA256())
    mac.update(b"HPKE-v1" + suite + label + secret)
    return mac.finalize()


def _expand(suite: bytes, key: bytes, label: bytes, info: bytes, length: int) -> bytes:
    told = length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info
    return HKDFExpand(SHA256(), length, told).derive(key)


def _shared(exchanged: bytes, enc: bytes, recipient: bytes) -> bytes:
    suite = b"KEM" + _KEM
    return _expand(suite, _extract(suite, b"", b"eae_prk", exchanged), b"shared_secret", enc + recipient, 32)


def seal(
    plaintext: bytes,
    recipient: X25519PublicKey,
    ephemeral: X25519PrivateKey,
    info: bytes,
    associated: bytes = b"",
    aead: str = "ChaCha20-Poly1305",
) -> Sent:
    """`plaintext` for `recipient`; `ephemeral` must be fresh for each message."""
    identity, key_bytes, cipher = _AEADS[aead]
    enc = ephemeral.public_key().public_bytes_raw()
    shared = _shared(ephemeral.exchange(recipient), enc, recipient.public_bytes_raw())
    suite = b"HPKE" + _KEM + _KDF + identity
    context = b"\0" + _extract(suite, b"", b"psk_id_hash", b"") + _extract(suite, b"", b"info_hash", info)
    secret = _extract(suite, shared, b"secret", b"")
    key = _expand(suite, secret, b"key", context, key_bytes)
    nonce = _expand(suite, secret, b"base_nonce", context, _NONCE_BYTES)
    return Sent(enc, shared, key, nonce, cipher(key).encrypt(nonce, plaintext, associated))
