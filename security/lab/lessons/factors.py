"""Lesson 6: how many factors are enough."""

from __future__ import annotations

from security.lab.lesson import Lesson, Run, program
from security.lab.lessons import _factors_codes as codes
from security.lab.lessons import _factors_face as face
from security.lab.lessons import _factors_relay as relay
from security.lab.lessons import _factors_show as demonstrations
from security.lab.lessons import _factors_words as words

_SHOWS = (
    Run(
        "show",
        "show",
        "Six digits, digit by digit",
        "A [[one-time code]] from secret and time. Look at the four bytes that the last byte points to.",
        demonstrations.show,
        (demonstrations.SECRET, demonstrations.TIME),
    ),
    Run(
        "risk",
        "show",
        "What factors are worth together",
        "Eight cases, multiplied; then a cause in common. Move the last one up.",
        demonstrations.risk,
        (demonstrations.KNOW, demonstrations.HAVE, demonstrations.ARE, demonstrations.SHARED),
    ),
)
_ATTACKS = (
    Run(
        "replay",
        "attack",
        "Use a code twice",
        "Read over a shoulder, typed again seconds later.",
        codes.replay,
        (codes.DELAY,),
    ),
    Run(
        "phishing",
        "attack",
        "A page in between",
        "[[phishing|Phishing]] in real time: password and code are passed on while they are good.",
        relay.phishing,
        (relay.DELAY,),
    ),
    Run(
        "sim-swap",
        "attack",
        "Move a phone number",
        "Codes by text message go to whoever has the number.",
        relay.sim_swap,
        (relay.CHECK,),
    ),
    Run(
        "guessing",
        "attack",
        "Guess on",
        "A server that doesn't count wrong codes. Counted, then run with a few digits.",
        codes.guessing,
        (codes.DIGITS, codes.TRIES, codes.RATE),
    ),
    Run(
        "face",
        "attack",
        "Look like somebody",
        "A camera, a lax threshold, and a list of five thousand people.",
        face.face,
        (face.THRESHOLD, face.STAFF),
    ),
)
_CURES = (
    Run(
        "one-use",
        "cure",
        "Spend each code once",
        "This app's module remembers the last step.",
        codes.one_use,
        (codes.DELAY,),
        ("replay",),
    ),
    Run(
        "passkey",
        "cure",
        "Sign the page's origin",
        "A [[passkey]] at the same false page and with the same moved number.",
        relay.passkey,
        (relay.PAGE, relay.RECOVERY),
        ("phishing", "sim-swap"),
    ),
    Run(
        "limits",
        "cure",
        "Make wrong codes wait",
        "Each wrong code doubles the wait. The same time, far fewer guesses.",
        codes.limits,
        (codes.DIGITS, codes.TRIES, codes.RATE, codes.FREE),
        ("guessing",),
    ),
    Run(
        "second-factor-face",
        "cure",
        "A face and a device",
        "She says who she is, and that person's badge must sign. One comparison, two factors.",
        face.second,
        (face.THRESHOLD, face.STAFF, face.ASKS),
        ("face",),
    ),
)

LESSON = Lesson(
    id="factors",
    number=6,
    topic="The door",
    title="One more factor",
    question="How many factors are enough: something you know, have, or are?",
    story=words.STORY,
    goals=words.GOALS,
    runs=(*_SHOWS, *_ATTACKS, *_CURES),
    quiz=words.QUIZ,
    code=program("factors"),
    uses=words.USES,
    not_covered=words.NOT_COVERED,
    sources=words.SOURCES,
    teacher=words.TEACHER,
)
