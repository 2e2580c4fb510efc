"""A hash chain and its Merkle root, with the standard library alone."""

import hashlib
import hmac
import json

CONSENTS = [
    ("consent.given", "treatment"),
    ("consent.given", "second opinion"),
    ("consent.given", "tremor study"),
    ("consent.refused", "insurer"),
    ("consent.given", "teaching"),
    ("consent.withdrawn", "tremor study"),
    ("consent.given", "pharmacy"),
    ("consent.given", "model training"),
]


def sized(text):
    return len(text).to_bytes(4, "big") + text.encode()


# A pseudonym, as the ledger can't forget. Repeatable for the class; a real key is random and lies elsewhere.
key = hashlib.sha256(b"pseudonyms, for the class").digest()
patient = hmac.digest(key, b"SD-204817", "sha256")[:8].hex()
print(f"patient's pseudonym: {patient}")

previous, leaves = bytes(32), []
for index, (kind, purpose) in enumerate(CONSENTS):
    data = json.dumps({"patient": patient, "purpose": purpose}, sort_keys=True, separators=(",", ":"))
    time = 1_772_352_000_000 + 86_400_000 * index  # milliseconds since 1970
    entry = b"asklepion/v1/ledger-entry" + index.to_bytes(8, "big") + time.to_bytes(8, "big")
    entry += previous + sized(kind) + sized(data)
    previous = hashlib.sha256(b"\x00" + entry).digest()  # 0 marks a leaf of the tree
    leaves.append(previous)
print(f"hash of entry 0: {leaves[0].hex()}")
print(f"hash of the last entry: {leaves[-1].hex()}")

while len(leaves) > 1:  # 8 leaves: every level is even
    pairs = zip(leaves[::2], leaves[1::2], strict=True)
    leaves = [hashlib.sha256(b"\x01" + left + right).digest() for left, right in pairs]  # 1 marks a node
print(f"Merkle root: {leaves[0].hex()}")
