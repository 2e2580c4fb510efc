"""Digital signatures: how one is made, how a key is lost, and who says whose key it is."""

from __future__ import annotations

from security.lab.lesson import Lesson, Use, program
from security.lab.lessons import _signatures_attacks as attacks
from security.lab.lessons import _signatures_file as own
from security.lab.lessons import _signatures_show as shows
from security.lab.lessons import _signatures_words as words

LESSON = Lesson(
    id="signatures",
    number=7,
    topic="Trust without a centre",
    title="Digital signatures",
    question="How is a digital signature generated?",
    story=words.STORY,
    goals=words.GOALS,
    runs=(*shows.RUNS, *attacks.RUNS, own.RUN),
    quiz=words.QUIZ,
    code=program("signatures"),
    uses=(
        Use(
            "The installation signs with a key of its own, and each signature has a purpose.",
            "security/crypto/signatures.py",
        ),
        Use("A trained model is signed, and checked before it is loaded.", "training/version.py"),
        Use("The ledger's checkpoints are signed.", "security/crypto/ledger/checkpoints.py"),
    ),
    not_covered=words.NOT_COVERED,
    sources=words.SOURCES,
    teacher=words.TEACHER,
)
