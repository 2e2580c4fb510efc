"""A note in an envelope in an envelope: byte for byte what the app's sealing module makes."""

import random

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from nacl import bindings

NOTE = (
    "Rosa Lindqvist, 67. Resting tremor of the left hand for eight months, slower gait, no falls. "
    "Levodopa 100 mg three times a day."
)
OWNER, RECORD = "user-204817", "note-1"


def context(*parts):
    """Whose it is and what for, each part with its length before it, so that parts can't run together."""
    return b"".join(len(part).to_bytes(4, "big") + part.encode() for part in parts)


def encrypt(header, text, associated, key):
    nonce = rng.randbytes(24)
    covered = header + associated
    return header + nonce + bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(text, covered, nonce, key)


# Repeatable for the class. Real keys and nonces come from secrets.token_bytes.
rng = random.Random("envelope:seal:0")
kek = rng.randbytes(32)
key_id = HKDF(SHA256(), 8, None, b"asklepion/v1/key id").derive(kek)

data_key = rng.randbytes(32)
wrapped = encrypt(b"\x81" + key_id, data_key, context(OWNER, "data-key", ""), kek)
sealed = encrypt(b"\x01", NOTE.encode(), context(OWNER, "note", RECORD), data_key)

print(f"key-encryption key: {kek.hex()}")
print(f"key id: {key_id.hex()}")
print(f"data key: {data_key.hex()}")
print(f"wrapped key: {wrapped.hex()}")
print(f"sealed note: {sealed.hex()}")
