"""Where the key-encryption key comes from: the environment, or a file that only its owner can read.

Does: reads `ASKLEPION_KEY` (base64 of 32 bytes), else `asklepion.key` in the data folder, else makes that
file. Does not: rotate keys, talk to a key service, or fall back to a weaker place when one is refused.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Mapping
from pathlib import Path

from security.crypto.errors import KeyEncryptionKeyError
from security.crypto.private_file import PrivateFileError, create_private, is_missing, read_private
from security.crypto.sealing import KEY_BYTES, KeyEncryptionKey, RandomBytes

KEY_VARIABLE = "ASKLEPION_KEY"
KEY_FILE_NAME = "asklepion.key"


def load_key_encryption_key(
    environ: Mapping[str, str],
    folder: Path,
    *,
    may_create: bool = True,
    random: RandomBytes = secrets.token_bytes,
) -> KeyEncryptionKey:
    """The key from the environment if it is set there, else from the file in `folder`.

    A missing file is created when `may_create`; a caller who already holds data sealed under an older
    key passes False, for a new key could open nothing.

    Raises:
        KeyEncryptionKeyError: the value or file is malformed, readable by others, missing although it
            may not be created, or can't be written.
    """
    value = environ.get(KEY_VARIABLE, "").strip()
    if value:
        return KeyEncryptionKey(_decoded(value, f"The environment variable {KEY_VARIABLE}"), random)
    path = folder / KEY_FILE_NAME
    try:
        if is_missing(path):
            if not may_create:
                raise KeyEncryptionKeyError(
                    f"The key file {path} is missing, but there is data that was sealed under it. "
                    f"Restore the file, or set {KEY_VARIABLE} to its content.",
                    path=path,
                )
            create_private(path, base64.b64encode(random(KEY_BYTES)) + b"\n")
        content = read_private(path)
    except PrivateFileError as error:
        raise KeyEncryptionKeyError(f"{error} Or set {KEY_VARIABLE}.", **error.evidence) from error
    key = _decoded(content.decode("ascii", "replace").strip(), f"The key file {path}")
    return KeyEncryptionKey(key, random)


def _decoded(text: str, origin: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise KeyEncryptionKeyError(
            f"{origin} is not base64. It must be the base64 of {KEY_BYTES} random bytes (44 characters)."
        ) from None
    if len(key) != KEY_BYTES:
        raise KeyEncryptionKeyError(
            f"{origin} holds {len(key)} bytes. It must be the base64 of {KEY_BYTES} random bytes.",
            length=len(key),
        )
    return key
