"""The words of the lesson on key pairs."""

from __future__ import annotations

from security.lab import story
from security.lab.lesson import Answer, Question, Use

STORY = (
    f"{story.DOCTOR} must send a prescription to {story.PHARMACIST}, whose pharmacy is new in town. They have never met and share no "
    f"key, and every line between them runs past {story.ATTACKER}. Each of them can make a key pair and send one half of it "
    "through her hands."
)

GOALS = (
    "explain how a [[shared secret]] comes out of two public keys",
    "say why RSA needs [[oaep|OAEP]], and what [[hybrid encryption]] is",
    "find the man in the middle, and say what keeps her out",
    "compare X25519, RSA and ML-KEM by size, time and the attacker they are made for",
)

QUIZ = (
    Question(
        "Mallory has heard both public keys of an X25519 agreement. What has she?",
        (
            Answer("The shared secret", "For that she needs one of the two private keys."),
            Answer(
                "Nothing that helps to read",
                "From public keys alone nobody knows how to get the secret, as long as there is no large quantum computer.",
                right=True,
            ),
            Answer("Half of the secret", "There are no halves: without a private key she has no bit of it."),
        ),
    ),
    Question(
        "How does the man in the middle break X25519?",
        (
            Answer(
                "She computes the private key from the public one",
                "That would break the mathematics; she needs nothing of the kind.",
            ),
            Answer("She tries all keys", "There are about 2 to the 251; trying is hopeless."),
            Answer(
                "She doesn't: she sends each side her own public key",
                "The agreement is with her, and she passes messages on. Only knowing whose key it is helps.",
                right=True,
            ),
        ),
    ),
    Question(
        "Textbook RSA with e = 3 and n of 2,048 bits: why is a message of 40 letters lost?",
        (
            Answer(
                "2,048 bits are too few",
                "With 4,096 bits it is lost just the same: the cube is even further from n.",
            ),
            Answer(
                "Its cube is smaller than n, so the plain cube root gives it back",
                "320 bits three times are 960; 'modulo n' never did anything.",
                right=True,
            ),
            Answer("3 divides p - 1", "Then the exponent wouldn't work at all; key making avoids it."),
        ),
    ),
    Question(
        "Why is a text seldom encrypted by RSA itself?",
        (
            Answer(
                "RSA takes few bytes and is slow, so it carries a key for AES",
                "That is hybrid encryption; OAEP leaves 190 bytes of a 2,048-bit modulus.",
                right=True,
            ),
            Answer(
                "RSA is broken", "With OAEP and enough bits it isn't, except by a large quantum computer."
            ),
            Answer(
                "RSA can't encrypt letters",
                "Letters are bytes and bytes are a number; that isn't the trouble.",
            ),
        ),
    ),
    Question(
        "Two hospitals' RSA moduli have a prime in common. What does Mallory need to have both private keys?",
        (
            Answer(
                "A quantum computer", "It would factor any modulus, but here Euclid's algorithm is enough."
            ),
            Answer("One of the two private keys", "She needs none; the two public keys are enough."),
            Answer(
                "A greatest common divisor",
                "It is the prime, and a division gives the other one.",
                right=True,
            ),
        ),
    ),
    Question(
        "What does a bit changed on the way do to an ML-KEM ciphertext?",
        (
            Answer(
                "The receiver gets an error that says so",
                "An error would be an oracle; the method avoids it on purpose.",
            ),
            Answer(
                "The receiver gets another secret, and the message under it doesn't open",
                "That is implicit rejection: the attacker can't ask questions.",
                right=True,
            ),
            Answer(
                "Nothing, errors are corrected",
                "The whole ciphertext is computed once more and compared; no change passes.",
            ),
        ),
    ),
)

USES = (
    Use(
        "Hospitals agree on pairwise masks by X25519 and HKDF, so that only their sum can be seen.",
        "security/crypto/secure_sum.py",
    ),
    Use(
        "A signing key (Ed25519) vouches for model versions and for the ledger.",
        "security/crypto/signatures.py",
    ),
    Use("HKDF derives one key for each purpose from the key-encryption key.", "security/crypto/sealing.py"),
)

NOT_COVERED = (
    "How points on a curve are added, and the noisy equations behind ML-KEM",
    "Certificates: who says whose key it is when nobody handed it over on paper",
    "Whole protocols such as TLS, in which both sides sign everything said so far",
    "RSA with the older padding PKCS #1 v1.5, and Bleichenbacher's attack on it",
    "Keeping a private key: passwords on files, hardware, deletion",
)

SOURCES = (
    "RFC 7748 (X25519)",
    "RFC 5869 (HKDF)",
    "RFC 8017 (RSA, OAEP)",
    "RFC 8032 (Ed25519)",
    "RFC 7517, RFC 7638 and RFC 8037 (JWK, its thumbprint, Ed25519 and X25519 in it)",
    "NIST FIPS 203 (ML-KEM), SP 800-57 part 1 (strengths)",
    "W. Diffie and M. Hellman, New Directions in Cryptography, 1976",
    "R. Rivest, A. Shamir and L. Adleman, A Method for Obtaining Digital Signatures and Public-Key Cryptosystems, 1978",
    "J. Hastad, Solving Simultaneous Modular Equations of Low Degree, 1988",
    "G. Simmons, A 'Weak' Privacy Protocol Using the RSA Crypto Algorithm, 1983",
    "N. Heninger et al., Mining Your Ps and Qs, USENIX Security 2012",
    "J. Sorenson and J. Webster, Strong Pseudoprimes to Twelve Prime Bases, 2015 (the test for primes)",
)

TEACHER = (
    "Let two students write down the two public keys of the default run and a third one read them all: what can she compute? "
    "Then run the man in the middle, and ask at which step somebody could have noticed. "
    "In the small-exponent run, lengthen the message until the root fails, and ask whether that is a mend. "
    "The common-prime run happened: in 2012 thousands of devices on the Internet shared primes. "
    "Download a key from 'Take keys along' and read it with openssl in front of the class. "
    "For a discussion: how would you hand over your verifying key to a pharmacy that you never visit?"
)
