"""Ed25519 signatures (RFC 8032) by the installation's own key.

Does: keeps a signing key in a 0600 file, signs, verifies, and binds a context ("model-version",
"ledger-checkpoint") into what is signed, so that a signature made for one purpose is worth nothing for
another. Does not: rotate keys, date signatures, vouch for who holds a key, or keep an older signed state
from being put back in the place of a newer one.

What is signed, all integers big-endian:

    "asklepion/v1/signature" | length of the context (4) | context, UTF-8 | message
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
from collections.abc import Callable
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from security.crypto.errors import CryptoError
from security.crypto.private_file import create_private, is_missing, read_private

SIGNING_KEY_NAME = "asklepion.signing.key"
SEED_BYTES = 32
PUBLIC_BYTES = 32
SIGNATURE_BYTES = 64
KEY_ID_BYTES = 8
_PREFIX = b"asklepion/v1/signature"


class SignatureError(CryptoError):
    """A signature is wrong: of another key, another context, or what was signed has changed."""


class SigningKeyError(CryptoError):
    """A signing or verifying key is missing or malformed."""


def signed_bytes(message: bytes, context: str) -> bytes:
    """What Ed25519 gets to see, as the head of this module says.

    Raises:
        ValueError: the context is empty; a signature that is good for anything is a mistake of ours.
    """
    encoded = context.encode("utf-8")
    if not encoded:
        raise ValueError("A signature needs a context.")
    return _PREFIX + len(encoded).to_bytes(4, "big") + encoded + message


class VerifyKey:
    """The public half: 32 bytes that anybody may know. `key_id` (8 bytes) names it in a record."""

    __slots__ = ("_key", "_raw", "key_id")

    def __init__(self, raw: bytes) -> None:
        """From the 32 bytes.

        Raises:
            SigningKeyError: it has another length.
        """
        if len(raw) != PUBLIC_BYTES:
            raise SigningKeyError(
                f"A verifying key has {PUBLIC_BYTES} bytes, not {len(raw)}.", length=len(raw)
            )
        self._raw = raw
        self._key = Ed25519PublicKey.from_public_bytes(raw)
        self.key_id = hashlib.sha256(raw).digest()[:KEY_ID_BYTES]

    def __repr__(self) -> str:
        return f"VerifyKey(id={self.key_id.hex()})"

    def __bytes__(self) -> bytes:
        return self._raw

    def verify(self, message: bytes, signature: bytes, context: str) -> None:
        """Return if `signature` was made for this message and context by the other half of this key.

        Raises:
            SignatureError: it was not.
        """
        try:
            self._key.verify(signature, signed_bytes(message, context))
        except InvalidSignature:
            # One answer for every cause: which part was wrong is nobody's business.
            raise SignatureError(
                "The signature is wrong: what was signed has changed, or another key signed it.",
                context=context,
                key=self.key_id.hex(),
            ) from None

    def to_text(self) -> str:
        """Base64, for a file that is handed on."""
        return base64.b64encode(self._raw).decode("ascii")

    @classmethod
    def from_text(cls, text: str) -> VerifyKey:
        """The key that `to_text` wrote; white space around it doesn't matter.

        Raises:
            SigningKeyError: it is no such text.
        """
        return cls(_decoded(text, "The verifying key"))


class SigningKey:
    """The private half: a 32-byte seed that never leaves this object but for its file."""

    __slots__ = ("_key", "verify_key")

    def __init__(self, seed: bytes) -> None:
        """From the seed (RFC 8032, section 5.1.5), for whoever keeps or derives one himself.

        Raises:
            SigningKeyError: it has another length.
        """
        if len(seed) != SEED_BYTES:
            raise SigningKeyError(f"A signing key has {SEED_BYTES} bytes, not {len(seed)}.", length=len(seed))
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.verify_key = VerifyKey(self._key.public_key().public_bytes_raw())

    def __repr__(self) -> str:
        return f"SigningKey(id={self.verify_key.key_id.hex()}, key hidden)"

    @classmethod
    def load_or_create(
        cls,
        folder: Path,
        *,
        may_create: bool = True,
        random: Callable[[int], bytes] = secrets.token_bytes,
    ) -> SigningKey:
        """The key in `folder`; made there if the file is missing and `may_create`.

        A caller who holds signatures of an older key passes False: a new one verifies none of them.

        Raises:
            SigningKeyError: the file is malformed, or missing although it may not be made.
            PrivateFileError: others could read it, or it can't be read or written.
        """
        path = folder / SIGNING_KEY_NAME
        if is_missing(path):
            if not may_create:
                raise SigningKeyError(
                    f"The signing key {path} is missing, but there are signatures of it. Restore the file.",
                    path=path,
                )
            create_private(path, base64.b64encode(random(SEED_BYTES)) + b"\n")
        return cls(_decoded(read_private(path).decode("ascii", "replace"), f"The signing key {path}"))

    def sign(self, message: bytes, context: str) -> bytes:
        """The signature (64 bytes); the same every time."""
        return self._key.sign(signed_bytes(message, context))


def _decoded(text: str, origin: str) -> bytes:
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise SigningKeyError(
            f"{origin} is not base64. It must be the base64 of {SEED_BYTES} bytes (44 characters)."
        ) from None
    if len(key) != SEED_BYTES:
        raise SigningKeyError(
            f"{origin} holds {len(key)} bytes. It must be the base64 of {SEED_BYTES} bytes.", length=len(key)
        )
    return key
