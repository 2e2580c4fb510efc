"""Authenticated encryption at rest: a data key per user, wrapped under one key-encryption key.

Does: XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha, by libsodium) with a fresh random 24-byte nonce for
every blob, and the owner, purpose and record bound in as associated data, so that a blob copied to
another row does not open. Does not: hide lengths, compress, stream, or wipe memory (Python can't
promise that); keys are only kept out of `repr` and of error messages.

Blob formats (all integers big-endian):

    sealed data, version 1   01 | nonce (24) | ciphertext | tag (16)
    wrapped key, version 1   81 | key id (8) | nonce (24) | ciphertext (32) | tag (16)

The bytes before the nonce and the encoded context are the associated data: changing a version, a key
id or a context is as fatal as changing the ciphertext. The key id names the key-encryption key without
revealing it, so that a rotation can find what is still wrapped under the old one.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from nacl import bindings
from nacl.exceptions import CryptoError as SodiumError

from security.crypto.errors import KeyEncryptionKeyError, SealError, WrongKeyError

RandomBytes = Callable[[int], bytes]

KEY_BYTES = bindings.crypto_aead_xchacha20poly1305_ietf_KEYBYTES  # 32
NONCE_BYTES = bindings.crypto_aead_xchacha20poly1305_ietf_NPUBBYTES  # 24
TAG_BYTES = bindings.crypto_aead_xchacha20poly1305_ietf_ABYTES  # 16
KEY_ID_BYTES = 8

_DATA_V1 = b"\x01"
_WRAPPED_V1 = b"\x81"


@dataclass(frozen=True)
class SealContext:
    """Whose blob it is and what for. All three are bound to the blob; none is secret.

    `owner` is a user id, `purpose` a fixed word such as "totp-secret", `record` the row within it.
    """

    owner: str
    purpose: str
    record: str = ""

    def encode(self) -> bytes:
        """Unambiguous bytes: each part preceded by its length (4 bytes), so parts can't run together."""
        parts = [part.encode("utf-8") for part in (self.owner, self.purpose, self.record)]
        return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


class DataKey:
    """A 32-byte key that seals one owner's data. Made by `KeyEncryptionKey.new_data_key`."""

    __slots__ = ("_key", "_random")

    def __init__(self, key: bytes, random: RandomBytes = secrets.token_bytes) -> None:
        if len(key) != KEY_BYTES:
            raise SealError(f"A data key has {KEY_BYTES} bytes, not {len(key)}.", length=len(key))
        self._key = key
        self._random = random

    def __repr__(self) -> str:
        return "DataKey(hidden)"

    def seal(self, plaintext: bytes, context: SealContext) -> bytes:
        """`plaintext` as a version-1 blob, 41 bytes longer."""
        return _encrypt(_DATA_V1, plaintext, context, self._key, self._random)

    def open(self, blob: bytes, context: SealContext) -> bytes:
        """The plaintext of `blob`.

        Raises:
            SealError: the blob is cut, changed, of an unknown version, or sealed for another context.
        """
        if blob[:1] != _DATA_V1:
            raise SealError("The sealed data has an unknown version.", version=blob[:1].hex())
        return _decrypt(_DATA_V1, blob, context, self._key)


class KeyEncryptionKey:
    """The one 32-byte key that wraps all data keys, and from which keyed hashes derive theirs."""

    __slots__ = ("_key", "_random", "key_id")

    def __init__(self, key: bytes, random: RandomBytes = secrets.token_bytes) -> None:
        if len(key) != KEY_BYTES:
            raise KeyEncryptionKeyError(
                f"The key-encryption key must have {KEY_BYTES} bytes, not {len(key)}.", length=len(key)
            )
        self._key = key
        self._random = random
        self.key_id = self.derive("key id", KEY_ID_BYTES)

    def __repr__(self) -> str:
        return f"KeyEncryptionKey(id={self.key_id.hex()}, key hidden)"

    def derive(self, purpose: str, length: int = KEY_BYTES) -> bytes:
        """A key of `length` bytes for one purpose, by HKDF-SHA-256 (RFC 5869), independent of all others."""
        info = b"asklepion/v1/" + purpose.encode("utf-8")
        return HKDF(algorithm=SHA256(), length=length, salt=None, info=info).derive(self._key)

    def new_data_key(self, owner: str) -> tuple[DataKey, bytes]:
        """A fresh data key for `owner` and its wrapped form (81 bytes) to be stored."""
        key = self._random(KEY_BYTES)
        return DataKey(key, self._random), self._wrap(key, owner)

    def unwrap(self, wrapped: bytes, owner: str) -> DataKey:
        """The data key of `owner`.

        Raises:
            WrongKeyError: it was wrapped under another key-encryption key.
            SealError: the wrapped key is damaged or belongs to another owner.
        """
        header = wrapped[: 1 + KEY_ID_BYTES]
        if header[:1] != _WRAPPED_V1 or len(header) != 1 + KEY_ID_BYTES:
            raise SealError("The wrapped data key has an unknown version.", version=wrapped[:1].hex())
        if header[1:] != self.key_id:
            raise WrongKeyError(
                "The data key was wrapped under another key-encryption key.",
                wrapped_under=header[1:].hex(),
                at_hand=self.key_id.hex(),
            )
        return DataKey(_decrypt(header, wrapped, _wrapping(owner), self._key), self._random)

    def _wrap(self, key: bytes, owner: str) -> bytes:
        return _encrypt(_WRAPPED_V1 + self.key_id, key, _wrapping(owner), self._key, self._random)


def _wrapping(owner: str) -> SealContext:
    return SealContext(owner=owner, purpose="data-key")


def _encrypt(header: bytes, plaintext: bytes, context: SealContext, key: bytes, random: RandomBytes) -> bytes:
    nonce = random(NONCE_BYTES)
    sealed = bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(
        plaintext, header + context.encode(), nonce, key
    )
    return header + nonce + sealed


def _decrypt(header: bytes, blob: bytes, context: SealContext, key: bytes) -> bytes:
    body = blob[len(header) :]
    if len(body) < NONCE_BYTES + TAG_BYTES:
        raise SealError("The sealed data is cut short.", length=len(blob))
    try:
        return bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(
            body[NONCE_BYTES:], header + context.encode(), body[:NONCE_BYTES], key
        )
    except SodiumError:
        # One answer for every cause: which byte was wrong is nobody's business.
        raise SealError(
            "The sealed data does not open: it was changed, or it belongs to another record or key.",
            purpose=context.purpose,
        ) from None
