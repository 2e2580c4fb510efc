"""Words of the lesson on one key."""

TERMS = {
    "aead": "Encryption that also makes a tag, over the text and over associated data; AES-GCM is one.",
    "cbc": "A mode that mixes each block with the ciphertext before it; it needs padding, and has no tag.",
    "ctr": "A mode that encrypts a counter and adds the result to the text, byte by byte; it has no tag.",
    "ecb": "The mode that encrypts each block by itself, so equal blocks stay equal.",
    "gcm": "CTR mode together with a tag; the usual way to use AES.",
    "iv": "The starting value of a mode; depending on the mode it must be unique, or unpredictable as well.",
    "keystream": "The bytes that a stream cipher adds to the text; the same for the same key and nonce.",
    "mode": "The rule for using a block cipher on more than one block.",
    "oracle": "One who answers an attacker's questions unawares, such as a server by its errors.",
    "padding oracle": "A server that tells whether the padding was right, and so the whole text.",
    "xor": "Addition of bits without a carry; doing it twice with the same bits undoes it.",
}
