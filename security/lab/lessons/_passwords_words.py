"""Lesson 5: goals, questions, notes."""

from __future__ import annotations

from security.lab.lesson import Answer, Question, Use

STORY = (
    "The students of St. Damian's nursing school have an account each, and Mallory has copied the table behind the "
    "sign-in. Lena Fischer asks what that thief can now do. The server itself must recognise a password without keeping "
    "it: what it keeps instead decides whether Mallory reads twenty passwords, four or none."
)
GOALS = (
    "say what a server keeps in place of a password, and how it checks one",
    "tell what a salt, a work factor and a pepper each take from a thief, and what they don't",
    "explain why a fast hash is a bad password hash",
    "know two ways in which a careful-looking scheme ignores part of a password",
)
QUIZ = (
    Question(
        "Why not simply SHA-256 of the password?",
        (
            Answer(
                "SHA-256 is broken",
                "It isn't: nobody turns it back or finds collisions. It is used all over this app.",
            ),
            Answer(
                "It is fast, and equal passwords give equal hashes",
                "A thief tries billions of guesses, each against all rows at once.",
                right=True,
            ),
            Answer(
                "A hash can be decrypted",
                "There is no key and nothing to decrypt. The thief guesses and compares.",
            ),
        ),
    ),
    Question(
        "Must a salt be secret?",
        (
            Answer(
                "Yes, or it is useless", "That would be a pepper. The salt works although the thief reads it."
            ),
            Answer(
                "Yes, it is half of the password",
                "The user doesn't know it and needn't; the server reads it from the table.",
            ),
            Answer(
                "No: it only has to be different for each user",
                "So no table made beforehand fits, and each row must be attacked alone.",
                right=True,
            ),
        ),
    ),
    Question(
        "A four-digit PIN is stored with a salt and bcrypt at cost 12. What does a thief of the table need?",
        (
            Answer(
                "At most 10,000 guesses, some tens of minutes",
                "A quarter of a second each. Slowness multiplies the work; ten thousand times little is still little.",
                right=True,
            ),
            Answer("Centuries", "For a long random password, yes. A small space stays small."),
            Answer(
                "A rainbow table", "The salt makes it useless, but she doesn't need one: she tries all PINs."
            ),
        ),
    ),
    Question(
        "What does raising bcrypt's cost from 11 to 12 do?",
        (
            Answer("It makes the hash one byte longer", "The stored form keeps its 60 letters."),
            Answer(
                "It adds a twelfth to the time", "The cost is an exponent: one more means twice the rounds."
            ),
            Answer(
                "It doubles the work of a guess and of a sign-in",
                "That is the bargain of all password hashes.",
                right=True,
            ),
        ),
    ),
    Question(
        "A server cuts passwords at 72 bytes without a word. Who is hurt?",
        (
            Answer(
                "Nobody: 72 bytes are enough",
                "Enough if they are unguessable. What stands there may be a known prefix.",
            ),
            Answer(
                "Whoever has what makes the password secret behind byte 72",
                "And letters outside ASCII take two to four bytes, so 72 bytes may be 18 signs.",
                right=True,
            ),
            Answer("Those with short passwords", "Theirs are looked at whole."),
        ),
    ),
    Question(
        "Mallory has the table but not the pepper. What can she do with it?",
        (
            Answer(
                "Crack the weak passwords only",
                "She can't check even the weakest guess: she lacks 256 bits of the input.",
            ),
            Answer(
                "Guess the pepper first, from her own account",
                "She knows her password, but the pepper is random: 2^256 guesses.",
            ),
            Answer(
                "Nothing, until she also gets the key file",
                "So keep the two apart. Once both are stolen, salt and slowness are what remains.",
                right=True,
            ),
        ),
    ),
)
USES = (
    Use("Passwords are stored as bcrypt over a keyed hash, at cost 12.", "security/crypto/passwords.py"),
    Use(
        "Which passwords a new account may have: length and guessability, not rules on signs.",
        "security/accounts/policy.py",
    ),
    Use(
        "An unknown name costs as much time as a known one: a decoy hash is checked.",
        "security/accounts/signin.py",
    ),
    Use("Recovery codes are stored as hashes too.", "security/crypto/recovery.py"),
)
NOT_COVERED = (
    "What graphics cards and special chips gain on each method; the lesson counts work, it doesn't price it",
    "Password managers and passwords that leaked elsewhere",
    "Protocols in which the server never sees the password (OPAQUE, SRP)",
    "How to move a pepper to a new key",
)
SOURCES = (
    "Provos and Mazières, A Future-Adaptable Password Scheme, USENIX 1999 (bcrypt)",
    "RFC 7914 (scrypt)",
    "RFC 9106 (Argon2)",
    "Oechslin, Making a Faster Cryptanalytic Time-Memory Trade-Off, CRYPTO 2003 (rainbow tables)",
    "Morris and Thompson, Password Security: A Case History, CACM 1979 (salt)",
    "NIST SP 800-63B (length over rules; salted and slow storage)",
)
TEACHER = (
    "Begin with the show and ask which two cells betray that two users share a password. Run the dictionary, and let the "
    "class invent one more password for the table: who survives? Then run the slow hash with the same budget; raise the "
    "budget twentyfold, count who falls then, and discuss that slowness buys a factor and no more. In the rainbow run compare the bytes of the "
    "two tables, and ask why one salt for all users would not do. For a discussion: the server sees the password at each "
    "sign-in. What would have to change so that it never does? Nobody should type a real password into a lesson."
)
