"""One password stored six ways. The salt is derived so that the class sees the same; a real one is random."""

import hashlib
import random

import bcrypt
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

LETTERS = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def bcrypt64(data: bytes) -> str:
    """bcrypt's own base64."""
    bits = "".join(f"{byte:08b}" for byte in data)
    bits += "0" * (-len(bits) % 6)
    return "".join(LETTERS[int(bits[at : at + 6], 2)] for at in range(0, len(bits), 6))


password = b"Levodopa2024"
salt = random.Random("passwords:show:0").randbytes(16)  # repeatable: never for a real password

print(f"plain: {password.decode()}")
print(f"SHA-256: {hashlib.sha256(password).hexdigest()}")
print(f"salt: {salt.hex()}")
print(f"salted SHA-256: {hashlib.sha256(salt + password).hexdigest()}")
print(f"bcrypt's salt: {bcrypt64(salt)}")
print(f"bcrypt: {bcrypt.hashpw(password, b'$2b$05$' + bcrypt64(salt).encode()).decode()}")
# Settings for a class: scrypt in earnest has n = 2**17 (128 MiB); for Argon2id, RFC 9106 recommends 2 GiB and
# one pass, or 64 MiB and three, four lanes each.
print(f"scrypt: {Scrypt(salt=salt, length=32, n=1024, r=8, p=1).derive(password).hex()}")
argon2id = Argon2id(salt=salt, length=32, iterations=2, lanes=1, memory_cost=1024)
print(f"Argon2id: {argon2id.derive_phc_encoded(password)}")
