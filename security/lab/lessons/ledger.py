"""Hash chains, Merkle trees, signed checkpoints, and what a blockchain adds to a database."""

from __future__ import annotations

from security.lab.lesson import Lesson, Use, program
from security.lab.lessons import _ledger_compared as compared
from security.lab.lessons import _ledger_finality as finality
from security.lab.lessons import _ledger_peers as peers
from security.lab.lessons import _ledger_store as store
from security.lab.lessons import _ledger_words as words

LESSON = Lesson(
    id="ledger",
    number=8,
    topic="Trust without a centre",
    title="Ledgers and blockchains",
    question="Is a blockchain a database?",
    story=words.STORY,
    goals=words.GOALS,
    runs=(store.SHOW, *store.RUNS, *peers.RUNS, finality.RUN, compared.RUN),
    quiz=words.QUIZ,
    code=program("ledger"),
    uses=(
        Use(
            "What happens in this app is written to this very ledger: the audit trail.",
            "security/accounts/audit.py",
        ),
        Use(
            "Its tree and its proofs are those of Certificate Transparency.",
            "security/crypto/ledger/merkle.py",
        ),
        Use(
            "Its checkpoints are signed with the installation's key.", "security/crypto/ledger/checkpoints.py"
        ),
    ),
    not_covered=words.NOT_COVERED,
    sources=words.SOURCES,
    teacher=words.TEACHER,
)
