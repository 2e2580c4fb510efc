"""Schnorr's proof on edwards25519, with libsodium's arithmetic through PyNaCl."""

import hashlib
import random

from nacl import bindings

ORDER = 2**252 + 27742317777372353535851937790883648493
PREFIX = b"asklepion/lab/zero-knowledge/"
CONTEXT = b"St. Damian pharmacy, counter 1"


def number(scalar):
    return scalar.to_bytes(32, "little")


# Repeatable for the class; a real secret and a real nonce come from the secrets module, never from here.
rng = random.Random("zero-knowledge:show:0")
# The second number drawn is the nonce of the lesson's conversation, which this program leaves out.
secret, _, nonce = (rng.randrange(1, ORDER) for _ in range(3))

times_base = bindings.crypto_scalarmult_ed25519_base_noclamp
public = times_base(number(secret))
commitment = times_base(number(nonce))

digest = hashlib.sha512(PREFIX)
for part in (b"schnorr", times_base(number(1)), public, commitment, CONTEXT):
    digest.update(len(part).to_bytes(4, "big") + part)
challenge = int.from_bytes(digest.digest(), "little") % ORDER
response = (nonce + challenge * secret) % ORDER

left = times_base(number(response))
asked = bindings.crypto_scalarmult_ed25519_noclamp(number(challenge), public)
right = bindings.crypto_core_ed25519_add(commitment, asked)

print(f"public key: {public.hex()}")
print(f"proof: {(commitment + number(response)).hex()}")
print(f"accepted: {'yes' if left == right else 'no'}")
