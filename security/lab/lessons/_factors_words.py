"""Lesson 6: goals, questions, notes."""

from __future__ import annotations

from security.lab.lesson import Answer, Question, Use

STORY = (
    "Dr. Ines Okafor signs in with a password and six digits from her phone. Mallory has the password already. She tries "
    "the digits over a shoulder, through a false page, through the phone company and by guessing, and at the medicine room "
    "she simply looks into the camera. Each way fails against another mend."
)
GOALS = (
    "compute a one-time code from secret and time",
    "say which attacks a one-time code stops, and which pass it on unharmed",
    "explain what a passkey signs, and why a false page can't use it",
    "read a ROC curve, and tell one-to-one from one-to-many",
    "judge when a further factor adds something",
)
QUIZ = (
    Question(
        "Which of these are two factors?",
        (
            Answer(
                "A password and the name of a pet",
                "Both are something you know; one leak or one question has both.",
            ),
            Answer(
                "A password and a code from a device",
                "Something you know and something you have.",
                right=True,
            ),
            Answer("Two passwords", "Twice the same kind: what steals one mostly steals the other."),
        ),
    ),
    Question(
        "What does the server send to the phone so that both show the same code?",
        (
            Answer("The code, encrypted", "Nothing is sent. The phone may have no network at all."),
            Answer(
                "A new secret every 30 seconds", "The secret is handed over once, in the QR code, and stays."
            ),
            Answer(
                "Nothing: both have the secret and a clock", "So a wrong clock makes wrong codes.", right=True
            ),
        ),
    ),
    Question(
        "Codes are accepted once only. Does that stop the false page that passes them on?",
        (
            Answer(
                "Yes: the code is spent when Mallory uses it",
                "It is spent by Mallory, and she has the session. Its owner comes second.",
            ),
            Answer(
                "No: Mallory's is the first use",
                "Remembering spent codes stops the second use, not the wrong first one.",
                right=True,
            ),
            Answer(
                "Yes, if the code is shorter-lived",
                "Passing on takes a second or two. No person types that fast.",
            ),
        ),
    ),
    Question(
        "Why is a passkey safe from the false page?",
        (
            Answer(
                "It is longer than a code",
                "Length helps against guessing. A page in between could pass on long things too.",
            ),
            Answer(
                "Users notice the false address", "They don't, and needn't: the browser puts the origin in."
            ),
            Answer(
                "The signature covers the origin that the browser saw",
                "A signature for Mallory's page is of no use at the real one.",
                right=True,
            ),
        ),
    ),
    Question(
        "A face check lets in one stranger of a thousand. What happens when it searches a list of 5,000?",
        (
            Answer(
                "One stranger of a thousand is let in",
                "That is one comparison. Here there are five thousand.",
            ),
            Answer("Nearly every stranger fits somebody", "1 − 0.999^5000 is over 99 per cent.", right=True),
            Answer(
                "It gets better, as there is more to compare with",
                "Each comparison is another chance to be wrong.",
            ),
        ),
    ),
    Question(
        "Password manager, code app and face unlock are all on one phone. How many factors are they worth against the thief of that phone?",
        (
            Answer("Three", "Three names, one event: the unlocked phone gives all."),
            Answer(
                "About one: the lock of the phone",
                "They have a cause in common; the probabilities no longer multiply.",
                right=True,
            ),
            Answer("None", "The lock must still be opened; that is the one."),
        ),
    ),
)
USES = (
    Use(
        "The app's one-time codes: six digits, 30 seconds, one step of grace to each side.",
        "security/crypto/onetime.py",
    ),
    Use(
        "Password and code are checked together, and a step is spent in one statement of the database.",
        "security/accounts/signin.py",
    ),
    Use("A lost phone: recovery codes, each good once.", "security/crypto/recovery.py"),
    Use(
        "The limit on attempts: growing waits by name and by address, and ten wrong codes an hour after a right password. A device that signed in before isn't held up by strangers.",
        "security/accounts/limits.py",
    ),
)
NOT_COVERED = (
    "Passkeys in this app: it has none yet",
    "Registration, attestation, counters and CBOR of WebAuthn; passkeys that are copied between devices",
    "Real face recognition: the scores are made up; pictures, masks and liveness tests are left out",
    "What happens after sign-in: a stolen session needs no factor at all",
)
SOURCES = (
    "RFC 4226 (HOTP)",
    "RFC 6238 (TOTP)",
    "W3C Web Authentication, Level 2",
    "NIST SP 800-63B (authenticators; text messages restricted; limits on attempts)",
    "ISO/IEC 19795-1 (errors of biometric checks)",
    "RFC 8032 (Ed25519)",
)
TEACHER = (
    "Let the class read the six digits out of the HMAC by hand before you uncover them, and scan the QR code with a phone of "
    "your own; at the parameter's time it shows the same digits, otherwise those of now. Run replay, then its cure, and "
    "ask whether phishing is now over; then run phishing, which has that cure built in. For the face, move the threshold and let two groups argue, one for "
    "the nurses at the door and one for the medicine. End with risk: set the common cause to 100 and ask what the "
    "third factor was for. A question for discussion: how does somebody get back in who lost the passkey, and who else could use that way?"
)
