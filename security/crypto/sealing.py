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
revealing it, so that a rotation can find what is still wrapped under the old one. Data keys and named
secrets are wrapped in the same form for different purposes: neither opens as the other.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
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

    def derive(self, context: SealContext) -> bytes:
        """A key for one use of its owner's, such as files, by HKDF-SHA-256; independent of all others."""
        info = b"asklepion/v1/data key for/" + context.encode()
        return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=info).derive(self._key)

    def open(self, blob: bytes, context: SealContext) -> bytes:
        """The plaintext of `blob`.

        Raises:
            SealError: the blob is cut, changed, of an unknown version, or sealed for another context.
        """
        if blob[:1] != _DATA_V1:
            raise SealError("The sealed data has an unknown version.", version=blob[:1].hex())
        return _decrypt(_DATA_V1, blob, context, self._key)


class KeyEncryptionKey:
    """The one 32-byte key that wraps all data keys.

    Keyed hashes derive theirs from it, or from a root of their own (`rooted`), which stays when the key is
    changed.
    """

    __slots__ = ("_kept", "_key", "_random", "_root", "key_id")

    def __init__(self, key: bytes, random: RandomBytes = secrets.token_bytes) -> None:
        if len(key) != KEY_BYTES:
            raise KeyEncryptionKeyError(
                f"The key-encryption key must have {KEY_BYTES} bytes, not {len(key)}.", length=len(key)
            )
        self._key = key
        self._random = random
        self._root = key
        self._kept: Mapping[str, bytes] = {}
        self.key_id = _derived(key, "key id", KEY_ID_BYTES)

    def __repr__(self) -> str:
        return f"KeyEncryptionKey(id={self.key_id.hex()}, key hidden)"

    def rooted(self, root: bytes, kept: Mapping[str, bytes]) -> KeyEncryptionKey:
        """The same key, but `derive` answers from `kept`, by purpose, and else derives from `root`."""
        one = KeyEncryptionKey(self._key, self._random)
        one._root = root
        one._kept = dict(kept)
        return one

    def derive(self, purpose: str, length: int = KEY_BYTES) -> bytes:
        """A key of `length` bytes for one purpose, by HKDF-SHA-256 (RFC 5869), independent of all others."""
        if length == KEY_BYTES and purpose in self._kept:
            return self._kept[purpose]
        return _derived(self._root, purpose, length)

    def new_data_key(self, owner: str) -> tuple[DataKey, bytes]:
        """A fresh data key for `owner` and its wrapped form (81 bytes) to be stored."""
        key = self._random(KEY_BYTES)
        return DataKey(key, self._random), self._wrap(key, _wrapping(owner))

    def unwrap(self, wrapped: bytes, owner: str) -> DataKey:
        """The data key of `owner`.

        Raises:
            WrongKeyError: it was wrapped under another key-encryption key.
            SealError: the wrapped key is damaged or belongs to another owner.
        """
        return DataKey(self._open(wrapped, _wrapping(owner)), self._random)

    def rewrap(self, wrapped: bytes, owner: str, new: KeyEncryptionKey) -> bytes:
        """The data key of `owner`, wrapped under `new`; the data key itself, and what it sealed, stay.

        Does not make a stolen copy worthless: who has this key and an older database has the data keys.

        Raises:
            WrongKeyError, SealError: as for `unwrap`.
        """
        return new._wrap(self._open(wrapped, _wrapping(owner)), _wrapping(owner))

    def wrap_secret(self, secret: bytes, name: str) -> bytes:
        """A secret of the installation, such as the root of derived keys, in its form to be stored."""
        return self._wrap(secret, _secret(name))

    def unwrap_secret(self, wrapped: bytes, name: str) -> bytes:
        """What `wrap_secret` wrapped under this name.

        Raises:
            WrongKeyError, SealError: as for `unwrap`.
        """
        return self._open(wrapped, _secret(name))

    def _open(self, wrapped: bytes, context: SealContext) -> bytes:
        under = wrapped_under(wrapped)
        if under != self.key_id:
            raise WrongKeyError(
                "The data key was wrapped under another key-encryption key.",
                wrapped_under=under.hex(),
                at_hand=self.key_id.hex(),
            )
        return _decrypt(_WRAPPED_V1 + under, wrapped, context, self._key)

    def _wrap(self, key: bytes, context: SealContext) -> bytes:
        return _encrypt(_WRAPPED_V1 + self.key_id, key, context, self._key, self._random)


def wrapped_under(wrapped: bytes) -> bytes:
    """The id of the key-encryption key that is needed for `wrapped`; it is not authenticated.

    Raises:
        SealError: `wrapped` has an unknown version.
    """
    header = wrapped[: 1 + KEY_ID_BYTES]
    if header[:1] != _WRAPPED_V1 or len(header) != 1 + KEY_ID_BYTES:
        raise SealError("The wrapped data key has an unknown version.", version=wrapped[:1].hex())
    return header[1:]


def _derived(key: bytes, purpose: str, length: int) -> bytes:
    info = b"asklepion/v1/" + purpose.encode("utf-8")
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=info).derive(key)


def _wrapping(owner: str) -> SealContext:
    return SealContext(owner=owner, purpose="data-key")


def _secret(name: str) -> SealContext:
    return SealContext(owner="", purpose="secret", record=name)


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
