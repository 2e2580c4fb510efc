"""The words of the lesson on hash functions."""

from __future__ import annotations

from security.lab import story
from security.lab.lesson import Answer, Question, Use

STORY = (
    f"{story.STUDENT} wants to know whether five hospitals hold the same copy of {story.PATIENT}'s record, and compares "
    f"hashes in place of records. {story.ATTACKER} looks for two prescriptions with one hash: {story.DOCTOR} signs the "
    "hash of the first, and the signature holds for the second as well."
)

GOALS = (
    "say what a hash promises: easy forward, no way back, no two inputs found with one output",
    "say why a hash of n bits is worth n/2 bits against collisions",
    "tell a hash from a tag: what a key adds, and why secret-first SHA-256 isn't one",
    "answer whether a hash is unique: no by counting, yes in practice if it is long enough and not broken",
)

QUIZ = (
    Question(
        "Does SHA-256 give each file a code that no other file has?",
        (
            Answer(
                "Yes, that is what it was built for",
                "There are more files than hashes, so some must share one. It was built so that nobody can find two.",
            ),
            Answer(
                "No, and so it can't be used as a name",
                "It can: this app names files and keys by it. That nobody can find a collision is enough.",
            ),
            Answer(
                "No, but nobody is able to find two files that share one",
                "By counting they must exist; by all that is known, finding two takes about 2 to the 128 hashes.",
                right=True,
            ),
            Answer(
                "Only for files under 2 to the 256 bits",
                "The length of a file doesn't matter; already among the files of 33 bytes, two must share a hash.",
            ),
        ),
    ),
    Question(
        "A hash is cut to 64 bits. About how many files until two share one?",
        (
            Answer(
                "About 4 billion, 2 to the 32",
                "Every new file may meet every earlier one, so the square root of 2 to the 64 is enough.",
                right=True,
            ),
            Answer(
                "About 2 to the 63, half of all values",
                "Even one more file for a given hash takes about 2 to the 64. Any two files may meet here.",
            ),
            Answer("2 to the 64 plus one", "Then a collision is certain; it comes far earlier."),
        ),
    ),
    Question(
        "Mallory knows SHA-256(secret | order), the order, but not the secret. What can she do?",
        (
            Answer(
                "Nothing: a hash can't be inverted", "She doesn't invert it. She goes on from where it ended."
            ),
            Answer(
                "Find the secret by the length of the hash",
                "The hash has 32 bytes for any secret. She needs the secret's length, not the secret, and may guess it.",
            ),
            Answer(
                "Make the tag of the order with her own words appended",
                "The hash is the last inner state; she puts more blocks behind it.",
                right=True,
            ),
        ),
    ),
    Question(
        "Why does HMAC stop her?",
        (
            Answer("It uses a better hash function", "It uses the very same SHA-256."),
            Answer(
                "The hash that she would have to extend is hashed again with the key",
                "She sees only the outer hash; the inner state never leaves the server.",
                right=True,
            ),
            Answer("It encrypts the message", "The message stays readable; HMAC only adds a tag."),
            Answer(
                "Its key is longer",
                "The same 16 bytes protect here and fail there; the length isn't the point.",
            ),
        ),
    ),
    Question(
        "MD5 collisions are known. May MD5 still check a download for accidents?",
        (
            Answer(
                "For accidents yes, against an attacker no",
                "A flipped bit changes MD5 too; but who makes the file can make two of them.",
                right=True,
            ),
            Answer(
                "No, it doesn't notice a flipped bit",
                "It does. What is broken is collisions that somebody looks for.",
            ),
            Answer(
                "Yes, for both: 128 bits are enough",
                "Its collisions take seconds on a laptop, by its structure and not by its length.",
            ),
        ),
    ),
    Question(
        "A register stores SHA-256(date of birth) to keep the date secret. Does it?",
        (
            Answer(
                "Yes, hashes can't be inverted",
                "Not in general; but there are some 40,000 dates, and hashing them all takes a blink.",
            ),
            Answer("Yes, if the hash is cut", "A cut hash is as quickly matched against all dates."),
            Answer(
                "No: hash all dates and compare",
                "A hash hides only what can't be guessed. A secret key in it (HMAC) would help.",
                right=True,
            ),
        ),
    ),
)

USES = (
    Use("Model files are checked against a known SHA-256 before they are loaded.", "assistant/weights.py"),
    Use(
        "A sign-in cookie is stored as its SHA-256 alone, so that a stolen table signs nobody in.",
        "security/accounts/sessions.py",
    ),
    Use(
        "Equal documents of the training texts are found by BLAKE2b of 16 bytes.",
        "training/corpus/duplicates.py",
    ),
    Use(
        "A signing key is named by the first bytes of the SHA-256 of its public half.",
        "security/crypto/signatures.py",
    ),
)

NOT_COVERED = (
    "Hashes for passwords, which must be slow and salted: a lesson of their own",
    "Chosen-prefix collisions in full (SHA-1 is a Shambles, 2020), which took 900 graphics cards two months",
    "Second preimages and the herding attack",
    "Hash tables, Bloom filters and other uses without an attacker",
)

SOURCES = (
    "FIPS 180-4 (SHA-256, SHA-512), FIPS 202 (SHA-3), RFC 7693 (BLAKE2)",
    "J. O'Connor, J.-P. Aumasson, S. Neves, Z. Wilcox-O'Hearn: BLAKE3, 2020",
    "RFC 2104 and RFC 4231 (HMAC and its test vectors)",
    "X. Wang, D. Feng, X. Lai, H. Yu: Collisions for hash functions MD4, MD5, HAVAL-128 and RIPEMD, ePrint 2004/199",
    "RFC 6151 (security considerations for MD5)",
    "M. Stevens and others: The first collision for full SHA-1, CRYPTO 2017",
    "G. Yuval: How to swindle Rabin, Cryptologia 3(3), 1979 (the birthday attack)",
)

TEACHER = (
    "Ask first: does a hash give a globally unique code? Take a vote, and vote again at the end. "
    "Run the avalanche with a letter that the class picks, then the birthday attack with 20, 24, 28, 32 bits: four bits "
    "more, four times the work, not sixteen. "
    "Let the class find the same effect in the room: 23 people, one birthday, one chance in two. "
    "For length extension, draw the chain on the board and ask what Mallory lacks before showing that she lacks nothing. "
    "Discuss: the hospital wants to publish hashes of patient numbers 'because hashes are anonymous'. What would you answer?"
)
