"""Authenticated encryption with pyca/cryptography: AES-256-GCM."""

import random

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NOTE = (
    "Rosa Lindqvist, 67. Resting tremor of the left hand for eight months, slower gait, no falls. "
    "Levodopa 100 mg three times a day."
)

# Repeatable for the class, never for real secrets: there, AESGCM.generate_key(256) and os.urandom(12).
rng = random.Random("symmetric:show:0")
key = rng.randbytes(32)
nonce = rng.randbytes(12)
record = b"SD-204817"  # readable, but covered by the tag

sealed = AESGCM(key).encrypt(nonce, NOTE.encode(), record)
print(f"key: {key.hex()}")
print(f"nonce: {nonce.hex()}")
print(f"ciphertext: {sealed[:-16].hex()}")
print(f"tag: {sealed[-16:].hex()}")

opened = AESGCM(key).decrypt(nonce, sealed, record)
print(f"decrypted: {opened.decode()}")
try:
    AESGCM(key).decrypt(nonce, sealed, b"SD-204818")
except InvalidTag:
    print("another record number: refused")
