"""Words of the lesson on homomorphic encryption: questions, goals, notes."""

from __future__ import annotations

from security.lab import story
from security.lab.lesson import Answer, Question, Use

STORY = (
    f"{story.PATIENT} and seven others measure their HbA1c, the sugar of the last months, at home. {story.DOCTOR} wants the mean; "
    "the cloud that collects the values shall not see one of them. So each device encrypts to Ines's key, and the cloud "
    f"computes on what it can't read. {story.ATTACKER} can't read it either, but she can compute too."
)

GOALS = (
    "say what it means that a cloud computes on ciphertexts",
    "add and scale Paillier ciphertexts, and say why each needs new randomness",
    "say what CKKS adds (real numbers, products) and what it costs (errors, depth, bytes)",
    "explain why homomorphic encryption is malleable by design, and what must be added",
    "tell “the cloud can't read” from “the cloud computes correctly”",
)

QUIZ = (
    Question(
        "The cloud multiplies two Paillier ciphertexts. What is in the product?",
        (
            Answer(
                "The product of the two values",
                "That would be so with textbook RSA. In Paillier the values stand in the exponent.",
            ),
            Answer("Their sum", "Exponents add up: g^a · g^b = g^(a + b).", right=True),
            Answer("Nothing that can be read", "It decrypts to the sum; that is what it is for."),
        ),
    ),
    Question(
        "Two patients have the same HbA1c. What does the cloud see?",
        (
            Answer(
                "Two equal ciphertexts", "Only if the randomness is fixed; then it could also try all values."
            ),
            Answer(
                "Two ciphertexts that have nothing visible in common",
                "Each has a random r of its own.",
                right=True,
            ),
            Answer(
                "Two ciphertexts that differ by a multiple of n",
                "The random factor r^n spreads over all bytes; no simple relation is left to see.",
            ),
        ),
    ),
    Question(
        "Can a homomorphic ciphertext by itself show that it was changed?",
        (
            Answer("Yes, decryption then fails", "It decrypts well: to the changed value."),
            Answer("Yes, if the key is long enough", "The length protects from reading, not from computing."),
            Answer(
                "No: that one can compute on it means that everybody can",
                "It is malleable by design. Signatures or tags must be added.",
                right=True,
            ),
        ),
    ),
    Question(
        "With the setting '8192, scale 40' TenSEAL refuses the third multiplication in a row. Why?",
        (
            Answer(
                "Each multiplication uses up a prime of the modulus, and none is left",
                "The depth is settled when the parameters are.",
                right=True,
            ),
            Answer(
                "The number in it is too large",
                "It was about 1 all along; any number would have met the same end.",
            ),
            Answer("The cloud lacks the secret key", "No multiplication needs it, not even the first."),
        ),
    ),
    Question(
        "The devices sign their ciphertexts. What may a dishonest cloud still do?",
        (
            Answer(
                "Report another sum than that of these ciphertexts",
                "It is the cloud that makes the sum, and no device has signed that one: see the tags.",
                right=True,
            ),
            Answer(
                "Change one patient's ciphertext on its way to Ines", "Its signature would no longer fit."
            ),
            Answer("Read the values", "A signature changes nothing about that: it has no private key."),
        ),
    ),
    Question(
        "Why doesn't the app's own training among hospitals use homomorphic encryption for its sums?",
        (
            Answer("Because it would be insecure", "It would be secure enough; the reason is another."),
            Answer(
                "Because masks that cancel give the same sum, exactly and far quicker",
                "One addition of words for each number, in place of a ciphertext of hundreds of bytes.",
                right=True,
            ),
            Answer("Because models can't be encrypted", "They are numbers; CKKS takes them."),
        ),
    ),
)

USES = (
    Use(
        "Where only a sum is wanted, the app adds up masked numbers: quicker and exact, but all parties must take part.",
        "security/crypto/secure_sum.py",
    ),
    Use("Hospitals that train together send such masked sums.", "training/federated/secure.py"),
    Use(
        "That a sum hides each value doesn't mean that it tells nothing about it: the app adds noise where results go out.",
        "security/crypto/privacy/mechanisms.py",
    ),
)

NOT_COVERED = (
    "Bootstrapping, which refreshes a ciphertext so that any depth can be reached (Gentry 2009)",
    "BFV, BGV and TFHE: exact numbers, and bits",
    "What CKKS decryptions give away if they are handed out unrounded (Li and Micciancio 2021)",
    "Proofs that the cloud computed correctly without a shared tag key",
    "Sharing the private key among several doctors, so that no one alone can read single values",
    "Circuits: comparisons and branches on encrypted numbers",
)

SOURCES = (
    "Rivest, Adleman and Dertouzos, On data banks and privacy homomorphisms, 1978",
    "Goldwasser and Micali, Probabilistic encryption, 1984",
    "Paillier, Public-key cryptosystems based on composite degree residuosity classes, EUROCRYPT 1999",
    "Gentry, Fully homomorphic encryption using ideal lattices, STOC 2009",
    "Cheon, Kim, Kim and Song, Homomorphic encryption for arithmetic of approximate numbers, ASIACRYPT 2017",
    "Agrawal and Boneh, Homomorphic MACs, ACNS 2009",
    "Albrecht and others, Homomorphic Encryption Standard, 2018; ISO/IEC 18033-6:2019",
    "Benaissa and others, TenSEAL, 2021; Microsoft SEAL",
    "Nathan and others, Translating the A1C assay into estimated average glucose values, Diabetes Care 31, 2008",
    "NIST SP 800-57 Part 1 (lengths of moduli)",
)

TEACHER = (
    "Ask first: can one add two numbers that are in locked boxes? Then run the default and point at the one line in which the cloud "
    "multiplies. Let the class say what the cloud learned (how many values there are, and who sent one). Run “Two points more” "
    "and ask whether it is a bug: it isn't, it is what the encryption is for. Then “A number of its own”: the cloud can't read and "
    "still lies. For discussion: Ines could decrypt each single ciphertext as well as the sum. Who should hold the key?"
)
