"""Words of the lesson on key pairs."""

TERMS = {
    "hkdf": "A recipe that makes even, independent keys of a shared secret by HMAC.",
    "hybrid encryption": "A key pair carries a fresh key, and that key encrypts the text.",
    "implicit rejection": "ML-KEM answers a changed ciphertext with another secret in place of an error.",
    "key agreement": "Two sides make the same secret of their own private key and the other's public key.",
    "man in the middle": "An attacker who sits between two people and plays each to the other.",
    "modulus": "RSA's public number, the product of two secret primes.",
    "oaep": "The padding of RSA encryption: it mixes the message with random bytes beforehand.",
    "private exponent": "RSA's secret number d, which undoes what the public exponent e did.",
    "sealed box": "Encryption to a public key by a sender who stays unnamed and keeps no key.",
    "shared secret": "Bytes that both sides of an agreement have and nobody else.",
    "textbook rsa": "The bare power m to the e modulo n, without padding; never to be used so.",
}
