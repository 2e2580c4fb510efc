"""Lesson 5: how a server checks a password that it must not know."""

from __future__ import annotations

from security.lab.lesson import Lesson, Run, program
from security.lab.lessons import _passwords_length as length
from security.lab.lessons import _passwords_rainbow as rainbow
from security.lab.lessons import _passwords_show as demonstrations
from security.lab.lessons import _passwords_theft as theft
from security.lab.lessons import _passwords_words as words

_TABLE = (rainbow.SPACE, rainbow.STEPS, rainbow.STOLEN)
_PHRASES = (length.PHRASE, length.HERS, length.OTHER)

LESSON = Lesson(
    id="passwords",
    number=5,
    topic="The door",
    title="Passwords",
    question="How does a server check a password that it must not know?",
    story=words.STORY,
    goals=words.GOALS,
    runs=(
        Run(
            "show",
            "show",
            "Store one password",
            "One password, six ways to store it. Look at what a thief sees when two users chose the same one.",
            demonstrations.show,
            (demonstrations.PASSWORD, demonstrations.COST),
        ),
        Run(
            "cost",
            "show",
            "What slowness costs",
            "The [[work factor]] counted, and measured on this machine.",
            demonstrations.cost,
            (demonstrations.MOST,),
        ),
        Run(
            "dictionary",
            "attack",
            "Guess a class's passwords",
            "A list of words and four rules against a stolen table of SHA-256. How many of twenty students fall?",
            theft.dictionary,
            (theft.BUDGET, theft.RULES, theft.MINE, theft.OWN_LIST),
        ),
        Run(
            "rainbow",
            "attack",
            "Build a rainbow table",
            "Compute once, keep little, invert many. Compare the sizes of the two tables.",
            rainbow.attack,
            _TABLE,
            seconds=60,
        ),
        Run(
            "truncation",
            "attack",
            "Open a door with another phrase",
            "bcrypt reads 72 bytes. Two long pass phrases that begin alike, and what a zero byte does.",
            length.truncation,
            _PHRASES,
        ),
        Run(
            "slow",
            "cure",
            "Make each guess expensive",
            "The same thief, list and budget against bcrypt. The strong hold; see who falls all the same.",
            theft.slow,
            (theft.BUDGET, theft.COST, theft.RULES, theft.MINE, theft.OWN_LIST),
            ("dictionary",),
            seconds=90,
        ),
        Run(
            "salt",
            "cure",
            "Add a salt",
            "The same table against salted hashes: it finds none. What is left is guessing row by row.",
            rainbow.salted,
            _TABLE,
            ("rainbow",),
            seconds=60,
        ),
        Run(
            "prehash",
            "cure",
            "Hash with a key first",
            "This app's own way: 64 letters for bcrypt, whatever was typed. Long and odd passwords.",
            length.prehash,
            _PHRASES,
            ("truncation",),
        ),
    ),
    quiz=words.QUIZ,
    code=program("passwords"),
    uses=words.USES,
    not_covered=words.NOT_COVERED,
    sources=words.SOURCES,
    teacher=words.TEACHER,
)
