"""Words of the lesson on envelope encryption."""

TERMS = {
    "crypto-shredding": (
        "Deleting the key in place of the data; unreadable is then what has no other copy of the key."
    ),
    "data key": "The key that encrypts one person's data; it is stored only inside an envelope.",
    "envelope encryption": "Data under a data key, and the data key under another key kept elsewhere.",
    "ephemeral key": "A key made for one session and deleted after it.",
    "forward secrecy": "A key that leaks later opens nothing that was recorded before.",
    "hpke": "Hybrid public key encryption (RFC 9180): a message for the owner of a public key.",
    "hybrid key agreement": "A key from two agreements of different kinds; it is safe while one of them is.",
    "key wrapping": "Encrypting a key with another key.",
    "key-encryption key": "The key that encrypts keys and nothing else; it lies apart from the data.",
    "ml-kem": "A way to send a key by a public key that quantum computers aren't known to break (FIPS 203).",
}
