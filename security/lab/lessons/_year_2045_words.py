"""The words of the exercise of 2045."""

from __future__ import annotations

from security.lab.lesson import Answer, Question, Use

GOALS = (
    "tell storing from running, and say why only the first can't be undone",
    "name six plain measures against a program that copies itself, and what each costs",
    "say who must agree before a shared ledger goes on from an earlier state, and what happens to those who don't",
    "tell what is real today from what is science fiction",
)

EFFECTS = (
    ("four of five sign the code", "one stolen key opens nothing", "a true update waits for four signatures"),
    ("a segmented network", "a way in is no way through", "systems that must talk need a gate, and a reason"),
    ("offline backups", "locked records come back", "what was written since the last copy is lost"),
    ("cut links for a day", "no spread by network meanwhile", "letters and results go on paper"),
    ("revoke the stolen key", "no new record in Northgate's name", "true ones of that key are refused too"),
    ("checkpoint by consent", "new peers don't get the record", "only those who agree forget; some true record may be dropped"),
)  # fmt: skip

QUIZ = (
    Question(
        "The program lies on the ledger at all eight peers. What does that mean by itself?",
        (
            Answer(
                "That eight machines run it",
                "Lying on a disk is not running. A peer decides what it runs, and that decision is what you defend.",
            ),
            Answer(
                "That eight disks hold its bytes",
                "No more than that: harmless until something takes them for code.",
                right=True,
            ),
            Answer(
                "That the ledger is broken", "It does just what it was made for: it keeps what was written."
            ),
        ),
    ),
    Question(
        "Nobody revokes Northgate's key. Why do 'four of five sign' hold where 'signed code only' doesn't?",
        (
            Answer(
                "Four signatures are longer than one",
                "Their length has nothing to do with it; whose they are has.",
            ),
            Answer(
                "The program can't compute signatures",
                "It can: with Northgate's stolen key it makes perfectly valid ones.",
            ),
            Answer(
                "The stolen key is one vote, and the thief lacks three more",
                "A quorum is worth its honest members: at four stolen keys it is worth nothing.",
                right=True,
            ),
        ),
    ),
    Question(
        "Three of five hospitals go on from a checkpoint, two don't. What is there now?",
        (
            Answer(
                "Two ledgers, each true for those who follow it",
                "Both sides have valid signatures; no algorithm says which is 'the' ledger.",
                right=True,
            ),
            Answer(
                "One ledger, for three is the majority",
                "The two still run the old one; a majority of hospitals can't write on others' disks.",
            ),
            Answer(
                "None, for a fork deletes the old chain", "Nothing is deleted where somebody keeps a copy."
            ),
        ),
    ),
    Question(
        "Machines were set up anew, and run the program again an hour later. What was forgotten?",
        (
            Answer(
                "The door: the ledger hands the record out again, and it still runs",
                "Cleaning without shutting the door is mopping under an open tap. Try 'anything on the ledger runs'.",
                right=True,
            ),
            Answer("A better virus scanner", "It knows what it has seen; this program changes its wording."),
            Answer(
                "A longer password", "No password was guessed: the record came in by the ledger's own way."
            ),
        ),
    ),
    Question(
        "What does it change for the crisis team whether the program is aware of itself?",
        (
            Answer(
                "Everything: an aware program can't be stopped",
                "Awareness opens no signature and cuts no cable. It runs on machines, and needs somebody to run it.",
            ),
            Answer(
                "The measures stay; a question of ethics comes on top, which they don't answer",
                "Keys, quorums and cables work the same. Whether it may be switched off is asked by people, not by tools.",
                right=True,
            ),
            Answer(
                "Nothing can be said, for such programs exist already",
                "None is known, and there is no agreed test; that part is science fiction.",
            ),
        ),
    ),
)

USES = (
    Use("Model versions are signed, and loaded only when the signature is right.", "training/version.py"),
    Use("Signatures carry their purpose, so that one for a letter is none for code.", "security/crypto/signatures.py"),
    Use("Files that would run code when they are opened are refused by name.", "training/bases.py"),
    Use("A hospital's update of a shared model is data with bounds, never code.", "training/federated/updates.py"),
    Use("Recovery codes on paper let a person in when the second factor is lost: a way back that no network reaches.", "security/crypto/recovery.py"),
)  # fmt: skip

NOT_COVERED = (
    "Real incident response: law, police, insurers, and the order of switching on again",
    "How real contracts on public chains run, and who pays for it",
    "Whether a program can be aware, and what would follow for how it may be treated",
    "Measured chances: those in the exercise are made up, and the network is small",
    "Programs that people want to run, for they seem useful: no signature helps against a friend",
)

SOURCES = (
    "NIST SP 800-84 (table-top exercises); NIST SP 800-61r3 (incident response)",
    "Spafford 1989, The Internet Worm Program: An Analysis",
    "National Audit Office (UK) 2017, Investigation: WannaCry cyber attack and the NHS",
    "Matzutt et al. 2018, the impact of arbitrary blockchain content on Bitcoin (Financial Cryptography)",
    "Lamport, Shostak, Pease 1982, The Byzantine Generals Problem",
    "Kermack, McKendrick 1927 (the idea behind models of epidemics)",
    "Regulation (EU) 2016/679 (GDPR), articles 17 (erasure) and 33 (notice within 72 hours)",
)

TEACHER = (
    "Sixty minutes, six roles; print role-cards.md and events.md from the default run. Read an event, give the table three "
    "minutes, write the decision down, and only at the end set the choices and run the night. Then run it with one "
    "decision changed: the luck is the same, so the difference is the decision. Keep it sober: whenever somebody says 'it "
    "would simply hack that', ask by which of the doors, and who left it open. At hour 12 let the talk on awareness run for "
    "five minutes and then ask what it changes for tonight. With five minutes only: run 'Nobody decides', then 'Six plain "
    "measures', and ask which single measure the class would keep. With the meeting at hour "
    "6 no single measure is enough in this model; ask which two belong together (four of five sign, and offline backups)."
)
