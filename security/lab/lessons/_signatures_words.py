"""Words of lesson 7."""

from __future__ import annotations

from security.lab import story
from security.lab.lesson import Answer, Question

STORY = (
    f"{story.DOCTOR} sends {story.PATIENT}'s prescription to {story.PHARMACIST}, who has never met her. "
    f"{story.ATTACKER} sits on the line and would like another dose. The hospital also sends out model files, and "
    "somebody has to know that they are the hospital's. A shared key would not do: whoever can check with it can also forge."
)
GOALS = (
    "say from what an Ed25519 [[signature]] is computed, and what each part is for",
    "say why a number that is used twice gives an ECDSA key away, and what prevents it",
    "tell what a signature shows, and that it doesn't show whose key it was",
    "follow a [[chain of trust]] from a [[root certificate]] to a person",
    "compare the sizes of today's signatures and of a [[post-quantum]] one",
)
QUIZ = (
    Question(
        "What does Dr. Okafor need to sign, and Tom Bauer to check?",
        (
            Answer(
                "Both need the same secret key",
                "That would be a MAC; then Tom could write prescriptions too.",
            ),
            Answer("She her private key, he her public key", "He can check and not sign.", right=True),
            Answer(
                "She his public key, he his private key",
                "That is how one encrypts to him. Anybody could do it.",
            ),
        ),
    ),
    Question(
        "Why does Ed25519 make r from a hash of the prefix and the message?",
        (
            Answer("To make signing faster", "Drawing a random number would be faster."),
            Answer("To hide the message", "A signature hides nothing; the message is sent along."),
            Answer(
                "So that another message gets another r, without a random source that could fail",
                "An r that comes twice under one key would give the key away.",
                right=True,
            ),
        ),
    ),
    Question(
        "A device signs with ECDSA and always the same k. What can somebody do who sees two signatures?",
        (
            Answer("Compute the private key", "Two equations with two unknowns: k and the key.", right=True),
            Answer("Only see that k was repeated", "Equal r show that, and the algebra goes on from there."),
            Answer(
                "Forge these two messages alone",
                "The key itself is found, and with it any message is signed.",
            ),
            Answer("Nothing, k stays secret", "k = (z1 - z2) / (s1 - s2), all of which is public."),
        ),
    ),
    Question(
        "The signature fits the key that came with the message. What is shown?",
        (
            Answer(
                "That the doctor wrote it",
                "Only if the key is hers, and the message can't say that for itself.",
            ),
            Answer(
                "That the owner of that key wrote it",
                "Who that is, somebody else has to vouch for.",
                right=True,
            ),
            Answer("That nobody read it on the way", "A signature doesn't hide anything."),
        ),
    ),
    Question(
        "What does Tom need beforehand to check a certificate chain?",
        (
            Answer(
                "Every doctor's key",
                "Then he would need no certificates; the chain is there to spare him that.",
            ),
            Answer(
                "Nothing, a chain proves itself",
                "Mallory's chain proves itself too; she made the root of it.",
            ),
            Answer(
                "The root's certificate, from a source he trusts",
                "All else can come with the message.",
                right=True,
            ),
        ),
    ),
    Question(
        "What does ML-DSA-65 cost beside Ed25519?",
        (
            Answer(
                "About fifty times the bytes for a signature",
                "3,309 beside 64, for an answer to quantum computers.",
                right=True,
            ),
            Answer("Nothing, it is simply newer", "Its signatures and keys are far longer."),
            Answer("Minutes for each signature", "It is about as fast; the bytes are what is felt."),
        ),
    ),
)
NOT_COVERED = (
    "Revocation (CRL, OCSP), and how long a signature is good after its certificate ended",
    "Time stamps by others (RFC 3161), legal rules such as eIDAS",
    "Blind, group and threshold signatures",
    "How ML-DSA works inside; side channels and faults in devices that sign",
)
SOURCES = (
    "RFC 8032 (EdDSA), section 5.1",
    "RFC 6979 (deterministic ECDSA), section 3.2 and appendix A.2.5",
    "FIPS 186-5 (Digital Signature Standard), FIPS 204 (ML-DSA)",
    "RFC 8017 (RSA-PSS), RFC 5652 (CMS), RFC 7515 (JWS), RFC 8037 and RFC 9864 (JOSE with Ed25519)",
    "RFC 5280 (X.509 certificates and path validation)",
    "Bernstein, Duif, Lange, Schwabe, Yang 2012: High-speed High-security Signatures",
    "Nguyen, Shparlinski 2003: The Insecurity of the Elliptic Curve Digital Signature Algorithm with Partially Known Nonces",
    "Shor 1994: Algorithms for Quantum Computation",
)
TEACHER = (
    "Sign a prescription, then change one letter and let the class find which values stay the same (a, prefix, A) and which "
    "don't. Then the repeated number: write both equations on the board before you run it, and let somebody solve for k. "
    "Tell of the games console of 2010 whose makers used one k for all signatures. Let the class decide whether the wrong key "
    "run is a failure of mathematics. Download the certificates and run openssl in front of them. Discuss: who in your "
    "country is the root for doctors, and how would a pharmacist notice that it was replaced?"
)
