"""Words of the lesson on hash functions."""

TERMS = {
    "avalanche": "One changed bit of the input changes about half the bits of a good hash.",
    "birthday bound": "Among about 2 to the n/2 random hashes of n bits, two are likely to be equal.",
    "compression function": "The inner step of SHA-256: it mixes one block into a state of fixed size.",
    "hmac": "A tag from a hash and a key, hashed twice; nobody without the key can make or extend it.",
    "length extension": "Making the hash of a secret message with more appended, not knowing the secret.",
    "padding": "Bytes that fill a message up to whole blocks.",
    "pigeonhole principle": "More pigeons than holes: two share one. More inputs than hashes: two collide.",
}
