"""Words of lesson 7."""

TERMS = {
    "certificate": "A signed statement that a public key belongs to somebody.",
    "certificate authority": "Somebody whose signature on certificates others trust.",
    "chain of trust": "Certificates, each signed by the holder of the one before, down from a trusted root.",
    "deterministic signature": "One without a random source: the same key and message give the same bytes.",
    "elliptic curve": "Points that can be added; undoing a multiplication there is infeasible.",
    "nonce reuse": "Using a number twice that may be used once; with ECDSA it gives the private key away.",
    "post-quantum": "Meant to hold against large quantum computers too.",
    "root certificate": "One that is trusted because it is there, not because somebody signed it.",
}
