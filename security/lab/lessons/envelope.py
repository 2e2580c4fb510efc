"""Envelope encryption: keys in keys, bound to their place, and deleted in time."""

from __future__ import annotations

from security.lab import story
from security.lab.lesson import Lesson, Run, program
from security.lab.lessons import _envelope_age as files
from security.lab.lessons import _envelope_rest as rest
from security.lab.lessons import _envelope_shows as shows
from security.lab.lessons import _envelope_traffic as traffic
from security.lab.lessons import _envelope_words as words
from security.lab.parameters import Choice, File, Text, Whole

_PATIENTS = Whole("patients", "Patients in the database", 4, 1, 12)
_SESSIONS = Whole("sessions", "Sessions recorded", 6, 1, 50)
_BITS = Whole("bits", "Bits of the toy prime", 18, 12, 24, "Real ones have 2048 bits and more.")

LESSON = Lesson(
    id="envelope",
    number=3,
    topic="Encryption",
    title="An envelope in an envelope",
    question="Which encryption for highly sensitive data?",
    story=words.STORY,
    goals=words.GOALS,
    runs=(
        Run(
            "seal",
            "show",
            "Seal a note",
            "The app's own sealing: a key for each user, wrapped by one key that lies elsewhere.",
            shows.seal,
            (Text("note", "The note", story.NOTE, most=500, least=1, lines=True),),
        ),
        Run(
            "hpke",
            "show",
            "Send to a public key",
            "HPKE: a sealed message for somebody with whom nothing was shared, also with a post-quantum hybrid.",
            shows.send,
            (Text("message", "The message", f"{story.RECORD_NUMBER}: levodopa 1.2 mg/l", most=500, least=1),),
        ),
        Run(
            "age",
            "show",
            "Seal a file for somebody",
            "The age format: a file key for each file, wrapped for the recipient. Any age program reads it.",
            files.age,
            (
                File("file", "A file of yours", most=200_000),
                Text("recipient", "Recipient", "", most=100, hint="age1...; empty: a new key pair."),
            ),
        ),
        Run(
            "rotate",
            "show",
            "Change the outer key",
            "A thousand notes keep their bytes; one small envelope is made again.",
            shows.rotate,
            (Whole("records", "Notes", 1000, 1, 2000),),
        ),
        Run(
            "key-wrap",
            "show",
            "AES key wrap",
            "The older standard for a key under a key, round by round.",
            shows.key_wrap,
            (
                Text("kek", "Key that wraps, in hex", shows.RFC_KEK, most=100, hint="32, 48 or 64 digits."),
                Text("key", "Key inside, in hex", shows.RFC_KEY, most=100, hint="32, 48 or 64 digits."),
            ),
        ),
        Run(
            "shred",
            "show",
            "Delete by shredding the key",
            "81 bytes are overwritten, and a patient's notes are unreadable wherever no copy of those bytes is left.",
            shows.shred,
            (
                Whole("records", "Notes of each patient", 50, 1, 200),
                Choice("backups", "What the tapes hold", shows.BACKUPS[0], shows.BACKUPS),
            ),
        ),
        Run(
            "stolen-backup",
            "attack",
            "Steal a backup",
            "A backup is searched for words, and then for anything that could be a key.",
            rest.stolen,
            (_PATIENTS, Choice("key", "Where the key lies", rest.PLACES[0], rest.PLACES)),
        ),
        Run(
            "swapped-record",
            "attack",
            "Swap two records",
            "A sealed note is copied into another patient's row. No key is needed.",
            rest.swapped,
        ),
        Run(
            "recorded-traffic",
            "attack",
            "Record now, read later",
            "Sessions under long-lived keys are recorded; a year later one key leaks.",
            traffic.recorded,
            (_SESSIONS,),
        ),
        Run(
            "harvest-now",
            "attack",
            "Harvest now",
            "A recorded key exchange is broken years later; a toy stands for the quantum computer's prey.",
            traffic.harvest,
            (_BITS,),
        ),
        Run(
            "key-elsewhere",
            "cure",
            "Keep the key elsewhere",
            "The same search through a backup that doesn't hold its key.",
            rest.elsewhere,
            (_PATIENTS,),
            ("stolen-backup",),
        ),
        Run(
            "bound-record",
            "cure",
            "Bind the record",
            "The same copy, with owner and record as associated data.",
            rest.bound,
            (Choice("bound", "What is bound", rest.BOUND[0], rest.BOUND),),
            ("swapped-record",),
        ),
        Run(
            "ephemeral",
            "cure",
            "New keys each time",
            "The same recording and a worse leak, with keys that live for one session.",
            traffic.ephemeral,
            (_SESSIONS, Whole("kept", "Sessions whose key was not deleted", 0, 0, 50)),
            ("recorded-traffic",),
        ),
        Run(
            "hybrid",
            "cure",
            "Two key exchanges in one",
            "The same break of the classical half, with ML-KEM beside it.",
            traffic.hybrid,
            (_BITS,),
            ("harvest-now",),
        ),
    ),
    quiz=words.QUIZ,
    code=program("envelope"),
    uses=words.USES,
    not_covered=words.NOT_COVERED,
    sources=words.SOURCES,
    teacher=words.TEACHER,
)
