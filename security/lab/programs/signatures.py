"""Sign and check with Ed25519, by pyca/cryptography."""

import random

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

# The same seed for the whole class; a real one is drawn by secrets.token_bytes(32) and told to nobody.
seed = random.Random("signatures:show:0").randbytes(32)
message = b"Rosa Lindqvist: levodopa 100 mg, three times a day, 90 tablets. Dr. Ines Okafor"

key = Ed25519PrivateKey.from_private_bytes(seed)
public = key.public_key()
signature = key.sign(message)
print(f"public key A: {public.public_bytes_raw().hex()}")
print(f"R: {signature[:32].hex()}")
print(f"S: {signature[32:].hex()}")
print(f"signature: {signature.hex()}")

public.verify(signature, message)  # raises if it doesn't fit
try:
    public.verify(signature, message.replace(b"100 mg", b"900 mg"))
    print("changed dose: accepted")
except InvalidSignature:
    print("changed dose: refused")
