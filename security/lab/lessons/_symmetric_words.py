"""The words of the lesson on one key."""

from __future__ import annotations

from security.lab import story
from security.lab.lesson import Answer, Question, Use

STORY = (
    f"{story.DOCTOR} sends Rosa's note to {story.PHARMACIST}. Both have the same key, handed over on paper, and the note "
    f"travels through a network that {story.ATTACKER} listens to. She can also hold messages back, change them, and ask "
    "the pharmacy's server questions. Rosa's record number must stay readable, but nobody may swap it."
)

GOALS = (
    "say what key, [[nonce]], [[associated data]] and [[tag]] are each for",
    "tell why equal blocks and repeated nonces give texts away",
    "explain why secrecy alone doesn't keep a text unchanged",
    "choose a [[mode]] that can't be used wrongly so easily",
)

QUIZ = (
    Question(
        "A nonce of AES-GCM becomes known. What is lost?",
        (
            Answer("The text", "The nonce travels in the open anyway; without the key it opens nothing."),
            Answer(
                "Nothing",
                "It need not be secret. It must only be new for each message under this key.",
                right=True,
            ),
            Answer("The tag's protection", "The tag depends on the key; only a repeated nonce breaks it."),
        ),
    ),
    Question(
        "Two different messages went out under one key and one nonce in AES-GCM. What can Mallory do who knows the first?",
        (
            Answer(
                "Read the second, and forge messages under this nonce",
                "The keystream was the same, and the two tags give the hash key away.",
                right=True,
            ),
            Answer("Find the AES key", "No attack gets that; but she doesn't need it for these messages."),
            Answer("Nothing, AES is unbroken", "AES is; the keystream that GCM makes of it came twice."),
            Answer(
                "Only see that they were sent",
                "That she always sees. Here the sum of the ciphertexts is the sum of the texts.",
            ),
        ),
    ),
    Question(
        "Why does the shape of a picture show through AES-256-ECB?",
        (
            Answer("The key is too short", "No key length helps: equal blocks stay equal under any key."),
            Answer("AES leaks bits of the text", "Each block by itself is perfectly hidden."),
            Answer(
                "Equal blocks become equal blocks",
                "ECB has no nonce and no place: repetition is all that is left, and it draws the shape.",
                right=True,
            ),
        ),
    ),
    Question(
        "A prescription is encrypted by AES-CTR, without a tag. What does the encryption promise?",
        (
            Answer(
                "That nobody changed it",
                "Each flipped bit of the ciphertext flips that bit of the text, and no one notices.",
            ),
            Answer("That nobody without the key reads it", "Secrecy is all that CTR gives.", right=True),
            Answer(
                "That it comes from the doctor",
                "Whoever changes bits wasn't the doctor, and it still decrypts.",
            ),
        ),
    ),
    Question(
        "What mends a padding oracle for good?",
        (
            Answer(
                "A longer key", "The attack never guesses the key; it needs the same 128 questions a byte."
            ),
            Answer(
                "One error message for everything",
                "It helps, but the time until the answer often differs and tells the same.",
            ),
            Answer(
                "A tag that is checked before decryption",
                "The server then never looks at a padding that Mallory made.",
                right=True,
            ),
            Answer("Another padding", "Any check of decrypted bytes before the tag is an oracle of its own."),
        ),
    ),
    Question(
        "What are associated data for?",
        (
            Answer("They hide the record number", "They stay readable; they aren't encrypted."),
            Answer(
                "They tie readable data to the ciphertext",
                "With another record number the tag is wrong, so a note can't be moved.",
                right=True,
            ),
            Answer("They make the key longer", "They have no part in the key."),
        ),
    ),
)

USES = (
    Use(
        "Data at rest: XChaCha20-Poly1305 with owner, purpose and record as associated data.",
        "security/crypto/sealing.py",
    ),
    Use("Second-factor secrets are sealed under a key per user.", "security/accounts/users.py"),
    Use("The key that wraps all others, in a file that only its owner reads.", "security/crypto/keyfile.py"),
)

NOT_COVERED = (
    "How AES works inside, and attacks on its time and power",
    "How long a key may be used (GCM with random nonces: about 2 to the 32 messages)",
    "Hiding how long a message is",
    "Replay: an old message that arrives again has a right tag",
    "Committing encryption: a ciphertext of AES-GCM may open under two keys",
)

SOURCES = (
    "NIST FIPS 197 (AES)",
    "NIST SP 800-38A (ECB, CBC, CTR) and SP 800-38D (GCM)",
    "RFC 8439 (ChaCha20-Poly1305)",
    "RFC 8452 (AES-GCM-SIV)",
    "RFC 5652, section 6.3 (padding)",
    "The Fernet specification (github.com/fernet/spec)",
    "draft-irtf-cfrg-xchacha (XChaCha20-Poly1305)",
    "S. Vaudenay, Security Flaws Induced by CBC Padding, EUROCRYPT 2002",
    "A. Joux, Authentication Failures in NIST version of GCM, 2006 (comment to NIST)",
)

TEACHER = (
    "Run the default, and ask what would still be safe if Mallory had each of the values: nonce, associated data, ciphertext, tag, key. "
    "Then show the picture through ECB, and let the class say which property of the ciphertext they used. "
    "In the bit-flip run, change the dose yourself; ask who noticed. "
    "The padding oracle is best read aloud from its table, one answer at a time: whose byte is it, and what did the server say? "
    "End with the cure and the question why the order (check, then decrypt) matters. "
    "For a discussion: a hospital's old device can only do AES-CBC; what would you put around it?"
)
