"""A key agreed on by two who never met, and a message under it: X25519, HKDF, AES-256-GCM."""

import random

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MESSAGE = b"Rosa Lindqvist: levodopa 100 mg, three times a day, 90 tablets. Dr. Ines Okafor"

# Repeatable for the class, never for real secrets: there, X25519PrivateKey.generate().
rng = random.Random("asymmetric:show:0")
doctor = X25519PrivateKey.from_private_bytes(rng.randbytes(32))
pharmacist = X25519PrivateKey.from_private_bytes(rng.randbytes(32))
doctor_public = doctor.public_key().public_bytes_raw()
pharmacist_public = pharmacist.public_key().public_bytes_raw()
print(f"doctor's public key: {doctor_public.hex()}")
print(f"pharmacist's public key: {pharmacist_public.hex()}")

shared = doctor.exchange(pharmacist.public_key())
print(f"shared secret: {shared.hex()}")
print(f"same on the other side: {pharmacist.exchange(doctor.public_key()) == shared}")

info = b"security lab" + doctor_public + pharmacist_public
key = HKDF(SHA256(), 32, salt=None, info=info).derive(shared)
print(f"session key: {key.hex()}")

nonce = rng.randbytes(12)
sealed = AESGCM(key).encrypt(nonce, MESSAGE, None)
print(f"ciphertext and tag: {sealed.hex()}")
print(f"the pharmacist reads: {AESGCM(key).decrypt(nonce, sealed, None).decode()}")
