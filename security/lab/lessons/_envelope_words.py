"""The words of the lesson on envelope encryption."""

from __future__ import annotations

from security.lab import story
from security.lab.lesson import Answer, Question, Use

STORY = (
    f"{story.PATIENT}'s notes lie in the database of {story.HOSPITAL}, and a copy of it leaves the house every night. "
    f"{story.ATTACKER} gets hold of a copy, may write to the database for an hour, and records what travels on the line. "
    "Good ciphers alone don't help: what counts is where the keys lie, what they are bound to, and when they die."
)

GOALS = (
    "draw envelope encryption and say where each key lies",
    "choose an encryption for highly sensitive data: for a database, for a recipient, for a line",
    "say why data at rest needs associated data, and what that doesn't stop",
    "say what forward secrecy is, and why secrets for decades need a hybrid today",
)

QUIZ = (
    Question(
        "Which encryption for highly sensitive data?",
        (
            Answer(
                "The cipher with the longest key",
                "No cipher here was broken in any of the attacks; keys in the wrong place were.",
            ),
            Answer(
                "An authenticated cipher, with keys kept apart, bound to their record, and deleted in time",
                "The cipher is the easy part. The attacks of this lesson all went for the keys and the places.",
                right=True,
            ),
            Answer("Two ciphers, one over the other", "If both keys lie beside the data, both open."),
            Answer(
                "A secret cipher of our own",
                "All of its strength must be in the key; a secret design leaks once and for good.",
            ),
        ),
    ),
    Question(
        "Why a data key for each user, and not one key for all?",
        (
            Answer("One key would be too slow", "Speed is the same."),
            Answer(
                "The cipher may only be used once for each key",
                "It takes a fresh nonce for each note; the key may serve for very many.",
            ),
            Answer(
                "One user can be deleted, moved or opened without touching the others",
                "Deleting 81 bytes shreds one user's notes, unless a backup holds the wrapped key too; and a leak of one key is a leak of one user.",
                right=True,
            ),
        ),
    ),
    Question(
        "The key-encryption key is changed. What must be encrypted again?",
        (
            Answer(
                "All notes", "That is what the envelope saves: the notes are under the data keys, which stay."
            ),
            Answer(
                "The wrapped data keys",
                "81 bytes for each user. If a data key itself leaked, its notes must be sealed again too.",
                right=True,
            ),
            Answer("Nothing", "Then the old key would still be needed, and would still open everything."),
        ),
    ),
    Question(
        "Every note has a valid tag. Can a note lie in the wrong row?",
        (
            Answer(
                "Yes, if nothing binds it to its row",
                "The tag says that the bytes are unchanged, not where they belong. Associated data says that.",
                right=True,
            ),
            Answer("No, the tag would be wrong", "The bytes are moved, not changed; the tag moves along."),
            Answer(
                "No, for the nonce differs", "The nonce is stored with the note, and moves along as well."
            ),
        ),
    ),
    Question(
        "A server's long-term key leaks. With forward secrecy, what does the thief get?",
        (
            Answer(
                "Nothing at all",
                "From now on the thief can pretend to be the server, until the key is revoked.",
            ),
            Answer("All recorded sessions", "That is what happens without it, as in the recorded traffic."),
            Answer("The sessions of the last day", "No: each session's keys were deleted when it ended."),
            Answer(
                "No session of the past, but the server's name from now on",
                "The long-term key only signed; the keys that encrypted are gone.",
                right=True,
            ),
        ),
    ),
    Question(
        "Quantum computers that break X25519 don't exist yet. Why a hybrid today?",
        (
            Answer(
                "What is recorded today may be opened later",
                "A genome or a diagnosis is still secret in thirty years; the recording costs a disk.",
                right=True,
            ),
            Answer(
                "ML-KEM is faster and makes X25519 useless",
                "The curve stays in the hybrid, in case the younger ML-KEM is broken after all.",
            ),
            Answer(
                "Because AES-256 falls to quantum computers as well",
                "By what is known, a key of 256 bits is left with about 128 bits, which is plenty.",
            ),
        ),
    ),
)

USES = (
    Use(
        "The sealing of this lesson is the app's own: data keys, wrapping, associated data.",
        "security/crypto/sealing.py",
    ),
    Use(
        "Each user's conversations are sealed under that user's data key.",
        "security/accounts/vault.py",
    ),
    Use("And so is the secret of each user's second factor.", "security/accounts/users.py"),
    Use(
        "The key-encryption key comes from the environment or from a file that only its owner can read.",
        "security/crypto/keyfile.py",
    ),
    Use(
        "At the start, the app checks that every account opens with the key at hand.",
        "security/accounts/vault.py",
    ),
)

NOT_COVERED = (
    "Hardware security modules and key services, which never hand a key out",
    "Putting back a whole old database; it needs a counter or a log outside of it",
    "Hiding lengths, numbers of notes and times",
    "Wiping keys from memory, which Python can't promise",
    "HPKE with a sender's key (auth mode) and with more than one message",
    "A real quantum computer: the toy group stands for what it would break",
)

SOURCES = (
    "draft-irtf-cfrg-xchacha-03 (XChaCha20-Poly1305), RFC 8439 (ChaCha20-Poly1305)",
    "RFC 3394 (AES key wrap), NIST SP 800-38F",
    "RFC 9180 (HPKE)",
    "FIPS 203 (ML-KEM); draft-ietf-hpke-pq (post-quantum and hybrid HPKE)",
    "RFC 7748 (X25519), RFC 5869 (HKDF)",
    "The age file format (c2sp.org/age)",
    "NIST SP 800-57 Part 1 (key management); NIST SP 800-88 (cryptographic erase)",
    "W. Diffie, P. van Oorschot, M. Wiener: Authentication and authenticated key exchanges, 1992 (forward secrecy)",
)

TEACHER = (
    "Bring two envelopes and a padlock: put a note into the one, its key into the other, and ask where the last key goes. "
    "Run the default, then the stolen backup with both settings of its one parameter, and let the class say what changed: not the cipher. "
    "The swapped record is the surprise: nothing is decrypted, no tag is wrong, and a patient gets the wrong drug. "
    "For recorded traffic, ask who could be recording, and for how long a diagnosis has to stay secret. "
    "Discuss: the hospital's administrator wants the key in the backup, 'or we can't restore it'. What do you propose? "
    "(A second copy of the key at another place, held by other people.)"
)
